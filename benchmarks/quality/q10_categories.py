"""How soon are changes of a category seen, A = 1e4?

Ten categories with Zipf's shares: the most frequent one rises from 34 to 44 %, the rarest from 3.4 to 8 %, a new one
takes 2 %, the second and the sixth swap places. Reference 5,000 events; panes of 1, 20 and 200.

Scale 1: 500 runs; about 2 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality.changes import categories, raised, swapped
from benchmarks.quality.delay import Case, both, compare, runs_at
from benchmarks.quality.opponents import OF_CATEGORIES, at_scale
from benchmarks.quality.record import Record, Task

TITLE = "Categories"
ROW = "Q10"
REFERENCE, THRESHOLD = 5000, 1e4
CASES = (
    (categories("most frequent .34 -> .44", raised(0, 0.44)), 385.0),
    (categories("rarest .034 -> .08", raised(9, 0.08)), 320.0),
    (categories("unseen 0 -> .02", raised(10, 0.02)), 100.0),
    (categories("second and sixth swapped", swapped(1, 5)), 90.0),
)

LOSSES: dict[str, str] = dict.fromkeys(
    (change.name for change, _ in CASES),
    "Every category is watched for seven changes, so a change of one of them is a seventieth of the stake. A bet on "
    "pairs that swap would see the swap sooner, and cost all others.",
)


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each change."""
    return [Task(ROW, change.name, one, {"number": i, "scale": scale}) for i, (change, _) in enumerate(CASES)]


def one(number: int, scale: float) -> list[Record]:
    """Return everybody's delays."""
    change, bar = CASES[number]
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs_at(scale), (number,), both(bar))
    return compare(case, opponents=at_scale(OF_CATEGORIES, scale))
