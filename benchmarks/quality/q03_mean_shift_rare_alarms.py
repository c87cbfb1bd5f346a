"""How soon is a shift of the mean seen when one false alarm in a million events is allowed?

As Q2 at A = 1e6: a hundred times fewer false alarms. The figures of the others stop at ADWIN, which is fast enough to
be calibrated at one alarm in 1e6 events.

Scale 1: 500 runs of the urns, 100 of ADWIN; about 3 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.changes import mean_shift
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import ADWINS, at_scale
from benchmarks.quality.q02_mean_shift import OF_MEANS_ONLY
from benchmarks.quality.record import Record, Task

TITLE = "Normal, shift of the mean, A = 1e6"
ROW = "Q3"
REFERENCE, THRESHOLD = 5000, 1e6
BARS = {0.25: 395.0, 0.5: 112.0, 1.0: 32.0}

LOSSES: dict[str, str] = {f"mean +{shift:g} sd, ADWIN, calibrated": OF_MEANS_ONLY for shift in BARS}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each shift."""
    return [Task(ROW, f"+{shift:g} sd", shifted, {"shift": shift, "scale": scale}) for shift in BARS]


def shifted(shift: float, scale: float) -> list[Record]:
    """Return everybody's delays."""
    seed = (int(100 * shift),)
    case = Case(ROW, mean_shift(shift), REFERENCE, THRESHOLD, runs_at(scale), seed, both(BARS[shift]))
    return compare(case, opponents=at_scale(ADWINS, scale))
