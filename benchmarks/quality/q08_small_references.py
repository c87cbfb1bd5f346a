"""Does a small reference keep the budget, and what does it cost?

References of 200 and 500 events: alarms over the budget at A = 1e4 and panes of 1, 20 and 200, on normal, lognormal
and mostly zero streams; and the delays of shifts of the mean and of twice the variance at pane 1, which are to be
within 1.35 times those of a reference of 20,000 events in the same setting (at --quick: 5,000).

The shipped default trusts a reference from 300 effective events and 24 panes on, whatever it is told.

Scale 1: 500 runs and 2e6 events a cell; about 6 minutes on two cores.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality import streams
from benchmarks.quality.changes import mean_shift, variance
from benchmarks.quality.delay import PANES, SETTINGS, Case, oracle_delays, runs_at, urn_delays
from benchmarks.quality.nulls import null
from benchmarks.quality.record import Record, Task
from detectors.alternatives import NUMBERS

TITLE = "Small references"
ROW = "Q8"
THRESHOLD, LARGE, SMALL = 1e4, 20_000, (200, 500)
LARGE_QUICK = 5000
SLOWER = 1.35

NULLS = {
    "normal": streams.gaussian(),
    "lognormal": streams.lognormal(),
    "60 % zeros, lognormal": streams.zero_inflated(),
}
CHANGES = (mean_shift(0.25), mean_shift(0.5), mean_shift(1.0), variance(2.0))

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each cell of the budget, and one for each change and setting."""
    delays = [
        Task(ROW, f"{change.name}, {setting}", slower, {"number": i, "setting": setting, "scale": scale})
        for i, change in enumerate(CHANGES)
        for setting in SETTINGS
    ]
    cells = [
        {"family": family, "reference": reference, "pane": pane, "setting": setting}
        for family in NULLS
        for reference in SMALL
        for pane in PANES
        for setting in SETTINGS
    ]
    return delays + [Task(ROW, ", ".join(map(str, c.values())), kept, {**c, "scale": scale}) for c in cells]


def kept(family: str, reference: int, pane: int, setting: str, scale: float) -> list[Record]:
    """Return the alarms over the budget."""
    seed = (list(NULLS).index(family), reference, pane)
    return null(ROW, family, NUMBERS, NULLS[family], setting, pane, reference, THRESHOLD, scale, seed)


def slower(number: int, setting: str, scale: float) -> list[Record]:
    """Return the delays after a large reference and after small ones."""
    case = Case(ROW, CHANGES[number], LARGE, THRESHOLD, runs_at(scale), (100 + number,))
    best = oracle_delays(case.change, THRESHOLD, case.runs, case.seed)
    records: list[Record] = []
    for reference in (LARGE if scale >= 0.05 else LARGE_QUICK, *SMALL):
        found = urn_delays(case.change, SETTINGS[setting], 1, reference, THRESHOLD, case.runs, case.seed)
        bar = SLOWER * records[0].value if records else np.nan
        records.append(replace(case, reference=reference).record(setting, 1, found, best, bar))
    return records
