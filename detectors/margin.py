"""Is it still like the declared reference? The fixed twin of the urn, with a margin for differences that do not matter.

An urn grows with what it sees, and accepts a change that stays; slow enough a drift is swallowed whole. The twin
compares with counts that never grow, and so it needs a word on which difference is too small to speak of: `eps`, in
standard deviations of the normal score. Its null hypothesis is every shift up to the boundary

    eps' = eps + 1 / sqrt(information in the reference)

where the second part is the error of the reference itself. The alternatives are shifts .12, .25, .5 and 1 beyond the
boundary, on either side, each over *its* boundary:

    R = P(pane | reference shifted by alternative) / P(pane | reference shifted by eps'),   M <- (M + n) * R

Shifts of the normal have a monotone likelihood ratio (Karlin and Rubin, 1956), so E[R] <= 1 for every smaller shift
too, and M is the Shiryaev-Roberts e-detector of `detectors/budget.py`. That the reference is within its error of the
truth is measured and not proved. An alarm stands until the same bet the other way round, reference against boundary,
says that it is back inside.

Of a rate or a category the logarithm of the odds takes the place of the shift, LOGISTIC times as large; a category
that is drawn more often or less often is one bin against the rest. A number is watched for its location only: a change
of its scale is neither looked for nor excluded by the null hypothesis.

>>> margin = Margin(RATES, eps=0.1, least_reference=2000)
>>> twins = margin.add(margin.start(), [np.array([200, 1800])])
>>> alarms = []
>>> for rate in (100, 115, 180):  # of a thousand: the reference, within the margin, far beyond
...     for pane in range(20):
...         twins, said = margin.step(twins, [np.array([rate // 5, 200 - rate // 5])], threshold=1e4)
...     alarms.append(Phase(said.phase[0]) == Phase.FIRING)
>>> alarms
[False, False, True]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import onset
from detectors.aftermath import Phase, Turn
from detectors.alternatives import LOCATION, RATES, Floats, Law, Numbers, Shares, bell
from detectors.bank import padded
from detectors.contract import refuse_newer, unpacked
from detectors.dependence import health
from detectors.evidence import grown, odds
from detectors.polya import tilted_numbers, tilted_shares
from detectors.urn import CALM, LEAST_EFFECTIVE, Verdicts, of_rows

__all__ = ["RATES", "Margin", "Phase", "Twins"]

Rows = NDArray[np.intp]

VERSION = 1

BEYOND = (0.12, 0.25, 0.5, 1.0)  # how far beyond the boundary the alternatives lie
BETS = 2 * len(BEYOND)  # upwards, then downwards

# The shifts of which a ratio is computed, as (times the boundary, plus): the two boundaries, what lies beyond them, and
# what lies inside.
SHIFTS = (
    *((1.0, 0.0), (-1.0, 0.0)),
    *((1.0, beyond) for beyond in BEYOND),
    *((-1.0, -beyond) for beyond in BEYOND),
    *((0.0, 0.0), (0.5, 0.0), (-0.5, 0.0)),
)
INSIDE = ((10, 11), (10, 12))  # of these shifts, the two that an alarm upwards, or downwards, is over for

# One standard deviation of the normal score is about so much in the logarithm of the odds (Haley, 1952: the constant
# that brings the logistic closest to the normal).
LOGISTIC = 1.702

STEP = 0.002  # boundaries are rounded up to a multiple, so that features share their tables
WIDEST = 3.0  # a reference that tells less than this tells nothing


@dataclass(frozen=True)
class Shifted(Numbers):
    """Shapes of a number whose location moved."""

    shifts: tuple[float, ...] = ()

    @cached_property
    def shapes(self) -> list[tuple[str, int, float, Floats]]:
        return [(f"location {shift:+g} sd", LOCATION, 1.0, bell(shift, 1.0)) for shift in self.shifts]


@lru_cache(maxsize=64)
def shifted(boundary: float) -> Shifted:
    """Return the shapes of all SHIFTS for this boundary."""
    return Shifted(shifts=tuple(times * boundary + plus for times, plus in SHIFTS))


@dataclass(frozen=True, eq=False)
class Odds(Shares):
    """Shares whose odds are multiplied, each by factors of its own."""

    logarithms: Floats = field(default_factory=lambda: np.zeros((0, 0, 0)))  # [features, bins, SHIFTS]

    def tilt(self, share: Floats) -> Floats:
        """Return the share after each change, [features, bins, SHIFTS]."""
        factor, before = np.exp(self.logarithms), share[:, :, None]
        return np.asarray(factor * before / (1 - before + factor * before))


@dataclass(frozen=True)
class Tilts:
    """Derived from the references of numbers, and never stored: [features, bins, SHIFTS]."""

    tilt: NDArray[np.float32]
    logarithm: NDArray[np.float32]


@dataclass(frozen=True)
class Twins:
    """The state of the twins of many features. Bins beyond a feature's own are empty."""

    bins: NDArray[np.int32]  # [features]
    phase: NDArray[np.uint8]
    reference: NDArray[np.float32]  # [features, bins]: what was declared; still growing while learning
    live: NDArray[np.uint32]  # [features, bins]: counts since there is evidence
    factor: Floats  # [features]: variance factor of the reference
    evidence: NDArray[np.float32]  # [features, bins watched * BETS]
    cusum: NDArray[np.float32]
    age: NDArray[np.uint32]
    alternative: NDArray[np.int32]  # [features]: which bet won, of an alarm that stands
    back: NDArray[np.float32]  # [features, 2]: evidence that it is inside again
    events: NDArray[np.int64]  # [features]
    tilts: Tilts | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.bins)

    def copy(self) -> Twins:
        return replace(self, **{name: getattr(self, name).copy() for name in AXES})

    def counts(self, row: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return the reference and the counts since there is evidence."""
        own = slice(0, self.bins[row])
        return self.reference[row, own].astype(np.float64), self.live[row, own].astype(np.int64)


# Every array that is stored, its type and its axis after the features.
AXES: dict[str, tuple[str, str]] = {
    "bins": ("<i4", ""),
    "phase": ("|u1", ""),
    "reference": ("<f4", "bins"),
    "live": ("<u4", "bins"),
    "factor": ("<f8", ""),
    "evidence": ("<f4", "bets"),
    "cusum": ("<f4", "bets"),
    "age": ("<u4", "bets"),
    "alternative": ("<i4", ""),
    "back": ("<f4", "sides"),
    "events": ("<i8", ""),
}


@dataclass(frozen=True)
class Margin:
    """The detector: which kind of counts, which difference does not matter, and how much makes a reference."""

    law: Law
    eps: float = 0.1
    least_reference: float = 5_000.0

    kind: ClassVar[str] = "margin"

    # -- features come, and references are declared --------------------------------------------------------------------

    def start(self) -> Twins:
        """Return no twins yet."""
        return self.empty(np.zeros(0, np.int32))

    def empty(self, bins: NDArray[Any]) -> Twins:
        """Return twins of features with these numbers of bins, which have no reference."""
        long = self.lengths(int(bins.max(initial=0)))
        shapes = {name: (len(bins), *([long[axis]] if axis else [])) for name, (_, axis) in AXES.items()}
        found: dict[str, Any] = {name: np.zeros(shapes[name], dtype) for name, (dtype, _) in AXES.items()}
        found["bins"][:] = bins
        found["factor"][:] = 1.0
        return Twins(**found)

    def lengths(self, bins: int) -> dict[str, int]:
        """Return the length of each axis, for features of at most so many bins."""
        return {"bins": bins, "bets": self.watched(bins) * BETS, "sides": 2}

    def watched(self, bins: int) -> int:
        """Return how many things of a feature are watched: a location, a rate, or the share of every category."""
        if isinstance(self.law, Numbers):
            return min(bins, 1)
        return bins if self.law.every_bin else min(bins, 1)

    def add(self, twins: Twins, references: Sequence[NDArray[Any]]) -> Twins:
        """Return the twins with those of new features at the end; each begins to learn from these counts."""
        bins = np.concatenate([twins.bins, np.array([len(counts) for counts in references], np.int32)])
        joined, old = self.empty(bins), len(twins)
        for name in AXES:
            array = getattr(twins, name)
            getattr(joined, name)[(slice(0, old), *(slice(0, width) for width in array.shape[1:]))] = array
        for row, counts in enumerate(references, start=old):
            joined.reference[row, : len(counts)] = counts
        return joined

    def declare(self, twins: Twins) -> Twins:
        """Return the twins learning anew: what comes next is the reference."""
        after = replace(twins.copy(), tilts=None)
        after.phase[:] = Phase.LEARNING
        after.reference[:] = 0
        forget(after, np.arange(len(after)))
        return after

    def dismiss(self, twins: Twins, rows: Sequence[int]) -> Twins:
        """Return the twins in which these features, if firing, watch again, without evidence."""
        after = twins.copy()
        firing = np.array([row for row in rows if twins.phase[row] == Phase.FIRING], np.intp)
        after.phase[firing] = Phase.WATCHING
        forget(after, firing)
        return after

    # -- a pane --------------------------------------------------------------------------------------------------------

    def step(
        self,
        twins: Twins,
        panes: Sequence[NDArray[Any] | None] | NDArray[Any],
        threshold: float | Floats,
        factor: Floats | None = None,
    ) -> tuple[Twins, Verdicts]:
        """Return the twins after a pane, and what they say.

        `panes` is as for `Urns.step`. `factor` [features] is the variance factor of each feature, infinite while it is
        not known: events are counted as events / factor.
        """
        after = replace(twins.copy(), tilts=self.tilts(twins))
        pane = padded(panes, after.live.shape).astype(np.float64)
        events = pane.sum(axis=1)
        v = np.ones(len(after)) if factor is None else np.maximum(np.asarray(factor, np.float64), 1)
        limit = np.broadcast_to(np.asarray(threshold, np.float64), len(after))
        turns = np.zeros(len(after), np.uint8)
        after.events[:] += events.astype(np.int64)
        rows = np.flatnonzero((events > 0) & (after.phase != Phase.LEARNING) & np.isfinite(v))
        evidence = self.weigh(after, rows, pane[rows], v[rows])
        firing = after.phase[rows] == Phase.FIRING
        over = rows[firing & (after.back[rows].sum(axis=1) / 2 >= limit[rows])]
        alarmed = rows[~firing & (evidence[rows] >= limit[rows])]
        turns[over], turns[alarmed] = Turn.RECOVERED, Turn.ALARM
        after.phase[alarmed] = Phase.FIRING
        after.phase[over] = Phase.WATCHING
        said = self.verdicts(after, limit, turns, evidence, v)
        after.alternative[alarmed] = said.alternative[alarmed]
        forget(after, over)
        self.calm(after, rows)
        return self.learn(after, np.flatnonzero(twins.phase == Phase.LEARNING), pane, v, turns), said

    def learn(self, twins: Twins, rows: Rows, pane: Floats, factor: Floats, turns: NDArray[np.uint8]) -> Twins:
        """Put the counts of features that learn into their references, and return the twins: those that know enough
        will watch."""
        twins.reference[rows] += pane[rows]
        size = twins.reference[rows].sum(axis=1, dtype=np.float64)
        ready = rows[(size >= self.least_reference) & (size / factor[rows] >= LEAST_EFFECTIVE)]
        if not ready.size:
            return twins
        twins.phase[ready], turns[ready] = Phase.WATCHING, Turn.READY
        twins.factor[ready] = factor[ready]
        own = np.arange(twins.reference.shape[1]) < twins.bins[ready, None]
        twins.reference[ready] += np.where(own, 1 / twins.bins[ready, None], 0)  # no bin is impossible
        return replace(twins, tilts=None)

    def weigh(self, twins: Twins, rows: Rows, pane: Floats, factor: Floats) -> Floats:
        """Weigh the panes of these features, in place, and return the evidence of all features."""
        if not rows.size:
            return self.evidence(twins)
        ratio = self.ratio(twins, rows, pane, factor)
        out = np.concatenate([ratio[:, :, 2:6] - ratio[:, :, :1], ratio[:, :, 6:10] - ratio[:, :, 1:2]], axis=2)
        gain = odds(out).reshape(len(rows), -1)
        events = pane.sum(axis=1)
        twins.evidence[rows] = grown(twins.evidence[rows].astype(np.float64), events, gain)
        cusum, age = onset.advance(twins.cusum[rows].astype(np.float64), twins.age[rows], gain, events)
        twins.cusum[rows], twins.age[rows] = cusum, age
        twins.live[rows] += pane.astype(np.uint32)

        watched, bet = np.divmod(twins.alternative[rows], BETS)
        side = bet // len(BEYOND)
        each = np.arange(len(rows))
        inside = np.stack([ratio[each, watched, np.array(INSIDE)[side, i]] for i in range(2)], axis=1)
        inside -= ratio[each, watched, side][:, None]
        back = grown(twins.back[rows].astype(np.float64), events, odds(inside))
        firing = twins.phase[rows] == Phase.FIRING
        twins.back[rows] = np.where(firing[:, None], back, 0)
        return self.evidence(twins)

    def evidence(self, twins: Twins) -> Floats:
        """Return what the bets of each feature have together."""
        return np.asarray((self.weights(twins) * twins.evidence).sum(axis=1, dtype=np.float64))

    def calm(self, twins: Twins, rows: Rows) -> None:
        """Forget what was live where nothing has any evidence, in place."""
        quiet = (self.weights(twins)[rows] * twins.cusum[rows]).max(axis=1, initial=0) < CALM
        twins.live[rows[quiet & (twins.phase[rows] == Phase.WATCHING)]] = 0

    # -- arithmetic ----------------------------------------------------------------------------------------------------

    def ratio(self, twins: Twins, rows: Rows, pane: Floats, factor: Floats) -> Floats:
        """Return the log likelihood ratio of every shift against the reference as it is, [rows, watched, SHIFTS]."""
        reference = twins.reference[rows].astype(np.float64)
        if isinstance(self.law, Numbers):
            assert twins.tilts is not None
            tilt, logarithm = of_rows(twins.tilts.tilt, rows), of_rows(twins.tilts.logarithm, rows)
            first = (pane.astype(np.float32)[:, None, :] @ logarithm)[:, 0, :].astype(np.float64)
            groups = np.zeros(len(SHIFTS), np.intp)
            return tilted_numbers(tilt, reference, pane, factor[:, None], groups, first)[:, None, :]
        law = Odds("odds", (), every_bin=self.law.every_bin, logarithms=self.odds(twins, rows))
        found = tilted_shares(law, reference, pane, factor)
        return found.reshape(len(rows), -1, len(SHIFTS))

    def tilts(self, twins: Twins) -> Tilts | None:
        """Return the tilts of numbers, derived again if the twins come without them."""
        if not isinstance(self.law, Numbers) or twins.tilts is not None:
            return twins.tilts
        tilt = np.ones((*twins.reference.shape, len(SHIFTS)))
        known = np.flatnonzero(twins.phase != Phase.LEARNING)
        reference = twins.reference.astype(np.float64)
        boundary = self.boundaries(reference[known], twins.factor[known])
        for one in np.unique(boundary):
            rows = known[boundary == one]
            tilt[rows] = shifted(float(one)).tilt(reference[rows])
        return Tilts(tilt.astype(np.float32), np.log(tilt).astype(np.float32))

    def boundaries(self, reference: Floats, factor: Floats) -> Floats:
        """Return eps' of numbers, [features]: the error of the reference is that of its best estimate of a shift."""
        share = reference / reference.sum(axis=1, keepdims=True)
        logarithm = np.log(shifted(BEYOND[0]).tilt(reference)[:, :, 0])
        mean = (share * logarithm).sum(axis=1, keepdims=True)
        information = (share * (logarithm - mean) ** 2).sum(axis=1) / BEYOND[0] ** 2  # of one event: 1 if continuous
        error = np.sqrt(factor / np.maximum(reference.sum(axis=1) * information, 1e-9))
        return np.asarray(np.minimum(np.ceil((self.eps + error) / STEP) * STEP, WIDEST))

    def odds(self, twins: Twins, rows: Rows) -> Floats:
        """Return by which logarithm every share is multiplied, [rows, watched, SHIFTS]."""
        reference = twins.reference[rows, : self.watched(twins.reference.shape[1])].astype(np.float64)
        size = twins.reference[rows].sum(axis=1, dtype=np.float64)[:, None]
        share = np.where(reference > 0, reference / size, 0.5)
        error = np.sqrt(twins.factor[rows][:, None] / (size * share * (1 - share)))
        boundary = np.minimum(LOGISTIC * self.eps + error, LOGISTIC * WIDEST)[:, :, None]
        times, plus = np.array(SHIFTS).T
        return np.asarray(times * boundary + LOGISTIC * plus)

    def weights(self, twins: Twins) -> Floats:
        """Return the weight of every bet, [features, watched * BETS]; they add up to one for each feature."""
        watched = np.array([self.watched(int(bins)) for bins in twins.bins], np.intp).reshape(-1, 1)
        there = np.arange(twins.evidence.shape[1]) < watched * BETS
        return np.asarray(np.where(there, 1 / (np.maximum(watched, 1) * BETS), 0))

    def verdicts(
        self, twins: Twins, threshold: Floats, turns: NDArray[np.uint8], evidence: Floats, factor: Floats
    ) -> Verdicts:
        """Return what there is to say. While an alarm stands, its alternative is the one that raised it."""
        believed = self.weights(twins) * twins.cusum
        best = believed.argmax(axis=1) if believed.size else np.zeros(len(twins), np.intp)
        stands = (twins.phase == Phase.FIRING) & (turns != Turn.ALARM)
        known = np.where(np.isfinite(factor), factor, 1.0)
        return Verdicts(
            drifted=turns == Turn.ALARM,
            turn=turns,
            phase=twins.phase,
            evidence=evidence,
            threshold=threshold,
            alternative=np.where(stands, twins.alternative, best).astype(np.intp),
            onset_events=twins.age[np.arange(len(twins)), best].astype(np.int64) if believed.size else twins.events,
            n=twins.live.sum(axis=1, dtype=np.int64),
            back_to=np.full(len(twins), -1, np.int64),
            factor=known,
            health=health(known),
        )

    def describe(self, alternative: int, labels: Sequence[str] = ()) -> str:
        """Return a bet in words.

        >>> Margin(Numbers()).describe(5)
        'location more than 0.25 sd below the margin'
        """
        watched, bet = divmod(alternative, BETS)
        side, place = divmod(bet, len(BEYOND))
        where = "below" if side else "above"
        if isinstance(self.law, Numbers):
            return f"location more than {BEYOND[place]:g} sd {where} the margin"
        what = f" of {labels[watched]}" if self.law.every_bin and watched < len(labels) else ""
        return f"odds{what} {where} the margin"

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def encode(self, twins: Twins) -> bytes:
        """Return the twins as bytes: little-endian arrays without their padding, by name, in msgpack."""
        there = self.masks(twins)
        packed = {name: np.asarray(getattr(twins, name), AXES[name][0])[there[name]].tobytes() for name in AXES}
        return msgspec.msgpack.encode({"v": VERSION, "kind": self.kind, "law": self.law.name, **packed})

    def decode(self, blob: bytes) -> Twins:
        """Return the twins that `encode` wrote; ValueError, in a sentence, if they cannot be."""
        found = unpacked("a state of margins", blob)
        refuse_newer("a state of margins", found.get("v", 0))
        if found.get("law") != self.law.name:
            raise ValueError(f"a state of margins is for {found.get('law')}, not for {self.law.name}")
        twins = self.empty(np.frombuffer(found["bins"], "<i4"))
        there = self.masks(twins)
        for name, (dtype, _) in AXES.items():
            getattr(twins, name)[there[name]] = np.frombuffer(found[name], dtype)
        return twins

    def masks(self, twins: Twins) -> dict[str, NDArray[np.bool_]]:
        """Return, for each array, which elements are not padding."""
        own = [self.lengths(int(bins)) for bins in twins.bins]
        masks = {}
        for name, (_, axis) in AXES.items():
            array = getattr(twins, name)
            width = np.array([one[axis] for one in own], np.intp) if axis else np.zeros(0, np.intp)
            masks[name] = np.arange(array.shape[1]) < width[:, None] if axis else np.ones(len(array), bool)
        return masks


def forget(twins: Twins, rows: Rows) -> None:
    """Drop all evidence of these features, in place."""
    for array in (twins.evidence, twins.cusum, twins.age, twins.live, twins.back):
        array[rows] = 0
    twins.alternative[rows] = 0
