"""Errors by the age of their label: labels that come early are not like those that come late.

A fraud is known after weeks, a purchase after minutes, and the two are not equally hard to predict. So the rate of
errors among the labels that arrive today moves with the traffic of today and of last week, with an outage of the labels
and with their first weeks, though the model is what it was. Given its age it does not: among labels that arrive at one
age, what is wrong is P(wrong | label comes at that age), however many there are. Each age has an urn of its own,
therefore, and all share one evidence: a change of the odds of an error is bet on in every age at once, and

    M_j <- (M_j + n) * prod_age R_j,age,        evidence = sum_j w_j M_j,        alarm at evidence >= threshold

is an e-detector, because a product of e-values on counts that are independent given the past is one (Shin, Ramdas and
Rinaldo, 2022; the strata are those of Mantel and Haenszel, 1959). So the budget is that of one detector, and the delay
that of all labels together.

Ages are in the order of arrival, as they come; when the change began is said in labels, not in predictions. It assumes
that how late a label of either kind comes does not change: if it does, that is an alarm, and rightly one.

>>> detector = LabelAge()
>>> detector.ages[detector.age_of(3 * 3_600_000)]
'under 8 h'
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import RATES_UP
from detectors.contract import Verdict, refuse_newer
from detectors.dependence import HEALTH, health
from detectors.evidence import grown, odds
from detectors.onset import advance
from detectors.polya import tilted_shares
from detectors.urn import LEAST_BLOCK, Bank, Phase, Urns

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

# Geometric, because delays are: within an age they differ by a factor of about three. With six, the first weeks of a
# stream, when the later labels of an age have not come yet, were measured to spend a third more of the budget.
BOUNDS = (
    *((minutes * MINUTE, f"{minutes} min") for minutes in (1, 3, 10, 30)),
    *((hours * HOUR, f"{hours} h") for hours in (1, 3, 8)),
    *((days * DAY, f"{days} d") for days in (1, 3, 7, 30)),
)

VERSION = 2  # 1 had no silent alternatives

NEVER = 1e300  # a threshold that the urns never reach by themselves


@dataclass(frozen=True)
class AgeState:
    """The urns of all ages, [errors, right], and the evidence they share."""

    bank: Bank
    pending: Counts  # [ages, 2]: labels that wait for a block to be complete
    evidence: Floats  # [alternatives]: M
    cusum: Floats  # [alternatives]: C
    age: NDArray[np.uint32]  # [alternatives]: labels since the start of C
    n: int  # labels since the last alarm


class Stored(msgspec.Struct, kw_only=True):
    """The state as it is written down."""

    v: int = VERSION
    bank: bytes
    pending: list[list[int]]
    evidence: list[float]
    cusum: list[float]
    age: list[int]
    n: int


@dataclass(frozen=True)
class LabelAge:
    """The detector. Data: labels by age, [ages, 2], wrong and right. After an alarm it begins anew.

    `reference` labels of an age are learnt from before the age counts.
    """

    reference: int = 500
    independent: bool = False

    kind: ClassVar[str] = "label_age"

    @property
    def ages(self) -> tuple[str, ...]:
        """The ages in words."""
        return (*(f"under {name}" for _, name in BOUNDS), f"{BOUNDS[-1][1]} and more")

    def age_of(self, delay_ms: float) -> int:
        """Return which age a label has that comes so long after its prediction."""
        return int(np.searchsorted([bound for bound, _ in BOUNDS], delay_ms, side="right"))

    @property
    def urns(self) -> Urns:
        """The urns of all ages: they learn, grow and measure dependence; the evidence is not theirs."""
        return Urns(RATES_UP, least_reference=float(self.reference), independent=self.independent)

    def start(self) -> AgeState:
        """Nothing seen."""
        none = np.zeros(len(RATES_UP.weight))
        bank = self.urns.add(self.urns.start(), [np.zeros(2, np.int64)] * len(self.ages))
        return AgeState(bank, np.zeros((len(self.ages), 2), np.int64), none, none, none.astype(np.uint32), 0)

    def step(self, state: AgeState, data: NDArray[Any], threshold: float) -> tuple[AgeState, Verdict]:
        """One pane of labels further."""
        pending = state.pending + np.asarray(data, np.int64)
        n = state.n + int(np.sum(data))
        watched = np.flatnonzero(state.bank.phase == Phase.WATCHING)
        factor = float(state.bank.factor[watched].max(initial=1.0))
        if pending.sum() < (1 if self.independent else LEAST_BLOCK * factor):
            after = replace(state, pending=pending, n=n)
            return after, self.verdict(after, threshold, factor)
        evidence, cusum, age = self.weighed(state, watched, pending, factor)
        bank, _ = self.urns.step(state.bank, list(pending), NEVER)
        after = AgeState(bank, np.zeros_like(pending), evidence, cusum, age, n)
        said = self.verdict(after, threshold, factor)
        return (self.start() if said.drifted else after), said

    def dismiss(self, state: AgeState) -> AgeState:
        """Return the state without its evidence: what there was of it was false."""
        none = np.zeros_like(state.evidence)
        return replace(state, evidence=none, cusum=none, age=none.astype(np.uint32))

    def weighed(
        self, state: AgeState, watched: NDArray[np.intp], pane: Counts, factor: float
    ) -> tuple[Floats, Floats, NDArray[np.uint32]]:
        """Return evidence, CUSUMs and their ages after a pane; ages that still learn say nothing."""
        counts = pane[watched].astype(np.float64)
        events = np.array([counts.sum()])
        if not events[0]:
            return state.evidence, state.cusum, state.age
        urn = state.bank.urn[watched] + state.bank.pending[watched]
        logarithms = tilted_shares(RATES_UP, urn, counts, np.full(len(watched), factor)).sum(axis=0)
        ratio = odds(logarithms)[None]
        cusum, age = advance(state.cusum[None], state.age[None], ratio, events)
        return grown(state.evidence[None], events, ratio)[0], cusum[0], age[0]

    def verdict(self, state: AgeState, threshold: float, factor: float) -> Verdict:
        """What there is to say."""
        best = int((RATES_UP.weight * state.cusum).argmax())
        evidence = float(RATES_UP.weight @ state.evidence)
        return Verdict(
            drifted=evidence >= threshold,
            evidence=evidence,
            threshold=threshold,
            n=state.n,
            effect=f"errors: {RATES_UP.describe(best)} at every age of the label",
            onset_events=int(state.age[best]),
            health=HEALTH[int(health(np.array([factor]))[0])],
        )

    def encode(self, state: AgeState) -> bytes:
        """MessagePack; the urns in the form that they give themselves."""
        return msgspec.msgpack.encode(
            Stored(
                bank=self.urns.encode(state.bank),
                pending=state.pending.tolist(),
                evidence=state.evidence.tolist(),
                cusum=state.cusum.tolist(),
                age=state.age.tolist(),
                n=state.n,
            )
        )

    def decode(self, blob: bytes) -> AgeState:
        """Raises ValueError with a sentence when the bytes come from a newer version."""
        stored = msgspec.msgpack.decode(blob, type=Stored)
        refuse_newer("label age state", stored.v, VERSION)
        silent = len(RATES_UP.weight) - len(stored.evidence)
        return AgeState(
            self.urns.decode(stored.bank),
            np.array(stored.pending, np.int64),
            np.pad(np.array(stored.evidence), (0, silent)),
            np.pad(np.array(stored.cusum), (0, silent)),
            np.pad(np.array(stored.age, np.uint32), (0, silent)),
            stored.n,
        )
