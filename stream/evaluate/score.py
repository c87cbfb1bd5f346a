"""The score of a detector where the changes are known: false alarms, delay, and how many changes it missed.

The first notice from a change on, and before the next change, is its detection; every other alarm is false. An alarm
that stands may notice a further change by moving on or by recovering: that counts as a detection, never as false.

>>> score([(50, True), (130, True), (140, True)], changes=[100, 500])
Score(false_alarms=2, delay=30.0, missed=1)
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """`delay` is the mean number of rows from the first changed row to the row of the detection, over the changes that
    were found; None if none was, or there was none to find."""

    false_alarms: int
    delay: float | None
    missed: int | None


def score(notices: Sequence[tuple[int, bool]], changes: Sequence[int]) -> Score:
    """Notices are rows, ascending, and whether a new alarm was raised."""
    delays: dict[int, int] = {}
    false_alarms = 0
    for row, is_alarm in notices:
        change = bisect_right(changes, row) - 1
        if change >= 0 and change not in delays:
            delays[change] = row - changes[change]
        elif is_alarm:
            false_alarms += 1
    delay = sum(delays.values()) / len(delays) if delays else None
    return Score(false_alarms, delay, len(changes) - len(delays) if changes else None)
