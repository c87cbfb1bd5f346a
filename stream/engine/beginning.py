"""Where the fold of a lane begins, given what Kafka and Redis remember of it.

What is remembered is an offset that was committed (Kafka), a mark below which every record is inside some snapshot
(Redis, stateful roles only), and what the log still holds: `low` (first record) to `high` (end).

>>> begin(Memory(committed=70, mark=40, low=0, high=90, stateful=True), "earliest")  # a replay of 30 records
Beginning(next=40, floor=70, committed=True, lost=0, caution='')
>>> begin(Memory(committed=None, mark=None, low=5, high=90), "latest")
Beginning(next=90, floor=90, committed=False, lost=0, caution='')
>>> begin(Memory(committed=70, mark=None, low=80, high=90), "earliest").lost
10
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from stream.engine.surprise import Surprise

StartAt = Literal["earliest", "latest", "error"]


class Mark(NamedTuple):
    """What Redis remembers of a lane. `outdated`: only what was of another topic of the same name, so there is none."""

    offset: int | None = None
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Memory:
    """What is known of a lane when it is assigned. `stateful` lanes have a mark, or would have one; `renewed`: what was
    committed was an offset of another topic of the same name; `outdated`: so was the mark, which is None then; `added`:
    the partition came to a topic that this group had begun to read already."""

    committed: int | None
    mark: int | None
    low: int
    high: int
    stateful: bool = False
    renewed: bool = False
    outdated: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class Beginning:
    """`next` is read first; outputs below `floor` were published before; `lost` records are gone from the log.

    `committed`: Kafka remembers `floor`. Else it is committed with the first transaction, and a gap is told only once.
    """

    next: int
    floor: int
    committed: bool
    lost: int = 0
    caution: str = ""


def begin(memory: Memory, start_at: StartAt) -> Beginning:
    """Raises Surprise where only an operator can decide."""
    start = {"earliest": memory.low, "latest": memory.high, "error": None}[start_at]
    if memory.committed is None:
        return _never_read(memory, start)
    if memory.renewed and start is not None:
        return _recreated(memory, start)
    if memory.mark is not None and memory.mark > memory.committed:
        raise Surprise(
            f"Redis has read up to {memory.mark} and Kafka remembers only {memory.committed}: they are not of one "
            "installation, or one was restored from a backup. Delete the snapshots of this lane in Redis to rebuild "
            "them from the log"
        )
    if memory.low <= memory.committed <= memory.high and not memory.renewed:
        return _replayed(memory, memory.committed)
    if start is None:
        raise Surprise(
            f"offset {memory.committed} was committed and the log now holds {memory.low} to {memory.high}, and "
            "kafka.start_at is 'error'. Set the group's offset by hand, or kafka.start_at to earliest or latest"
        )
    if memory.committed > memory.high:
        return _recreated(memory, start)
    return _overtaken(memory, memory.committed, start)


def _never_read(memory: Memory, start: int | None) -> Beginning:
    if memory.mark:
        raise Surprise(
            f"Redis has read up to {memory.mark} and Kafka has forgotten this group's offset (it does so after 7 days "
            "of silence, or with a deleted topic). Set the group's offset by hand to go on, or delete the snapshots "
            "of this lane in Redis to begin anew and have old anomalies announced again"
        )
    if memory.added:  # where to begin was decided for the topic: from there on nothing is skipped
        start = memory.low
    if start is None:
        raise Surprise(
            "the group has no offset here, and kafka.start_at is 'error'. "
            "Set the group's offset by hand, or kafka.start_at to earliest or latest"
        )
    caution = "the topic was created anew: what Redis has is of the old one, and states are learnt anew"
    return Beginning(start, start, False, 0, caution if memory.outdated else "")


def _replayed(memory: Memory, floor: int) -> Beginning:
    if not memory.stateful:
        return Beginning(floor, floor, True)
    wanted = min(floor, memory.mark or 0)
    if wanted >= memory.low:
        return Beginning(wanted, floor, True)
    lost = memory.low - wanted
    caution = (
        f"up to {lost} records that were folded before are in no snapshot and no longer in the log: states are rebuilt "
        "without them"
    )
    return Beginning(memory.low, floor, True, lost, caution)


def _overtaken(memory: Memory, committed: int, start: int) -> Beginning:
    """By retention. States may lack more than what was never read: what no snapshot has is gone from the log, too."""
    kept = min(committed, memory.mark or 0) if memory.stateful else committed
    caution = (
        f"{start - committed} records were deleted before they were read: retention is shorter than this worker was "
        "away"
    )
    if kept < committed:
        caution += (
            f"; up to {committed - kept} more that were folded before are in no snapshot and no longer in the log: "
            "states are rebuilt without them"
        )
    return Beginning(start, start, False, start - kept, caution)


def _recreated(memory: Memory, start: int) -> Beginning:
    if memory.mark:
        raise Surprise(
            f"Redis has read up to {memory.mark} and the log now holds {memory.low} to {memory.high}: the topic was "
            "created anew. "
            "Delete the snapshots of this lane in Redis to begin anew"
        )
    caution = (
        f"offset {memory.committed} was committed and the log now holds {memory.low} to {memory.high}: the topic was "
        "created anew"
    )
    return Beginning(start, start, False, 0, caution)
