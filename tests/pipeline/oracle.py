"""What has to come out: the committed panes folded by a judge in this process, and its anomalies applied one by one."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Message
from redis.asyncio import Redis

from schemas.anomaly import Anomaly
from schemas.incident import Incident
from stream.engine.role import Lane, Output
from stream.incidents import instant
from stream.incidents.store import Store
from stream.roles.judge import Judge
from stream.settings import Settings
from tests.pipeline.installation import Records

Outputs = dict[tuple[str, bytes | None], list[tuple[bytes | None, list[tuple[str, Any]]]]]
JUDGED = ("binnings", "anomalies", "heartbeats")


def folded(settings: Settings, panes: Iterable[Message]) -> Outputs:
    """The outputs of an undisturbed judge, by topic and key, in order, with their headers: byte for byte."""
    judge, states, found = Judge(settings), dict[str, Any](), defaultdict(list)
    for message in panes:  # one model is in one partition, so any order between partitions gives the same
        lane = Lane(message.topic() or "", message.partition() or 0)
        read = judge.read(lane, message)
        assert isinstance(read, tuple), read
        key, record = read
        states[key], outputs = judge.fold(states.get(key, judge.new()), record, f"{lane}-{message.offset()}")
        for output in outputs:
            found[output.topic, output.key].append((output.value, headers(output)))
    return dict(found)


def published(records: Records) -> Outputs:
    """The same, as the topics have it."""
    found = defaultdict(list)
    for purpose in JUDGED:
        for message in records[purpose]:
            found[message.topic() or "", message.key()].append((message.value(), headers(message)))
    return dict(found)


def headers(record: Message | Output) -> list[tuple[str, Any]]:
    return list(record.headers if isinstance(record, Output) else record.headers() or [])


def applied(settings: Settings, anomalies: Iterable[Anomaly]) -> dict[str, Incident]:
    """The incidents of an undisturbed incidents role, below a prefix of their own in the same Redis."""

    async def fold() -> dict[str, Incident]:
        async with Redis.from_url(settings.redis.url) as redis:
            store = Store(redis, f"{settings.redis.prefix}expected:", settings.incidents)
            await store.remember()
            for anomaly in anomalies:
                await store.anomaly(anomaly, instant.ms(anomaly.detected_at))
            return {incident.id: incident for incident in await store.latest()}

    return asyncio.run(fold())
