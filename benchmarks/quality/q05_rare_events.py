"""How soon are rare events seen: spikes in 5 % of normal events, and nulls that go from 1 % to 6 %?

Spikes are at five standard deviations, a tenth wide. Reference 5,000 events, A = 1e4, panes of 1, 20 and 200. Nulls
are watched for rises and falls.

Scale 1: 500 runs of the urns, 100 of River's detectors (20 of KSWIN); about 2 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.changes import rate, spikes
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import OF_ERRORS, OF_NUMBERS, at_scale
from benchmarks.quality.record import Record, Task
from detectors.alternatives import RATES

TITLE = "Spikes, and nulls"
ROW = "Q5"
REFERENCE, THRESHOLD = 5000, 1e4
CASES = ((spikes(0.05), 50.0), (rate(RATES, 0.01, 0.06), 90.0))

OF_NORMAL_EVENTS = (
    "It has been told that events are normal, and to a normal law one value at five standard deviations is an alarm: "
    "it waits for the first spike, as the oracle does. Without that law a single value far out is what any heavy-"
    "tailed column has daily (Q6), so the urn waits for the third or so."
)
LOSSES: dict[str, str] = {
    "5% spikes of 5 sd": (
        "Spikes that hide in bins which are next to empty: half of what is bet on them goes there, the other half to "
        "the tail as it was, and with twenty-one other bets each pays for its share of the stake."
    ),
    "rate 0.01 -> 0.06": (
        "Nulls are watched in both directions, because a rate that falls to nothing is a fault as well, and the stake"
        " is spread over seven odds. The bar is what a bet upwards alone reaches."
    ),
    **{f"5% spikes of 5 sd, {name}, calibrated": OF_NORMAL_EVENTS for name in ("FOCuS0", "FOCuS")},
}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each change."""
    return [Task(ROW, change.name, one, {"number": i, "scale": scale}) for i, (change, _) in enumerate(CASES)]


def one(number: int, scale: float) -> list[Record]:
    """Return everybody's delays."""
    change, bar = CASES[number]
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs_at(scale), (number,), both(bar))
    return compare(case, opponents=at_scale(OF_ERRORS if change.stream.bins else OF_NUMBERS, scale))
