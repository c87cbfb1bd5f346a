"""How soon is a change of the variance seen, normal events, A = 1e4?

Twice and half the variance after a reference of 5,000 events; panes of 1, 20 and 200. A detector of means sees these
only by accident.

Scale 1: 500 runs of the urns, 100 of River's detectors (20 of KSWIN); about 2 minutes on two cores.
"""

from __future__ import annotations

from math import nan
from pathlib import Path

from benchmarks.quality.changes import variance
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import OF_NUMBERS, at_scale
from benchmarks.quality.record import Record, Task

TITLE = "Normal, change of the variance"
ROW = "Q4"
REFERENCE, THRESHOLD = 5000, 1e4
CASES = ((variance(2.0), 60.0), (variance(0.5), nan))

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each change."""
    return [Task(ROW, change.name, one, {"number": i, "scale": scale}) for i, (change, _) in enumerate(CASES)]


def one(number: int, scale: float) -> list[Record]:
    """Return everybody's delays."""
    change, bar = CASES[number]
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs_at(scale), (number,), both(bar))
    return compare(case, opponents=at_scale(OF_NUMBERS, scale))
