"""Expected quality: how good a classifier's answers are, as far as its own scores say, before any label has come.

A score that is *calibrated* is the chance of being right, so scores alone add up to an expected confusion matrix:
of n rows with score p that are called positive, n p are expected to be, and n (1 - p) not (confidence-based performance
estimation: Bialek, Kuberski, Perrakis and Bifet, "Estimating model performance under covariate shift without labels",
2024; the area under the ROC curve follows from the histograms of the scores weighted by p and by 1 - p). Scores are
kept as a histogram of 64 bins by predicted class, and calibrated by isotonic regression (Barlow et al., 1972: pool
adjacent violators) on the labels that have matured, with a prior of one row a bin that takes the score at its word.

It follows a shift of the inputs, which moves rows to other scores. **It is blind to concept drift**: when the same
scores come to mean something else, nothing here moves. It is an expectation, never a measurement.

The expected loss of each row, 1 - p or p, goes into an urn. It is a function of the score, so it cannot drift unless
the score does: it says in which direction, and how much it matters.

>>> scores = np.zeros((2, BINS))
>>> scores[1, 57], scores[0, 6] = 300, 700  # called positive with .9, negative with .1
>>> found = estimate(scores, calibrated(np.zeros(BINS), np.zeros(BINS)))
>>> round(found.accuracy.value, 2), found.reasons[0][:12]
(0.9, 'uncalibrated')
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import nan, sqrt
from typing import ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import NUMBERS
from detectors.contract import Verdict, refuse_newer
from detectors.dependence import HEALTH
from detectors.urn import Bank, Turn, Urns

Floats = NDArray[np.float64]

BINS = 64  # of equal width over [0, 1]
CENTRES = (np.arange(BINS) + 0.5) / BINS
PRIOR = 1.0  # rows a bin, that take the score at its word
RECENT = 5_000.0  # rows that the estimate looks back on; older ones fade
LABELS = 20_000.0  # labels that the calibration remembers
LEAST_LABELS = 500  # below, a calibration is noisier than most scores are wrong
THIN = 20  # labels in a bin and its two neighbours: below, the calibration there is mostly prior
MOST_THIN = 0.05  # of the rows
SURE = 1.96  # standard errors of a 95 % band

BLIND = "blind to concept drift: if scores have come to mean something else, this estimate does not show it"

Meaning = Literal["positive", "answer"]


@dataclass(frozen=True)
class Scored:
    """Rows by predicted class and bin of the score, and what labels said of earlier ones. Counts: they add up."""

    scores: Floats = field(default_factory=lambda: np.zeros((2, BINS)))
    positives: Floats = field(default_factory=lambda: np.zeros(BINS))  # labelled rows that were what their score says
    labelled: Floats = field(default_factory=lambda: np.zeros(BINS))
    outside: int = 0  # rows whose score was no probability

    def __add__(self, other: Scored) -> Scored:
        return Scored(
            self.scores + other.scores,
            self.positives + other.positives,
            self.labelled + other.labelled,
            self.outside + other.outside,
        )


@dataclass(frozen=True)
class Calibration:
    """What a score was found to mean."""

    chance: Floats  # of the positive class, by bin of the score; never falls
    pool: NDArray[np.intp]  # which bins were pooled: they share their error
    weight: Floats  # labels behind each bin, the prior included
    labelled: Floats

    @cached_property
    def labels(self) -> float:
        """How many labels it rests on."""
        return float(self.labelled.sum())

    @property
    def fitted(self) -> bool:
        """Whether it rests on labels at all."""
        return self.labels >= LEAST_LABELS

    @cached_property
    def thin(self) -> NDArray[np.bool_]:
        """Where there were too few labels to say."""
        around = np.convolve(self.labelled, np.ones(3), mode="same")
        return np.asarray(around < THIN)


@dataclass(frozen=True, slots=True)
class Band:
    """An expected value, and where the true one is expected to be nineteen times of twenty."""

    value: float
    low: float
    high: float


NOTHING = Band(nan, nan, nan)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is expected of the rows of a histogram of scores. `confusion` is in rows: tp, fp, fn, tn."""

    rows: float
    confusion: tuple[float, float, float, float]
    accuracy: Band
    precision: Band = NOTHING
    recall: Band = NOTHING
    f1: Band = NOTHING
    auc: Band = NOTHING
    reasons: tuple[str, ...] = ()  # why it is not valid; nothing if it is, as far as it can tell
    blind: str = BLIND


def binned(scores: NDArray[np.floating], cut: float = 0.5) -> Floats:
    """Return the histogram of scores between 0 and 1, called positive from `cut` on: [predicted class, bin].

    >>> binned(np.array([0.0, 0.49, 0.5, 1.0])).sum(axis=1).tolist()
    [2.0, 2.0]
    """
    values = np.asarray(scores, np.float64)
    place = np.minimum((values * BINS).astype(np.intp), BINS - 1) + BINS * (values >= cut)
    return np.bincount(place, minlength=2 * BINS).astype(np.float64).reshape(2, BINS)


def calibrated(positives: Floats, labelled: Floats) -> Calibration:
    """Return the calibration by isotonic regression: neighbours whose chance would fall are pooled. With few labels
    the scores are taken at their word.
    """
    if labelled.sum() < LEAST_LABELS:
        return Calibration(CENTRES, np.arange(BINS), np.full(BINS, np.inf), labelled)
    pools: list[tuple[float, float, int]] = []  # positives, labels, bins
    for yes, many in zip((positives + PRIOR * CENTRES).tolist(), (labelled + PRIOR).tolist(), strict=True):
        width = 1
        while pools and pools[-1][0] * many >= yes * pools[-1][1]:
            last = pools.pop()
            yes, many, width = yes + last[0], many + last[1], width + last[2]
        pools.append((yes, many, width))
    widths = [width for _, _, width in pools]
    return Calibration(
        chance=np.repeat([yes / many for yes, many, _ in pools], widths),
        pool=np.repeat(np.arange(len(pools)), widths),
        weight=np.repeat([many for _, many, _ in pools], widths),
        labelled=labelled,
    )


def estimate(scores: Floats, calibration: Calibration, of: Meaning = "positive", outside: int = 0) -> Estimate:
    """Return what is expected of these rows. A score is the chance `of` the positive class, or of the answer given:
    then only the accuracy can be told.
    """
    rows = float(scores.sum())
    if rows <= 0:
        return Estimate(0.0, (0.0, 0.0, 0.0, 0.0), NOTHING, reasons=("no rows yet",))
    why = reasons(scores, calibration, outside)
    n = scores if of == "positive" else np.stack([np.zeros(BINS), scores.sum(axis=0)])
    yes = n * calibration.chance
    tp, fn = float(yes[1].sum()), float(yes[0].sum())
    fp, tn = float(n[1].sum()) - tp, float(n[0].sum()) - fn
    right = np.array([[-1.0], [1.0]]) / rows  # how the accuracy grows with each positive row
    accuracy = band((tp + tn) / rows, right, n, calibration)
    if of == "answer":
        return Estimate(rows, (tp, fp, 0.0, 0.0), accuracy, reasons=why)
    called, positive = tp + fp, tp + fn
    both = called + positive
    missed, hit = np.array([[1.0], [0.0]]), np.array([[0.0], [1.0]])
    return Estimate(
        rows,
        (tp, fp, fn, tn),
        accuracy,
        band(tp / called, hit / called, n, calibration) if called else NOTHING,
        band(tp / positive, (hit * fn - missed * tp) / positive**2, n, calibration) if positive else NOTHING,
        band(2 * tp / both, 2 * (hit * (both - tp) - missed * tp) / both**2, n, calibration) if both else NOTHING,
        area(n, yes, calibration),
        why,
    )


def area(n: Floats, yes: Floats, calibration: Calibration) -> Band:
    """Return the area under the ROC curve, from the histograms of the scores weighted by p and by 1 - p: how often a
    positive row has the larger score. Rows of one bin are ties.
    """
    positive, negative = yes.sum(axis=0), (n - yes).sum(axis=0)
    many, others = float(positive.sum()), float(negative.sum())
    if not many or not others:
        return NOTHING
    below = np.cumsum(negative) - negative / 2
    above = many - np.cumsum(positive) + positive / 2
    value = float(positive @ below) / (many * others)
    slope = (below - above) / (many * others) - value * (1 / many - 1 / others)
    return band(value, np.broadcast_to(slope, (2, BINS)), n, calibration)


def band(value: float, slope: Floats, n: Floats, calibration: Calibration) -> Band:
    """Return a value with its band, to first order: the labels that the rows will turn out to have, and the error of
    the calibration, which all bins of a pool share. `slope` is how the value grows with each positive row of a bin.
    """
    spread = calibration.chance * (1 - calibration.chance)
    chance = float((slope**2 * n * spread).sum())
    pooled = np.bincount(calibration.pool, (slope * n).sum(axis=0))
    first = np.flatnonzero(np.diff(calibration.pool, prepend=-1))
    error = float((pooled**2 * (spread / (calibration.weight + 1))[first]).sum())
    half = SURE * sqrt(chance + error)
    return Band(value, max(0.0, value - half), min(1.0, value + half))


def reasons(scores: Floats, calibration: Calibration, outside: int) -> tuple[str, ...]:
    """Return why an estimate is not to be relied on, in words."""
    found = []
    if not calibration.fitted:
        found.append(
            f"uncalibrated: {calibration.labels:.0f} labels, {LEAST_LABELS} are needed; scores are taken at their word"
        )
    else:
        share = float(scores.sum(axis=0)[calibration.thin].sum() / scores.sum())
        if share > MOST_THIN:
            found.append(f"{share:.0%} of the rows have scores for which fewer than {THIN} labels have come")
    if outside:
        found.append(f"{outside} rows had a score that is not between 0 and 1, and are left out")
    return tuple(found)


@dataclass(frozen=True)
class QualityState:
    """What is remembered: the first rows, the recent ones, the labels, and the urn of the expected loss."""

    usual: Floats  # [predicted class, bin]: the first rows, as many as the reference
    recent: Floats
    positives: Floats  # by bin, of the labels so far
    labelled: Floats
    fit_positives: Floats  # those that the calibration in use rests on
    fit_labelled: Floats
    waiting: float  # labels since then
    outside: int
    losses: NDArray[np.uint8]  # the bin of the expected loss, by predicted class and bin of the score
    bank: Bank


class Stored(msgspec.Struct, kw_only=True):
    """The state as it is written down."""

    v: int = 1
    usual: bytes
    recent: bytes
    labels: bytes  # positives, labelled, and both as they were at the last fit
    waiting: float
    outside: int
    losses: bytes
    bank: bytes


@dataclass(frozen=True)
class ExpectedQuality:
    """The detector. Data: `Scored`. It alarms when the expected loss has drifted."""

    reference: int = 5_000
    of: Meaning = "positive"
    independent: bool = False

    kind: ClassVar[str] = "expected_quality"

    @property
    def urns(self) -> Urns:
        """The urn of the expected loss."""
        return Urns(NUMBERS, least_reference=float(self.reference), independent=self.independent)

    def start(self) -> QualityState:
        """Nothing seen."""
        none, nothing = np.zeros(BINS), np.zeros((2, BINS))
        bank = self.urns.add(self.urns.start(), [np.zeros(BINS, np.int64)])
        losses = self.losses(calibrated(none, none))
        return QualityState(nothing, nothing, none, none, none, none, 0.0, 0, losses, bank)

    def count(self, state: QualityState, data: Scored) -> QualityState:
        """The state with the counts of `data`, and a new calibration if enough labels have come for one."""
        missing = self.reference - state.usual.sum()
        positives, labelled = state.positives + data.positives, state.labelled + data.labelled
        keep = min(1.0, LABELS / max(1.0, float(labelled.sum())))
        after = replace(
            state,
            usual=state.usual + data.scores if missing > 0 else state.usual,
            recent=faded(state.recent, data.scores),
            positives=positives * keep,
            labelled=labelled * keep,
            waiting=state.waiting + float(data.labelled.sum()),
            outside=state.outside + data.outside,
        )
        due = max(float(LEAST_LABELS), float(after.labelled.sum()) / 2)
        return self.refitted(after) if after.waiting >= due else after

    def refitted(self, state: QualityState) -> QualityState:
        """The state with a calibration by all labels so far. With the first one the urn begins anew, with the losses
        that the first rows have by it; later ones leave the urn alone, or it could not tell a change of the scores from
        one of their meaning.
        """
        after = replace(state, fit_positives=state.positives, fit_labelled=state.labelled, waiting=0.0)
        if state.fit_labelled.any():
            return after
        losses = self.losses(self.calibration(after))
        return replace(after, losses=losses, bank=self.urns.add(self.urns.start(), [lost(losses, after.usual)]))

    def step(self, state: QualityState, data: Scored, threshold: float) -> tuple[QualityState, Verdict]:
        """One pane further."""
        after = self.count(state, data)
        bank, said = self.urns.step(after.bank, [lost(after.losses, data.scores)], threshold)
        after = replace(after, bank=bank)
        usual, now = self.expected(after, after.usual), self.expected(after, after.recent)
        verdict = Verdict(
            drifted=bool(said.turn[0] == Turn.ALARM),
            evidence=float(said.evidence[0]),
            threshold=threshold,
            n=int(said.n[0]),
            effect=f"expected accuracy {usual.accuracy.value:.3f} -> {now.accuracy.value:.3f}",
            onset_events=int(said.onset_events[0]),
            health="; ".join(now.reasons) or HEALTH[int(said.health[0])],
        )
        return after, verdict

    def calibration(self, state: QualityState) -> Calibration:
        """The calibration in use; before the first, one that knows how many labels have come for it."""
        if state.fit_labelled.any():
            return calibrated(state.fit_positives, state.fit_labelled)
        return calibrated(state.positives, state.labelled)

    def expected(self, state: QualityState, scores: Floats | None = None) -> Estimate:
        """What is expected of the recent rows, or of others."""
        rows = state.recent if scores is None else scores
        return estimate(rows, self.calibration(state), self.of, state.outside)

    def losses(self, calibration: Calibration) -> NDArray[np.uint8]:
        """The bin of the expected loss, by predicted class and bin of the score."""
        wrong = 1 - calibration.chance
        loss = np.stack([wrong if self.of == "answer" else calibration.chance, wrong])
        return np.minimum(loss * BINS, BINS - 1).astype(np.uint8)

    def merged(self, states: Sequence[QualityState]) -> QualityState:
        """One state of several that have seen different rows of one model: counts add up, the urn begins anew."""
        sums = {
            name: np.sum([getattr(state, name) for state in states], axis=0)
            for name in ("usual", "recent", "positives", "labelled")
        }
        outside = sum(state.outside for state in states)
        together = replace(self.start(), **sums, outside=outside)
        bank = self.urns.add(self.urns.start(), [lost(together.losses, together.usual)])
        together = replace(together, bank=bank, waiting=float(together.labelled.sum()))
        return self.refitted(together) if together.waiting >= LEAST_LABELS else together

    def encode(self, state: QualityState) -> bytes:
        """MessagePack; numbers as they are in memory."""
        labels = np.stack([state.positives, state.labelled, state.fit_positives, state.fit_labelled])
        return msgspec.msgpack.encode(
            Stored(
                usual=state.usual.astype("<f8").tobytes(),
                recent=state.recent.astype("<f8").tobytes(),
                labels=labels.astype("<f8").tobytes(),
                waiting=state.waiting,
                outside=state.outside,
                losses=state.losses.tobytes(),
                bank=self.urns.encode(state.bank),
            )
        )

    def decode(self, blob: bytes) -> QualityState:
        """Raises ValueError with a sentence when the bytes come from a newer version."""
        stored = msgspec.msgpack.decode(blob, type=Stored)
        refuse_newer("expected quality state", stored.v)
        labels = np.frombuffer(stored.labels, "<f8").reshape(4, BINS)
        return QualityState(
            np.frombuffer(stored.usual, "<f8").reshape(2, BINS),
            np.frombuffer(stored.recent, "<f8").reshape(2, BINS),
            labels[0],
            labels[1],
            labels[2],
            labels[3],
            stored.waiting,
            stored.outside,
            np.frombuffer(stored.losses, np.uint8).reshape(2, BINS),
            self.urns.decode(stored.bank),
        )


def faded(recent: Floats, new: Floats) -> Floats:
    """Return the recent rows with new ones, old ones faded so that there are no more than are looked back on."""
    both = recent + new
    return np.asarray(both * min(1.0, RECENT / max(1.0, float(both.sum()))))


def lost(losses: NDArray[np.uint8], scores: Floats) -> NDArray[np.int64]:
    """Return rows by bin of their expected loss."""
    return np.bincount(losses.ravel(), scores.ravel(), BINS).round().astype(np.int64)
