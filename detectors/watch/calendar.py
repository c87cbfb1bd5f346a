"""Calendar: from "so many rows ago" to a time, and how many rows a week there are, from the panes themselves.

Detectors count rows; people want a time, and state their budget in one. The latest panes are remembered one by one,
older ones ever more sparsely (`detectors/watch/past.py`).

>>> days = Calendar()
>>> for i in range(1000):
...     days = turn(days, rows=10 * i, at=i * 1000)
>>> when(days, rows=9_905), when(days, rows=5_005), len(days.rows) <= MOST
(990000, 496000, True)
"""

from bisect import bisect_right
from itertools import compress

import msgspec
import numpy as np

from detectors.watch.past import joined

MOST = 256  # entries: four kilobytes for each subject

DAY_MS, WEEK_MS = 86_400_000, 604_800_000


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """Two ascending lists: rows seen before a pane, and when its earliest event happened."""

    rows: list[int] = []
    at: list[int] = []


def turn(calendar: Calendar, rows: int, at: int) -> Calendar:
    """The calendar with one more pane; when full, without those that are missed least."""
    seen, times = [*calendar.rows, rows], [*calendar.at, at]
    if len(seen) >= MOST:
        [gone] = joined(rows - np.array([seen], np.float64))
        seen, times = list(compress(seen, ~gone)), list(compress(times, ~gone))
    return Calendar(rows=seen, at=times)


def per_week(calendar: Calendar, rows: int, first_at: int, at: int) -> float | None:
    """How many rows a week there are by now, given how many there were since the first: as in the last day or in the
    last week, whichever had more. Younger streams go by all that was seen; None: no time has passed.

    >>> grown = Calendar(rows=[0, 9_000, 10_000], at=[0, 9 * DAY_MS, 10 * DAY_MS])
    >>> per_week(grown, 20_000, 0, 11 * DAY_MS), per_week(grown, 40, 0, DAY_MS // 2)
    (70000.0, 560.0)
    """
    if at <= first_at:
        return None
    places = (bisect_right(calendar.at, at - span) - 1 for span in (DAY_MS, WEEK_MS))
    since = [(calendar.rows[place], calendar.at[place]) for place in places if place >= 0] or [(0, first_at)]
    return max((rows - then) * WEEK_MS / (at - ago) for then, ago in since)


def when(calendar: Calendar, rows: int) -> int:
    """When the row with this number came: the beginning of its pane. 0 if nothing was seen yet."""
    if not calendar.rows:
        return 0
    return calendar.at[max(0, bisect_right(calendar.rows, rows) - 1)]


def until(calendar: Calendar, began: int, least: int, at: int) -> int:
    """When a pane that began then had ended, as far as it is known `at` this time: when the next one began, and no
    sooner than after `least` milliseconds, for panes of several workers overlap.

    >>> days = Calendar(rows=[0, 10, 20], at=[5_000, 5_100, 6_000])
    >>> until(days, 5_000, 1_000, 9_000), until(days, 5_100, 0, 9_000), until(days, 6_000, 0, 9_000)
    (6000, 6000, 9000)
    """
    following = min((other for other in calendar.at if other > began), default=at)
    return max(began, min(at, max(following, began + least)))
