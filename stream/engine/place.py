"""How far one lane has come: what was folded, what was committed, and what was published before this worker came.

>>> place = Place(Lane("panes", 3), next=70, floor=60, done=70, newest_ms=1_000)
>>> place.lag(high=75, now_s=3.0)
Lag(messages=5, seconds=2.0)
>>> place.end = 75  # the end was met without a record on the way to it
>>> place.lag(high=75, now_s=3.0)
Lag(messages=0, seconds=0.0)
"""

from dataclasses import dataclass

from stream.engine.observed import Lag
from stream.engine.role import Lane


@dataclass(slots=True)
class Place:
    """`floor` stays; `next` runs ahead of `done` until the next transaction, or behind it while a log is replayed."""

    lane: Lane
    next: int  # first offset not yet folded
    floor: int  # Kafka's committed offset at the assignment: outputs below it were published before
    done: int  # first offset not yet committed, or NOTHING
    newest_ms: int = 0  # timestamp of the last record folded
    oldest_ms: int = 0  # timestamp of the first record since the last transaction
    end: int = -1  # where the log ended when its end was last met: beyond `next` there were transaction markers only

    def lag(self, high: int, now_s: float) -> Lag:
        """Behind a log that ends at `high`."""
        if self.end >= self.next or self.next >= high or not self.newest_ms:
            return Lag(0, 0.0)
        return Lag(high - self.next, max(0.0, now_s - self.newest_ms / 1000))


NOTHING = -1  # committed: not even where the lane begins, so that a restart would ask `kafka.start_at` again
