"""The detector of Leeway: urns of counts that accumulate evidence of change, many features in one step.

A pane's counts are a draw from Polya's urn that holds the reference (`detectors/polya.py`). Alternatives tilt the urn
(`detectors/alternatives.py`), and of numbers two more are an urn of what came of late (`detectors/lately.py`) and one
with a heap somewhere (`detectors/heaps.py`); the likelihood ratio R_j of such an urn against the urn itself is an
e-value, so

    M_j <- (M_j + n) * R_j,        evidence = sum_j w_j M_j,        alarm at evidence >= threshold

is a Shiryaev-Roberts e-detector (Shin, Ramdas and Rinaldo, 2022) and keeps its alert budget (`detectors/budget.py`)
whatever the distribution, at any pane size, without calibration. What shares would win beyond an alarm is not staked
(`detectors/overshoot.py`). Afterwards the pane goes into the urn: the error of the reference is inside the guarantee.
The growth costs little delay, and holding it back was measured to break the budget or to gain nothing.

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
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors import aftermath, dependence, heaps, lately, onset, overshoot, retired
from detectors.aftermath import (
    ACCEPTED,
    ALARM,
    FIRING,
    LEARNING,
    MOVED,
    RECOVERED,
    WATCHING,
    Phase,
    Turn,
)
from detectors.alternatives import RATES, SCALE, Law, Numbers, Shares
from detectors.bank import Bank, Tilts, chosen, decode, derived, empty, encode, joined, padded
from detectors.evidence import grown, odds
from detectors.polya import Other, started, summed, tilted_numbers, tilted_shares

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

FACTOR_EVERY = 8  # blocks between two estimates of the variance factors, which change slowly

# Evidence, without a stake, that errors became fewer: what is known of them is forgotten, and learnt again without an
# alarm. A model that has just been put in place learns, and the errors of its first minutes would hide all that come
# later: of 66 drifts of interchanging RBF, 3,000 rows apart, none was seen. While it learns again no drift is seen, so
# it asks for a thousand times the events that it takes to learn: without a reason it is blind for a thousandth of time.
ANEW = 1000.0

LEAST_PANES = 24  # panes before the dependence is known: blocks of two panes then number twelve
LEAST_EFFECTIVE = 300.0  # effective events before a reference can be compared with

# Effective events among them whose dependence was measured: those of the burn-in come as one lump. When they counted,
# references of 500 knew nothing of it, and at panes of 1 GARCH (.15, .8) spent 1.8 of the budget. With 200, 250 and 300
# it spends 1.2, 1.0 and .9; with 300 a reference of 500 whose half is burn-in is watched 130 events later than before.
LEAST_MEASURED = 250.0

# References' worth of events after which a stream whose dependence goes on growing with the length of the blocks, as a
# trend's does, is watched all the same.
PATIENCE = 8.0

# A pane of n events adds n to every M: the evidence must be well above that before it is evidence and not just a
# large pane. With 100, panes of 200 have half of their budget at A = 1e4, and errors of 5 % that become 8 % are seen 70
# events later.
LEAST_PER_EVENT = 50.0

# Merging panes until a block has so many effective events: below it the fractions of effective counts are mostly
# rounding.
LEAST_BLOCK = 4.0

# While no alternative has more evidence than this (e^2), nothing has begun: what is in the urn is "before". Nor is
# there an alarm: M also creeps up, one per event, on a stream that never does anything.
CALM = 7.4

# A drift looks like dependence, and dependence like drift: while there is evidence, variance factors stay as they are.
# After an alarm they may have grown by half: so a factor that was learnt too small corrects itself, alarm by alarm.
DOUBT = 1.5

# What was dismissed was no change: until more is known, events count for so much less that what raised an alarm at 1e4
# would have left the urn calm, log 1e4 / log CALM. But no further than to where there is too much dependence to judge.
FORGIVEN = 4.6
MOST = float(dependence.HEALTH_FROM[-1])

# Tilts are computed again when the urn has grown by so much, and blocks measured with older tilts fade.
RETILT_LEARNING, RETILT = 0.1, 0.05
FADE_LEARNING, FADE = 0.95, 0.97
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
    back_to: NDArray[np.int64]  # while firing: how many events ago the reference that is back had retired; -1: none is
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
        counts = [np.asarray(counts, np.float64) for counts in references]
        self.fill(new, np.arange(len(new)), counts)
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
        firing = of_phase(bank, rows, FIRING)
        after = bank.copy()
        was = self.remembered(after, firing)
        self.renew(after, firing)
        return self.shelved(after, firing, was)

    def dismiss(self, bank: Bank, rows: Sequence[int]) -> Bank:
        """Return the bank in which these features, if firing, watch on as before: the alarm was false."""
        after = bank.copy()
        firing = of_phase(bank, rows, FIRING)
        after.urn[firing] = self.remembered(after, firing) + after.live[firing]
        self.limit(after, firing)
        if not self.independent:
            after.factor[firing] = np.minimum(FORGIVEN * after.factor[firing], np.maximum(MOST, after.factor[firing]))
        self.settle(after, firing)
        return after

    def lengths(self, bins: int) -> dict[str, int]:
        """Return the length of each axis, for features of at most so many bins."""
        if isinstance(self.law, Numbers):
            alternatives, scores, groups = len(self.law.weight), len(self.law.scored), 3
        else:
            scores, groups = self.watched(bins), 1
            alternatives = scores * len(self.law.weight)
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
        after = bank.copy(self.tilts(bank))
        arrived = padded(panes, after.pending.shape)
        number = arrived.sum(axis=1, dtype=np.int64)
        for counter, more in ((after.pending, arrived), (after.panes, number > 0), (after.events, number)):
            counter += more

        waiting = after.pending.sum(axis=1, dtype=np.int64)
        complete = waiting >= self.least_block(after)
        learns = after.phase == LEARNING
        learning, judged = (complete & learns).nonzero()[0], (complete & ~learns).nonzero()[0]
        turns = np.zeros(len(after), np.uint8)
        if learning.size:
            self.learn(after, self.taken(after, learning, waiting), turns)
            self.begin_anew(after, learning)
        block = self.taken(after, judged, waiting)
        wanted = np.full(len(after), threshold, np.float64)
        least = np.maximum(wanted[block.at], LEAST_PER_EVENT * block.events)
        if judged.size:
            self.weigh(after, block, least)
        believed = self.believed(after)
        said = self.verdicts(after, wanted, believed)
        if judged.size:
            calm = believed[np.arange(len(after)), said.alternative][block.at] < CALM
            crossed = (said.evidence[block.at] >= least) & ~calm
            after = self.turn(after, block, crossed, calm, turns)
            self.begin_anew(after, judged)
        if judged.size or learning.size:
            after = self.retilted(after, np.concatenate([learning, judged]) if learning.size else judged)
        said.n[:] = unsettled(after)
        if not np.count_nonzero(turns):
            return after, said
        n = np.where((turns == RECOVERED) | (turns == ACCEPTED), unsettled(bank) + number, said.n)
        back_to = np.where(turns == ACCEPTED, said.back_to, self.back_to(after))
        return after, replace(said, drifted=turns == ALARM, turn=turns, phase=after.phase.copy(), n=n, back_to=back_to)

    @property
    def patience(self) -> float:
        """How many events to learn from at most while dependence does not saturate."""
        return min(PATIENCE * self.least_reference, MOST_BALLS)

    def least_block(self, bank: Bank) -> Floats:
        """Return how many events each feature waits for before a step."""
        if self.independent:
            return np.ones(len(bank))
        return np.asarray(LEAST_BLOCK * bank.factor[:, 0])

    def learn(self, bank: Bank, block: Block, turns: NDArray[np.uint8]) -> None:
        """Put the blocks of learning features into their urns, in place; those that know enough will watch."""
        rows, at = block.rows, block.at
        if self.law.silent.size:
            self.bet_in_silence(bank, block)
        bank.urn[at] += block.pane
        bank.grown[at] += block.events
        self.limit(bank, rows)
        block = replace(block, urn=bank.urn[at], size=bank.urn[at].sum(axis=1))
        scores = self.scores(bank, block, self.logarithms(bank, rows, block.pane))
        self.observe(bank, block, scores, inside=bank.tilts is None)  # tilts are older than the pane
        known = block.size >= self.least_reference
        if not self.independent:
            factor = bank.factor[rows][:, :2].max(axis=1)
            known &= (bank.blocks.panes[rows] >= LEAST_PANES) & (block.size >= LEAST_EFFECTIVE * factor)
            known &= bank.blocks.events[rows, 0] >= LEAST_MEASURED * factor
            if known.any():
                known[known] = self.understood(bank, block.only(known))
        ready = rows[known]
        bank.phase[ready] = Phase.WATCHING
        turns[ready] = Turn.READY
        self.rest(bank, rows[self.is_calm(bank, rows)])

    def understood(self, bank: Bank, block: Block) -> NDArray[np.bool_]:
        """Return where it is known how dependent events are, or where there is no patience left; there the factors are
        what is believed now, in place.
        """
        belief, before = self.believe(bank, block), bank.factor[block.rows]
        known = belief.enough(block.size, LEAST_EFFECTIVE) | (block.size >= self.patience)
        least = np.where(belief.certain[:, None], 1.0, before)
        bank.factor[block.rows[known]] = np.maximum(self.careful(belief), least)[known]
        return known

    def bet_in_silence(self, bank: Bank, block: Block) -> None:
        """Weigh the blocks of features that learn, in place, for the silent alternatives only."""
        at, quiet = block.at, self.law.silent
        ratio = self.ratio(bank, block.rows, block.urn, block.pane, bank.factor[at], np.zeros((len(block.rows), 0)))
        before = bank.evidence[at][:, quiet].astype(np.float64)
        bank.evidence[block.rows[:, None], quiet] = grown(before, block.events, odds(ratio[:, quiet]))

    def weigh(self, bank: Bank, block: Block, least: Floats) -> None:
        """Weigh the blocks of features that are judged, in place; `least` [rows] makes an alarm."""
        rows, at, pane, events = block.rows, block.at, block.pane, block.events
        logarithms = self.logarithms(bank, rows, pane)
        scores = self.scores(bank, block, logarithms)
        factor, moving = bank.factor[at], self.moving(bank, block)
        ratio = odds(self.ratio(bank, rows, block.urn, pane, factor, logarithms, moving))
        if not self.alike:
            ratio = np.where(self.stakes(bank)[at] > 0, ratio, 0)
        before = bank.evidence[at].astype(np.float64)
        bank.evidence[at] = grown(before, events, ratio)
        divided = 1 if self.alike else bank.bins[at].min()  # the stake, among so many bins at least
        if isinstance(self.law, Shares) and before.max() + events.max() >= overshoot.NEAR * least.min() * divided:
            self.raise_near(bank, block, before + events[:, None], least)
        bank.cusum[at], bank.age[at] = onset.advance(bank.cusum[at].astype(np.float64), bank.age[at], ratio, events)
        watching = bank.phase[at] == WATCHING
        back = watching & (bank.places[at] > 0)
        if np.count_nonzero(back):
            of = rows[back]
            factor, kept = bank.factor[of].max(axis=1), self.kept(bank, of)
            evidence = bank.retired_evidence[of]
            bank.retired_evidence[of] = retired.advance(evidence, kept, bank.urn[of], pane[back], factor)
        if np.count_nonzero(watching) == len(rows):
            self.observe(bank, block, scores, inside=False)
            return
        known = watching | (block.size >= aftermath.LEAST_NEW * bank.factor[at].max(axis=1))
        bank.evidence[rows[~known]] = bank.cusum[rows[~known]] = 0
        if moving:  # the urn of what is new is half a guess, which events of late refute again and again
            bank.evidence[rows[~watching], -len(moving) :] = bank.cusum[rows[~watching], -len(moving) :] = 0
        self.observe(bank, block.only(watching), scores[watching], inside=False)

    def raise_near(self, bank: Bank, block: Block, money: Floats, least: Floats) -> None:
        """Raise, in place, the evidence of shares for which the block may be an alarm; `money` [rows, alternatives] was
        bet, and `least` [rows] makes one.
        """
        assert isinstance(self.law, Shares)
        rows, alternatives = block.rows, len(self.law.weight)
        bets = self.stakes(bank)[block.at if not self.alike else slice(None)] * money
        bets = bets.reshape(len(rows), -1, alternatives)
        bet = bets.sum(axis=2)
        factor = bank.factor[rows, 0]
        fits = (bank.phase[rows] == WATCHING) & (block.events <= overshoot.LARGEST * factor)
        seen = block.urn[:, : bet.shape[1]] >= overshoot.SEEN * factor[:, None]
        most = np.where(bank.places[rows] > 0, least / (1 - retired.STAKE), least)[:, None]
        row, bin = np.nonzero((bet >= overshoot.NEAR * most) & (bet < most) & fits[:, None] & seen)
        if not row.size:
            return
        v = factor[row]
        balls, size, events = block.urn[row, bin] / v, block.size[row] / v, block.events[row] / v
        b = overshoot.raised(self.law, balls, size, events, bets[row, bin], most[row, 0])
        of_bin = bin[:, None] * alternatives + np.arange(alternatives)
        bank.evidence[rows[row, None], of_bin] *= np.where(self.law.weight > 0, b[:, None], 1)

    def moving(self, bank: Bank, block: Block) -> Sequence[Other]:
        """Return the urns without a table, and then let them learn from the block, in place; of shares, none."""
        if bank.tilts is None:
            return ()
        late, heap, factor = bank.late[block.at], bank.heaps[block.at], lately.counted(bank.factor[block.at])
        foretold = (
            lately.foretold(late, block.urn, block.size, factor),
            heaps.foretold(heap, block.urn, block.size, factor),
        )
        bank.late[block.at] = lately.faded(late, block.counts, block.events, factor)
        bank.heaps[block.at] = heaps.advanced(heap, bank.tilts.heap[block.at], block.pane, block.events, factor)
        return foretold

    def turn(
        self, bank: Bank, block: Block, crossed: NDArray[np.bool_], calm: NDArray[np.bool_], turns: NDArray[np.uint8]
    ) -> Bank:
        """Put the judged blocks into the urns, in place, and change the phase of the features whose turn it is."""
        rows, at, pane = block.rows, block.at, block.pane
        firing = bank.phase[at] == FIRING
        old = rows[firing]
        if old.size:
            factor = bank.factor[old].max(axis=1)
            before = self.remembered(bank, old)
            bank.recovery[old] = aftermath.recovery(bank.recovery[old], before, bank.urn[old], pane[firing], factor)
        bank.live[at] += block.counts
        more = pane > block.urn
        if bank.tilts is not None and np.count_nonzero(more):
            rare = rows[more.any(axis=1)]  # where little was, a tilt of what was says nothing of what is
            bank.grown[rare] += RETILT * bank.urn[rare].sum(axis=1)
        bank.urn[at] += pane
        bank.grown[at] += block.events
        self.limit(bank, rows)
        alarmed = rows[crossed & ~firing]
        if alarmed.size:
            turns[alarmed] = Turn.ALARM
            self.fire(bank, alarmed)
        self.rest(bank, rows[calm & ~firing & ~crossed])
        return self.turn_firing(bank, old, pane[firing], crossed[firing], turns) if old.size else bank

    def turn_firing(
        self, bank: Bank, rows: Rows, pane: Floats, crossed: NDArray[np.bool_], turns: NDArray[np.uint8]
    ) -> Bank:
        """Change the phase of the features that were firing, in place; the bank may grow places for what retires."""
        factor = bank.factor[rows].max(axis=1)
        new = bank.live[rows].sum(axis=1, dtype=np.float64)
        turns[rows] = aftermath.next_turn(bank.recovery[rows], crossed, new, factor)
        now = (new >= retired.LATER * factor) & (new - pane.sum(axis=1) < retired.LATER * factor)
        turns[rows[now & self.rename(bank, rows, now)]] = Turn.MOVED
        moved = turns[rows] == MOVED
        self.move(bank, rows[moved & crossed], pane[moved & crossed])
        recovered, accepted = rows[turns[rows] == RECOVERED], rows[turns[rows] == ACCEPTED]
        lasted = recovered[(new >= retired.FEWEST * factor)[turns[rows] == RECOVERED]]
        retiring, was = np.concatenate([lasted, accepted]), [bank.urn[lasted], self.remembered(bank, accepted)]
        self.renew(bank, accepted)
        retired.take_out(bank, lasted)
        self.restore(bank, recovered)
        return self.shelved(bank, retiring, np.concatenate(was))

    # -- what can happen to a feature, in place ------------------------------------------------------------------------

    def rest(self, bank: Bank, rows: Rows) -> None:
        """Take what is in the urn as "before": nothing has any evidence."""
        at = index(rows, len(bank))
        bank.before[at] = bank.urn[at]
        bank.live[at] = 0
        bank.factor_before[at] = bank.factor[at]

    def is_calm(self, bank: Bank, rows: Rows) -> NDArray[np.bool_]:
        """Return where no alternative has any evidence."""
        return np.asarray(self.believed(bank)[rows].max(axis=1, initial=0) < CALM)

    def believed(self, bank: Bank) -> Floats:
        """Return how far each alternative is believed, [features, alternatives]."""
        return self.stakes(bank) * bank.cusum.astype(np.float64)

    def fire(self, bank: Bank, rows: Rows) -> None:
        """Keep the reference from before, and start an urn of what is new."""
        bank.phase[rows] = Phase.FIRING
        bank.factor[rows] = bank.factor_before[rows]
        dependence.cap(bank.blocks, rows, DOUBT * bank.factor[rows].max(axis=1))
        self.rename(bank, rows, np.ones(len(rows), bool))
        shape = self.foretold(bank, rows)
        known = bank.back_to[rows] >= 0
        shape[known] = bank.retired[rows[known], bank.back_to[rows[known]]]
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

    def renew(self, bank: Bank, rows: Rows) -> None:
        """Take what is new as the reference; or the retired reference that it was found to be. How dependent it is has
        to be learnt anew.
        """
        back = rows[bank.back_to[rows] >= 0]
        if back.size:
            bank.urn[back] = bank.retired[back, bank.back_to[back]].astype(np.float64) + bank.live[back]
            self.limit(bank, back)
            retired.take_out(bank, back)
        new = rows[bank.back_to[rows] < 0]
        if new.size:
            self.fill(bank, new, aftermath.settled(bank.urn[new], bank.live[new].astype(np.float64)))
        self.settle(bank, rows)
        if not self.independent:
            self.learn_again(bank, rows)

    def begin_anew(self, bank: Bank, rows: Rows) -> None:
        """Forget, in place, what is known of features of which silent alternatives have found so much evidence. Nothing
        is kept of it: the events that were evidence are no fair sample of those that come.
        """
        if not self.law.silent.size:
            return
        least = ANEW * min(self.least_reference, MOST_BALLS)
        found = bank.evidence[rows[:, None], self.law.silent].max(axis=1) >= least
        rows = rows[found & (bank.phase[rows] != FIRING)]
        if not rows.size:
            return
        bank.urn[rows] = least_balls(bank.bins[rows], bank.urn.shape[1])
        self.settle(bank, rows)
        self.learn_again(bank, rows)

    def learn_again(self, bank: Bank, rows: Rows) -> None:
        """Learn, in place, how dependent events are that are not like those before."""
        bank.phase[rows] = Phase.LEARNING
        bank.factor[rows] = 1
        dependence.clear(bank.blocks, rows)

    def rename(self, bank: Bank, rows: Rows, now: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Look up, in place, which retired reference a firing feature has gone back to; return where that changed."""
        changed = np.zeros(len(rows), bool)
        some = now & (bank.places[rows] > 0)
        if not some.any():
            return changed
        of = rows[some]
        factor, live, before = bank.factor[of].max(axis=1), bank.live[of].astype(np.float64), self.remembered(bank, of)
        every = np.repeat(factor[:, None], bank.factor.shape[1], axis=1)
        ratio = self.ratio(bank, of, before, live, every, self.logarithms(bank, of, live))
        weights = self.weights(bank)[of, : ratio.shape[1]]  # events are always like themselves, which says nothing
        mixture = log_sum(np.where(weights > 0, ratio, -np.inf) + np.log(np.maximum(weights, 1e-300)))
        found = retired.recognised(self.kept(bank, of), before, live, mixture, factor, bank.back_to[of])
        changed[some] = found != bank.back_to[of]
        bank.back_to[of] = found
        return changed

    def shelved(self, bank: Bank, rows: Rows, references: Floats) -> Bank:
        """Return the bank with these references, [rows, bins], retired."""
        return retired.shelve(bank, rows, np.maximum(references, self.least(bank, rows))) if rows.size else bank

    def settle(self, bank: Bank, rows: Rows) -> None:
        """Watch again, with the urn as it is as the reference."""
        bank.phase[rows] = Phase.WATCHING
        bank.recovery[rows] = 0
        bank.back_to[rows] = -1
        forget(bank, rows)
        self.rest(bank, rows)

    def limit(self, bank: Bank, rows: Rows) -> None:
        """Scale urns that hold too much. No bin forgets that it could be drawn."""
        size = of_rows(bank.urn, rows).sum(axis=1)
        much = size > MOST_BALLS
        full = rows[much]
        if full.size:
            at = index(full, len(bank))
            scaled = bank.urn[at] * (MOST_BALLS / size[much])[:, None]
            bank.urn[at] = np.maximum(scaled, self.least(bank, full))

    def fill(self, bank: Bank, rows: Rows, counts: Sequence[Floats] | Floats) -> None:
        """Begin urns with these counts, in place."""
        for row, drawn in zip(rows.tolist(), counts, strict=True):
            bins = int(bank.bins[row])
            bank.urn[row, :bins] = started(drawn[:bins], isinstance(self.law, Numbers))

    def least(self, bank: Bank, rows: Rows) -> Floats:
        """Return the least that a bin holds which there is: next to nothing, and never nothing."""
        return next_to_nothing(bank.bins.tobytes(), bank.urn.shape[1])[index(rows, len(bank))]

    def remembered(self, bank: Bank, rows: Rows) -> Floats:
        """Return the reference from before the onset, exact enough although it is kept in single precision."""
        return np.asarray(np.maximum(bank.before[rows], self.least(bank, rows)))

    def kept(self, bank: Bank, rows: Rows) -> retired.Kept:
        """Return the retired references."""
        return retired.Kept(bank.retired[rows].astype(np.float64), bank.places[rows].astype(np.intp))

    def taken(self, bank: Bank, rows: Rows, waiting: NDArray[np.int64]) -> Block:
        """Take the pending counts of these features, of which `waiting` [features] says how many there are."""
        at = index(rows, len(bank))
        counts, urn = bank.pending[at].copy(), bank.urn[at]
        bank.pending[at] = 0
        return Block(rows, at, counts, counts.astype(np.float64), waiting[at].astype(np.float64), urn, urn.sum(axis=1))

    def observe(self, bank: Bank, block: Block, scores: Floats, inside: bool) -> None:
        """Learn the dependence of a block, in place."""
        rows = block.rows
        if self.independent or not rows.size:
            return
        variance = self.spread(block) if bank.tilts is None else bank.tilts.variance[block.at]
        dependence.observe(bank.blocks, rows, scores, variance, block.events, block.size, inside)
        due = bank.blocks.panes[rows] % FACTOR_EVERY == 0
        if np.count_nonzero(due):
            due &= (bank.phase[rows] == LEARNING) | self.is_calm(bank, rows)
            bank.factor[rows[due]] = self.measured(bank, block.only(due))

    def measured(self, bank: Bank, block: Block) -> Floats:
        """Return the variance factors, [rows, groups]. Of what is not known for certain they stay what they are while a
        feature learns, and only grow when it is watched.
        """
        belief, before = self.believe(bank, block), bank.factor[block.rows]
        factor = self.careful(belief)
        watched = (bank.phase[block.rows] == WATCHING) & belief.known.any(axis=1)
        rather = np.where(watched[:, None], np.maximum(factor, before), before)
        return np.where(belief.certain[:, None], factor, rather)

    def careful(self, belief: dependence.Belief) -> Floats:
        """Return the variance factors that are believed, those of shares with a reserve."""
        return belief.factor if isinstance(self.law, Numbers) else dependence.careful_shares(belief.factor)

    def believe(self, bank: Bank, block: Block) -> dependence.Belief:
        """Return what is believed of the variance factors."""
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            kurtosis, groups = np.maximum(bank.tilts.kurtosis[block.rows], 1), self.law.groups[self.law.scored]
            return dependence.believed(bank.blocks, block.rows, groups, kurtosis, each_differs=False).at_least(SCALE)
        kurtosis = np.maximum(1 / np.maximum(self.spread(block), 1e-12) - 3, 1)
        groups = np.zeros(kurtosis.shape[1], np.intp)
        return dependence.believed(bank.blocks, block.rows, groups, kurtosis, each_differs=True)

    def spread(self, block: Block) -> Floats:
        """Return the variance of whether one event falls into each watched bin."""
        share = block.urn[:, : self.watched(block.urn.shape[1])] / block.size[:, None]
        return np.asarray(share * (1 - share))

    # -- arithmetic of the two laws ------------------------------------------------------------------------------------

    def logarithms(self, bank: Bank, rows: Rows, pane: Floats) -> Floats:
        """Return the sums over each block of the logarithms of the tilts, [rows, alternatives]; of shares, none."""
        if bank.tilts is None:
            return np.zeros((len(rows), 0))
        return summed(bank.tilts.logarithm, pane.astype(np.float32), rows).astype(np.float64)

    def scores(self, bank: Bank, block: Block, logarithms: Floats) -> Floats:
        """Return the sums over each block of its scores, which are 0 on average while nothing changes."""
        events = block.events[:, None]
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            return np.asarray(logarithms[:, self.law.scored] - events * bank.tilts.mean[block.at])
        watched = self.watched(block.urn.shape[1])
        return np.asarray(block.pane[:, :watched] - events * block.urn[:, :watched] / block.size[:, None])

    def ratio(
        self,
        bank: Bank,
        rows: Rows,
        urn: Floats,
        pane: Floats,
        factor: Floats,
        logarithms: Floats,
        moving: Sequence[Other] = (),
    ) -> Floats:
        """Return the log likelihood ratio of every alternative to these urns, and last of those without a table if they
        are given; `factor` is [rows, groups].
        """
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            return tilted_numbers(bank.tilts.tilt, urn, pane, factor, self.law.groups, logarithms, rows, moving)
        return tilted_shares(self.law, urn, pane, factor[:, 0])

    def foretold(self, bank: Bank, rows: Rows) -> Floats:
        """Return the shape that the alternatives foretell, each as far as it is believed."""
        belief = self.weights(bank)[rows] * bank.cusum[rows]
        belief = belief / belief.sum(axis=1, keepdims=True)
        before = self.remembered(bank, rows)
        if isinstance(self.law, Numbers):
            assert bank.tilts is not None
            size, factor = before.sum(axis=1), lately.counted(bank.factor[rows])
            late = lately.foretold(bank.late[rows], before, size, factor).tilt
            heap = heaps.foretold(bank.heaps[rows], before, size, factor).tilt
            tilts = np.concatenate([bank.tilts.tilt[rows], late[:, :, None], heap[:, :, None]], axis=2)
            return np.asarray(before * (tilts @ belief[:, :, None])[:, :, 0])
        share = before / before.sum(axis=1, keepdims=True)
        watched = share[:, : self.watched(bank.urn.shape[1])]
        belief = belief.reshape(*watched.shape, len(self.law.weight))
        after = self.law.tilt(watched)
        rest = ((1 - after) / np.maximum(1 - watched, 1e-12)[:, :, None] * belief).sum(axis=2)
        shape = share * rest.sum(axis=1, keepdims=True)  # every bin, where another is the one that changed
        shape[:, : watched.shape[1]] += (after * belief).sum(axis=2) - watched * rest
        return np.asarray(np.maximum(shape, 0))

    def watched(self, bins: int) -> int:
        """Return how many of so many bins are watched, of shares."""
        return min(bins, 1) if self.alike else bins

    @property
    def alike(self) -> bool:
        """Whether all features have the same alternatives; else each has those of its own bins."""
        return isinstance(self.law, Numbers) or not self.law.every_bin

    def weights(self, bank: Bank) -> Floats:
        """Return the weight of every alternative, [features, alternatives]; they add up to one for each feature."""
        return np.broadcast_to(self.stakes(bank), bank.evidence.shape)

    def stakes(self, bank: Bank) -> Floats:
        """Return the weights, [1, alternatives] if they are the same for all features."""
        shape, one = bank.evidence.shape, self.law.weight
        if self.alike:
            return one[None, : shape[1]]
        there = np.arange(shape[1]) // len(one) < bank.bins[:, None]
        return np.asarray(np.where(there, np.tile(one, shape[1] // len(one)) / np.maximum(bank.bins, 1)[:, None], 0))

    def tilts(self, bank: Bank) -> Tilts | None:
        """Return the derived tilts, computed again if the bank comes without them."""
        if bank.tilts is None and isinstance(self.law, Numbers):
            return derived(self.law, bank.tilted)
        return bank.tilts

    def retilted(self, bank: Bank, rows: Rows) -> Bank:
        """Return the bank with new tilts for the features that need them most, a limited number at a time."""
        size = bank.urn.sum(axis=1)
        if not np.count_nonzero(bank.grown >= RETILT * size):
            return bank
        learning = bank.phase[rows] == LEARNING
        due = bank.grown[rows] / (np.where(learning, RETILT_LEARNING, RETILT) * size[rows])
        first = np.argsort(-due, kind="stable")[:RETILTS_PER_STEP]
        stale = first[due[first] >= 1]
        if not stale.size:
            return bank
        known = stale[bank.grown[rows[stale]] < NEVER_TILTED]
        watching = bank.phase[rows] == WATCHING  # those that fire measure nothing that could replace what fades
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

    def verdicts(self, bank: Bank, threshold: Floats, believed: Floats | None = None) -> Verdicts:
        """Return what there is to say before any turn is taken."""
        believed = self.believed(bank) if believed is None else believed
        best = believed.argmax(axis=1) if believed.size else np.zeros(len(bank), np.intp)
        factor = bank.factor.max(axis=1)
        return Verdicts(
            drifted=np.zeros(len(bank), bool),
            turn=np.zeros(len(bank), np.uint8),
            phase=bank.phase.copy(),
            evidence=self.evidence(bank),
            threshold=threshold,
            alternative=best,
            onset_events=onset.started(believed, bank.age),
            n=np.zeros(len(bank), np.int64),
            back_to=self.back_to(bank),
            factor=factor,
            health=dependence.health(factor),
        )

    def evidence(self, bank: Bank) -> Floats:
        """Return the evidence of all bets together, [features]."""
        changed = np.asarray((self.stakes(bank) * bank.evidence.astype(np.float64)).sum(axis=1))
        if not bank.most_places:
            return changed
        back = bank.retired_evidence.sum(axis=1, dtype=np.float64) / np.maximum(bank.places, 1)
        return np.asarray(np.where(bank.places > 0, (1 - retired.STAKE) * changed + retired.STAKE * back, changed))

    def back_to(self, bank: Bank) -> NDArray[np.int64]:
        """Return how many events ago the reference retired that a firing feature has gone back to, or -1."""
        back = np.full(len(bank), -1, np.int64)
        if bank.most_places:
            named = np.flatnonzero(bank.back_to >= 0)
            back[named] = bank.events[named] - bank.retired_at[named, bank.back_to[named]]
        return back

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def encode(self, bank: Bank) -> bytes:
        """Return the bank as bytes."""
        return encode(bank, self.law.name, self.lengths)

    def decode(self, blob: bytes) -> Bank:
        """Return the bank that `encode` wrote, now or in an earlier version."""
        return decode(blob, self.law.name, self.lengths, self.upgraded)

    def upgraded(self, found: dict[str, Any], version: int) -> dict[str, Any]:
        """Return the arrays of a state of this version as the next one has them."""
        return (self.from_first, self.from_second, self.from_third, self.from_fourth)[version - 1](found)

    def from_fourth(self, found: dict[str, Any]) -> dict[str, Any]:
        """Version 4 did not bet on a heap, which is the last alternative of numbers."""
        if not isinstance(self.law, Numbers):
            return {**found, "heaps": b""}
        none = bytes(len(found["tilted"]))
        return {**found, **with_more(found, OF_ALTERNATIVES, len(self.law.shapes) + 1, 1), "heaps": none}

    def from_third(self, found: dict[str, Any]) -> dict[str, Any]:
        """Version 3 did not know what came of late, of which numbers have the last alternative."""
        if not isinstance(self.law, Numbers):
            return {**found, "late": b""}
        late = bytes(len(found["tilted"]))
        return {**found, **with_more(found, OF_ALTERNATIVES, len(self.law.shapes), 1), "late": late}

    def from_second(self, found: dict[str, Any]) -> dict[str, Any]:
        """Version 2 had no silent alternatives, which come last."""
        if not self.law.silent.size:
            return found
        silent = self.law.silent.size
        return {**found, **with_more(found, OF_ALTERNATIVES, len(self.law.weight) - silent, silent)}

    def from_first(self, found: dict[str, Any]) -> dict[str, Any]:
        """Version 1 measured dependence on the scores of all alternatives of a number; references did not retire."""
        features = len(found["bins"]) // 4
        new = {"places": bytes(features), "back_to": bytes([255]) * features}
        if isinstance(self.law, Numbers):
            for name in ("blocks.open", "blocks.squares"):
                every = np.frombuffer(found[name], "<f4").reshape(features, dependence.LEVELS, len(self.law.shapes))
                new[name] = every[:, :, self.law.scored].tobytes()
        return {**found, **new, "retired": b"", "retired_at": b"", "retired_evidence": b""}


@dataclass(frozen=True, slots=True)
class Block:
    """Panes that wait no longer: of some features the counts, and the urns that they are compared with."""

    rows: Rows
    at: Rows | slice  # the rows, or a slice if they are all there are: then nothing is copied
    counts: NDArray[np.uint32]  # [rows, bins]
    pane: Floats  # [rows, bins]: the counts
    events: Floats  # [rows]
    urn: Floats  # [rows, bins]
    size: Floats  # [rows]: of the urns

    def only(self, some: NDArray[np.bool_]) -> Block:
        """Return the blocks of some of the features."""
        rows = self.rows[some]
        urn, size = self.urn[some], self.size[some]
        return Block(rows, rows, self.counts[some], self.pane[some], self.events[some], urn, size)


NEVER_TILTED = 1e30  # as `grown`: the urn was replaced, so its tilt is of another


def forget(bank: Bank, rows: Rows) -> None:
    """Drop all evidence of these features, in place."""
    bank.evidence[rows] = bank.cusum[rows] = bank.retired_evidence[rows] = 0
    bank.age[rows] = bank.late[rows] = bank.heaps[rows] = 0
    bank.grown[rows] = NEVER_TILTED


OF_ALTERNATIVES = ("evidence", "cusum", "age")


def with_more(found: dict[str, Any], names: Sequence[str], had: int, more: int) -> dict[str, bytes]:
    """Return these arrays of alternatives, of which there were `had`, with zeros for so many more at the end."""
    each = {name: np.frombuffer(found[name], "<u4").reshape(-1, had) for name in names}
    return {name: np.pad(array, ((0, 0), (0, more))).tobytes() for name, array in each.items()}


def log_sum(logarithms: Floats) -> Floats:
    """Return the logarithm of the sum along the last axis."""
    most = logarithms.max(axis=-1, keepdims=True)
    total = np.log(np.exp(logarithms - most).sum(axis=-1)) + most[..., 0]
    return np.asarray(total)


def of_phase(bank: Bank, rows: Sequence[int], phase: int) -> Rows:
    """Return those of these rows that are in a phase, each once and in order."""
    return np.unique([row for row in rows if bank.phase[row] == phase]).astype(np.intp)


def index(rows: Rows, of: int) -> Rows | slice:
    """Return the index of some of so many rows, which are ascending: if they are all there are, one that copies
    nothing.
    """
    return slice(None) if len(rows) == of else rows


def of_rows(table: NDArray[Any], rows: Rows) -> NDArray[Any]:
    """Return the rows of a table, without a copy if that is all of them."""
    return np.asarray(table[index(rows, len(table))])


def unsettled(bank: Bank) -> NDArray[np.int64]:
    """Return how many events there were since nothing had changed yet, [features]."""
    return np.asarray(bank.live.sum(axis=1, dtype=np.int64) + bank.pending.sum(axis=1, dtype=np.int64))


def least_balls(bins: NDArray[np.int32], width: int) -> Floats:
    """Return what every bin holds before anything is seen: one ball in all, shared. [features, width]"""
    return np.asarray(np.where(np.arange(width) < bins[:, None], 1 / np.maximum(bins, 1)[:, None], 0))


@lru_cache(maxsize=16)  # numbers of bins hardly ever change; of a thousand features it is half a megabyte
def next_to_nothing(bins: bytes, width: int) -> Floats:
    """Return the least that every bin holds, [features, width], of features with these numbers of bins."""
    return LEAST_BALLS * least_balls(np.frombuffer(bins, np.int32), width)
