"""Volume: is as much arriving as usual? Rows per bucket of time, against the stream's own recent rate.

Traffic has a shape, and noise beyond Poisson's, so the law of a bucket under "nothing changed" is a negative binomial
with the recent rate m as its mean and variance m + phi m^2. phi is learnt from the stream by Pearson's moment estimate,
and because neighbouring buckets are alike, from blocks of 1, 2, 4 ... 32 buckets too: the largest of 2^l phi_l counts,
as a run of dependent buckets is worth fewer independent ones. The alternatives have the same shape and r times the
rate; the likelihood ratio of a bucket with x rows is

    log R = x log r + (x + k) log((k + m) / (k + r m)),    k = 1 / phi

and M <- (M + m) R is the Shiryaev-Roberts e-detector of `detectors.budget`, which counts in rows like all others.
It is exact where the law is; against real traffic it is a model, so phi is kept on the safe side and nothing smaller
than a halving or a doubling is looked for.

>>> volume = Volume()
>>> state = volume.start()
>>> for _ in range(60):
...     state, verdict = volume.step(state, 500, threshold=1e6)
>>> verdict.drifted
False
>>> state, verdict = volume.step(state, 0, threshold=1e6)
>>> verdict.drifted, verdict.effect, volume.firing(state)
(True, 'volume 500 -> 0 rows a bucket', True)
>>> for _ in range(3):
...     state, verdict = volume.step(state, 490, threshold=1e6)
>>> volume.firing(state)
False
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from detectors.contract import Verdict, refuse_newer

RATIOS = (0.02, 0.1, 0.25, 0.5, 2.0, 4.0, 12.0)  # down to nothing, up to a storm; halving and doubling are the least
LEVELS = 6  # blocks of up to 32 buckets: about half the memory of the rate
NOISE_SAFETY = 1.5  # phi is a noisy estimate of something that changes over the day: err towards silence
LEAST_NOISE = 0.01  # a coefficient of variation of 10 %: no service's traffic is steadier from one bucket to the next
LEAST_RATE = 0.01  # rows a bucket: keeps the logarithms finite for a stream that is almost silent


class VolumeState(msgspec.Struct, kw_only=True):
    """What is remembered: the recent rate, its noise, the evidence, and the rate before an alarm that stands."""

    v: int = 1
    buckets: int = 0
    rate: float = 0.0
    noise: list[float] = []  # of each level: mean of ((x - m)^2 - m) / m^2 over its blocks
    blocks: list[int] = []  # of each level: how many blocks were seen
    open: list[float] = []  # of each level: rows in the block that is not full yet
    usual: list[float] = []  # of each level: the rate when that block began
    evidence: list[float] = []  # M of each ratio
    before: float = -1.0  # the rate before the alarm; negative: no alarm stands
    firing: int = 0  # buckets since the alarm
    near: int = 0  # buckets in a row that were near `before` again


@dataclass(frozen=True)
class Volume:
    """Rows of one bucket of time in, verdict out. Buckets that nobody observed must be left out by the caller."""

    kind: ClassVar[str] = "volume"
    learn: int = 30  # buckets before watching
    memory: int = 60  # half-life of the recent rate, in buckets
    noise_memory: int = 500  # half-life of the noise, in buckets
    recovered: int = 3  # buckets in a row near the old rate
    accepted: int = 360  # buckets after which the new rate is the usual one

    def start(self) -> VolumeState:
        """Nothing seen."""
        zeros = [0.0] * LEVELS
        return VolumeState(evidence=[0.0] * len(RATIOS), noise=zeros, blocks=[0] * LEVELS, open=zeros, usual=zeros)

    def step(self, state: VolumeState, data: int, threshold: float) -> tuple[VolumeState, Verdict]:
        """Judge one bucket with `data` rows, then learn from it."""
        rows = float(data)
        if state.before >= 0:
            return self._aftermath(state, rows, threshold)
        if state.buckets < self.learn:
            return self._learn(state, rows), self._verdict(state, rows, 0.0, threshold, "learning")
        evidence = [
            _finite((m + state.rate) * math.exp(_log_ratio(rows, state.rate, ratio, self._phi(state))))
            for m, ratio in zip(state.evidence, RATIOS, strict=True)
        ]
        total = sum(evidence) / len(RATIOS)
        verdict = self._verdict(state, rows, total, threshold, "ok")
        if verdict.drifted:
            return msgspec.structs.replace(
                state,
                buckets=state.buckets + 1,
                evidence=[0.0] * len(RATIOS),
                before=state.rate,
                rate=max(LEAST_RATE, rows),
                firing=0,
                near=0,
            ), verdict
        learnt = self._learn(state, rows)
        learnt.evidence = evidence
        return learnt, verdict

    def firing(self, state: VolumeState) -> bool:
        """Whether an alarm stands."""
        return state.before >= 0

    def _phi(self, state: VolumeState) -> float:
        worst: float = max(
            2**level * noise for level, noise in enumerate(state.noise) if state.blocks[level] >= 3 or level == 0
        )
        noise = NOISE_SAFETY * max(0.0, worst)
        return LEAST_NOISE + noise * (1 + noise)  # on-and-off traffic is rougher than any negative binomial

    def _verdict(self, state: VolumeState, rows: float, evidence: float, threshold: float, health: str) -> Verdict:
        usual = state.before if state.before >= 0 else state.rate
        return Verdict(
            drifted=evidence >= threshold,
            evidence=evidence,
            threshold=threshold,
            n=state.buckets,
            effect=f"volume {usual:.3g} -> {rows:.3g} rows a bucket",
            onset_events=round(usual),
            health=health,
        )

    def _learn(self, state: VolumeState, rows: float) -> VolumeState:
        """The rate is a running mean that forgets; so is the noise, once there is a rate to compare with."""
        count = state.buckets + 1
        step = max(1 / count, 1 - 0.5 ** (1 / self.memory))
        rate = max(LEAST_RATE, state.rate + step * (rows - state.rate))
        learnt = msgspec.structs.replace(state, buckets=count, rate=rate)
        if count > 3:
            self._learn_noise(learnt, state, rows)
        return learnt

    def _learn_noise(self, learnt: VolumeState, state: VolumeState, rows: float) -> None:
        """Add the bucket to the open block of every level; a full block is one more look at that level's noise."""
        learnt.noise, learnt.blocks = list(state.noise), list(state.blocks)
        learnt.open, learnt.usual = list(state.open), list(state.usual)
        for level in range(LEVELS):
            size = 2**level
            if state.buckets % size == 0 or state.usual[level] == 0.0:
                learnt.open[level], learnt.usual[level] = 0.0, max(LEAST_RATE, state.rate)
            learnt.open[level] += rows
            if learnt.buckets % size == 0 and learnt.usual[level] > 0.0:
                expected = size * learnt.usual[level]
                excess = ((learnt.open[level] - expected) ** 2 - expected) / expected**2
                learnt.blocks[level] += 1
                slow = max(1 / learnt.blocks[level], 1 - 0.5 ** (size / self.noise_memory))
                learnt.noise[level] += slow * (min(excess, 100.0) - learnt.noise[level])

    def _aftermath(self, state: VolumeState, rows: float, threshold: float) -> tuple[VolumeState, Verdict]:
        """While an alarm stands: is the old rate back, or has the new one become the usual one?"""
        near = state.near + 1 if 0.7 * state.before <= rows <= 1.4 * max(state.before, LEAST_RATE) else 0
        step = 1 - 0.5 ** (1 / self.memory)
        after = msgspec.structs.replace(
            state,
            buckets=state.buckets + 1,
            firing=state.firing + 1,
            near=near,
            rate=max(LEAST_RATE, state.rate + step * (rows - state.rate)),
        )
        if near >= self.recovered:
            after.rate, after.before, after.near = state.before, -1.0, 0
        elif after.firing >= self.accepted:
            after.before, after.near = -1.0, 0
        return after, self._verdict(state, rows, 0.0, threshold, "ok")

    def encode(self, state: VolumeState) -> bytes:
        """JSON: floats round-trip exactly."""
        return msgspec.json.encode(state)

    def decode(self, blob: bytes) -> VolumeState:
        """Raises ValueError with a sentence for a newer version."""
        state = msgspec.json.decode(blob, type=VolumeState)
        refuse_newer("volume state", state.v)
        return state


def _log_ratio(rows: float, rate: float, ratio: float, phi: float) -> float:
    """Log likelihood ratio of two negative binomials with the same shape, capped so that M stays finite."""
    shape, mean = 1 / phi, max(rate, LEAST_RATE)
    value = rows * math.log(ratio) + (rows + shape) * math.log((shape + mean) / (shape + ratio * mean))
    return max(-200.0, min(200.0, value))


def _finite(value: float) -> float:
    return min(value, 1e200)
