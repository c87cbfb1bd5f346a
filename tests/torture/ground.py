"""One installation to be tortured: its settings in a file, its topics, its workers, and how it is read from outside."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, KafkaException, Message
from confluent_kafka import TopicPartition as Position
from confluent_kafka.admin import AdminClient

from stream.config import load
from stream.embedded import child
from stream.engine.surprise import EXIT_STATUS
from stream.settings import Settings
from stream.topics import PURPOSES, inputs
from tests.servers import create_topics

PARTITIONS = 3
SLOW_S = 30.0  # for an answer of a Kafka that shares its cores with everything else

FENCED_ENDS = (EXIT_STATUS, -signal.SIGALRM)  # of a worker that met a surprise, and of one that its watchdog ended
GOOD_ENDS = (*FENCED_ENDS, -signal.SIGKILL)

CONFIG = """
group = "{group}"
[kafka]
bootstrap = "{bootstrap}"
session_ms = {session_ms}
[redis]
url = "{redis}"
[log]
format = "json"
[privacy]
public = ["*"]
[profile]
pane_ms = 200
heartbeat_ms = 600_000      # the log of panes rests when the events do
[judge]
budget = "1 per 100000 events"
reference = 600
burn_in = 300
independent = true
bucket_s = 3600             # how many events a second come is up to the machine
heartbeat_s = 1             # every lane shows every second that it is watched
[topics]
"""


class Seat(NamedTuple):
    """Where a worker sits: its group remembers it, whoever sits there."""

    role: str
    slot: int

    def __str__(self) -> str:
        return f"{self.role}-{self.slot}"


@dataclass
class Ground:
    """Start it with `ground`. A worker that ended is replaced in its seat by `restart_the_dead`, unless it is left."""

    settings: Settings
    folder: Path
    admin: AdminClient  # kept: one that is let go while it still answers takes the process with it
    workers: dict[Seat, "subprocess.Popen[str]"] = field(default_factory=dict)
    empty: set[Seat] = field(default_factory=set)  # seats that are to stay so for now
    odd_ends: list[str] = field(default_factory=list)  # workers that ended as none should
    restarts: int = 0
    everybody: list["subprocess.Popen[str]"] = field(default_factory=list)  # also those whose seat was taken

    def start(self, role: str, slot: int = 0, order: str = "") -> "subprocess.Popen[str]":
        """A worker, and what it is to do to itself (`SEAM:NTH:kill`)."""
        seat = Seat(role, slot)
        if order:
            self.order(seat, order)
        words = (role, str(slot), str(self.folder / "leeway.toml"), str(self._order(seat)))
        with self.log.open("a") as log:
            command = [sys.executable, "-m", "tests.torture.worker", *words]
            worker = child.start(command, stdout=log, stderr=subprocess.STDOUT)
        self.workers[seat] = worker
        self.everybody.append(worker)
        self.empty.discard(seat)
        return worker

    def order(self, seat: Seat, order: str) -> None:
        """Have the worker in this seat kill or freeze itself."""
        draft = self.folder / "draft"
        draft.write_text(order)
        draft.rename(self._order(seat))

    def obeyed(self, seat: Seat) -> bool:
        """Whether the order was taken by a worker."""
        return not self._order(seat).exists()

    def take_back(self, seat: Seat) -> bool:
        """False: too late, it was obeyed."""
        with suppress(FileNotFoundError):
            self._order(seat).unlink()
            return True
        return False

    def restart_the_dead(self) -> None:
        for seat, worker in list(self.workers.items()):
            if seat in self.empty or worker.poll() is None:
                continue
            if worker.returncode not in GOOD_ENDS:
                self.odd_ends.append(f"{seat} ended with status {worker.returncode}")
            self.restarts += 1
            self.start(*seat)

    def end(self) -> None:
        for worker in self.everybody:
            if worker.poll() is None:
                worker.kill()
                worker.wait()

    def stop(self) -> list[int]:
        """Ask all workers to end; how they did."""
        for worker in self.workers.values():
            worker.terminate()
        return [child.stop(worker, SLOW_S) for worker in self.workers.values()]

    @property
    def log(self) -> Path:
        return self.folder / "said"

    @property
    def words(self) -> str:
        return self.log.read_text(errors="replace")

    def drained(self, roles: Iterable[str]) -> bool:
        """Whether these roles have committed all there is."""
        return all(self._drained(role, topic) for role in roles for topic in self._read_by(role))

    def _read_by(self, role: str) -> list[str]:
        topics = self.settings.topics
        return {
            "profile": inputs(self.settings),
            "judge": [topics.panes],
            "incidents": [topics.anomalies, topics.commands],
        }[role]

    def _drained(self, role: str, topic: str) -> bool:
        """Nothing but transaction markers may follow what is committed."""
        asked = ConsumerGroupTopicPartitions(f"{self.settings.group}-{role}")
        (answer,) = self.admin.list_consumer_group_offsets([asked]).values()
        try:
            found = answer.result(SLOW_S).topic_partitions
        except KafkaException:  # the group's coordinator is not there yet
            return False
        begin = {place.partition: place.offset for place in found if place.topic == topic and place.offset >= 0}
        return not any(committed_records(self.settings, topic, begin).values())

    def _order(self, seat: Seat) -> Path:
        return self.folder / f"order-{seat}"


def ground(
    bootstrap: str, redis: str, folder: Path, *, session_ms: int = 2_000, partitions: int = PARTITIONS
) -> Ground:
    """Topics and settings of its own; no worker yet."""
    group = f"t{os.urandom(4).hex()}"
    topics = {purpose: f"{group}.{purpose}" for purpose in PURPOSES}
    config = CONFIG.format(group=group, bootstrap=bootstrap, session_ms=session_ms, redis=redis)
    config += f"partitions = {partitions}\n" + "".join(f'{purpose} = "{name}"\n' for purpose, name in topics.items())
    (folder / "leeway.toml").write_text(config)
    create_topics(bootstrap, dict.fromkeys(topics.values(), partitions))
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    return Ground(load(folder / "leeway.toml", {}, {}), folder, admin)


def frozen(worker: "subprocess.Popen[str]") -> bool:
    """Whether a process stands still (man 5 proc: state T)."""
    try:
        return Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except FileNotFoundError:
        return False


def reader(settings: Settings) -> Consumer:
    """Of what is committed, without a group."""
    return Consumer(
        {
            "bootstrap.servers": settings.kafka.bootstrap,
            "group.id": f"{settings.group}-oracle",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 50,
            "log_level": 0,
        }
    )


def committed_records(
    settings: Settings, topic: str, begin: Mapping[int, int] | None = None
) -> dict[int, list[Message]]:
    """All that a `read_committed` reader sees, by partition; from the beginning, or from these offsets on."""
    lanes = range(settings.topics.partitions)
    consumer = reader(settings)
    consumer.assign([Position(topic, lane, (begin or {}).get(lane, OFFSET_BEGINNING)) for lane in lanes])
    records: dict[int, list[Message]] = {lane: [] for lane in lanes}
    ended: set[int] = set()
    while len(ended) < len(lanes):
        for message in consumer.consume(1_000, 1.0):
            error = message.error()
            if error is None:
                records[message.partition()].append(message)
            elif error.name() == "_PARTITION_EOF":
                ended.add(message.partition())
            elif not error.retriable() and error.name() not in ("_TRANSPORT", "_ALL_BROKERS_DOWN"):
                raise KafkaException(error)
    consumer.close()
    return records
