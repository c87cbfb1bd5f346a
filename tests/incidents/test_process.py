"""The incidents role as it runs: a real process, on the embedded broker and on a real Kafka, each with a Redis."""

import asyncio
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from confluent_kafka import Producer, TopicPartition
from redis.asyncio import Redis

from schemas.anomaly import Anomaly
from schemas.dead_letter import from_headers
from schemas.incident import Incident
from stream.embedded.port import free_port
from stream.engine.role import Lane
from stream.incidents import instant
from stream.incidents.skipped import outsider, reached, records
from stream.incidents.store import Store
from stream.settings import Kafka, Settings
from tests.conftest import Platform
from tests.incidents.anomalies import START_MS, anomaly, command
from tests.incidents.worker import PATIENCE_S, Worker, World, settings_of
from tests.servers import RealKafka, RealRedis
from tests.torture.ground import frozen


def now_s() -> float:
    """Now, in the seconds that `anomaly` and `command` take."""
    return time.time() - START_MS / 1000


def once(named: Sequence[Any]) -> list[Any]:
    """Without what came again right away: on a busy machine some may, and nobody promises otherwise."""
    return [each for each, _ in groupby(named)]


def expected(log: Sequence[Anomaly], settings: Settings) -> dict[str, Incident]:
    """What the incidents are when every anomaly is applied once and in order."""

    async def fold() -> dict[str, Incident]:
        async with Redis.from_url(settings.redis.url) as redis:
            store = Store(redis, "expected:", settings.incidents)
            for each in log:
                await store.anomaly(each, instant.ms(each.detected_at))
            return {incident.id: incident for incident in await store.latest()}

    return asyncio.run(fold())


@pytest.mark.slow
def test_each_step_is_published_in_order_and_what_came_before_the_start_counts(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    settings = settings_of(platform)
    at_s = now_s()
    with World(platform, settings) as world, Worker(settings, tmp_path) as worker:
        world.put(settings.topics.anomalies, [anomaly(at_s=at_s)])
        first = world.until(lambda: world.published)[0]
        world.put(settings.topics.anomalies, [anomaly("moved", at_s=at_s + 1), anomaly("recovered", at_s=at_s + 2)])
        world.until(lambda: world.latest[first.id].revision == 3)
        world.read_on(2.5)
        assert once(world.names) == [f"{first.id}-{revision}" for revision in (1, 2, 3)]
        assert {message.key() for message in world.records} == {first.id.encode()}
        assert world.latest[first.id].state == "resolved"
        assert worker.stop() == 0
        assert "Traceback" not in worker.said()
        assert [left.name for left in tmp_path.iterdir()] == ["said-0"], "Faust leaves no folder behind"


@pytest.mark.slow
def test_garbage_on_both_topics_becomes_dead_letters_and_stops_nothing(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)
    garbage = [b"junk", None, b"", b"{}", b"\xff\xfe", b"[" * 5000, b'{"kind":"anomaly"}', b"9" * 500_000, b"null"]
    with World(platform, settings) as world, Worker(settings, tmp_path):
        for topic in (settings.topics.anomalies, settings.topics.commands):
            world.put(topic, garbage)
            world.put(topic, garbage, key=None)
        world.put(settings.topics.commands, [command("comment", "inc-no"), command("silence", "inc-no")])
        world.until(lambda: len(world.dead) == 4 * len(garbage) + 2)
        letters = [from_headers(m.key(), m.value(), m.headers()) for m in world.dead]
        assert {letter.headers[0] for letter in letters} == {("from", b"a test")}
        assert {letter.reason.code for letter in letters} == {"bad_json", "schema"}
        assert {letter.value or b"" for letter in letters} >= {value or b"" for value in garbage}
        assert len({(letter.topic, letter.partition, letter.offset) for letter in letters}) == len(letters)
        world.put(settings.topics.anomalies, [anomaly(at_s=now_s())])
        world.until(lambda: world.published)


@pytest.mark.slow
def test_people_command_and_the_clock_ends_a_silence(platform: Platform, tmp_path: Path):
    settings = settings_of(platform, incidents={"escalate_after_s": 12})
    topics = settings.topics
    with World(platform, settings) as world, Worker(settings, tmp_path):
        world.put(topics.anomalies, [anomaly(at_s=now_s(), feature="plan")])
        world.until(lambda: world.published)  # a group may take its time to begin
        world.put(topics.anomalies, [anomaly(at_s=now_s())])
        id = world.until(lambda: {each.feature: each.id for each in world.published}.get("age"))
        at_s = now_s()
        world.put(topics.commands, [command("silence", id, at_s=at_s, until_s=at_s + 8)])
        world.until(lambda: world.latest[id].state == "silenced")
        world.until(lambda: world.latest[id].state == "open")
        world.until(lambda: world.latest[id].escalated)
        order = command("acknowledge", id, at_s=now_s())
        world.put(topics.commands, [order, order])
        world.until(lambda: world.latest[id].state == "acknowledged")
        world.put(topics.commands, [command("false_alarm", id, at_s=now_s())])
        world.until(lambda: world.latest[id].false_alarm)
        steps = [step.what for step in world.latest[id].steps]
        assert steps == ["opened", "silence", "silence_ended", "escalated", "acknowledge", "false_alarm"]
        assert len(set(world.names)) == len({message.value() for message in world.records})


@pytest.mark.slow
def test_pages_show_incidents_and_health(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)

    def page(path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(address + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    with World(platform, settings) as world, Worker(settings, tmp_path):
        at_s = now_s()
        world.put(settings.topics.anomalies, [anomaly(at_s=at_s), anomaly(at_s=at_s + 1, feature="plan")])
        world.until(lambda: len(world.published) == 2)
        address = world.address()
        assert [each["feature"] for each in json.loads(page("/incidents")[1])] == ["plan", "age"]
        assert json.loads(page("/incidents?state=resolved")[1]) == []
        one = world.published[0]
        [found] = json.loads(page(f"/incidents?{urlencode({'fingerprint': one.fingerprint})}")[1])
        assert found["id"] == one.id
        assert json.loads(page("/incidents?fingerprint=none")[1]) == []
        assert json.loads(page("/incidents/" + one.id)[1])["feature"] == one.feature
        wrong = ("/incidents/inc-no", "/incidents?state=gone", "/incidents?limit=x")
        assert [page(path)[0] for path in wrong] == [404, 400, 400]
        assert (page("/livez")[0], page("/readyz"), json.loads(page("/healthz")[1])["why"]) == (200, (200, "ok\n"), [])
        assert 'leeway_incidents{state="open"} 2.0' in page("/metrics")[1]


@pytest.mark.slow
def test_killed_in_the_middle_every_anomaly_is_applied_once(platform: Platform, tmp_path: Path):
    seed = 914
    chance = random.Random(seed)
    settings, at_s = settings_of(platform), now_s()
    log = [
        anomaly(
            chance.choice(("firing", "moved", "moved", "recovered")),
            at_s=at_s + number / 100,
            feature=chance.choice(("age", "plan", "nps")),
            class_=chance.choice(("feature_drift", "null_spike")),
            id=f"leeway.panes/0-{number}-0",
        )
        for number in range(400)
    ]
    want = expected(log, settings)
    with World(platform, settings) as world, Worker(settings, tmp_path) as worker:
        for kill in range(3):
            world.put(settings.topics.anomalies, log[kill * 100 : kill * 100 + 100])
            seen = len(world.published)
            world.until(lambda seen=seen: len(world.published) > seen + 10)
            worker.kill()
            worker.start()
        world.put(settings.topics.anomalies, log[300:])
        world.until(lambda: world.latest == want)
        world.read_on(2.5)
        assert world.latest == want, f"seed {seed}"
        assert len(set(world.names)) > 200


@pytest.mark.slow
def test_redis_killed_in_the_middle_loses_nothing(
    real_kafka: RealKafka, real_redis: RealRedis, redis_url: str, tmp_path: Path
):
    platform = Platform("real", real_kafka.bootstrap, redis_url, "redis-away.", real_kafka)
    settings, at_s = settings_of(platform), now_s()
    log = [anomaly("moved", at_s=at_s + number / 100, id=f"leeway.panes/1-{number}-0") for number in range(100)]
    want = expected(log, settings)
    with World(platform, settings) as world, Worker(settings, tmp_path) as worker:
        world.put(settings.topics.anomalies, log[:50])
        world.until(lambda: world.published)
        real_redis.kill()
        world.put(settings.topics.anomalies, log[50:])
        world.until(lambda: "Redis does not answer" in worker.said())
        real_redis.start()
        world.until(lambda: world.latest == want)
        assert "Traceback" not in worker.said()


@pytest.mark.slow
def test_incidents_survive_a_redis_that_forgets_everything(platform: Platform, tmp_path: Path):
    settings, at_s = settings_of(platform), now_s()
    topic = settings.topics.anomalies
    with World(platform, settings) as world, Worker(settings, tmp_path) as worker:
        world.put(topic, [anomaly(at_s=at_s), anomaly(at_s=at_s, feature="plan")])
        world.until(lambda: len(world.published) == 2)
        world.forget()
        world.put(topic, [anomaly("moved", at_s=at_s + 1)])
        world.until(lambda: len(world.published) == 3)
        worker.stop()
        world.forget()
        worker.start()
        world.put(topic, [anomaly("recovered", at_s=at_s + 2, feature=name) for name in ("age", "plan")])
        world.until(lambda: [each.state for each in world.latest.values()] == ["resolved", "resolved"])
        steps = [[step.what for step in each.steps] for each in world.latest.values()]
        assert ["opened", "moved", "recovered", "resolved"] in steps


@pytest.mark.slow
def test_a_process_whose_seat_was_taken_ends(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)
    with World(platform, settings) as world, Worker(settings, tmp_path) as one:
        world.address()
        one.freeze()
        with Worker(settings, tmp_path) as two:
            world.until(lambda: one.said().count("started ") == 2)
            one.thaw()
            assert one.process is not None
            assert one.process.wait(PATIENCE_S) == 3
            assert "a newer process has taken over this slot" in one.said()
            world.put(settings.topics.anomalies, [anomaly(at_s=now_s())])
            world.until(lambda: world.published)
            assert two.process is not None
            assert two.process.poll() is None


SKIPS = """
from stream.incidents import app
from faust.transport.drivers import aiokafka
fetch = aiokafka.AIOKafkaConsumerThread._fetch_records
async def skipping(self, *words, **named):
    found = await fetch(self, *words, **named)
    for lane, records in found.items():
        if lane.topic.endswith("anomalies"):
            found[lane] = [record for record in records if record.offset not in (2, 3)]
    return found
aiokafka.AIOKafkaConsumerThread._fetch_records = skipping
"""


@pytest.mark.slow
def test_what_faust_leaves_out_is_read_all_the_same(platform: Platform, tmp_path: Path):
    settings, at_s = settings_of(platform), now_s()
    log = [anomaly("moved", at_s=at_s + number, id=f"leeway.panes/0-{number}-0") for number in range(6)]
    with World(platform, settings) as world, Worker(settings, tmp_path, before=SKIPS) as worker:
        world.put(settings.topics.anomalies, log[:1])
        world.until(lambda: world.published)
        world.put(settings.topics.anomalies, log[1:])
        world.until(lambda: world.published[-1].anomalies == 6)
        assert [step.anomaly for step in world.published[-1].steps] == [each.id for each in log]
        assert "Faust left records out: they are read now" in worker.said()
        assert "Traceback" not in worker.said()


@pytest.mark.slow
@pytest.mark.parametrize("done", [0, 1], ids=["never committed", "committed"])
@pytest.mark.parametrize("left_out", [[1], [4], [1, 2, 3, 4]], ids=["the first", "the last", "all"])
def test_what_is_left_out_first_or_last_is_read_too(platform: Platform, tmp_path: Path, done: int, left_out: list[int]):
    settings, at_s = settings_of(platform), now_s()
    log = [anomaly("moved", at_s=at_s + number, id=f"leeway.panes/0-{number}-0") for number in range(4 + done)]
    skips = SKIPS.replace("(2, 3)", str(tuple(number - 1 + done for number in left_out)))
    with World(platform, settings) as world:
        if done:
            world.put(settings.topics.anomalies, log[:done])
            with Worker(settings, tmp_path) as worker:
                world.until(lambda: world.published)
                assert worker.stop() == 0  # it has committed what it did
        world.put(settings.topics.anomalies, log[done:])
        with Worker(settings, tmp_path, "1", before=skips) as worker:
            world.until(lambda: world.published and world.published[-1].anomalies == len(log))
            assert [step.anomaly for step in world.published[-1].steps] == [each.id for each in log]
            assert "Faust left records out: they are read now" in worker.said()
            assert "Traceback" not in worker.said()


@pytest.mark.slow
def test_what_the_group_has_committed_is_not_read_again(platform: Platform, tmp_path: Path):
    settings, at_s = settings_of(platform), now_s()
    lane, group = Lane(settings.topics.anomalies, 0), f"{settings.group}-incidents"
    log = [anomaly("moved", at_s=at_s + number, id=f"leeway.panes/0-{number}-0") for number in range(4)]
    with World(platform, settings, partitions=1) as world:
        world.put(settings.topics.anomalies, log[:2])
        with Worker(settings, tmp_path) as worker:
            world.until(lambda: world.published and world.published[-1].anomalies == 2)
            world.until(lambda: not records(settings, group, lane, (0, 2)))  # it commits every second
            assert worker.stop() == 0
        world.put(settings.topics.anomalies, log[2:])
    assert [message.offset() for message in records(settings, group, lane, (0, 4))] == [2, 3]
    assert records(settings, group, lane, (0, 2)) == []
    assert [message.offset() for message in records(settings, f"{group}-new", lane, (0, 3))] == [0, 1, 2]


@pytest.mark.slow
def test_how_far_the_group_is_waits_until_that_is_certain(real_kafka: RealKafka):
    """As it is where a broker has come back and has not made certain yet what it has read."""
    lane, group = Lane(f"t{time.time_ns()}", 0), "incidents"
    real_kafka.create({lane.topic: 1})
    settings = Settings(kafka=Kafka(bootstrap=real_kafka.bootstrap))
    with closing(outsider(settings, group, {})) as member, ThreadPoolExecutor() as aside:
        member.commit(offsets=[TopicPartition(*lane, 40)], asynchronous=False)
        producer = Producer({"bootstrap.servers": real_kafka.bootstrap, "transactional.id": lane.topic})
        producer.init_transactions()
        producer.begin_transaction()
        producer.send_offsets_to_transaction([TopicPartition(*lane, 201)], member.consumer_group_metadata())
        said = aside.submit(reached, settings, group, lane)
        with pytest.raises(TimeoutError):
            said.result(1.0)
        producer.commit_transaction()
        assert said.result(PATIENCE_S) == 201


ZOMBIE = """
import os, signal
from stream.incidents import app
publish, sent = app.send, []
async def send(*words):
    sent.append(words)
    if len(sent) == 2:
        os.kill(os.getpid(), signal.SIGSTOP)
    await publish(*words)
    if len(sent) == 2:
        os._exit(9)
app.send = send
"""


@pytest.mark.slow
def test_what_a_process_publishes_that_slept_too_long_does_not_stay_the_last(platform: Platform, tmp_path: Path):
    settings, at_s = settings_of(platform), now_s()
    with World(platform, settings) as world, Worker(settings, tmp_path, before=ZOMBIE) as zombie:
        world.put(settings.topics.anomalies, [anomaly(at_s=at_s)])
        world.until(lambda: world.published)
        world.put(settings.topics.anomalies, [anomaly("moved", at_s=at_s + 1)])
        assert zombie.process is not None
        world.until(lambda: frozen(zombie.process))
        with Worker(settings, tmp_path, slot="1"):
            world.put(settings.topics.anomalies, [anomaly("moved", at_s=at_s + 2)])
            world.until(lambda: world.revisions[-1] == 3)
            zombie.thaw()
            assert zombie.process.wait(PATIENCE_S) == 9
            world.until(lambda: once(world.revisions)[3:] == [2, 3])
            world.read_on(2.5)
            assert once(world.revisions) == [1, 2, 3, 2, 3]


JOINS_NEVER = """
import asyncio
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance as Joining
async def never(self):
    await asyncio.sleep(1e9)
Joining.perform_group_join = never
"""

FENCED = """
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance as Joining
from aiokafka.errors import KafkaError
from stream.incidents import process
process.START_S = 5.0
async def fenced(self):
    raise KafkaError("what the one who sat here before has done")
Joining.perform_group_join = fenced
"""


@pytest.mark.slow
def test_a_process_whose_seat_was_taken_before_it_was_in_the_group_ends(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)
    with World(platform, settings) as world, Worker(settings, tmp_path, before=JOINS_NEVER) as one:
        world.until(lambda: world.seat())
        with Worker(settings, tmp_path):
            assert one.process is not None
            assert one.process.wait(PATIENCE_S) == 3
            assert "a newer process has taken over this slot" in one.said()


@pytest.mark.slow
def test_a_process_that_is_fenced_while_it_joins_ends_and_does_not_wait_for_ever(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)
    with World(platform, settings), Worker(settings, tmp_path, before=FENCED) as worker:
        assert worker.process is not None
        assert worker.process.wait(PATIENCE_S) == 3
        assert "Kafka has not let us into the group within 5 s" in worker.said()


HANG = """
import asyncio
from stream.incidents import desk, process
process.LOOK_EVERY_S, process.STANDSTILL_S = 1, 5
async def never(self, record):
    await asyncio.sleep(1e9)
desk.Desk.anomaly = never
"""


@pytest.mark.slow
def test_a_standstill_ends_the_process_in_one_sentence(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)
    with World(platform, settings) as world, Worker(settings, tmp_path, before=HANG) as worker:
        world.put(settings.topics.anomalies, [anomaly(at_s=now_s())])
        assert worker.process is not None
        assert worker.process.wait(2 * PATIENCE_S) == 3
        assert "records wait (1 in" in worker.said()


QUICK = """
from stream.incidents import outside
outside.LOOK_EVERY_S, outside.STANDSTILL_S = 0.5, 3
"""
READS_NOTHING = """
kept = outside.kept
outside.kept = lambda admin, group, seat, reads: kept(admin, group, {seat}, lambda: False)
"""


@pytest.mark.slow
@pytest.mark.parametrize("platform", [pytest.param("real", marks=pytest.mark.kafka)], indirect=True)
@pytest.mark.parametrize(
    ("seat", "sentence"),
    [("seat", "has given this process partitions, and it reads none"), ("'other'", "does not know this process")],
)
def test_a_process_that_lost_its_group_ends(platform: Platform, tmp_path: Path, seat: str, sentence: str):
    settings = settings_of(platform)
    before = QUICK + READS_NOTHING.format(seat=seat)
    with World(platform, settings), Worker(settings, tmp_path, before=before) as worker:
        assert worker.process is not None
        assert worker.process.wait(PATIENCE_S) == 3
        assert sentence in worker.said()


@pytest.mark.slow
@pytest.mark.parametrize("platform", [pytest.param("real", marks=pytest.mark.kafka)], indirect=True)
def test_a_process_that_is_one_too_many_waits(platform: Platform, tmp_path: Path):
    settings = settings_of(platform)
    with World(platform, settings, partitions=1) as world, Worker(settings, tmp_path, before=QUICK) as one:
        world.until(lambda: "started" in one.said())
        with Worker(settings, tmp_path, "1", before=QUICK) as other:
            world.until(lambda: "started" in other.said())
            world.read_on(10)
            assert one.process is not None
            assert other.process is not None
            assert [one.process.poll(), other.process.poll()] == [None, None]


def test_without_kafka_it_says_so_waits_and_can_be_stopped(redis_url: str, tmp_path: Path):
    platform = Platform("none", f"127.0.0.1:{free_port()}", redis_url, "", None)  # type: ignore[arg-type]
    with Worker(settings_of(platform), tmp_path) as worker:
        give_up = time.monotonic() + PATIENCE_S
        while f"Kafka at {platform.bootstrap} cannot be used" not in worker.said() and time.monotonic() < give_up:
            time.sleep(0.1)
        assert "check that it runs" in worker.said()
        assert worker.stop() == 0
        assert "Traceback" not in worker.said()


@pytest.mark.parametrize(
    ("sections", "sentence"),
    [
        ({"http": {"host": "0.0.0.0"}}, "use 127.0.0.1, or set http.allow_remote"),
        ({"kafka": {"security_protocol": "ssl", "ssl_ca_location": "/no/such/file"}}, "ssl"),
    ],
)
def test_what_cannot_run_ends_in_one_sentence(sections, sentence, embedded_redis, tmp_path: Path):
    platform = Platform("none", "127.0.0.1:1", embedded_redis.url, "", None)  # type: ignore[arg-type]
    with Worker(settings_of(platform, **sections), tmp_path) as worker:
        assert worker.process is not None
        assert worker.process.wait(PATIENCE_S) == 3
        assert sentence in worker.said()
        assert "Traceback" not in worker.said()
