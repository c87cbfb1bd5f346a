"""Changes that take their time, and changes that come back.

Incremental: the mean of normal events moves by one standard deviation within 1,000 to 50,000 events; the delay is from
the start of the ramp. Reference 5,000, A = 1e4, panes 1, 20 and 200, against ADWIN as it comes and calibrated to as
many false alarms as the urn, taken to be independent, is measured to have at pane 1; the bars are the figures of the
row and, paired, that ADWIN is behind. What panes cost beyond a delay of one is found by the urn of panes of 1 that is
looked at only as often as one of 20 or 200.

Recurring: A-B-A-B-A-B, 20,000 events each (4,000 are reported), panes 20 and 200. Counted are

    alerts a drift               alarms from the change until what is new has been accepted, or the end of the concept
    returns not named            concepts that were there before, and were not said to be back: at once, and 500 events
                                 later at the latest; the end of an alert by recovery says it too
    false recoveries             in 10,000 events of a concept: an alert is over before what it was for is, or accepted
    alarms / budget              alarms once what is new has been accepted, over what the budget allows until it ends

Scale 1: 200 runs of each ramp, 50 of each recurrence; about 9 minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import streams
from benchmarks.quality.changes import mean_shift, variance
from benchmarks.quality.delay import (
    BANK,
    LEARNING_PANE,
    LESS,
    PANES,
    SETTINGS,
    Case,
    Change,
    against,
    both,
    compare,
    runs_at,
    urn_delays,
)
from benchmarks.quality.intervals import mean_of, rate_of
from benchmarks.quality.opponents import ADWINS, Looped, at_scale
from benchmarks.quality.record import DELAY, NAN, SPENT, Record, Task
from benchmarks.quality.streams import Part, false_alarms, learnt
from detectors.alternatives import NUMBERS
from detectors.urn import Phase, Turn, Urns

TITLE = "Incremental and recurring changes"
ROW = "Q11"
REFERENCE, THRESHOLD = 5000, 1e4
RAMPS = {1_000: 330.0, 5_000: 900.0, 20_000: 2200.0, 50_000: 4000.0}
RAMP_RUNS = 0.4  # of the runs that other rows have
EVENTS = 4000  # of each of 250 runs, for the urn's own mean time between false alarms

RECURRING = (mean_shift(0.5), mean_shift(1.0), variance(2.0))
PERIODS, BARRED = (20_000, 4_000), 20_000
RECURRING_PANES = (20, 200)
CONCEPTS = 6
QUICK_BELOW = 0.1  # below such a scale only two ramps and one change that recurs
RETURNS = 2  # from this concept on, it was there before
NEITHER = -1
RECURRING_RUNS, LEAST_RUNS = 50, 8
ALERTS, AT_ONCE, LATER, FALSE = "alerts a drift", "returns not named at once", "returns not named", "false recoveries"
BARS = {ALERTS: 1.0, AT_ONCE: NAN, LATER: 0.05, FALSE: 0.2}

SLOW = (
    "On a slow ramp the urn's bets are all of abrupt changes, and what has come of the ramp so far grows into its "
    "reference. A second, held-back reference was measured to win a few per cent back at this size of reference, at "
    "twice the cost. That larger panes cost more than themselves there is not because of the panes, but of how often "
    "one looks: evidence that grows so slowly goes up and down on its way, and who looks more often sees its heights. "
    "The evidence of panes of 1, looked at every 20 or 200 events, makes an alarm about as late as that of such panes "
    "does: the rows that say so."
)
TWICE = (
    "An alert that ends by recovery while the change is still there is followed by a second one. It takes "
    "evidence of a million for that, so it is rare; but the urn of what is new knows little at first, and "
    "where the change is of the variance, ordinary values are likelier under the old reference than under the "
    "new. Where the guess of the new shape counted for 200 events and not for 500, there were 1.19 alerts a drift at "
    "panes of 20, taken to be independent; evidence of 1e8 brought those down to 1.03, but of the returns 16 % were "
    "not named where 4 % were not."
)
UNNAMED = (
    "A concept that comes back is looked for among the retired references at the alarm and once more 500 "
    "effective events later. What it is compared with is every change that the urn bets on, and one of them "
    "may explain the first events as well as the reference that is really back; the name is then not given, "
    "rather than given wrongly."
)
LOSSES: dict[str, str] = {LESS: SLOW, DELAY: SLOW, ALERTS: TWICE, FALSE: TWICE, LATER: UNNAMED}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each ramp, and one for each recurrence, setting and pane."""
    quick = scale < QUICK_BELOW
    ramps = [
        Task(ROW, f"over {over:,}", incremental, {"over": over, "scale": scale})
        for over in list(RAMPS)[:: 1 + 2 * quick]
    ]
    cells = [
        {"number": number, "period": period, "setting": setting, "pane": pane, "scale": scale}
        for number in ([1] if quick else range(len(RECURRING)))
        for period in PERIODS
        for setting in SETTINGS
        for pane in RECURRING_PANES
    ]
    return ramps + [Task(ROW, ", ".join(str(v) for v in list(c.values())[:-1]), recurring, c) for c in cells]


# -- incremental -------------------------------------------------------------------------------------------------------


def incremental(over: int, scale: float) -> list[Record]:
    """Return everybody's delays on one ramp; calibrated ADWIN is to be behind."""
    change = Change(
        f"+1 sd over {over:,}", NUMBERS, streams.ramp(1.0, over), first_order=lambda nats: ramp_events(over, nats)
    )
    runs = runs_at(RAMP_RUNS * scale)
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs, (over,), both(RAMPS[over]))
    records = compare(case, opponents=at_scale(ADWINS[:1], scale)) + [seldom(case, events) for events in PANES[1:]]
    return records + (behind(case, ADWINS[1]) if at_scale(ADWINS, scale) else [])


def seldom(case: Case, events: int) -> Record:
    """Return the delay of the urn at pane 1 if it is looked at only after so many events."""
    found = urn_delays(case.change, True, 1, REFERENCE, THRESHOLD, case.runs, case.seed, every=events)
    return case.record(f"urn, independent, looked at every {events}", 1, found, np.zeros(0))


def behind(case: Case, adwin: Looped) -> list[Record]:
    """Return the delays of ADWIN with as many false alarms as the urn really has; it is to be behind."""
    urn = urn_delays(case.change, True, 1, REFERENCE, THRESHOLD, min(case.runs, adwin.runs), case.seed)
    equal = replace(case, threshold=float(f"{mean_time():.2g}"))
    its, paired = against(equal, adwin, urn, np.zeros(0))
    return [its, replace(paired, bar=0.0)]


@cache
def mean_time() -> float:
    """Return the events between two false alarms of the urn at pane 1."""
    runs = learnt(Urns(NUMBERS, float(REFERENCE), independent=True), streams.gaussian(), LEARNING_PANE, BANK, (0,))
    alarms = false_alarms(runs, 1, EVENTS, THRESHOLD)
    return BANK * EVENTS / max(1, int(alarms.sum()))


def ramp_events(over: int, nats: float) -> float:
    """Return the events after which the divergences of a ramp of one standard deviation add up.

    >>> ramp_events(1, 5.0)
    10.0
    """
    shift = np.minimum(1.0, np.arange(1, 200_000) / over)
    return float(1 + np.searchsorted(np.cumsum(shift**2 / 2), nats))


# -- recurring ---------------------------------------------------------------------------------------------------------


@dataclass
class Told:
    """What was said of one concept, an entry for each run."""

    alerts: NDArray[np.int64]
    settled: NDArray[np.bool_]  # what is new was accepted
    recovered: NDArray[np.bool_]  # the alert of the concept before ended
    false: NDArray[np.int64]
    at_once: NDArray[np.bool_]
    named: NDArray[np.bool_]
    after: NDArray[np.int64]  # alarms once it was accepted, and the events then
    events: NDArray[np.int64]

    @classmethod
    def nothing(cls, runs: int) -> Told:
        kinds = (np.int64, bool, bool, np.int64, bool, bool, np.int64, np.int64)
        return cls(*(np.zeros(runs, kind) for kind in kinds))


def recurring(number: int, period: int, setting: str, pane: int, scale: float) -> list[Record]:
    """Return what one setting says of concepts that take turns."""
    change, seed = RECURRING[number], (number, period, pane)
    runs = max(LEAST_RUNS, round(RECURRING_RUNS * scale))
    independent = SETTINGS[setting]
    learning = LEARNING_PANE if independent else pane
    watching = learnt(Urns(NUMBERS, float(REFERENCE), independent), change.stream, learning, runs, seed)
    told = concepts(watching, period, pane)
    found = counted(told, period)
    name = f"{change.name}, back and forth every {period:,}"
    records = kept(told, name, setting, pane, seed)
    for measure, values in found.items():
        value, low, high = mean_of(values)
        bar = BARS[measure] if period == BARRED else NAN
        records.append(
            Record(
                ROW, name, setting, pane, REFERENCE, THRESHOLD, measure, value, low, high,
                n=values.size, seeds="-".join(map(str, seed)), bar=bar,
            )
        )  # fmt: skip
    return records


def kept(told: Sequence[Told], name: str, setting: str, pane: int, seed: tuple[int, ...]) -> list[Record]:
    """Return the alarms over the budget once what is new was accepted; none where it never was."""
    alarms, events = (np.sum([getattr(one, what) for one in told[1:]], axis=0) for what in ("after", "events"))
    watched = int(events.sum())
    if not watched:
        return []
    value, low, high = rate_of(alarms, watched / THRESHOLD)
    return [
        Record(
            ROW, name, setting, pane, REFERENCE, THRESHOLD, SPENT, value, low, high,
            n=watched, seeds="-".join(map(str, seed)), bar=1.0,
        )
    ]  # fmt: skip


def concepts(runs: streams.Runs, period: int, pane: int) -> list[Told]:
    """Return what was said in each concept. What the reference was is number 0, the others take turns.

    A retired reference is known by when it retired, so it is written down which of the two laws retires in each step:
    the one from before if what is new is accepted, the new one if it is over.
    """
    bank = runs.bank
    found: list[Told] = []
    began, every = np.asarray(bank.events, np.int64), np.arange(len(bank))
    law = np.full((len(bank), CONCEPTS * period // pane + 1), NEITHER)
    runs.begin(Part.BEFORE)
    for concept in range(CONCEPTS):
        told, now = Told.nothing(len(bank)), concept % 2
        still = (found[-1].alerts > 0) & ~found[-1].settled if found else np.zeros(len(bank), bool)
        for _ in range(period // pane):
            bank, said = runs.urns.step(bank, runs.pane(pane, now == 1), THRESHOLD)
            step = (bank.events - began) // pane
            right = (said.back_to >= 0) & (law[every, (bank.events - said.back_to - began) // pane] == now)
            alarmed, accepted = said.turn == Turn.ALARM, said.turn == Turn.ACCEPTED
            recovered, firing = said.turn == Turn.RECOVERED, (said.phase == Phase.FIRING) | accepted
            law[every, step] = np.where(accepted | (recovered & still), 1 - now, now)
            told.false += recovered & (told.alerts > 0) & ~told.settled
            told.recovered |= recovered & (told.alerts == 0) & still
            told.at_once |= alarmed & right & (told.alerts == 0)
            told.named = np.where(firing & (told.alerts + alarmed > 0) & ~told.settled, right, told.named)
            told.alerts += alarmed & ~told.settled
            told.after += alarmed & told.settled
            told.events += np.where(told.settled, pane, 0)
            told.settled |= accepted
            still &= ~recovered
        found.append(told)
    return found


def counted(told: Sequence[Told], period: int) -> dict[str, NDArray[np.float64]]:
    """Return, by measure, a number for each run."""
    new = [one.alerts[:, None] for one in told[1:]]
    drifts = np.concatenate(new, axis=1)
    seen = np.maximum((drifts > 0).sum(axis=1), 1)
    back = told[RETURNS:]
    return {
        ALERTS: drifts.sum(axis=1) / seen,
        AT_ONCE: 1 - np.mean([one.at_once | one.recovered for one in back], axis=0),
        LATER: 1 - np.mean([one.named | one.recovered for one in back], axis=0),
        FALSE: np.mean([one.false for one in told[1:]], axis=0) * 10_000 / period,
    }
