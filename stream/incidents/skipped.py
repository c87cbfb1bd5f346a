"""What Faust skips is read all the same: between two records that it gives us one after the other nothing may be left.

When a group rebalances, Faust drops records that it has fetched and nobody has worked on. It reads them again, as a
rule. Now and then, on a busy machine, it goes on behind them, takes the gap for a marker of a transaction, and commits
past it. So for some minutes after a rebalance, where the offsets of a lane have a gap, the group is asked how far it is
and the topic what lies there. Mostly it is such a marker; what else there is comes first. Whoever is given a record
twice drops it by its id, so asking once too often does no harm.

>>> skipped, lane = Skipped(), Lane("anomalies", 3)
>>> skipped.rebalanced([lane], now_s=0.0)
>>> skipped.before(lane, 7, committed=None, now_s=1.0), skipped.before(lane, 7, committed=5, now_s=1.0)
((0, 7), (5, 7))
>>> skipped.done(lane, 7)
>>> [skipped.before(lane, offset, committed=5, now_s=2.0) for offset in (8, 11, 5)]
[None, (8, 11), None]
>>> skipped.before(lane, 11, committed=5, now_s=301.0)
"""

import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from stream.engine.role import Lane
from stream.kafka import Properties, committed, connection
from stream.settings import Settings

ANSWER_S = 10.0
PATIENCE_S = 30.0
SETTLED_S = 300.0  # after a rebalance: what Faust had fetched before is through, also if Redis was away for long

Gap = tuple[int, int]  # offsets, from the first to below the second


@dataclass
class Skipped:
    """Where each lane is, as one process has done it."""

    _next: dict[Lane, int] = field(default_factory=dict)
    _until_s: float = 0.0

    def rebalanced(self, lanes: Iterable[Lane], now_s: float) -> None:
        """Only these are ours now; others go on with the rest."""
        kept = set(lanes)
        self._next = {lane: offset for lane, offset in self._next.items() if lane in kept}
        self._until_s = now_s + SETTLED_S

    def before(self, lane: Lane, offset: int, committed: int | None, now_s: float) -> Gap | None:
        """What may have been left out before this one: what lies behind the last that we did or that, as Faust knows,
        the group has committed; all if neither is known."""
        expected = max(self._next.get(lane, 0), committed or 0)
        return (expected, offset) if expected < offset and now_s < self._until_s else None

    def done(self, lane: Lane, offset: int) -> None:
        """This record was dealt with, and whatever is before it."""
        self._next[lane] = max(self._next.get(lane, 0), offset + 1)


def records(settings: Settings, group: str, lane: Lane, gap: Gap) -> list[Message]:
    """What lies there and the group has not committed: what it has was done, by us or by others, and would be done once
    more where Redis has lost the marks of it. As Faust reads it, before a transaction is committed: an anomaly whose
    transaction is not is written again under its name. Raises KafkaException when Kafka does not answer. Blocks: call
    it in a thread."""
    first, end = max(gap[0], reached(settings, group, lane)), gap[1]
    if first >= end:
        return []
    reading = {"isolation.level": "read_uncommitted", "auto.offset.reset": "earliest", "enable.partition.eof": True}
    with closing(outsider(settings, group, reading)) as consumer:
        consumer.assign([TopicPartition(*lane, first)])
        return _read(consumer, end)


def reached(settings: Settings, group: str, lane: Lane) -> int:
    """How far the group has committed a lane; 0: nothing, ever.

    Asked as a reader of what is committed: his answer waits until all that the coordinator has read is certain. Others
    it tells at once what is certain so far, which may be nothing where the broker has just come back.
    """
    with closing(outsider(settings, group, {"isolation.level": "read_committed"})) as consumer:
        return committed(consumer, [lane], ANSWER_S)[lane].offset or 0


def outsider(settings: Settings, group: str, reading: Properties) -> Consumer:
    """A consumer that may ask how far the group is, and never joins it."""
    return Consumer(connection(settings.kafka) | {"group.id": group, "enable.auto.commit": False} | reading)


def _read(consumer: Consumer, end: int) -> list[Message]:
    found: list[Message] = []
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if (error := message.error()) is not None:
            if error.name() == "_PARTITION_EOF":
                return found
            raise KafkaException(error)
        if (message.offset() or 0) >= end:
            return found
        found.append(message)
    raise KafkaException(f"nothing came of the records below {end} within {PATIENCE_S:.0f} s")
