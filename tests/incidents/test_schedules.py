"""Deaths and losses in the worst moment: between Redis, the topic and the acknowledgement, nothing falls through."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from schemas.anomaly import Anomaly
from schemas.incident import Command, Incident
from stream.embedded.redis import EmbeddedRedis
from stream.engine.role import Output
from stream.incidents.desk import Desk, Record
from stream.incidents.numbers import Numbers
from stream.incidents.store import Store
from stream.settings import Incidents, Topics
from tests.conftest import left_out
from tests.incidents.anomalies import START_MS, anomaly, command
from tests.servers import Missing, RealRedis

TOPICS = Topics()
RULES = Incidents(keep_resolved_s=10**9)  # the incidents of these tests are old


class Died(BaseException):
    """The process is gone, at this very point."""


class Installation:
    """A Redis, and what is on the topics. Every process is a desk with a store of its own."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url)
        self.published: dict[str, Incident] = {}  # as the topic has it after compaction
        self.dead: list[Output] = []

    async def process(self, store: type[Store] = Store, *, dies_before_it_publishes: bool = False) -> Desk:
        async def send(output: Output) -> None:
            if dies_before_it_publishes:
                raise Died
            if output.topic == TOPICS.dlq:
                self.dead.append(output)
                return
            incident = msgspec.json.decode(output.value or b"", type=Incident)
            self.published[incident.id] = incident

        made = store(self.redis, "leeway:", RULES, self.recall)
        await made.begin()
        return Desk(made, send, TOPICS, Numbers(), lambda: START_MS)

    async def recall(self) -> list[Incident]:
        return sorted(self.published.values(), key=lambda incident: incident.updated_at)

    def steps(self) -> list[str]:
        (incident,) = self.published.values()
        return [step.what for step in incident.steps]


def record(body: Anomaly | Command) -> Record:
    topic = TOPICS.anomalies if isinstance(body, Anomaly) else TOPICS.commands
    return Record(topic, 0, 0, START_MS, b"key", msgspec.json.encode(body), [])


def on(url: str, work: Callable[[Installation], Awaitable[None]]) -> None:
    async def run() -> None:
        installation = Installation(url)
        try:
            await installation.redis.flushall()
            await work(installation)
        finally:
            await installation.redis.aclose()

    asyncio.run(run())


def test_nobody_acknowledges_what_a_dead_process_applied_and_did_not_publish(embedded_redis: EmbeddedRedis) -> None:
    """Acknowledged, it would be gone with the Redis that alone has it."""

    async def work(installation: Installation) -> None:
        await (await installation.process()).anomaly(record(anomaly()))
        (incident,) = installation.published.values()
        inputs = [record(anomaly("moved", at_s=1)), record(command("comment", incident.id))]
        doomed = await installation.process(dies_before_it_publishes=True)
        for input, take in zip(inputs, (doomed.anomaly, doomed.command), strict=True):
            with pytest.raises(Died):
                await take(input)
            heir = await installation.process()  # Kafka delivers it again
            await (heir.anomaly if input is inputs[0] else heir.command)(input)
            await installation.redis.flushall()
            doomed = await installation.process(dies_before_it_publishes=True)
        assert installation.steps() == ["opened", "moved", "comment"]

    on(embedded_redis.url, work)


class Unlucky(Store):
    """Its Redis is emptied right after it was found to be intact, once."""

    emptied = False

    async def remember(self) -> bool:
        lost = await super().remember()
        if not self.emptied:
            self.emptied = True
            await self._redis.flushall()
        return lost


def test_no_command_is_refused_because_redis_has_just_forgotten_its_incident(embedded_redis: EmbeddedRedis) -> None:
    async def work(installation: Installation) -> None:
        await (await installation.process()).anomaly(record(anomaly()))
        (incident,) = installation.published.values()
        desk = await installation.process(Unlucky)
        Unlucky.emptied = False
        await desk.command(record(command("acknowledge", incident.id)))
        assert installation.steps() == ["opened", "acknowledge"]
        assert installation.dead == []

    on(embedded_redis.url, work)


def test_who_wrote_nothing_lately_notices_too_that_redis_was_restarted_without_its_end(tmp_path: Path) -> None:
    """Two processes have to do with one incident: the anomaly of one and the command of the other."""
    try:
        server = RealRedis(tmp_path)
    except Missing as part:
        left_out(str(part))

    async def work(installation: Installation) -> None:
        writer, reader = await installation.process(), await installation.process()
        await writer.anomaly(record(anomaly()))
        (incident,) = installation.published.values()
        end = server.appended.stat().st_size
        await writer.anomaly(record(anomaly("moved", at_s=1)))
        await installation.redis.connection_pool.disconnect()
        server.kill()
        os.truncate(server.appended, end)
        server.start()
        await reader.command(record(command("acknowledge", incident.id, at_s=2)))
        assert installation.steps() == ["opened", "moved", "acknowledge"]

    with server:
        on(server.url, work)


def test_an_anomaly_of_a_topic_that_was_created_anew_is_not_taken_for_its_namesake(
    embedded_redis: EmbeddedRedis,
) -> None:
    """Redis has forgotten that the name was used; the incident of that name stands still."""

    async def work(installation: Installation) -> None:
        desk = await installation.process()
        await desk.anomaly(record(anomaly(id="leeway.panes/0-7-0")))
        await installation.redis.flushall()
        await asyncio.wait_for(desk.anomaly(record(anomaly(id="leeway.panes/0-7-0", model="fraud", at_s=9))), 5)
        assert {incident.model for incident in installation.published.values()} == {"churn", "fraud"}

    on(embedded_redis.url, work)
