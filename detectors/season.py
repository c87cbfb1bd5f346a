"""Seasons: an urn for every hour of the day or of the week, for columns that are another at night than at noon.

A slot is an hour. What is judged in it is compared with

    urn(slot) = its own counts + .3 * those of both neighbours + 10 balls in the shape of all slots together

so that a slot that was seen a few times knows what its neighbours know, and none is empty. One evidence M runs through
all slots, and everything else is an urn's (`detectors/urn.py`), which is handed the right balls whenever the hour
turns. Counts since there is evidence are kept apart, by slot too: they are the new normal of their slot after an alarm,
together with what the bets that won foretell of slots that were not seen since.

Days differ from each other, and a day too many events long is one draw and not a thousand. So the variance factor
(`detectors/dependence.py`) is measured here over stretches from five minutes to almost two days, once against the urn
of the slot and once against one urn for everything. The slots are used where they explain enough: where they leave a
factor less than two thirds as large, and every one of them, idle ones aside, has been seen thrice and holds 120
events. Until then, and where the season was imagined, it is one urn with its factor. What still grows with the length
of the stretch when the longest that was seen often enough is shorter than a day is taken to grow on up to a day.

Slots are hours of UTC. A slot knows its reference to about one standard deviation over the root of its events.

>>> season, random = Season(NUMBERS, "day", least_reference=500), np.random.default_rng(1)
>>> slots = season.add(season.start(), [np.zeros(3, np.int64)])
>>> for hour in range(24 * 9):
...     low = 0.6 if hour % 24 < 12 else 0.2  # more low values in the first half of the day
...     pane = [random.multinomial(60, [low, 0.8 - low, 0.2])]
...     slots, said = season.step(slots, (hour * HOUR_MS, pane), threshold=1e4)
>>> Phase(said.phase[0]).name, slots.slotted.tolist()
('WATCHING', [True])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import dependence
from detectors.aftermath import Phase, Turn, new_normal
from detectors.alternatives import NUMBERS, Floats, Law, Numbers
from detectors.bank import Bank, derived, padded
from detectors.contract import refuse_newer, unpacked
from detectors.dependence import Blocks
from detectors.urn import DOUBT, LEAST_EFFECTIVE, LEAST_PANES, MOST_BALLS, Urns, Verdicts, least_balls, with_more

__all__ = ["NUMBERS", "Period", "Phase", "Season", "Slots"]

Rows = NDArray[np.intp]
Period = Literal["day", "week"]

VERSION = 3  # each before had one alternative of numbers less

HOUR_MS = 3_600_000
HOURS: dict[Period, int] = {"day": 24, "week": 168}
MONDAY = 72  # hours from the Thursday on which time begins to the next Monday but one week: slot 0 of a week

NEIGHBOURS = 0.3  # of the balls of the slot before and of the slot after
SHAPE = 10.0  # balls in the shape of all slots; with 50 a swing of 1 sd spent 1.7 times the budget

LEAST_SLOT = 120.0  # events
IDLE = 0.1  # of the events of an average slot: a slot that has fewer need not be known
EXPLAINED = 1.5  # how much smaller the slots must make the variance factor

STRETCH_MS = 300_000  # the shortest block whose variance is measured; the longest is 2^9 of them, 43 hours

# Scores mean something after so many periods, against urns with so many balls: the error of a smaller urn, and the
# shape of all slots in it, are not dependence.
LEAST_PERIODS = 3
LEAST_KNOWN = 100.0

# A factor that is foretold from shorter stretches is multiplied, and its error with it: so many standard errors are
# taken off first. What is then large is not known well, and more of it is kept back: with days that differ by .2 sd,
# and seven of them known, 1.0 times the budget was spent without.
FORESIGHT = 1.0
FORETOLD = 1.6
FARTHEST = 12.0  # how many times longer a day may be; until then nothing is judged

HUGE = 1e30  # what no factor exceeds, and no urn holds

MEMORY = 720  # hours after which a measured block counts 1/e


@dataclass(frozen=True)
class Measure:
    """How the scores of a pane are found, and their moments for one event: derived from urns, never stored."""

    logarithm: NDArray[Any]  # [features, bins, scores]
    mean: Floats  # [features, scores]
    variance: Floats
    kurtosis: Floats
    size: Floats  # [features]: balls


@dataclass(frozen=True)
class Slots:
    """The state of many seasonal features. Axes: [slots, features, bins] and [features, ...]."""

    bank: Bank  # with the urns of the present slot
    at: int  # when the last pane was cut, in milliseconds; -1: nothing was seen
    hour: int  # the latest hour
    kept: NDArray[np.float32]  # [slots, features, bins]: counts of when nothing was wrong
    recent: NDArray[np.uint32]  # the same since there is evidence
    visit: NDArray[np.uint32]  # [features, bins]: counts that are in neither yet
    since: NDArray[np.uint32]  # those of them since there is evidence
    calmed: NDArray[np.bool_]  # [features]: there was none at some time since `visit` began
    began: NDArray[np.int64]  # [features]: the hour in which it joined
    visits: NDArray[np.int64]  # [features]: hours seen since
    slotted: NDArray[np.bool_]  # [features]: whether the slots are used
    belief: NDArray[np.float32]  # [features, alternatives]: CUSUMs at the alarm, the largest 1
    alarm_at: NDArray[np.int64]  # [features]
    open_events: NDArray[np.float64]  # [features]: of the stretch that is not over
    open_one: NDArray[np.float64]  # [features, scores]
    open_slot: NDArray[np.float64]
    one: Blocks  # of scores against one urn
    slot: Blocks  # of scores against the urn of the slot
    measures: tuple[Measure, Measure] | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.bank)

    @property
    def pending(self) -> NDArray[np.uint32]:
        """What a pane has to look like."""
        return self.bank.pending

    @property
    def events(self) -> NDArray[np.int64]:
        return self.bank.events

    @property
    def panes(self) -> NDArray[np.int64]:
        return self.bank.panes

    def reference(self, row: int) -> Floats:
        """Return the counts of all slots of when nothing was wrong."""
        return np.asarray(self.kept[:, row, : self.bank.bins[row]].sum(axis=0, dtype=np.float64))

    @property
    def cusum(self) -> NDArray[np.float32]:
        return self.bank.cusum

    def copy(self) -> Slots:
        arrays = {name: getattr(self, name).copy() for name in (*BY_BIN, *BY_FEATURE)}
        return replace(self, **arrays, one=self.one.copy(), slot=self.slot.copy())


# The arrays that are stored: their type, by whether their last axis is the bins or their first the features.
BY_BIN = {"kept": "<f4", "recent": "<u4", "visit": "<u4", "since": "<u4"}
BY_FEATURE = {
    "calmed": "|b1",
    "began": "<i8",
    "visits": "<i8",
    "slotted": "|b1",
    "belief": "<f4",
    "alarm_at": "<i8",
    "open_events": "<f8",
    "open_one": "<f8",
    "open_slot": "<f8",
}


@dataclass(frozen=True)
class Season:
    """The detector: what it bets on, how long the season is, and what it takes to trust a reference.

    A step takes the time of a pane, in milliseconds since 1970, and its counts.
    """

    law: Law
    period: Period = "day"
    least_reference: float = 5_000.0
    independent: bool = False

    kind: ClassVar[str] = "season"

    @cached_property
    def urns(self) -> Urns:
        """What judges: it counts as it is told, and never thinks that it has learnt enough."""
        return Urns(self.law, least_reference=float("inf"), independent=True)

    def of(self, at: int) -> int:
        """Return the slot of a time.

        >>> Season(NUMBERS, "week").of(1_760_000_000_000)  # a Thursday, between 8 and 9
        80
        """
        return (at // HOUR_MS + (MONDAY if self.period == "week" else 0)) % HOURS[self.period]

    # -- features come and go ------------------------------------------------------------------------------------------

    def start(self) -> Slots:
        """Return the state of no features."""
        return self.empty(self.urns.start())

    def empty(self, bank: Bank) -> Slots:
        """Return the state of these features with nothing in it."""
        features, bins = bank.urn.shape
        alternatives, scores = bank.cusum.shape[1], bank.blocks.open.shape[2]
        return Slots(
            bank=bank,
            at=-1,
            hour=-1,
            kept=np.zeros((HOURS[self.period], features, bins), np.float32),
            recent=np.zeros((HOURS[self.period], features, bins), np.uint32),
            visit=np.zeros((features, bins), np.uint32),
            since=np.zeros((features, bins), np.uint32),
            calmed=np.ones(features, bool),
            began=np.zeros(features, np.int64),
            visits=np.zeros(features, np.int64),
            slotted=np.zeros(features, bool),
            belief=np.zeros((features, alternatives), np.float32),
            alarm_at=np.zeros(features, np.int64),
            open_events=np.zeros(features),
            open_one=np.zeros((features, scores)),
            open_slot=np.zeros((features, scores)),
            one=dependence.start(features, scores),
            slot=dependence.start(features, scores),
        )

    def add(self, slots: Slots, references: Sequence[NDArray[Any]]) -> Slots:
        """Return the state with new features at its end. Of their burn-in only the bins are used: when it was counted,
        nobody knows any more."""
        bank = self.urns.add(slots.bank, [np.zeros(len(counts), np.int64) for counts in references])
        joined, old = self.empty(bank), len(slots)
        for name in BY_BIN:
            array = getattr(slots, name)
            getattr(joined, name)[..., :old, : array.shape[-1]] = array
        for name in BY_FEATURE:
            array = getattr(slots, name)
            getattr(joined, name)[(slice(0, old), *(slice(0, width) for width in array.shape[1:]))] = array
        for blocks, into in ((slots.one, joined.one), (slots.slot, joined.slot)):
            for part in fields(Blocks):
                array = getattr(blocks, part.name)
                getattr(into, part.name)[tuple(slice(0, width) for width in array.shape)] = array
        joined = replace(joined, at=slots.at, hour=slots.hour)
        joined.began[old:] = slots.hour
        return self.arranged(joined) if slots.at >= 0 else joined

    def accept(self, slots: Slots, rows: Sequence[int]) -> Slots:
        """Return the state in which these features, if firing, learn their slots anew from what is new."""
        after = replace(slots.copy(), bank=self.urns.accept(slots.bank, rows), measures=self.measured(slots))
        firing = np.array([row for row in rows if slots.bank.phase[row] == Phase.FIRING], np.intp)
        self.put_away(after)
        self.renew(after, firing)
        return self.arranged(after)

    def dismiss(self, slots: Slots, rows: Sequence[int]) -> Slots:
        """Return the state in which these features, if firing, watch on as before: the alarm was false."""
        after = replace(slots.copy(), bank=self.urns.dismiss(slots.bank, rows), measures=self.measured(slots))
        firing = np.array([row for row in rows if slots.bank.phase[row] == Phase.FIRING], np.intp)
        self.put_away(after)
        after.kept[:, firing] += after.recent[:, firing]
        after.recent[:, firing] = 0
        return self.arranged(after)

    # -- a pane --------------------------------------------------------------------------------------------------------

    def step(
        self,
        slots: Slots,
        data: tuple[int, Sequence[NDArray[Any] | None] | NDArray[Any]],
        threshold: float | Floats,
    ) -> tuple[Slots, Verdicts]:
        """Return the state after a pane, and what it says. `data` is when the pane was cut, and its counts as for
        `Urns.step`."""
        at, panes = data
        after = self.turned(slots, at)
        pane = padded(panes, after.visit.shape)
        before, phase = after.bank, after.bank.phase
        early = np.flatnonzero((phase == Phase.FIRING) & (at - after.alarm_at < HOURS[self.period] * HOUR_MS))
        bank, said = self.judged(before, pane, threshold, early)
        after = replace(after, bank=bank)
        self.weigh(after, pane, np.flatnonzero((phase != Phase.FIRING) & pane.any(axis=1)))
        after.visit[:] += pane
        calm = (phase != Phase.FIRING) & ~bank.live.any(axis=1)  # what fired until now is not "before", come what may
        after.since[:] = np.where(calm[:, None], 0, after.since + pane)
        after.calmed[:] |= calm
        if said.turn.any():
            after = self.changed(after, before, pane, said)
        ready = (slots.bank.phase == Phase.LEARNING) & (after.bank.phase == Phase.WATCHING)
        return after, replace(
            said, turn=np.where(ready, np.uint8(Turn.READY), said.turn), phase=after.bank.phase.copy()
        )

    def judged(
        self, bank: Bank, pane: NDArray[np.uint32], threshold: float | Floats, early: Rows
    ) -> tuple[Bank, Verdicts]:
        """Return the bank after one step of the urns, in which nothing is accepted of the features that fire since less
        than a period, `early`; and without references that have retired: they were of one slot."""
        hidden = bank.live[early].copy()
        bank.live[early] = 0  # what is new looks new, so that it is not accepted ...
        after, said = self.urns.step(bank, pane, threshold)
        bank.live[early] = hidden
        turn, n = said.turn.copy(), said.n.copy()
        undone = early[turn[early] == Turn.ACCEPTED]  # ... but for a pane that is enough by itself
        turn[undone], after.phase[undone], after.live[undone] = Turn.NONE, Phase.FIRING, pane[undone]
        after.before[undone], after.recovery[undone] = bank.before[undone], bank.recovery[undone]
        after.live[early] += np.where(after.phase[early, None] == Phase.FIRING, hidden, np.uint32(0))
        n[early] += hidden.sum(axis=1, dtype=np.int64)
        none = {name: getattr(after, name)[:, :0] for name in ("retired", "retired_at", "retired_evidence")}
        after = replace(after, **none, places=np.zeros_like(after.places), back_to=np.full_like(after.back_to, -1))
        return after, replace(said, turn=turn, phase=after.phase.copy(), n=n, back_to=np.full_like(said.back_to, -1))

    def turned(self, slots: Slots, at: int) -> Slots:
        """Return a copy of the state at this time: with stretches that are over measured, and the urns of the slot."""
        after = replace(slots.copy(), bank=slots.bank.copy(), at=at, measures=self.measured(slots))
        if slots.at < 0:
            after.began[:] = at // HOUR_MS
            return self.arranged(replace(after, hour=at // HOUR_MS))
        if at // STRETCH_MS != slots.at // STRETCH_MS:
            self.close(after)
        if self.of(at) == self.of(slots.at):
            return replace(after, bank=replace(after.bank, tilts=slots.bank.tilts))
        self.put_away(after, self.of(slots.at))
        after.bank.late[after.slotted] = 0  # it was of another hour
        if at // HOUR_MS > slots.hour:
            after.visits[:] += 1
            for blocks in (after.one, after.slot):
                dependence.fade(blocks, np.arange(len(after)), 1 - 1 / MEMORY)
            after = replace(after, hour=at // HOUR_MS)
        self.decide(after)
        return self.arranged(after)

    def changed(self, slots: Slots, before: Bank, pane: NDArray[np.uint32], said: Verdicts) -> Slots:
        """Return the state with the slots after a turn. `before` is the bank without the pane."""
        alarmed = np.flatnonzero(said.turn == Turn.ALARM)
        if alarmed.size:
            foretold, _ = self.urns.step(before, pane, np.inf)  # the bets with this pane, had nobody been called
            best = foretold.cusum[alarmed]
            slots.belief[alarmed] = best / np.maximum(best.max(axis=1, keepdims=True), np.float32(1e-30))
            slots.alarm_at[alarmed] = slots.at
            slots.open_events[alarmed] = 0
            slots.open_one[alarmed] = slots.open_slot[alarmed] = 0
            most, slotted = DOUBT * slots.bank.factor[alarmed].max(axis=1), slots.slotted[alarmed]
            dependence.cap(slots.one, alarmed, np.where(slotted, HUGE, most))
            dependence.cap(slots.slot, alarmed, np.where(slotted, most, HUGE))
        self.put_away(slots)
        slots.recent[:, np.flatnonzero(said.turn == Turn.RECOVERED)] = 0
        self.renew(slots, np.flatnonzero(said.turn == Turn.ACCEPTED))
        return self.arranged(slots)

    def renew(self, slots: Slots, rows: Rows) -> None:
        """Learn the slots of these features anew, in place, from what is new."""
        slots.kept[:, rows] = slots.recent[:, rows]
        slots.recent[:, rows] = 0
        slots.bank.phase[rows] = Phase.LEARNING
        slots.slotted[rows] = False
        self.decide(slots)

    # -- slots ---------------------------------------------------------------------------------------------------------

    def put_away(self, slots: Slots, slot: int | None = None) -> None:
        """Sort the counts of the visit into those of when nothing was wrong and those since, in place."""
        slot = self.of(slots.at) if slot is None else slot
        slots.kept[slot] += slots.visit - slots.since
        calm = np.flatnonzero(slots.calmed)
        slots.kept[:, calm] += slots.recent[:, calm]
        slots.recent[:, calm] = 0
        slots.recent[slot] += slots.since
        size = slots.kept[slot].sum(axis=1)
        most = MOST_BALLS / (1 + 2 * NEIGHBOURS)
        slots.kept[slot] *= np.minimum(1, most / np.maximum(size, 1))[:, None].astype(np.float32)
        slots.visit[:] = slots.since[:] = 0
        slots.calmed[:] = False

    def arranged(self, slots: Slots) -> Slots:
        """Return the state with the urns of the present slot in the bank, and what is derived from them."""
        bank = slots.bank.copy()
        firing = bank.phase == Phase.FIRING
        everything = slots.kept + slots.recent.astype(np.float32)
        bank.before[:] = self.composed(slots, slots.kept)
        bank.urn[:] = self.composed(slots, everything)
        rows = np.flatnonzero(firing)
        if rows.size:
            live = self.composed(slots, slots.recent.astype(np.float32))[rows]
            shape = self.foretold(slots, bank, rows)
            bank.urn[rows] = new_normal(live, shape, bank.factor[rows].max(axis=1))
        bank.grown[:] = 0
        if isinstance(self.law, Numbers):
            bank.tilted[:] = bank.urn
        after = replace(slots, bank=replace(bank, tilts=None))
        return replace(after, measures=self.measured(replace(after, measures=None)))

    def composed(self, slots: Slots, counts: NDArray[np.float32]) -> Floats:
        """Return the urns of the present slot, [features, bins], from these counts of all slots; one urn for all where
        the slots are not used."""
        return np.where(slots.slotted[:, None], self.of_slot(slots, counts), self.of_all(slots, counts))

    def of_slot(self, slots: Slots, counts: NDArray[np.float32]) -> Floats:
        """Return the urns of the present slot."""
        slot, number = self.of(slots.at), len(counts)
        total = counts.sum(axis=0, dtype=np.float64)
        shape = total / np.maximum(total.sum(axis=1, keepdims=True), 1)
        near = counts[slot - 1] + counts[(slot + 1) % number]
        return limited(slots.bank, counts[slot] + NEIGHBOURS * near.astype(np.float64) + SHAPE * shape)

    def of_all(self, slots: Slots, counts: NDArray[np.float32]) -> Floats:
        """Return one urn for all slots."""
        return limited(slots.bank, counts.sum(axis=0, dtype=np.float64))

    def foretold(self, slots: Slots, bank: Bank, rows: Rows) -> Floats:
        """Return the shape that the bets which raised the alarm foretell of the present slot."""
        before = bank.before[rows]
        tilts = derived(self.law, before) if isinstance(self.law, Numbers) else None
        some = {name: getattr(bank, name)[rows] for name in ("bins", "urn", "evidence", "factor")}
        some |= {"before": before, "cusum": slots.belief[rows], "heaps": bank.heaps[rows]}
        some["late"] = np.zeros_like(bank.late[rows])  # it was of another hour, and foretells nothing
        belief = replace(bank, **some, tilts=tilts)
        return self.urns.foretold(belief, np.arange(len(rows)))

    def decide(self, slots: Slots) -> None:
        """Decide, in place, of the features without evidence, which urns are used, what an event counts for, and
        whether enough is known."""
        bank, rows = slots.bank, np.arange(len(slots))
        free = (bank.phase == Phase.LEARNING) | ((bank.phase == Phase.WATCHING) & ~bank.live.any(axis=1))
        one, slot = self.factors(slots, slots.one, 0), self.factors(slots, slots.slot, 1)
        size = slots.kept.sum(axis=2, dtype=np.float64)
        known = slots.slot.blocks[:, 0] >= LEAST_PANES
        busy = np.where(size < IDLE * size.mean(axis=0), np.inf, size).min(axis=0)
        seen = (self.age(slots) >= LEAST_PERIODS * len(size)) & (busy >= LEAST_SLOT)
        better = seen & known & (worst(slot) < worst(one) / EXPLAINED)
        slots.slotted[:] = np.where(free, better, slots.slotted)
        factor = np.where(slots.slotted[:, None], slot, one)
        self.count(slots, rows, np.ones_like(factor) if self.independent else factor)
        enough = size.sum(axis=0) >= np.maximum(self.least_reference, LEAST_EFFECTIVE * worst(bank.factor))
        enough &= slots.slotted | (worst(one) < EXPLAINED) | (not self.independent)  # nothing else would tell a season
        ready = (bank.phase == Phase.LEARNING) & enough & (longest(slots.one, self.a_day(slots))[2] <= FARTHEST)
        bank.phase[ready] = Phase.WATCHING
        bank.factor_before[ready] = bank.factor[ready]

    # -- dependence ----------------------------------------------------------------------------------------------------

    def weigh(self, slots: Slots, pane: NDArray[np.uint32], rows: Rows) -> None:
        """Add the scores of a pane to the stretch, in place."""
        if not rows.size:
            return
        measures = self.measured(slots)
        counts = pane[rows].astype(np.float64)
        events = counts.sum(axis=1)
        slots.open_events[rows] += events
        a_visit = slots.bank.events[rows] / np.maximum(slots.visits[rows], 1)
        for measure, into, error in ((measures[0], slots.open_one, False), (measures[1], slots.open_slot, True)):
            known = self.known(slots, measure)[rows]
            score = (counts[:, None, :] @ measure.logarithm[rows])[:, 0, :] - events[:, None] * measure.mean[rows]
            variance = measure.variance[rows] * (1 + error * a_visit / measure.size[rows])[:, None]
            score = np.divide(score, np.sqrt(variance), out=np.zeros_like(score), where=variance > 0)
            into[rows] += np.where(known[:, None], score, 0)

    def known(self, slots: Slots, measure: Measure) -> NDArray[np.bool_]:
        """Return where scores mean anything: after a whole period, against urns that hold something."""
        return np.asarray((measure.size >= LEAST_KNOWN) & (self.age(slots) >= LEAST_PERIODS * HOURS[self.period]))

    def close(self, slots: Slots) -> None:
        """Put the scores of a stretch into the blocks, in place, and begin another."""
        measures = self.measured(slots)
        for measure, blocks, open in (
            (measures[0], slots.one, slots.open_one),
            (measures[1], slots.slot, slots.open_slot),
        ):
            rows = np.flatnonzero((slots.open_events > 0) & self.known(slots, measure))
            events, whole = slots.open_events[rows], np.full(len(rows), HUGE)
            dependence.observe(blocks, rows, open[rows], np.ones((len(rows), 1)), events, whole, inside=False)
        slots.open_events[:] = 0
        slots.open_one[:] = slots.open_slot[:] = 0

    def factors(self, slots: Slots, blocks: Blocks, which: int) -> Floats:
        """Return the variance factors against one urn, or against those of the slots, [features, groups]."""
        kurtosis, rows = self.measured(slots)[which].kurtosis, np.arange(len(slots))
        if not rows.size:
            return np.ones((0, slots.bank.factor.shape[1]))
        if isinstance(self.law, Numbers):
            groups, caution = self.law.groups[self.law.scored], dependence.CAUTION
        else:
            groups = np.zeros(kurtosis.shape[1], np.intp)
            caution = dependence.CAUTION + dependence.CAUTION_EACH * float(np.log(kurtosis.shape[1]))
        found = dependence.factors(blocks, rows, groups, np.maximum(kurtosis, 1), caution)
        found = np.maximum(found, foreseen(blocks, groups, self.a_day(slots), caution - dependence.CAUTION + FORESIGHT))
        if not isinstance(self.law, Numbers):
            return dependence.careful_shares(found)
        return dependence.careful(found, blocks.events[:, 0] / np.maximum(blocks.blocks[:, 0], 1))

    def alone(self, slots: Slots) -> Floats:
        """Return the variance factor of each feature's location against one urn for all slots."""
        return np.ones(len(slots)) if self.independent else self.factors(slots, slots.one, 0)[:, 0]

    def a_day(self, slots: Slots) -> Floats:
        """Return how many events of each feature there are in a day."""
        return np.asarray(24 * slots.bank.events / np.maximum(self.age(slots), 1))

    def age(self, slots: Slots) -> NDArray[np.int64]:
        """Return how many hours ago each feature joined."""
        return np.asarray(np.maximum(slots.hour - slots.began, 0))

    def count(self, slots: Slots, rows: Rows, factor: Floats) -> None:
        """Let events count as so many, in place: at most half as few again while there is evidence, for a drift looks
        like dependence; an alarm that stands keeps the factor it was raised with."""
        bank = slots.bank
        doubtful = (bank.phase[rows] == Phase.WATCHING) & bank.live[rows].any(axis=1)
        most = np.where(doubtful[:, None], DOUBT * bank.factor_before[rows], np.inf)
        free = (bank.phase[rows] != Phase.FIRING)[:, None]
        bank.factor[rows] = np.where(free, np.minimum(factor, most), bank.factor[rows])

    def measured(self, slots: Slots) -> tuple[Measure, Measure]:
        """Return how scores against one urn, and against that of the slot, are found."""
        if slots.measures is not None:
            return slots.measures
        one, slot = self.of_all(slots, slots.kept), self.of_slot(slots, slots.kept)
        return self.measure(slots.bank, one), self.measure(slots.bank, slot)

    def measure(self, bank: Bank, urn: Floats) -> Measure:
        """Return how scores against these urns are found."""
        size = urn.sum(axis=1)
        if isinstance(self.law, Numbers):
            tilts = derived(self.law, urn.astype(np.float32))
            table = tilts.logarithm[:, :, self.law.scored]
            return Measure(table, tilts.mean, tilts.variance, tilts.kurtosis, size)
        watched = bank.blocks.open.shape[2]
        share = urn[:, :watched] / np.maximum(size, 1e-12)[:, None]
        variance = share * (1 - share)
        table = np.broadcast_to(np.eye(urn.shape[1], watched), (*urn.shape, watched))
        return Measure(table, share, variance, 1 / np.maximum(variance, 1e-12) - 3, size)

    # -- what an urn says ----------------------------------------------------------------------------------------------

    def weights(self, slots: Slots) -> Floats:
        """Return the weight of every alternative, [features, alternatives]."""
        return self.urns.weights(slots.bank)

    def evidence(self, slots: Slots) -> Floats:
        """Return the evidence of each feature."""
        return self.urns.evidence(slots.bank)

    def verdicts(self, slots: Slots, threshold: Floats) -> Verdicts:
        """Return what there is to say before any turn is taken."""
        return self.urns.verdicts(slots.bank, threshold)

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def encode(self, slots: Slots) -> bytes:
        """Return the state as bytes: little-endian arrays, in msgpack. Of `recent` only the features that have any."""
        own = np.arange(slots.visit.shape[1]) < slots.bank.bins[:, None]
        busy = np.flatnonzero(slots.recent.any(axis=(0, 2)))
        packed: dict[str, Any] = {name: packed_array(getattr(slots, name), kind) for name, kind in BY_FEATURE.items()}
        for name, kind in BY_BIN.items():
            array, rows = getattr(slots, name), slice(None) if name != "recent" else busy
            packed[name] = packed_array(array[..., rows, :][..., own[rows]], kind)
        for name, blocks in (("one", slots.one), ("slot", slots.slot)):
            packed[name] = {part.name: packed_array(getattr(blocks, part.name), None) for part in fields(Blocks)}
        packed |= {"at": slots.at, "hour": slots.hour, "busy": busy.tolist(), "bank": self.urns.encode(slots.bank)}
        return msgspec.msgpack.encode({"v": VERSION, "kind": self.kind, "period": self.period, **packed})

    def decode(self, blob: bytes) -> Slots:
        """Return the state that `encode` wrote; ValueError, in a sentence, if it cannot be one."""
        found = unpacked("a state of seasons", blob)
        version = found.get("v", 0)
        refuse_newer("a state of seasons", version, VERSION)
        if isinstance(self.law, Numbers):
            for older in range(version, VERSION):
                found |= with_more(found, ["belief"], len(self.law.shapes) + older - 1, 1)
        if found.get("period") != self.period:
            raise ValueError(f"a state of seasons is of a {found.get('period')}, not of a {self.period}")
        slots = self.empty(self.urns.decode(found["bank"]))
        own = np.arange(slots.visit.shape[1]) < slots.bank.bins[:, None]
        busy = np.array(found["busy"], np.intp)
        for name, kind in BY_FEATURE.items():
            unpack(found[name], getattr(slots, name), kind)
        for name, kind in BY_BIN.items():
            array, there = getattr(slots, name), own
            if name == "recent":
                there = own & np.isin(np.arange(len(own)), busy)[:, None]
            flat = np.frombuffer(found[name], kind)
            array[..., there] = flat.reshape(*array.shape[:-2], -1)
        for name, blocks in (("one", slots.one), ("slot", slots.slot)):
            for part in fields(Blocks):
                unpack(found[name][part.name], getattr(blocks, part.name), None)
        return replace(slots, at=found["at"], hour=found["hour"])


def worst(factor: Floats) -> Floats:
    """Return the variance factor of location or scale, whichever is larger."""
    return np.asarray(factor[:, :2].max(axis=1))


def limited(bank: Bank, urn: Floats) -> Floats:
    """Return urns with no more balls than an urn remembers, and no bin without any."""
    size = urn.sum(axis=1, keepdims=True)
    most = urn * np.minimum(1, MOST_BALLS / np.maximum(size, 1))
    return np.asarray(most + least_balls(bank.bins, urn.shape[1]))


def longest(blocks: Blocks, a_day: Floats) -> tuple[Rows, Floats, Floats]:
    """Return, [features], the level of the longest stretches that were seen often enough, how many there were, and how
    many times longer a day is; HUGE if there are none."""
    number = blocks.blocks.astype(np.float64)
    often = number >= dependence.LEAST_BLOCKS
    some = np.asarray(often.any(axis=1))
    level = np.where(some, often.shape[1] - 1 - often[:, ::-1].argmax(axis=1), 0)
    each = np.arange(len(number))
    seen = np.maximum(number[each, level], 1)
    longer = np.maximum(a_day * seen / np.maximum(blocks.events[each, level], 1), 1)
    return level, seen, np.where(some, longer, HUGE)


def foreseen(blocks: Blocks, groups: NDArray[np.intp], a_day: Floats, caution: float) -> Floats:
    """Return the factors, [features, groups], of stretches of a day, `a_day` events long, from the longest that were
    seen often enough: what a day's events have in common makes the excess grow with their number."""
    level, seen, longer = longest(blocks, a_day)
    average = blocks.squares[np.arange(len(level)), level].astype(np.float64) / seen[:, None]
    least = average * (1 - caution * np.sqrt(2 / seen))[:, None]
    day = 1 + np.maximum(least - 1, 0) * longer[:, None]
    day *= np.where((day > dependence.CAREFUL_ABOVE) & (longer[:, None] > 1), FORETOLD, 1.0)
    day[longer > FARTHEST] = 1.0
    return np.stack([day[:, groups == group].max(axis=1) for group in range(int(groups.max()) + 1)], axis=1)


def packed_array(array: NDArray[Any], kind: str | None) -> bytes:
    """Return the array as little-endian bytes."""
    return np.asarray(array, kind or array.dtype.newbyteorder("<")).tobytes()


def unpack(blob: bytes, into: NDArray[Any], kind: str | None) -> None:
    """Fill an array from its bytes."""
    into[:] = np.frombuffer(blob, kind or into.dtype.newbyteorder("<")).reshape(into.shape)
