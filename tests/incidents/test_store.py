"""Applied once, on a real Redis, whoever repeats it and whenever the process dies."""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator

import pytest
from redis.asyncio import Redis

from schemas.anomaly import Anomaly
from schemas.incident import Incident
from stream.embedded.redis import EmbeddedRedis
from stream.incidents import instant
from stream.incidents.store import Store
from stream.settings import Incidents
from tests.incidents.anomalies import START_MS, anomaly, command

RULES = Incidents()
KEPT = Incidents(keep_resolved_s=10**9)  # the incidents of these tests are old


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as redis:
        yield redis


def with_store(
    server: EmbeddedRedis, work: Callable[[Store, "Redis"], Awaitable[None]], answers_s: float = 60.0
) -> None:
    async def run() -> None:
        redis = Redis.from_url(server.url, socket_timeout=answers_s)
        try:
            await redis.flushall()
            await work(Store(redis, "leeway:", RULES), redis)
        finally:
            await redis.aclose()

    asyncio.run(run())


async def give(store: Store, each: Anomaly) -> Incident | None:
    return (await store.anomaly(each, instant.ms(each.detected_at))).incident


def any_log(chance: random.Random, length: int) -> list[Anomaly]:
    """Anomalies of a few detectors in any order, some soon and some long after one another."""
    log, at_s = [], 0.0
    for number in range(length):
        at_s += chance.choice((1, 60, 4_000))
        kind = chance.choice(("null_spike", "feature_drift", "new_category"))
        status = chance.choice(("firing", "moved", "recovered", "accepted"))
        place = chance.choice(({}, {"region": "eu"}))
        log.append(anomaly(status, at_s=at_s, class_=kind, segment=place, id=f"leeway.panes/0-{number}-0"))
    return log


def test_an_anomaly_that_comes_twice_counts_once(server):
    async def work(store, _):
        first = anomaly()
        incident = await give(store, first)
        repeated = await store.anomaly(first, START_MS)
        assert (repeated.publish, repeated.steps, repeated.incident) == (True, [], incident), "it waits still"
        await store.published(incident)
        repeated = await store.anomaly(first, START_MS)
        assert (repeated.publish, repeated.steps, repeated.incident) == (False, [], incident)
        assert (await store.incident(incident.id)).anomalies == 1

    with_store(server, work)


def test_an_end_that_found_nothing_to_end_is_remembered_too(server):
    """Else a redelivered `recovered` would resolve what fired after it."""

    async def work(store, _):
        end = anomaly("recovered")
        await give(store, end)
        incident = await give(store, anomaly(at_s=1))
        await give(store, end)
        assert (await store.incident(incident.id)).state == "open"

    with_store(server, work)


def test_a_change_is_noted_as_unpublished_until_that_very_revision_was_published(server):
    async def work(store, _):
        old = await give(store, anomaly())
        new = await give(store, anomaly("moved", at_s=1))
        assert await store.unpublished() == {old.id: new.revision}
        await store.published(old)
        assert await store.unpublished() == {old.id: new.revision}
        await store.published(new)
        assert await store.unpublished() == {}

    with_store(server, work)


def test_inhibition_and_slices_find_their_host_in_redis(server):
    async def work(store, _):
        cause = await give(store, anomaly(class_="null_spike"))
        drift = await give(store, anomaly(class_="feature_drift", at_s=1))
        slice = await give(store, anomaly(class_="feature_drift", at_s=2, segment={"region": "eu"}))
        other = await give(store, anomaly(feature="plan", at_s=3))
        assert cause.id == drift.id == slice.id != other.id
        assert (await give(store, anomaly("recovered", at_s=4))).id == cause.id

    with_store(server, work)


def test_firing_long_after_the_end_opens_another_and_keeps_the_old(server):
    async def work(store, _):
        old = await give(store, anomaly())
        await give(store, anomaly("recovered", at_s=1))
        new = await give(store, anomaly(at_s=RULES.reopen_within_s + 2))
        assert new.id != old.id
        assert (await store.incident(old.id)).state == "resolved"
        assert [each.id for each in await store.latest()] == [new.id, old.id]

    with_store(server, work)


def test_commands_are_applied_once_and_only_to_what_exists(server):
    async def work(store, _):
        incident = await give(store, anomaly())
        order = command("comment", incident.id)
        for _ in range(2):
            await store.command(order, START_MS)
        assert [each.what for each in (await store.incident(incident.id)).steps] == ["opened", "comment"]
        assert (await store.command(command("comment", "inc-no"), START_MS)).incident is None

    with_store(server, work)


def test_the_clock_ends_silences_escalates_and_forgets(server):
    async def work(store, redis):
        incident = await give(store, anomaly())
        await store.command(command("silence", incident.id, until_s=60), START_MS)
        assert await store.tick(START_MS + 59_999) == []
        assert (await store.tick(START_MS + 60_000))[0].incident.state == "open"
        later = START_MS + 60_000 + RULES.escalate_after_s * 1000
        assert (await store.tick(later))[0].incident.escalated
        await give(store, anomaly("recovered", at_s=9_000))
        await store.tick(START_MS + 9_000_000 + RULES.keep_resolved_s * 1000)
        left = [key async for key in redis.scan_iter("*") if b"applied" not in key and b"seen" not in key]
        assert left == [b"leeway:incidents:kept"]

    with_store(server, work)


def test_two_processes_at_once_lose_nothing(server):
    async def work(store, redis):
        incident = await give(store, anomaly())
        others = [Store(redis, "leeway:", RULES) for _ in range(8)]
        await asyncio.gather(*(other.command(command("comment", incident.id), START_MS) for other in others))
        after = await store.incident(incident.id)
        assert (after.revision, len(after.steps)) == (9, 9)

    with_store(server, work)


def test_any_repetition_gives_the_same_incidents(server):
    """At-least-once delivery: after each record the reader may fall back to an earlier one and read on from there."""
    seed = 20260131
    chance = random.Random(seed)
    log = any_log(chance, 200)

    async def work(store, redis):
        for each in log:
            await give(store, each)
        expected = await store.latest()
        await redis.flushall()
        next = 0
        while next < len(log):
            await give(store, log[next])
            next = next + 1 if chance.random() < 0.9 else max(0, next - chance.randrange(8))
        assert await store.latest() == expected, f"seed {seed}"
        assert len(expected) > 10

    with_store(server, work)


def test_while_redis_is_frozen_calls_wait_and_nothing_is_raised(server):
    async def work(store, _):
        os.kill(server.pid, signal.SIGSTOP)
        try:
            call = asyncio.create_task(give(store, anomaly()))
            async with asyncio.timeout(60):
                while store.waiting is None:
                    await asyncio.sleep(0.05)
            assert not call.done()
        finally:
            os.kill(server.pid, signal.SIGCONT)
        incident = await asyncio.wait_for(call, 60)
        assert (incident.anomalies, store.waiting) == (1, None)

    with_store(server, work, answers_s=0.5)


def test_an_incident_that_cannot_be_read_is_left_alone(server):
    async def work(store, redis):
        incident = await give(store, anomaly())
        await redis.set(f"leeway:incident:{incident.id}", b"junk")
        assert (await give(store, anomaly("moved", at_s=1))).id != incident.id
        assert len(await store.latest()) == 1

    with_store(server, work)


def test_a_redis_that_lost_everything_gets_the_incidents_back_before_anything_is_applied(server):
    async def work(store, redis):
        log = [anomaly(class_="null_spike"), anomaly(at_s=1), anomaly(feature="plan", at_s=2)]
        log += [anomaly("recovered", feature="plan", at_s=3)]
        for each in log:
            await give(store, each)
        published = sorted(await store.latest(), key=lambda incident: incident.updated_at)

        async def recall():
            return published

        await redis.flushall()
        again = Store(redis, "leeway:", KEPT, recall)
        assert not (await again.anomaly(log[0], START_MS)).publish, "it was applied before Redis forgot"
        assert await again.latest() == published[::-1]
        assert await again.unpublished() == {}
        after = await give(again, anomaly("recovered", class_="null_spike", at_s=4))
        assert [step.what for step in after.steps] == ["opened", "inhibited", "recovered"]

    with_store(server, work)


class Past:
    """What a Redis was like, so that it can go back to it, as one does whose append-only file was cut."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        self.keys: dict[bytes, tuple[bytes, int]] = {}

    async def remember(self) -> None:
        names = [name async for name in self.redis.scan_iter("*")]
        self.keys = {name: (await self.redis.dump(name), max(0, await self.redis.pttl(name))) for name in names}

    async def come_back(self) -> None:
        await self.redis.flushall()
        for name, (value, ttl_ms) in self.keys.items():
            await self.redis.restore(name, ttl_ms, value)


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_a_redis_that_goes_back_in_time_loses_no_step(server, seed):
    """At any moment Redis goes back by some changes, and now and then the process dies with it: then what it had not
    acknowledged is delivered again. What was published is in the topic, and so it comes back."""
    chance = random.Random(seed)
    log = any_log(chance, 150)

    async def work(store, redis):
        for each in log:
            await give(store, each)
        expected = await store.latest()
        await redis.flushall()
        topic: dict[str, Incident] = {}
        past = Past(redis)

        async def recall():
            return sorted(topic.values(), key=lambda incident: incident.updated_at)

        store = Store(redis, "leeway:", KEPT, recall)
        await store.begin()
        next = 0
        while next < len(log):
            if chance.random() < 0.2:
                await past.remember()
            done = await store.anomaly(log[next], instant.ms(log[next].detected_at))
            if done.publish:
                topic[done.incident.id] = done.incident
                await store.published(done.incident)
            next += 1
            dice = chance.random()
            if dice < 0.1 and past.keys:
                await past.come_back()
            if dice < 0.05:
                store = Store(redis, "leeway:", KEPT, recall)
                await store.begin()
                next = max(0, next - chance.randrange(8))
        await store.remember()
        assert await store.latest() == expected, f"seed {seed}"
        assert await store.unpublished() == {}

    with_store(server, work)


def test_while_the_incidents_come_back_nothing_is_applied_to_what_redis_went_back_to(server):
    """Redis is restarted without the last step, which another process wrote. Of our agents one notices and reads the
    topic; another has something to apply meanwhile."""

    async def work(store, redis):
        topic, reading, may_go_on = [], asyncio.Event(), asyncio.Event()

        async def recall():
            reading.set()
            await may_go_on.wait()
            return topic[-1:]

        past = Past(redis)
        opened = await give(store, anomaly())
        ours = Store(redis, "leeway:", KEPT, recall)
        may_go_on.set()
        await ours.begin()
        await past.remember()
        topic += [opened, (await store.command(command("comment", opened.id), START_MS)).incident]
        await past.come_back()
        await redis.script_flush()
        reading.clear()
        may_go_on.clear()
        noticing = asyncio.create_task(ours.remember())
        await reading.wait()
        applying = asyncio.create_task(ours.command(command("acknowledge", opened.id), START_MS))
        await asyncio.sleep(0.2)
        assert not applying.done()
        may_go_on.set()
        assert await noticing
        await applying
        steps = [each.what for each in (await ours.incident(opened.id)).steps]
        assert steps == ["opened", "comment", "acknowledge"]

    with_store(server, work)


def test_a_command_that_comes_again_after_redis_forgot_it_is_followed_once(server):
    async def work(store, redis):
        past = Past(redis)
        incident = await give(store, anomaly())
        await past.remember()
        order = command("comment", incident.id)
        done = await store.command(order, START_MS)

        async def recall():
            return [done.incident]

        await past.come_back()
        again = Store(redis, "leeway:", KEPT, recall)
        await again.begin()
        assert not (await again.command(order, START_MS)).publish
        assert [each.what for each in (await again.incident(incident.id)).steps] == ["opened", "comment"]

    with_store(server, work)


def test_a_step_that_comes_after_redis_went_back_is_not_taken_for_an_old_one(server):
    """A topic that was created anew numbers its records anew: time tells."""

    async def work(store, _):
        incident = await give(store, anomaly(id="leeway.panes/0-1000-0"))
        after = await give(store, anomaly("recovered", at_s=1, id="leeway.panes/0-7-0"))
        assert (after.id, after.state) == (incident.id, "resolved")

    with_store(server, work)
