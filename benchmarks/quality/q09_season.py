"""Is a day's shape taken for drift, and how soon is a drift seen in spite of it?

Normal numbers with a daily swing, a sine of .5 or 1 standard deviation with noon at a random hour; 20 events an hour
known for 7 and for 28 days, 200 an hour known for 7 days; with days that are all alike, and with days whose level
differs by .2 standard deviations. A = 1e4, panes of 1 and 20, cut at the hour.

`season` is the shipped detector of columns with a season, `season, independent` the same told that days are alike;
`one urn` is what the column would have without. Budget: the weeks after, every alarm dismissed as false. Delay: +.5
standard deviations; log A / KL is 73.7 events. Seven days at 20 an hour are the least that the slots can be used with.

Scale 1: 100 runs (40 at 200 an hour) of two weeks a cell; about 30 minutes on two cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.intervals import mean_of, rate_of
from benchmarks.quality.record import DELAY, NAN, SPENT, Record, Task, seeded
from benchmarks.quality.streams import STEP, tally
from detectors import binning
from detectors.alternatives import NUMBERS
from detectors.season import HOUR_MS, Season
from detectors.urn import Urns, Verdicts

TITLE = "Season"
ROW = "Q9"
THRESHOLD, SHIFT, REFERENCE = 1e4, 0.5, 1000.0
SWINGS, NOISES, PANES = (0.5, 1.0), (0.0, 0.2), (1, 20)
HISTORIES = ((20, 7), (20, 28), (200, 7))  # events an hour, days
BAR, ALLOWANCE = 95.0, 1.3  # of the delay, told that days are alike; and how much longer the default may take
HORIZON_HOURS, WATCHED_DAYS = 200, 14
QUIET = 480  # events: more would leave out most runs
LEARNING_PANE = 20  # seasons measure the dependence on stretches of time: while learning any size comes to the same
MIDNIGHT = 1_759_968_000_000

Judge = Season | Urns
DETECTORS: dict[str, Judge] = {
    "season": Season(NUMBERS, "day", REFERENCE),
    "season, independent": Season(NUMBERS, "day", REFERENCE, independent=True),
    "one urn": Urns(NUMBERS, REFERENCE),
    "one urn, independent": Urns(NUMBERS, REFERENCE, independent=True),
}

LOSSES: dict[str, str] = {}


@dataclass
class Days:
    """Many runs of a stream with a season, counted in bins that were derived from a day of it."""

    random: np.random.Generator
    runs: int
    swing: float
    noise: float
    an_hour: int
    events: int = 0

    def __post_init__(self) -> None:
        self.noon = self.random.random((self.runs, 1)) * 24
        self.level = np.zeros((self.runs, 1))
        self.edges = [np.zeros(0, np.int32)] * self.runs
        values = binning.universal(self.draw(24 * self.an_hour, 0.0))
        self.edges = [binning.derive(*np.unique(row, return_counts=True)) for row in values]
        self.flat = np.concatenate([edges.astype(np.int64) + STEP * run for run, edges in enumerate(self.edges)])
        self.offset = np.cumsum([0] + [len(edges) for edges in self.edges[:-1]])[:, None]
        self.bins = max(len(edges) for edges in self.edges) + 1
        self.events = 0

    @property
    def at(self) -> int:
        """The time of the last event."""
        return MIDNIGHT + (self.events - 1) * HOUR_MS // self.an_hour

    def draw(self, number: int, shift: float) -> NDArray[np.float64]:
        """Return the next events, [runs, events]."""
        hours = (self.events + np.arange(number)) / self.an_hour
        if self.noise and self.events % (24 * self.an_hour) == 0:
            self.level = self.random.normal(0, self.noise, (self.runs, 1))
        self.events += number
        season = self.swing * np.sin(2 * np.pi * (hours - self.noon) / 24)
        return np.asarray(self.random.normal(0, 1, (self.runs, number)) + season + self.level + shift)

    def pane(self, number: int, shift: float = 0.0) -> NDArray[np.int64]:
        """Return the counts of the next events, [runs, bins]."""
        keys = binning.universal(self.draw(number, shift)) + STEP * np.arange(self.runs)[:, None]
        return tally(np.searchsorted(self.flat, keys, side="right") - self.offset, self.bins)


@dataclass
class Watched:
    """A detector at these runs."""

    judge: Judge
    days: Days
    state: Any

    @classmethod
    def after(cls, judge: Judge, days: Days, history: int, pane: int) -> Watched:
        """Return it with so many days behind it."""
        empty: Any = judge.start()
        start = judge.add(empty, [np.zeros(len(edges) + 1, np.int64) for edges in days.edges])
        watched = cls(judge, days, start)
        if isinstance(judge, Season) or judge.independent:
            pane = LEARNING_PANE
        for _ in range(history * 24 * days.an_hour // pane):
            watched.see(pane)
        return watched

    def see(self, pane: int, shift: float = 0.0, dismiss: bool = True) -> Verdicts:
        """Take a step; alarms are false if they are to be dismissed."""
        counts, at = self.days.pane(pane, shift), self.days.at
        if isinstance(self.judge, Season):
            self.state, said = self.judge.step(self.state, (at, counts), THRESHOLD)
        else:
            self.state, said = self.judge.step(self.state, counts, THRESHOLD)
        if dismiss and said.drifted.any():
            self.state = self.judge.dismiss(self.state, np.flatnonzero(said.drifted).tolist())
        return said


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each detector and cell; one urn is only shown at panes of 20."""
    found = []
    for swing in SWINGS:
        for an_hour, history in HISTORIES[:1] if scale < 0.05 else HISTORIES:
            for noise in NOISES:
                for pane in PANES[1:] if scale < 0.05 else PANES:
                    for name in DETECTORS if pane == LEARNING_PANE else ("season", "season, independent"):
                        cell = {"swing": swing, "an_hour": an_hour, "history": history, "noise": noise, "pane": pane}
                        title = ", ".join(map(str, cell.values()))
                        arguments = {**cell, "name": name, "scale": scale}
                        found.append(Task(ROW, f"season, {name}, {title}", measured, arguments))
    return found


def measured(
    swing: float, an_hour: int, history: int, noise: float, pane: int, name: str, scale: float
) -> list[Record]:
    """Return the alarms over the budget, and the delay, of one detector in one cell."""
    runs = max(10, round((100 if an_hour < 100 else 40) * scale))
    number = (int(10 * swing), an_hour, history, int(10 * noise), pane)
    case = f"swing {swing:g} sd, {an_hour} an hour, {history} days known"
    case += f", days differ by {noise:g} sd" if noise else ""
    told = name.endswith("independent") and noise > 0
    note = "told that days are alike, wrongly" if told else ""
    seeds, judge = "-".join(map(str, number)), DETECTORS[name]

    def record(measure: str, value: float, low: float, high: float, **more: Any) -> Record:
        return Record(ROW, case, name, pane, int(REFERENCE), THRESHOLD, measure, value, low, high, seeds=seeds, **more)

    watched = Watched.after(judge, Days(seeded(ROW, *number, 1), runs, swing, noise, an_hour), history, pane)
    alarms, steps = np.zeros(runs, np.int64), int(WATCHED_DAYS * max(scale, 0.2)) * 24 * an_hour // pane
    for _ in range(steps):
        alarms += watched.see(pane).drifted
    spent = rate_of(alarms, steps * pane * runs / THRESHOLD)
    bar = 1.0 if name.startswith("season") and not told else NAN
    records = [record(SPENT, *spent, n=steps * pane * runs, bar=bar, note=note)]
    if not name.startswith("season") or told:
        return records

    watched = Watched.after(judge, Days(seeded(ROW, *number, 2), runs, swing, noise, an_hour), history, pane)
    found = delays(watched, pane)
    bar = BAR if name.endswith("independent") else ALLOWANCE * BAR
    median, p90 = np.quantile(found, [0.5, 0.9]) if found.size else (NAN, NAN)
    horizon = HORIZON_HOURS * an_hour
    mean = mean_of(found)
    more = {
        "median": float(median), "p90": float(p90), "missed": float((found == horizon).mean()), "n": len(found),
        "r1": mean[0] / (2 * log(THRESHOLD) / SHIFT**2), "bar": NAN if noise or pane > 1 else bar,
    }  # fmt: skip
    return [*records, record(DELAY, *mean, **more)]


def delays(watched: Watched, pane: int) -> NDArray[np.float64]:
    """Return the events from the change to the alarm, of the runs that were quiet before."""
    an_hour, quiet = watched.days.an_hour, np.ones(watched.days.runs, bool)
    for _ in range(QUIET // pane):
        quiet &= ~watched.see(pane, dismiss=False).drifted
    horizon = HORIZON_HOURS * an_hour
    found = np.full(watched.days.runs, float(horizon))
    for at in range(pane, horizon, pane):
        said = watched.see(pane, SHIFT, dismiss=False)
        found[said.drifted & (found == horizon)] = at
        if (found < horizon)[quiet].all():
            break
    return found[quiet]
