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
        self.log: list[Incident] = []  # the topic
        self.heard = 0  # of it
        self.dead: list[Output] = []

    async def process(
        self,
        store: type[Store] = Store,
        *,
        dies_before_it_publishes: bool = False,
        frozen_before_it_publishes: asyncio.Event | None = None,
        waits_before_it_publishes: asyncio.Event | None = None,
    ) -> Desk:
        async def send(output: Output) -> None:
            if dies_before_it_publishes:
                raise Died
            for event in (frozen_before_it_publishes, waits_before_it_publishes):
                if event:
                    await event.wait()
            if output.topic == TOPICS.dlq:
                self.dead.append(output)
                return
            self.log.append(msgspec.json.decode(output.value or b"", type=Incident))
            if frozen_before_it_publishes:
                raise Died  # it found its seat taken

        made = store(self.redis, "leeway:", RULES, self.recall)
        await made.begin()
        return Desk(made, send, TOPICS, Numbers(), lambda: START_MS)

    @property
    def published(self) -> dict[str, Incident]:
        """As the topic has it after compaction."""
        return {incident.id: incident for incident in self.log}

    async def recall(self) -> list[Incident]:
        latest = {incident.id: incident for incident in sorted(self.log, key=lambda each: each.revision)}
        return sorted(latest.values(), key=lambda incident: incident.updated_at)

    async def hear(self, desk: Desk, at_most: int = 1_000) -> None:
        """Give a process what is new on the topic."""
        for incident in self.log[self.heard :][:at_most]:
            self.heard += 1
            await desk.heard(record(incident))

    def steps(self) -> list[str]:
        (incident,) = self.published.values()
        return [step.what for step in incident.steps]


def record(body: Anomaly | Command | Incident) -> Record:
    topic = {Anomaly: TOPICS.anomalies, Command: TOPICS.commands, Incident: TOPICS.incidents}[type(body)]
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


def test_no_step_is_lost_that_redis_forgot_while_kafka_took_its_time(embedded_redis: EmbeddedRedis) -> None:
    """Another process goes on from what is on the topic, to a revision of the same number."""

    async def work(installation: Installation) -> None:
        await (await installation.process()).anomaly(record(anomaly()))
        (id,) = installation.published
        answers, moved = asyncio.Event(), record(anomaly("moved", at_s=1))
        slow = asyncio.create_task((await installation.process(waits_before_it_publishes=answers)).anomaly(moved))
        while not await installation.redis.hexists("leeway:incidents:unpublished", id):
            await asyncio.sleep(0.01)
        await installation.redis.flushall()
        await (await installation.process()).command(record(command("comment", id, at_s=2)))
        answers.set()
        await slow
        assert installation.steps() == ["opened", "comment", "moved"]
        assert [incident.revision for incident in installation.log] == [1, 2, 2, 3]

    on(embedded_redis.url, work)


def test_an_old_revision_that_comes_after_a_newer_one_does_not_stay_the_last(embedded_redis: EmbeddedRedis) -> None:
    """A process is frozen with an incident in its hands, replaced, and thawed for long enough to publish it."""

    async def work(installation: Installation) -> None:
        await (await installation.process()).anomaly(record(anomaly()))
        thawed, moved = asyncio.Event(), record(anomaly("moved", at_s=1))
        zombie = asyncio.create_task((await installation.process(frozen_before_it_publishes=thawed)).anomaly(moved))
        (id,) = installation.published
        while not await installation.redis.hexists("leeway:incidents:unpublished", id):
            await asyncio.sleep(0.01)
        heir = await installation.process()
        await heir.anomaly(moved)  # Kafka delivers it again
        await heir.anomaly(record(anomaly("moved", at_s=2)))
        await installation.hear(heir)
        thawed.set()
        with pytest.raises(Died):
            await zombie
        assert [incident.revision for incident in installation.log] == [1, 2, 3, 2]
        await installation.hear(heir)
        await heir.tick()
        await heir.tick()
        await installation.hear(heir)
        assert [incident.revision for incident in installation.log] == [1, 2, 3, 2, 3]
        await heir.tick()
        await heir.tick()
        assert len(installation.log) == 5  # and no more

    on(embedded_redis.url, work)


def test_it_does_not_even_if_whoever_hears_of_it_dies_before_he_publishes(embedded_redis: EmbeddedRedis) -> None:
    async def work(installation: Installation) -> None:
        desk = await installation.process()
        for at_s in range(3):
            await desk.anomaly(record(anomaly("moved" if at_s else "firing", at_s=at_s)))
        installation.log.append(installation.log[1])
        await installation.hear(await installation.process(dies_before_it_publishes=True))
        heir = await installation.process()
        await heir.tick()
        await heir.tick()
        assert [incident.revision for incident in installation.log] == [1, 2, 3, 2, 3]

    on(embedded_redis.url, work)


def test_an_old_revision_is_known_as_old_by_a_redis_that_went_back(embedded_redis: EmbeddedRedis) -> None:
    async def work(installation: Installation) -> None:
        desk = await installation.process()
        await desk.anomaly(record(anomaly()))
        (id,) = installation.published
        first = await installation.redis.get(f"leeway:incident:{id}")
        await desk.anomaly(record(anomaly("moved", at_s=1)))
        installation.log.append(installation.log[0])
        await installation.redis.flushall()
        await installation.redis.set(f"leeway:incident:{id}", first)
        await installation.hear(desk)
        await desk.tick()
        await desk.tick()
        assert [incident.revision for incident in installation.log] == [1, 2, 1, 2]

    on(embedded_redis.url, work)


def test_whoever_hears_late_of_what_is_published_publishes_nothing_again(embedded_redis: EmbeddedRedis) -> None:
    async def work(installation: Installation) -> None:
        desk = await installation.process()
        for at_s in range(5):
            await desk.anomaly(record(anomaly("moved" if at_s else "firing", at_s=at_s)))
        await installation.hear(desk, at_most=3)
        assert await installation.redis.hlen("leeway:incidents:unpublished") == 1
        await desk.tick()
        await installation.hear(desk)
        await desk.tick()
        assert [incident.revision for incident in installation.log] == [1, 2, 3, 4, 5]
        assert not await installation.redis.hlen("leeway:incidents:unpublished")

    on(embedded_redis.url, work)


def test_what_is_heard_too_late_is_published_again_under_its_name_and_as_it_was(embedded_redis: EmbeddedRedis) -> None:
    """One process hears, and is slow; to another one it looks as if nobody would publish what waits."""

    async def work(installation: Installation) -> None:
        slow, other = await installation.process(), await installation.process()
        for at_s in range(3):
            await slow.anomaly(record(anomaly("moved" if at_s else "firing", at_s=at_s)))
        await installation.hear(slow, at_most=1)
        await other.tick()
        await other.tick()
        await installation.hear(slow)
        await other.tick()
        await other.tick()
        assert [incident.revision for incident in installation.log] == [1, 2, 3, 3]
        assert installation.log[2] == installation.log[3]

    on(embedded_redis.url, work)


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
