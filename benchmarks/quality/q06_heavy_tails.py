"""How soon are changes of heavy-tailed and skewed streams seen, A = 1e4?

Student's t with three degrees of freedom, +.5 standard deviations and twice the variance; lognormal, its logarithm
+.25 and itself +.5 standard deviations. Reference 5,000 events; panes of 1, 20 and 200.

Scale 1: 500 runs of the urns, 100 of River's detectors (20 of KSWIN); about 3 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.changes import (
    heavy_tailed_shift,
    heavy_tailed_variance,
    lognormal_log_shift,
    lognormal_shift,
)
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import OF_NUMBERS, at_scale
from benchmarks.quality.record import Record, Task

TITLE = "Heavy tails and skew"
ROW = "Q6"
REFERENCE, THRESHOLD = 5000, 1e4
CASES = (
    (heavy_tailed_shift(0.5), 45.0),
    (heavy_tailed_variance(2.0), 138.0),
    (lognormal_log_shift(0.25), 210.0),
    (lognormal_shift(0.5), 29.0),
)

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each change."""
    return [Task(ROW, change.name, one, {"number": i, "scale": scale}) for i, (change, _) in enumerate(CASES)]


def one(number: int, scale: float) -> list[Record]:
    """Return everybody's delays."""
    change, bar = CASES[number]
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs_at(scale), (number,), both(bar))
    return compare(case, opponents=at_scale(OF_NUMBERS, scale))
