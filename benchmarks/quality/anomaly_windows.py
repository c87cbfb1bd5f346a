"""How well alarms agree with labelled windows: the standard profile of the Numenta anomaly benchmark.

Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta anomaly benchmark" (2015), section 3:
the earliest alarm in a window scores the more, the earlier it is; an alarm outside costs the more, the further it is
behind the last window; a window without an alarm costs one. With y the place in the window, -1 its left and 0 its
right end,

    s(y) = 2 / (1 + e^(5 y)) - 1

beyond three lengths of the last window, and before the first window, an alarm costs in full. The first 15 % of a
series (of at most 5,000 rows) are to learn from: alarms there do not count, nor do windows that lie in it altogether.

>>> series = ((100, 199),)
>>> [round(raw(alarms, series, 1000), 3) for alarms in ([], [150], [150, 160], [900])]
[-1.0, 0.86, 0.86, -1.11]
>>> round(raw([160, 205], series, 1000), 3), round(raw([160, 260], series, 1000), 3)
(0.755, 0.672)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

PROBATION, PROBATION_ROWS = 0.15, 5000
HIT, FALSE, MISS = 1.0, 0.11, 1.0  # the weights of the standard profile
FAR = 3.0

Windows = Sequence[tuple[int, int]]


def place(y: float) -> float:
    """Return the score of a place: almost 1 at the left end of a window, 0 at its right end, towards -1 behind it.

    >>> [round(place(y), 3) for y in (-1.0, -0.5, 0.0, 1.0, 4.0)]
    [0.987, 0.848, 0.0, -0.987, -1.0]
    """
    return -1.0 if y >= FAR else 2 / (1 + exp(5 * y)) - 1


def probation(rows: int) -> int:
    """Return how many rows are to learn from."""
    return int(PROBATION * min(rows, PROBATION_ROWS))


def judged(windows: Windows, rows: int) -> list[tuple[int, int]]:
    """Return the windows that count."""
    return [window for window in windows if window[1] >= probation(rows)]


def raw(alarms: Sequence[int], windows: Windows, rows: int) -> float:
    """Return the score of one series: the sum over its windows and its false alarms."""
    heard = [row for row in alarms if row >= probation(rows)]
    score = 0.0
    for first, last in judged(windows, rows):
        inside = [row for row in heard if first <= row <= last]
        width = last - first + 1
        score += HIT * place((min(inside) - last - 1) / width) / place(-1.0) if inside else -MISS
    outside = [row for row in heard if not any(first <= row <= last for first, last in windows)]
    return score + FALSE * sum(place(behind(row, windows)) for row in outside)


def behind(row: int, windows: Windows) -> float:
    """Return how many lengths of the last window a row is behind it; far, if there was none."""
    last = max((window for window in windows if window[1] < row), key=lambda window: window[1], default=None)
    return FAR if last is None else (row - last[1]) / max(last[1] - last[0], 1)


def normalised(scores: Sequence[float], windows: int) -> float:
    """Return the score of a benchmark: 0 for silence, 100 for an alarm at the first row of every window.

    >>> normalised([-1.0, -2.0], 3), normalised([3.0], 3)
    (0.0, 100.0)
    """
    return 100 * (sum(scores) + MISS * windows) / ((HIT + MISS) * windows)
