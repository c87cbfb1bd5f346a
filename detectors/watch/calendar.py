"""Calendar: from "so many rows ago" to a time, from the panes themselves.

Detectors count rows; people want a time. The latest panes are remembered one by one, older ones ever more sparsely, so
that a few hundred entries reach back for weeks.

>>> days = Calendar()
>>> for i in range(1000):
...     days = turn(days, rows=10 * i, at=i * 1000)
>>> when(days, rows=9_905), len(days.rows) <= MOST
(990000, True)
"""

from bisect import bisect_right

import msgspec

MOST = 256


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Two ascending lists: rows seen before a pane, and when its earliest event happened."""

    rows: list[int] = []
    at: list[int] = []


def turn(calendar: Calendar, rows: int, at: int) -> Calendar:
    """The calendar with one more pane; when full, every second entry of the older half is dropped."""
    seen, times = [*calendar.rows, rows], [*calendar.at, at]
    if len(seen) > MOST:
        half = MOST // 2
        seen, times = seen[:half:2] + seen[half:], times[:half:2] + times[half:]
    return Calendar(rows=seen, at=times)


def when(calendar: Calendar, rows: int) -> int:
    """When the row with this number came: the beginning of its pane. 0 if nothing was seen yet."""
    if not calendar.rows:
        return 0
    return calendar.at[max(0, bisect_right(calendar.rows, rows) - 1)]
