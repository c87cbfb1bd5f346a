"""Records of a lane are worked on in their turn, and what Faust leaves out among them is read and worked on, too.

Mostly the next record tells that something is missing before it. After the last one nobody comes who could tell: so for
some minutes after a rebalance we look ourselves whether Faust is further than we are.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, cast

import structlog
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException, Message
from faust.exceptions import FaustError

from schemas.dead_letter import Headers
from stream.engine.role import Lane
from stream.incidents.desk import Record
from stream.incidents.skipped import Gap, Skipped, records
from stream.kafka_trouble import explained
from stream.settings import Settings

LOOK_EVERY_S = 5.0
PAUSE_S = 1.0

Work = Callable[[Record], Awaitable[None]]

log = structlog.get_logger()


class Turns:
    """What is done with the records of each topic (`works`), each of them once it has its turn."""

    def __init__(self, settings: Settings, group: str, works: Mapping[str, Work]) -> None:
        self._settings = settings
        self._group = group
        self._works = works
        self._skipped = Skipped()

    def rebalanced(self, lanes: Iterable[Lane]) -> None:
        """Only these lanes are ours now."""
        self._skipped.rebalanced(lanes, time.monotonic())

    async def one(self, consumer: Any, record: Record) -> None:
        """Work on a record that Faust gave us, and first on what it left out before."""
        lane = Lane(record.topic, record.partition)
        await self._before(consumer, lane, record.offset)
        await self._works[record.topic](record)
        self._skipped.done(lane, record.offset)

    async def look(self, consumer: Any) -> None:
        """Work on what Faust left out, and nothing came after."""
        try:
            idle = await asyncio.wait_for(self._idle(consumer), LOOK_EVERY_S)
        except (KafkaError, FaustError, TimeoutError):  # Kafka is away, or a rebalance runs
            return
        for lane, position in idle.items():
            if await self._before(consumer, lane, position):
                self._skipped.done(lane, position - 1)

    async def _idle(self, consumer: Any) -> dict[Lane, int]:
        """How far Faust has read the lanes of which nobody works on a record."""
        busy = {(each.topic, each.partition) for each in list(consumer.unacked) if not each.acked}
        lanes = [lane for lane in sorted(consumer.assignment()) if lane.topic in self._works and lane not in busy]
        return {Lane(*lane): await consumer.position(lane) or 0 for lane in lanes}

    async def _before(self, consumer: Any, lane: Lane, offset: int) -> bool:
        """Whether there may have been a gap; what is in it was worked on."""
        gap = self._skipped.before(lane, offset, consumer._committed_offset.get(lane), time.monotonic())
        if gap is None:
            return False
        for record in await self._left_out(lane, gap):
            await self._works[record.topic](record)
        return True

    async def _left_out(self, lane: Lane, gap: Gap) -> list[Record]:
        """What lies in a gap and nobody has done, however long Kafka is away."""
        while True:
            try:
                found = await asyncio.to_thread(records, self._settings, self._group, lane, gap)
            except KafkaException as trouble:
                log.warning("what Faust left out cannot be read yet", reason=explained(trouble))
                await asyncio.sleep(PAUSE_S)
                continue
            if found:
                log.warning("Faust left records out: they are read now", topic=lane[0], records=len(found))
            return [_read(message) for message in found]


def _read(message: Message) -> Record:
    given = cast("list[tuple[str, bytes | None]] | None", message.headers()) or ()
    headers: Headers = [(name, text or b"") for name, text in given]
    at_ms, place = message.timestamp()[1], (message.topic() or "", message.partition() or 0, message.offset() or 0)
    return Record(*place, at_ms, message.key(), message.value(), headers)
