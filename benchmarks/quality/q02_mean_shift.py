"""How soon is a shift of the mean seen, normal events, A = 1e4?

Shifts of .25, .5 and 1 standard deviation after a reference of 5,000 events; panes of 1, 20 and 200. Nothing is
calibrated in the urns: the threshold is the budget. The others come as they are, and calibrated to one alarm in 1e4.

Scale 1: 500 runs of the urns, 100 of River's detectors (20 of KSWIN); about 2 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.changes import mean_shift
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import OF_NUMBERS, at_scale
from benchmarks.quality.record import Record, Task

TITLE = "Normal, shift of the mean, A = 1e4"
ROW = "Q2"
REFERENCE, THRESHOLD = 5000, 1e4
BARS = {0.25: 200.0, 0.5: 66.0, 1.0: 21.5}

OF_MEANS_ONLY = (
    "Calibrated ADWIN is a detector of one thing, shifts of a mean, and for small ones of normal events it is the best "
    "there is. The urn spreads its bets over 23 shapes of change; what that buys is in Q4 to Q6. The calibration needs "
    "simulated events of the very stream; where those are not to be had ADWIN comes as it comes, which is slower here."
)
OF_NORMAL_MEANS = (
    "FOCuS0 and FOCuS are likelihood ratios of this very change of these very events: normal ones, whose mean moves. "
    "The urn knows neither that they are normal nor that it is the mean, and pays the prior weight of such a shift."
)
LOSSES: dict[str, str] = {
    **{f"mean +{shift:g} sd, ADWIN, calibrated": OF_MEANS_ONLY for shift in BARS},
    **{f"mean +{shift:g} sd, {name}, calibrated": OF_NORMAL_MEANS for shift in BARS for name in ("FOCuS0", "FOCuS")},
}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each shift."""
    return [Task(ROW, f"+{shift:g} sd", shifted, {"shift": shift, "scale": scale}) for shift in BARS]


def shifted(shift: float, scale: float) -> list[Record]:
    """Return everybody's delays."""
    seed = (int(100 * shift),)
    case = Case(ROW, mean_shift(shift), REFERENCE, THRESHOLD, runs_at(scale), seed, both(BARS[shift]))
    return compare(case, opponents=at_scale(OF_NUMBERS, scale))
