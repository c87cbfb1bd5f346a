"""Where anomalies, commands and the clock come in and whole incidents go out, one at a time.

Apply in Redis first, publish second, and only then is the input acknowledged to Kafka: a process that dies in between
is given the input again, finds it applied, and finds the note that its incident was not published yet.

What is published last for an incident is its latest revision, also when two processes work at once: whoever publishes
looks again afterwards, and publishes again when the incident moved on meanwhile. A process that stood still between
reading an incident and publishing it, and ends right after that, does not come to look. So what is published is heard
as well, by whoever has its lane: behind an older revision than Redis has, the latest is published again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from msgspec.structs import replace

from schemas import records
from schemas.dead_letter import DeadLetter, Headers, Reason, fitting, to_headers
from schemas.incident import Incident
from stream.engine.role import Output
from stream.incidents import instant
from stream.incidents.apply import Applied, refusal
from stream.incidents.numbers import Numbers
from stream.incidents.store import Store
from stream.kafka import LETTER_BYTES
from stream.outputs import record
from stream.settings import Topics

LARGEST_BYTES = 900_000  # of one incident; brokers take 1 MB by default

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Record:
    """One record as Kafka gave it."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Desk:
    """`send` returns when Kafka has the record. `now_ms` is the wall clock, for ticks and records without a time."""

    def __init__(
        self,
        store: Store,
        send: Callable[[Output], Awaitable[None]],
        topics: Topics,
        numbers: Numbers,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        letter_bytes: int = LETTER_BYTES,
    ) -> None:
        self._store = store
        self._send = send
        self._topics = topics
        self._numbers = numbers
        self._now_ms = now_ms
        self._letter_bytes = letter_bytes
        self._one_at_a_time = asyncio.Lock()
        self._seen: dict[str, int] = {}

    async def anomaly(self, record: Record) -> None:
        """Have one record of the anomalies topic applied and what follows from it published."""
        anomaly = records.anomaly(record.value)
        if isinstance(anomaly, Reason):
            return await self._dead(record, anomaly)
        async with self._one_at_a_time:
            now_ms = instant.ms_or(anomaly.detected_at, self._at_ms(record))
            while not await self._publish(await self._store.anomaly(anomaly, now_ms)):
                log.warning("looked at again: Redis lost something while it was published", anomaly=anomaly.id)
            self._numbers.anomalies.labels("incidents", anomaly.class_, anomaly.status).inc()

    async def command(self, record: Record) -> None:
        """Have one record of the commands topic followed, or refused with a reason."""
        command = records.command(record.value)
        if isinstance(command, Reason):
            return await self._dead(record, command)
        await self._store.remember()  # before anybody is told that there is no such incident
        if reason := refusal(await self._store.incident(command.incident), command):
            return await self._dead(record, reason)
        async with self._one_at_a_time:
            arrived_ms = self._at_ms(record)
            now_ms = min(instant.ms_or(command.at, arrived_ms), arrived_ms)
            while not await self._publish(await self._store.command(command, now_ms)):
                log.warning("looked at again: Redis lost something while it was published", command=command.id)
            self._numbers.commands.labels(command.action).inc()

    async def heard(self, record: Record) -> None:
        """Look at one record of the topic that we publish on."""
        incident = records.incident(record.value)
        if isinstance(incident, Incident):
            self._seen.pop(incident.id, None)  # more of it may follow right away
            await self._store.heard(incident)

    async def tick(self) -> None:
        """Do what is due by the clock, then publish what a process before us applied and did not live to publish."""
        async with self._one_at_a_time:
            for done in await self._store.tick(self._now_ms()):
                await self._publish(done)
            waiting = await self._store.unpublished()
            for id, revision in waiting.items():
                if self._seen.get(id) == revision:  # for a whole tick: nobody else is about to
                    await self._publish_latest(id)
            self._seen = waiting

    async def _publish(self, done: Applied) -> bool:
        """False: Redis has lost something meanwhile, before anybody was told or after. Another process may have gone on
        from what was left, so the input has to be given to the store again, which knows whether it is told."""
        if not done.incident or not done.publish:
            return True
        losses = self._store.losses
        if not await self._publish_latest(done.incident.id, done.incident.revision):
            return False
        await self._store.remember()
        if self._store.losses > losses:
            return False
        for step in done.steps:
            self._numbers.steps.labels(step.what).inc()
            log.info("incident", id=done.incident.id, step=step.what, state=done.incident.state, by=step.actor)
        return True

    async def _publish_latest(self, id: str, revision: int = 0) -> bool:
        """Publish until what was published is what is stored. False: it is not there, or not up to this revision."""
        incident = await self._store.incident(id)
        if incident is None or incident.revision < revision:
            return False
        while True:
            await self._send(self._output(incident))
            await self._store.published(incident)
            after = await self._store.incident(id)
            if after is None or after.revision <= incident.revision:
                return True
            incident = after

    def _output(self, incident: Incident) -> Output:
        def output(body: Incident) -> Output:
            name = f"{incident.id}-{incident.revision}"
            at = incident.updated_at
            return record(
                self._topics.incidents, body, kind="incident", id=name, key=incident.id, time=at, role="incidents"
            )

        whole = output(incident)
        return whole if len(whole.value or b"") <= LARGEST_BYTES else output(replace(incident, last=None))

    async def _dead(self, record: Record, reason: Reason) -> None:
        """A record that cannot be followed leaves with its bytes untouched and the reason beside them."""
        letter = DeadLetter(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=record.at_ms,
            stage="incidents",
            reason=reason,
            key=record.key,
            value=record.value,
            headers=record.headers,
        )
        fit = fitting(letter, self._letter_bytes)
        await self._send(Output(self._topics.dlq, fit.key, fit.value, to_headers(fit)))
        self._numbers.dead_letters.labels("incidents", reason.code).inc()

    def _at_ms(self, record: Record) -> int:
        return record.at_ms if 0 < record.at_ms <= records.FOREVER else self._now_ms()
