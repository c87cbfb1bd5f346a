"""The detector of Leeway: urns of counts that accumulate evidence of change, many features in one step.

A pane's counts are a draw from Polya's urn that holds the reference (`detectors/polya.py`). Alternatives tilt the urn
(`detectors/alternatives.py`); the likelihood ratio R_j of a tilted urn of the same size against the urn itself is an
e-value, so

    M_j <- (M_j + n) * R_j,        evidence = sum_j w_j M_j,        alarm at evidence >= threshold

is a Shiryaev-Roberts e-detector (Shin, Ramdas and Rinaldo, 2022) and keeps its alert budget (`detectors/budget.py`)
whatever the distribution, at any pane size, without calibration. Afterwards the pane goes into the urn: the error of
the reference is inside the guarantee. The growth costs little delay, and holding it back was measured to break the
budget or to gain nothing.

What the guarantee does not cover is dependence: events are counted as effective events (`detectors/dependence.py`).

One `Bank` holds the urns of all features of one kind; features join at any time, and what is not in a pane does not
move.

>>> urns = Urns(RATES)  # nulls of one column: [nulls, others]
>>> bank = urns.add(urns.start(), [np.array([20, 980])])
>>> for pane in range(40):
...     bank, verdicts = urns.step(bank, [np.array([1, 49])], threshold=1e4)
>>> verdicts.phase.tolist(), verdicts.drifted.tolist()
([1], [False])
>>> while not verdicts.drifted[0]:
...     bank, verdicts = urns.step(bank, [np.array([10, 40])], threshold=1e4)
>>> urns.law.describe(int(verdicts.alternative[0])), int(verdicts.onset_events[0])
('odds x12', 50)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors import aftermath, dependence, onset
from detectors.aftermath import MOST_EVIDENCE, Phase, Turn
from detectors.alternatives import RATES, Law, Numbers
from detectors.bank import Bank, Tilts, chosen, decode, derived, empty, encode, joined, padded
from detectors.polya import log_tilts, tilted_numbers, tilted_shares

__all__ = ["RATES", "Bank", "Phase", "Turn", "Urns", "Verdicts"]

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# An urn does not remember more than so many events: a reference that never forgets alarms at every drift slower than
# itself (measured over 500,000 events without change and with a shift of .1 sd: 19 and 46 alarms without the limit,
# 18 and 18 with it).
MOST_BALLS = 20_000.0

# What a bin that is never drawn keeps when its urn forgets: next to nothing, or the lack of draws would become
# evidence.
LEAST_BALLS = 1e-6

FACTOR_EVERY = 4  # blocks between two estimates of the variance factors, which change slowly

LEAST_PANES = 24  # panes before the dependence is known: blocks of two panes then number twelve
LEAST_EFFECTIVE = 300.0  # effective events before a reference can be compared with

# A pane of n events adds n to every M: the evidence must be well above that before it is evidence and not just a
# large pane.
LEAST_PER_EVENT = 100.0

# Merging panes until a block has so many effective events: below it the fractions of effective counts are mostly
# rounding.
LEAST_BLOCK = 4.0

# While no alternative has more evidence than this (e^2), nothing has begun: what is in the urn is "before". Nor is
# there an alarm: M also creeps up, one per event, on a stream that never does anything.
CALM = 7.4

# A drift looks like dependence, and dependence like drift: while there is evidence, variance factors may grow by
# half. That leaves a drift its speed, and lets a factor that was learnt too small correct itself, alarm by alarm.
DOUBT = 1.5

# Tilts are computed again when the urn has grown by so much, and blocks measured with older tilts fade.
RETILT_LEARNING, RETILT = 0.1, 0.02
FADE_LEARNING, FADE = 0.9, 0.98
RETILTS_PER_STEP = 24  # spreads the work over the panes; a stale tilt is a valid alternative all the same


@dataclass(frozen=True)
class Verdicts:
    """What a step says of every feature; arrays over features."""

    drifted: NDArray[np.bool_]  # the alarm is in this step: an edge, not a level
    turn: NDArray[np.uint8]  # what this step changed, a `Turn`
    phase: NDArray[np.uint8]  # a `Phase`, after the step
    evidence: Floats
    threshold: Floats
    alternative: NDArray[np.intp]  # the change the evidence is for: `Urns.law.describe`
    onset_events: NDArray[np.int64]  # how many events ago it began: the start of the pane
    n: NDArray[np.int64]  # events since nothing had changed yet; of a recovery or an acceptance, those of what is over
    factor: Floats  # the largest variance factor: events / factor are effective
    health: NDArray[np.intp]  # index into dependence.HEALTH


@dataclass(frozen=True)
class Urns:
    """The detector: which alternatives it bets on, and when it trusts a reference.

    `independent=True` takes events to be independent draws: no effective counts, no merging of panes. For streams
    known to be so.
    """

    law: Law
    least_reference: float = 500.0
    independent: bool = False

    kind: ClassVar[str] = "urn"

    # -- features come and go ------------------------------------------------------------------------------------------

    def start(self) -> Bank:
        """Return a bank without features."""
        return empty(np.zeros(0, np.int32), self.lengths)

    def add(self, bank: Bank, references: Sequence[NDArray[Any]]) -> Bank:
        """Return the bank with new features at its end; each begins to learn from the counts of its burn-in."""
        new = empty(np.array([len(counts) for counts in references], np.int32), self.lengths)
        for row, counts in enumerate(references):
            new.urn[row, : len(counts)] = np.asarray(counts, np.float64) + 1 / len(counts)
        return joined([bank, self.begun(new)], self.lengths)

    def reset(self, bank: Bank, row: int, reference: NDArray[Any]) -> Bank:
        """Return the bank with one feature learning afresh, from these counts and in these bins."""
        head, tail = chosen(bank, np.arange(row)), chosen(bank, np.arange(row + 1, len(bank)))
        return joined([self.add(head, [reference]), tail], self.lengths)

    def drop(self, bank: Bank, rows: Sequence[int]) -> Bank:
        """Return the bank without these features; those behind them move up."""
        kept = np.setdiff1d(np.arange(len(bank)), np.asarray(rows, np.intp))
        return joined([chosen(bank, kept)], self.lengths)

    def accept(self, bank: Bank, rows: Sequence[int]) -> Bank:
        """Return the bank in which these features, if firing, watch again with what is new as their reference."""
        after = bank.copy()
        firing = np.array([row for row in rows if bank.phase[row] == Phase.FIRING], np.intp)
        self.settle(after, firing)
        return after

    def dismiss(self, bank: Bank, rows: Sequence[int]) -> Bank:
        """Return the bank in which these features, if firing, watch on as before: the alarm was false."""
        after = bank.copy()
        firing = np.array([row for row in rows if bank.phase[row] == Phase.FIRING], np.intp)
        after.urn[firing] = self.remembered(after, firing) + after.live[firing]
        self.limit(after, firing)
        self.settle(after, firing)
        return after

    def lengths(self, bins: int) -> dict[str, int]:
        """Return the length of each axis, for features of at most so many bins."""
        if isinstance(self.law, Numbers):
            alternatives, scores, groups = len(self.law.weight), len(self.law.weight), 3
        else:
            watched = bins if self.law.every_bin else min(bins, 1)
            alternatives, scores, groups = watched * len(self.law.weight), watched, 1
        return {
            "bins": bins,
            "tilted": bins if isinstance(self.law, Numbers) else 0,
            "alternatives": alternatives,
            "scores": scores,
            "groups": groups,
            "levels": dependence.LEVELS,
        }

    def begun(self, bank: Bank) -> Bank:
        """Return the bank whose urns were just filled, ready to learn; or to watch, if nothing more is to be learnt."""
        everything = np.arange(len(bank))
        self.limit(bank, everything)
        enough = bank.urn.sum(axis=1) >= self.least_reference
        bank.phase[:] = np.where(self.independent & enough, Phase.WATCHING, Phase.LEARNING)
        bank.before[:] = bank.urn
        if isinstance(self.law, Numbers):
            bank.tilted[:] = bank.urn
        return bank

    # -- a pane --------------------------------------------------------------------------------------------------------

    def step(
        self, bank: Bank, panes: Sequence[NDArray[Any] | None] | NDArray[Any], threshold: float | Floats
    ) -> tuple[Bank, Verdicts]:
        """Return the bank after a pane, and what it says.

        `panes` has the counts of every feature by bin, None (or zeros) where it is absent: [features, bins] if it is
        an array. `threshold` is one number or one for each feature.
        """
        after = replace(bank.copy(), tilts=self.tilts(bank))
        arrived = padded(panes, after.pending.shape)
        number = arrived.sum(axis=1, dtype=np.int64)
        after.pending[:] += arrived
        after.panes[:] += number > 0
        after.events[:] += number

        since = after.live.sum(axis=1, dtype=np.int64) + after.pending.sum(axis=1, dtype=np.int64)
        complete = after.pending.sum(axis=1) >= self.least_block(after)
        learning = np.flatnonzero(complete & (after.phase == Phase.LEARNING))
        judged = np.flatnonzero(complete & (after.phase != Phase.LEARNING))
        turns = np.zeros(len(after), np.uint8)
        self.learn(after, learning, turns)
        block = self.weigh(after, judged)
        said = self.verdicts(after, np.broadcast_to(np.asarray(threshold, np.float64), len(after)))
        least = np.maximum(said.threshold[judged], LEAST_PER_EVENT * block.sum(axis=1))
        crossed = (said.evidence[judged] >= least) & ~self.is_calm(after, judged)
        self.turn(after, judged, block, crossed, turns)
        after = self.retilted(after, np.concatenate([learning, judged]))
        left = after.live.sum(axis=1, dtype=np.int64) + after.pending.sum(axis=1, dtype=np.int64)
        over = (turns == Turn.RECOVERED) | (turns == Turn.ACCEPTED)
        n = np.where(over, since, left)
        return after, replace(said, drifted=turns == Turn.ALARM, turn=turns, phase=after.phase.copy(), n=n)

    def least_block(self, bank: Bank) -> Floats:
        """Return how many events each feature waits for before a step."""
        if self.independent:
            return np.ones(len(bank))
        return np.asarray(LEAST_BLOCK * bank.factor[:, 0])

    def learn(self, bank: Bank, rows: Rows, turns: NDArray[np.uint8]) -> None:
        """Put the complete blocks of learning features into their urns, in place; those that know enough will watch."""
        pane = self.taken(bank, rows)
        bank.urn[rows] += pane
        bank.grown[rows] += pane.sum(axis=1)
        self.limit(bank, rows)
        self.observe(bank, rows, pane, self.scores(bank, rows, pane), inside=True)
        size = bank.urn[rows].sum(axis=1)
        known = size >= self.least_reference
        if not self.independent:
            known &= bank.blocks.panes[rows] >= LEAST_PANES
            known &= size / bank.factor[rows][:, :2].max(axis=1) >= LEAST_EFFECTIVE
        ready = rows[known]
        bank.phase[ready] = Phase.WATCHING
        turns[ready] = Turn.READY
        self.calm(bank, rows)

    def weigh(self, bank: Bank, rows: Rows) -> Floats:
        """Weigh the complete blocks of features that are judged, in place, and return the blocks."""
        pane = self.taken(bank, rows)
        scores = self.scores(bank, rows, pane)
        events = pane.sum(axis=1)
        ratio = np.exp(np.clip(self.ratio(bank, rows, pane, scores), -690, 600))
        ratio = np.where(self.weights(bank)[rows] > 0, ratio, 0)
        evidence = (bank.evidence[rows].astype(np.float64) + events[:, None]) * ratio
        cusum, age = onset.advance(bank.cusum[rows].astype(np.float64), bank.age[rows], ratio, events)
        watching = bank.phase[rows] == Phase.WATCHING
        known = watching | (bank.urn[rows].sum(axis=1) >= aftermath.LEAST_NEW * bank.factor[rows].max(axis=1))
        bank.evidence[rows] = np.where(known[:, None], np.minimum(evidence, MOST_EVIDENCE), 0)
        bank.cusum[rows] = np.where(known[:, None], np.minimum(cusum, MOST_EVIDENCE), 0)
        bank.age[rows] = age
        self.observe(bank, rows[watching], pane[watching], scores[watching], inside=False)
        return pane

    def turn(self, bank: Bank, rows: Rows, pane: Floats, crossed: NDArray[np.bool_], turns: NDArray[np.uint8]) -> None:
        """Put the judged blocks into the urns, in place, and change the phase of the features whose turn it is."""
        firing = bank.phase[rows] == Phase.FIRING
        old = rows[firing]
        factor = bank.factor[old].max(axis=1)
        before = self.remembered(bank, old)
        bank.recovery[old] = aftermath.recovery(bank.recovery[old], before, bank.urn[old], pane[firing], factor)
        bank.live[rows] += pane.astype(np.uint32)
        bank.urn[rows] += pane
        bank.grown[rows] += pane.sum(axis=1)
        self.limit(bank, rows)

        new = bank.live[old].sum(axis=1, dtype=np.float64)
        turns[old] = aftermath.next_turn(bank.recovery[old], crossed[firing], new, factor)
        moved = firing & (turns[rows] == Turn.MOVED)
        self.move(bank, rows[moved], pane[moved])
        self.restore(bank, old[turns[old] == Turn.RECOVERED])
        self.settle(bank, old[turns[old] == Turn.ACCEPTED])
        alarmed = rows[crossed & ~firing]
        turns[alarmed] = Turn.ALARM
        self.fire(bank, alarmed)
        self.calm(bank, rows[~firing & ~crossed])

    # -- what can happen to a feature, in place ------------------------------------------------------------------------

    def calm(self, bank: Bank, rows: Rows) -> None:
        """Take what is in the urn as "before" where nothing has any evidence."""
        quiet = rows[self.is_calm(bank, rows)]
        bank.before[quiet] = bank.urn[quiet]
        bank.live[quiet] = 0
        bank.factor_before[quiet] = bank.factor[quiet]

    def is_calm(self, bank: Bank, rows: Rows) -> NDArray[np.bool_]:
        """Return where no alternative has any evidence."""
        return np.asarray((self.weights(bank)[rows] * bank.cusum[rows]).max(axis=1, initial=0) < CALM)

    def fire(self, bank: Bank, rows: Rows) -> None:
        """Keep the reference from before, and start an urn of what is new."""
        bank.phase[rows] = Phase.FIRING
        bank.factor[rows] = bank.factor_before[rows]
        dependence.cap(bank.blocks, rows, DOUBT * bank.factor[rows].max(axis=1))
        shape = self.foretold(bank, rows)
        bank.urn[rows] = aftermath.new_normal(bank.live[rows].astype(np.float64), shape, bank.factor[rows].max(axis=1))
        bank.recovery[rows] = 0
        forget(bank, rows)

    def move(self, bank: Bank, rows: Rows, pane: Floats) -> None:
        """Start the urn of what is new again, from its own shape and the last block."""
        bank.urn[rows] = aftermath.new_normal(pane, bank.urn[rows], bank.factor[rows].max(axis=1))
        forget(bank, rows)

    def restore(self, bank: Bank, rows: Rows) -> None:
        """Bring the reference from before the alarm back."""
        bank.urn[rows] = self.remembered(bank, rows)
        self.settle(bank, rows)

    def settle(self, bank: Bank, rows: Rows) -> None:
        """Watch again, with the urn as it is as the reference."""
        bank.phase[rows] = Phase.WATCHING
        bank.recovery[rows] = 0
        forget(bank, rows)
        self.calm(bank, rows)

    def limit(self, bank: Bank, rows: Rows) -> None:
        """Scale urns that hold too much. No bin forgets that it could be drawn."""
        size = bank.urn[rows].sum(axis=1)
        full = rows[size > MOST_BALLS]
        bank.urn[full] *= (MOST_BALLS / size[size > MOST_BALLS])[:, None]
        bank.urn[full] = np.maximum(bank.urn[full], LEAST_BALLS * least_balls(bank.bins[full], bank.urn.shape[1]))

    def remembered(self, bank: Bank, rows: Rows) -> Floats:
        """Return the reference from before the onset, exact enough although it is kept in single precision."""
        return np.asarray(np.maximum(bank.before[rows], LEAST_BALLS * least_balls(bank.bins[rows], bank.urn.shape[1])))

    def taken(self, bank: Bank, rows: Rows) -> Floats:
        """Take the pending counts."""
        pane = bank.pending[rows].astype(np.float64)
        bank.pending[rows] = 0
        return pane

    def observe(self, bank: Bank, rows: Rows, pane: Floats, scores: Floats, inside: bool) -> None:
        """Learn the dependence of a block."""
        if self.independent or not rows.size:
            return
        self.measure(bank, rows, pane, scores, np.full(len(rows), inside))
        rows = rows[bank.blocks.panes[rows] % FACTOR_EVERY == 0]
        if not rows.size:
            return
        factor = self.measured(bank, rows)
        doubtful = (bank.phase[rows] != Phase.LEARNING) & ~self.is_calm(bank, rows)
        most = np.where(doubtful[:, None], DOUBT * bank.factor_before[rows], np.inf)
        bank.factor[rows] = np.minimum(factor, most)

    def measure(self, bank: Bank, rows: Rows, pane: Floats, scores: Floats, inside: NDArray[np.bool_]) -> None:
        """Add a block to what is known of the dependence, in place."""
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            variance = bank.tilts.variance[rows]
        else:
            variance = self.spread(bank, rows)
        dependence.observe(bank.blocks, rows, scores, variance, pane.sum(axis=1), bank.urn[rows].sum(axis=1), inside)

    def measured(self, bank: Bank, rows: Rows) -> Floats:
        """Return the variance factors, [rows, groups]."""
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            kurtosis = np.maximum(bank.tilts.kurtosis[rows], 1)
            factor = dependence.factors(bank.blocks, rows, self.law.groups, kurtosis, dependence.CAUTION)
            return dependence.careful(factor, bank.events[rows] / np.maximum(bank.panes[rows], 1))
        kurtosis = np.maximum(1 / np.maximum(self.spread(bank, rows), 1e-12) - 3, 1)
        number = kurtosis.shape[1]
        caution = dependence.CAUTION + dependence.CAUTION_EACH * float(np.log(number))
        factor = dependence.factors(bank.blocks, rows, np.zeros(number, np.intp), kurtosis, caution)
        return dependence.careful_shares(factor)

    def spread(self, bank: Bank, rows: Rows) -> Floats:
        """Return the variance of whether one event falls into each watched bin."""
        urn = bank.urn[rows]
        share = urn[:, : bank.blocks.open.shape[2]] / urn.sum(axis=1, keepdims=True)
        return np.asarray(share * (1 - share))

    # -- arithmetic of the two laws ------------------------------------------------------------------------------------

    def scores(self, bank: Bank, rows: Rows, pane: Floats) -> Floats:
        """Return the sums over each block of its scores, which are 0 on average while nothing changes."""
        events = pane.sum(axis=1, keepdims=True)
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            first = log_tilts(bank.tilts.tilt, rows, pane)
            return np.asarray(first - events * bank.tilts.mean[rows])
        watched = self.lengths(bank.urn.shape[1])["scores"]
        urn = bank.urn[rows]
        return np.asarray(pane[:, :watched] - events * urn[:, :watched] / urn.sum(axis=1, keepdims=True))

    def ratio(self, bank: Bank, rows: Rows, pane: Floats, scores: Floats) -> Floats:
        """Return the log likelihood ratio of every alternative."""
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            tilt, first = bank.tilts.tilt, scores + pane.sum(axis=1, keepdims=True) * bank.tilts.mean[rows]
            return tilted_numbers(tilt, rows, bank.urn[rows], pane, bank.factor[rows], self.law.groups, first)
        return tilted_shares(self.law, bank.urn[rows], pane, bank.factor[rows, 0])

    def foretold(self, bank: Bank, rows: Rows) -> Floats:
        """Return the shape that the alternatives foretell, each as far as it is believed."""
        belief = self.weights(bank)[rows] * bank.cusum[rows]
        belief = belief / belief.sum(axis=1, keepdims=True)
        before = self.remembered(bank, rows)
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            return np.asarray(before * (bank.tilts.tilt[rows] @ belief[:, :, None])[:, :, 0])
        share = before / before.sum(axis=1, keepdims=True)
        watched = share[:, : self.lengths(bank.urn.shape[1])["scores"]]
        belief = belief.reshape(*watched.shape, len(self.law.weight))
        after = self.law.tilt(watched)
        rest = ((1 - after) / np.maximum(1 - watched, 1e-12)[:, :, None] * belief).sum(axis=2)
        shape = share * rest.sum(axis=1, keepdims=True)  # every bin, where another is the one that changed
        shape[:, : watched.shape[1]] += (after * belief).sum(axis=2) - watched * rest
        return np.asarray(np.maximum(shape, 0))

    def weights(self, bank: Bank) -> Floats:
        """Return the weight of every alternative, [features, alternatives]; they add up to one for each feature."""
        if isinstance(self.law, Numbers):
            return np.broadcast_to(self.law.weight, bank.evidence.shape)
        watched = np.minimum(bank.bins, self.lengths(bank.urn.shape[1])["scores"])
        weights = np.tile(self.law.weight, bank.evidence.shape[1] // len(self.law.weight))
        there = np.arange(len(weights)) // len(self.law.weight) < watched[:, None]
        return np.asarray(np.where(there, weights / np.maximum(watched, 1)[:, None], 0))

    def tilts(self, bank: Bank) -> Tilts | None:
        """Return the derived tilts, computed again if the bank comes without them."""
        if bank.tilts is None and isinstance(self.law, Numbers):
            return derived(self.law, bank.tilted)
        return bank.tilts

    def retilted(self, bank: Bank, rows: Rows) -> Bank:
        """Return the bank with new tilts for the features that need them most, a limited number at a time."""
        learning = bank.phase[rows] == Phase.LEARNING
        due = bank.grown[rows] / (np.where(learning, RETILT_LEARNING, RETILT) * bank.urn[rows].sum(axis=1))
        first = np.argsort(-due, kind="stable")[:RETILTS_PER_STEP]
        stale = first[due[first] >= 1]
        if not stale.size:
            return bank
        known = stale[bank.grown[rows[stale]] < NEVER_TILTED]
        watching = bank.phase[rows] == Phase.WATCHING  # those that fire measure nothing that could replace what fades
        dependence.fade(bank.blocks, rows[known[learning[known]]], FADE_LEARNING)
        dependence.fade(bank.blocks, rows[known[watching[known]]], FADE)
        again = rows[stale]
        bank.grown[again] = 0
        if not isinstance(self.law, Numbers) or bank.tilts is None:
            return bank
        bank.tilted[again] = bank.urn[again]
        new = derived(self.law, bank.tilted[again])
        mixed = {}
        for kind in fields(Tilts):
            mixed[kind.name] = getattr(bank.tilts, kind.name).copy()
            mixed[kind.name][again] = getattr(new, kind.name)
        return replace(bank, tilts=Tilts(**mixed))

    def verdicts(self, bank: Bank, threshold: Floats) -> Verdicts:
        """Return what there is to say before any turn is taken."""
        weights = self.weights(bank)
        believed = weights * bank.cusum
        best = believed.argmax(axis=1) if believed.size else np.zeros(len(bank), np.intp)
        factor = bank.factor.max(axis=1)
        return Verdicts(
            drifted=np.zeros(len(bank), bool),
            turn=np.zeros(len(bank), np.uint8),
            phase=bank.phase.copy(),
            evidence=(weights * bank.evidence).sum(axis=1),
            threshold=threshold,
            alternative=best,
            onset_events=bank.age[np.arange(len(bank)), best].astype(np.int64),
            n=np.zeros(len(bank), np.int64),
            factor=factor,
            health=dependence.health(factor),
        )

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def encode(self, bank: Bank) -> bytes:
        """Return the bank as bytes."""
        return encode(bank, self.law.name, self.lengths)

    def decode(self, blob: bytes) -> Bank:
        """Return the bank that `encode` wrote."""
        return decode(blob, self.law.name, self.lengths)


NEVER_TILTED = 1e30  # as `grown`: the urn was replaced, so its tilt is of another


def forget(bank: Bank, rows: Rows) -> None:
    """Drop all evidence of these features, in place."""
    bank.evidence[rows] = bank.cusum[rows] = 0
    bank.age[rows] = 0
    bank.grown[rows] = NEVER_TILTED


def least_balls(bins: NDArray[np.int32], width: int) -> Floats:
    """Return what every bin holds before anything is seen: one ball in all, shared. [features, width]"""
    return np.asarray(np.where(np.arange(width) < bins[:, None], 1 / np.maximum(bins, 1)[:, None], 0))
