"""What Faust skips is read all the same: between two records that it gives us one after the other nothing may be left.

When a group rebalances, Faust drops records that it has fetched and nobody has worked on. It reads them again, as a
rule. Now and then, on a busy machine, it goes on behind them, takes the gap for a marker of a transaction, and commits
past it. So for some minutes after a rebalance, where the offsets of a lane have a gap, the topic is asked what lies
there. Mostly it is such a marker; what else there is comes first. Whoever is given a record twice drops it by its id,
so asking once too often does no harm.

>>> skipped, lane = Skipped(), ("anomalies", 3)
>>> skipped.rebalanced([lane], now_s=0.0)
>>> skipped.before(lane, 7, committed=None, now_s=1.0)
>>> skipped.before(lane, 7, committed=5, now_s=1.0)
(5, 7)
>>> skipped.done(lane, 7)
>>> [skipped.before(lane, offset, committed=5, now_s=2.0) for offset in (8, 11, 5)]
[None, (8, 11), None]
>>> skipped.before(lane, 11, committed=5, now_s=301.0)
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

from stream.kafka import connection
from stream.settings import Settings

PATIENCE_S = 30.0
SETTLED_S = 300.0  # after a rebalance: what Faust had fetched before is through, also if Redis was away for long

Lane = tuple[str, int]  # topic, partition


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

    def before(self, lane: Lane, offset: int, committed: int | None, now_s: float) -> tuple[int, int] | None:
        """The offsets, from the first to below the second, that were left out before this one. What is below the one
        that the group has committed was done, by us or by others. Where neither is known nothing is said: all of a
        topic read once more would be followed once more, where Redis has lost the marks of what was."""
        expected = max(self._next.get(lane, 0), committed or 0) or offset
        return (expected, offset) if expected < offset and now_s < self._until_s else None

    def done(self, lane: Lane, offset: int) -> None:
        """This record was dealt with."""
        self._next[lane] = offset + 1


def records(settings: Settings, lane: Lane, gap: tuple[int, int]) -> list[Message]:
    """What lies there, as Faust reads it: before its transaction is committed. An anomaly whose transaction is not is
    written again under its name. Raises KafkaException when Kafka does not answer. Blocks: call it in a thread."""
    group = f"{settings.group}-incidents-skipped"  # never joined, nothing is committed
    reading = {"isolation.level": "read_uncommitted", "auto.offset.reset": "earliest", "enable.partition.eof": True}
    consumer = Consumer(connection(settings.kafka) | {"group.id": group, "enable.auto.commit": False, **reading})
    try:
        consumer.assign([TopicPartition(*lane, gap[0])])
        return _read(consumer, gap[1])
    finally:
        consumer.close()


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
