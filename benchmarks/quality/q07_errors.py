"""How soon are more errors seen, A = 1e4?

5 % errors become 8 % or 10 % at once, or 8 % over a thousand events; rises only are watched for, as errors are.
Reference 5,000 events; panes of 1, 20 and 200. The limit of the gradual change is where its divergences add up.

Scale 1: 500 runs of the urns, 100 of the others; about 4 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.changes import gradual_rate, rate
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import OF_ERRORS, at_scale
from benchmarks.quality.record import Record, Task
from detectors.alternatives import RATES_UP

TITLE = "Errors, one-sided"
ROW = "Q7"
REFERENCE, THRESHOLD = 5000, 1e4
CASES = (
    (rate(RATES_UP, 0.05, 0.08), 430.0),
    (rate(RATES_UP, 0.05, 0.10), 210.0),
    (gradual_rate(RATES_UP, 0.05, 0.08, 1000), 950.0),
)

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each change."""
    return [Task(ROW, change.name, one, {"number": i, "scale": scale}) for i, (change, _) in enumerate(CASES)]


def one(number: int, scale: float) -> list[Record]:
    """Return everybody's delays."""
    change, bar = CASES[number]
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs_at(scale), (number,), both(bar))
    return compare(case, opponents=at_scale(OF_ERRORS, scale))
