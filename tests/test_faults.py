"""Workers are killed and frozen at every seam of the loop, on a real Kafka with a real Redis: nothing shows in what
comes out. The oracle reads topics only: events against panes, and panes folded here against anomalies.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest
import redis
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from schemas.dead_letter import from_headers
from stream.config import load
from stream.embedded import child
from stream.engine.fence import packed
from stream.engine.role import Lane
from stream.roles.judge import Judge
from stream.settings import Settings
from tests.servers import RealKafka, RealRedis, create_topics

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ROLES = ("profile", "judge")
ONCE = ("acquired", "assigned")  # in the life of a worker that nobody takes lanes from
OFTEN = (
    "folded",
    "before transaction",
    "produced",
    "offsets sent",
    "committed",
    "before snapshot",
    "snapshot written",
)
PARTITIONS = 3
SESSION_MS = 2_000
INPUTS = ("predictions", "features", "labels", "deployments")
OUTPUTS = ("panes", "binnings", "anomalies", "heartbeats", "dlq")
PATIENCE_S = 120.0


@dataclass
class Ground:
    """One installation: its settings in a file, its topics, its workers."""

    settings: Settings
    config: Path
    log: Path
    admin: AdminClient  # kept: one that is let go while it still answers takes the process with it
    workers: dict[tuple[str, int], "subprocess.Popen[str]"] = field(default_factory=dict)

    def start(self, role: str, slot: int = 0, fault: str = "") -> "subprocess.Popen[str]":
        command = [
            sys.executable,
            "-m",
            "tests.faulty_worker",
            role,
            str(slot),
            str(self.config),
            *filter(None, [fault]),
        ]
        command += [fault] if fault else []
        with self.log.open("a") as log:
            worker = child.start(command, stdout=log, stderr=subprocess.STDOUT)
        self.workers[role, slot] = worker
        return worker

    def end(self) -> None:
        for worker in self.workers.values():
            if worker.poll() is None:
                worker.kill()
                worker.wait()

    def stop(self) -> list[int]:
        """Ask all workers to end; how they did."""
        for worker in self.workers.values():
            worker.terminate()
        return [worker.wait(30) for worker in self.workers.values()]

    @property
    def words(self) -> str:
        return self.log.read_text()


@pytest.fixture
def ground(kafka: str, redis_url: str, tmp_path: Path) -> Iterator[Ground]:
    tag = f"t{os.urandom(4).hex()}"
    config = tmp_path / "leeway.toml"
    topics = {name: f"{tag}.{name}" for name in INPUTS + OUTPUTS + ("incidents", "commands")}
    config.write_text(
        f'group = "{tag}"\n[kafka]\nbootstrap = "{kafka}"\nsession_ms = {SESSION_MS}\n[redis]\nurl = "{redis_url}"\n'
        "[profile]\npane_ms = 200\n[judge]\nreference = 600\nburn_in = 300\nindependent = true\n[topics]\n"
        + "".join(f'{purpose} = "{name}"\n' for purpose, name in topics.items())
    )
    create_topics(kafka, dict.fromkeys(topics.values(), PARTITIONS))
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    ground = Ground(load(config, {}, {}), config, tmp_path / "log", admin)
    yield ground
    ground.end()


class Feed:
    """Predictions of a few models whose feature drifts half-way, with poison pills in between."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self.random = Random(seed)
        self.topic = settings.topics.predictions
        self.producer = Producer(
            {"bootstrap.servers": settings.kafka.bootstrap, "enable.idempotence": True, "log_level": 0}
        )
        self.events: Counter[str] = Counter()
        self.pills: list[bytes] = []

    def send(self, events: int, shift: float = 0.0) -> None:
        for _ in range(events):
            if self.random.random() < 0.002:
                pill = b'{"kind": "prediction", "model": %d' % len(self.pills)
                self.pills.append(pill)
                self.producer.produce(self.topic, pill)
            model = f"m{self.random.randrange(4)}"
            self.events[model] += 1
            features = {"age": self.random.gauss(40 + shift, 8), "plan": self.random.choice(["free", "pro"])}
            event = {"kind": "prediction", "model": model, "features": features, "prediction": self.random.random()}
            self.producer.produce(self.topic, orjson.dumps(event))
            self.producer.poll(0)
        assert self.producer.flush(60) == 0


def committed_records(settings: Settings, topic: str) -> dict[int, list[Message]]:
    """All that a `read_committed` reader sees, by partition."""
    reader = Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "group.id": f"{settings.group}-oracle",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "log_level": 0,
        }
    )
    reader.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    records: dict[int, list[Message]] = {partition: [] for partition in range(PARTITIONS)}
    ended: set[int] = set()
    while len(ended) < PARTITIONS:
        for message in reader.consume(1_000, 1.0):
            if message.error() is None:
                records[message.partition()].append(message)
            else:
                assert message.error().name() == "_PARTITION_EOF", message.error()
                ended.add(message.partition())
    reader.close()
    return records


def drained(ground: Ground) -> bool:
    """Whether both roles have committed all there is."""
    topics = ground.settings.topics
    return caught_up(ground, "profile", topics.predictions) and caught_up(ground, "judge", topics.panes)


def caught_up(ground: Ground, role: str, topic: str) -> bool:
    asked = ConsumerGroupTopicPartitions(f"{ground.settings.group}-{role}")
    (answer,) = ground.admin.list_consumer_group_offsets([asked]).values()
    try:
        found = answer.result(30).topic_partitions
    except KafkaException:  # the group's coordinator is not there yet
        return False
    offsets = {p.partition: p.offset for p in found if p.topic == topic}
    return all(
        not records or offsets.get(partition, -1) > records[-1].offset()
        for partition, records in committed_records(ground.settings, topic).items()
    )


def wait_for(condition: Callable[[], bool], what: str, ground: Ground, feed: "Feed | None" = None) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        if feed is not None:
            feed.send(50)
        assert time.monotonic() < give_up, f"{what} does not happen; what the workers said:\n{ground.words[-4000:]}"
        time.sleep(0.2)


# ---- the oracle ------------------------------------------------------------------------------------------------------


def check(ground: Ground, feed: Feed) -> dict[str, int]:
    """Every event counted once, every pill a dead letter once, every anomaly right, once and in order; every state."""
    topics = ground.settings.topics
    panes = committed_records(ground.settings, topics.panes)
    rows: Counter[str] = Counter()
    for message in (message for lane in panes.values() for message in lane):
        pane = orjson.loads(message.value())
        rows[pane["subject"]["model"]] += pane.get("rows", 0)
    assert +rows == feed.events

    letters = [message for lane in committed_records(ground.settings, topics.dlq).values() for message in lane]
    assert sorted(message.value() for message in letters) == sorted(feed.pills)
    at = {(letter.partition, letter.offset) for letter in map(letter_of, letters)}
    assert len(at) == len(letters)

    right, states = folded(ground.settings, panes)
    seen: dict[str, dict[bytes, list[tuple[str, bytes]]]] = defaultdict(dict)
    for topic in (topics.anomalies, topics.binnings, topics.heartbeats):
        for lane in committed_records(ground.settings, topic).values():
            for message in lane:
                seen[topic].setdefault(message.key(), []).append((id_of(message.headers()), message.value()))
    assert dict(seen) == dict(right)

    with redis.Redis.from_url(ground.settings.redis.url) as client:
        for lane_, keys in states.items():
            stored = client.hgetall(f"{ground.settings.redis.prefix}judge:{lane_}")
            for key, blob in keys.items():
                assert stored.get(f"k:{key}".encode()) == blob, f"{lane_}: state of {key}"
    return {topic: sum(map(len, by_key.values())) for topic, by_key in seen.items()}


def folded(settings: Settings, panes: dict[int, list[Message]]) -> tuple[dict[str, Any], dict[Lane, dict[str, bytes]]]:
    """What the judge has to say about these panes, and the states it has to end in."""
    judge, topic = Judge(settings), settings.topics.panes
    right: dict[str, dict[bytes, list[tuple[str, bytes]]]] = defaultdict(dict)
    blobs: dict[Lane, dict[str, bytes]] = {}
    for partition, messages in panes.items():
        lane, states = Lane(topic, partition), dict[str, Any]()
        for message in messages:
            key, record = judge.read(lane, message)
            states[key], outputs = judge.fold(states.get(key, judge.new()), record, f"{lane}-{message.offset()}")
            blobs.setdefault(lane, {})[key] = packed(message.offset(), judge.encode(states[key]))
            for output in outputs:
                right[output.topic].setdefault(output.key, []).append((id_of(output.headers), output.value))
    return right, blobs


def id_of(headers: Any) -> str:
    return dict(headers)["ce_id"].decode()


def letter_of(message: Message) -> Any:
    return from_headers(message.key(), message.value(), message.headers())


# ---- the faults ------------------------------------------------------------------------------------------------------


def test_killing_every_role_at_every_seam_changes_nothing(ground: Ground) -> None:
    feed = Feed(ground.settings, seed=1)
    faults = [*(f"{seam}:1:kill" for seam in ONCE), *(f"{seam}:{1 + i % 3}:kill" for i, seam in enumerate(OFTEN))]
    left = {role: list(faults) for role in ROLES}
    for role in ROLES:
        ground.start(role, fault=left[role].pop())
    give_up = time.monotonic() + PATIENCE_S
    while any(left.values()):
        assert time.monotonic() < give_up, f"{left} are left; what the workers said:\n{ground.words[-4000:]}"
        feed.send(60)
        time.sleep(0.05)
        for (role, slot), worker in list(ground.workers.items()):
            if worker.poll() is not None:
                assert worker.returncode in (-signal.SIGKILL, 3), ground.words[-4000:]
                ground.start(role, slot, fault=left[role].pop() if left[role] else "")
    calm(ground, feed)


@pytest.mark.parametrize("seam", ["offsets sent", "before snapshot"])
def test_a_worker_that_wakes_after_it_was_replaced_ends_and_changes_nothing(ground: Ground, seam: str) -> None:
    feed = Feed(ground.settings, seed=2)
    feed.send(1_000)
    zombies = [ground.start(role, fault=f"{seam}:2:stop") for role in ROLES]
    for role, zombie in zip(ROLES, zombies, strict=True):
        wait_for(lambda zombie=zombie: frozen(zombie), f"{role} freezing at '{seam}'", ground, feed)
        ground.start(role)
    feed.send(3_000)
    time.sleep(SESSION_MS / 1000)
    for zombie in zombies:
        zombie.send_signal(signal.SIGCONT)
    for zombie in zombies:
        assert zombie.wait(60) == 3, ground.words[-4000:]
    calm(ground, feed)


def test_a_worker_that_sleeps_through_its_session_loses_its_lanes_and_changes_nothing(ground: Ground) -> None:
    feed = Feed(ground.settings, seed=5)
    for role in ROLES:
        for slot in (0, 1):
            ground.start(role, slot)
    feed.send(500)
    wait_for(lambda: drained(ground), "beginning", ground)
    for _ in range(2):
        for role in ROLES:
            ground.workers[role, 0].send_signal(signal.SIGSTOP)
        for _ in range(30):  # three sessions and more: the other slot takes over
            feed.send(50)
            time.sleep(SESSION_MS / 1000 / 8)
        for role in ROLES:
            ground.workers[role, 0].send_signal(signal.SIGCONT)
        for _ in range(10):
            feed.send(50)
            time.sleep(0.2)
            restart_the_dead(ground)
    calm(ground, feed)


def test_a_redis_that_forgets_changes_nothing(ground: Ground, real_redis: RealRedis) -> None:
    feed = Feed(ground.settings, seed=3)
    for role in ROLES:
        ground.start(role)
    random = Random(3)
    for fault in ("flush", "kill", "cut", "cut", "flush"):
        for _ in range(20):
            feed.send(50)
            time.sleep(0.1)
            restart_the_dead(ground)
        if fault == "flush":
            with redis.Redis.from_url(ground.settings.redis.url) as client:
                client.flushall()
        else:
            size = real_redis.appended.stat().st_size
            real_redis.kill()
            if fault == "cut":  # what `appendfsync everysec` may lose
                os.truncate(real_redis.appended, max(0, size - random.randrange(1, 4_000)))
            real_redis.start()
    calm(ground, feed)


def test_a_broker_that_is_killed_changes_nothing(ground: Ground, real_kafka: RealKafka) -> None:
    feed = Feed(ground.settings, seed=4)
    for role in ROLES:
        ground.start(role)
    for _ in range(2):
        for _ in range(20):
            feed.send(50)
            time.sleep(0.1)
            restart_the_dead(ground)
        real_kafka.kill()
        time.sleep(1.0)
        real_kafka.start()
    calm(ground, feed)


def restart_the_dead(ground: Ground) -> None:
    """A worker that met a surprise ends with status 3; the watchdog's signal ends one that hangs, and ours another."""
    for (role, slot), worker in list(ground.workers.items()):
        if worker.poll() is not None:
            assert worker.returncode in (3, -signal.SIGALRM, -signal.SIGKILL), ground.words[-4000:]
            ground.start(role, slot)


def frozen(worker: "subprocess.Popen[str]") -> bool:
    return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def calm(ground: Ground, feed: Feed) -> None:
    """No more faults: let what was fed drain, then a drift, and look at everything."""

    def settled() -> bool:
        restart_the_dead(ground)
        return drained(ground)

    for shift in (0.0, 8.0):
        for _ in range(20):  # panes that are cut on the way
            feed.send(200, shift)
            time.sleep(0.15)
        wait_for(settled, "draining", ground)  # a drift that comes while roles are down would be all that they learn

    assert set(ground.stop()) == {0}, ground.words[-4000:]
    assert check(ground, feed).get(ground.settings.topics.anomalies, 0) > 0
