"""What a batch of messages says at a glance: whether all are written in one way, and when they came.

Here every step is paid for each message, so questions are asked of all at once, and in no more than a few passes.

>>> at_a_glance([b"{}", b'{"model": "churn"}'], [None, None])
''
>>> at_a_glance([b"{}", b""], [None, None])
>>> arrivals([(1, 1_769_851_800_000), (0, -1)], now_ms=1_769_851_900_000).tolist()
[1769851800000, 1769851900000]
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final

import numpy as np

from schemas.cloudevent import PACKED
from schemas.event import MESSAGE_BYTES
from schemas.moment import believed
from schemas.packed import MAPS
from stream.counting.columns import Ints

TIMESTAMP_NOT_AVAILABLE: Final = 0
PLAINLY_PACKED: Final = [("content-type", PACKED.encode())]  # the usual headers of a packed event: no others

FIRST, SECOND = itemgetter(0), itemgetter(1)

Stamp = tuple[int, int]  # which clock, and its milliseconds
Glance = Callable[[Sequence[Any], Sequence[Any]], str | None]
Times = Callable[[Sequence[Stamp]], Ints | None]


def at_a_glance(values: Sequence[Any], headers: Sequence[Any]) -> str | None:
    """The media type of all messages, if it is clear that they have one in common and none is empty or too long. JSON:
    nothing."""
    if not all(values) or max(map(len, values), default=0) > MESSAGE_BYTES:
        return None
    if any(headers):
        return PACKED if headers.count(PLAINLY_PACKED) == len(headers) else None
    first = bytes(map(FIRST, values))
    if first.isascii():
        return ""
    return None if first.translate(None, MAPS) else PACKED


def times(stamps: Sequence[Stamp]) -> Ints | None:
    """What Kafka's clocks say, if each message has such a time."""
    if TIMESTAMP_NOT_AVAILABLE in map(FIRST, stamps):
        return None
    return np.fromiter(map(SECOND, stamps), np.int64, len(stamps))


def arrivals(stamps: Sequence[Stamp], now_ms: int, times: Times = times) -> Ints:
    """Kafka's time for each message, or the worker's (`arrival`)."""
    arrived = times(stamps)
    if arrived is None or (arrived.size and not (believed(arrived.min()) and believed(arrived.max()))):
        return np.array([arrival(stamp, now_ms) for stamp in stamps], np.int64)
    return arrived


def arrival(stamp: Stamp, now_ms: int) -> int:
    """Kafka's time for a message; the worker's where Kafka has none, or none that can be."""
    clock, at = stamp
    return now_ms if clock == TIMESTAMP_NOT_AVAILABLE or not believed(at) else at
