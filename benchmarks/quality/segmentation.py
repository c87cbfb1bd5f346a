"""How well change points agree with what several people saw: F1 and cover, as the Turing benchmark counts them.

van den Burg and Williams, "An evaluation of change point detection algorithms" (2020), section 3: a change point is
right if it is within five rows of one that a person saw, each used once; precision is against what all people saw
together, recall is the mean over people; row 0 belongs to everybody. The cover is the mean over people of how well
their segments are overlapped by the best segment found.

>>> people = {"a": (10, 20), "b": (11, 20), "c": (10,), "d": (0, 5)}
>>> f1(people, [10, 20]), round(f1({"a": (), "b": (10,), "c": (50,)}, [10]), 4)
(1.0, 0.9091)
>>> round(cover({"a": (10, 20), "b": (10,), "c": (0, 5)}, [10, 20], 45), 4)
0.7963
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

MARGIN = 5

People = Mapping[str, Sequence[int]]


def found(true: Iterable[int], said: Iterable[int]) -> int:
    """Return how many true change points have a said one of their own within the margin.

    >>> found([1, 10, 20, 23], [1, 3, 5, 8, 20])
    3
    """
    left, number = set(said), 0
    for change in sorted(true):
        near = min(left, key=lambda one: (abs(change - one), one), default=None)
        if near is not None and abs(change - near) <= MARGIN:
            left.remove(near)
            number += 1
    return number


def f1(people: People, said: Iterable[int]) -> float:
    """Return the harmonic mean of precision and recall."""
    own = {0, *said}
    each = [{0, *changes} for changes in people.values()]
    precision = found(set().union(*each), own) / len(own)
    recall = sum(found(changes, own) / len(changes) for changes in each) / len(each)
    return 2 * precision * recall / (precision + recall)


def cover(people: People, said: Iterable[int], rows: int) -> float:
    """Return the mean cover of the people's segments by those found."""
    own = segments(said, rows)
    each = [
        sum((end - start) * max(jaccard((start, end), other) for other in own) for start, end in segments(one, rows))
        for one in people.values()
    ]
    return sum(each) / len(each) / rows


def segments(changes: Iterable[int], rows: int) -> list[tuple[int, int]]:
    """Return the first row of each segment, and the row after its last.

    >>> segments([0, 4], 6)
    [(0, 4), (4, 6)]
    """
    return list(pairwise(sorted({0, rows, *(change for change in changes if change < rows)})))


def jaccard(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return how much of two segments is common to both."""
    common = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return common / (one[1] - one[0] + other[1] - other[0] - common)
