"""How far one lane has come: what was folded, what was committed, and what was published before this worker came."""

from dataclasses import dataclass

from stream.role import Lane


@dataclass(slots=True)
class Place:
    """`floor` stays; `next` runs ahead of `done` until the next transaction, or behind it while a log is replayed."""

    lane: Lane
    next: int  # first offset not yet folded
    floor: int  # Kafka's committed offset at the assignment: outputs below it were published before
    done: int  # first offset not yet committed, or NOTHING
    newest_ms: int = 0  # timestamp of the last record folded
    end: int = -1  # where the log ended when its end was last met: beyond `next` there were transaction markers only


NOTHING = -1  # committed: not even where the lane begins, so that a restart would ask `kafka.start_at` again
