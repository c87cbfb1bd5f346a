"""One installation of Leeway as its users have it: variables, topics, commands in processes of their own, and its logs.

What happened is read from Kafka alone, with `read_committed`, and from what the commands say.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, Producer, TopicPartition

from schemas import records
from schemas.anomaly import Anomaly
from schemas.binning import Binning
from schemas.dead_letter import DeadLetter, Headers, from_headers
from schemas.heartbeat import Heartbeat
from schemas.incident import Incident
from schemas.pane import Deployed, Pane
from stream.config import FILE_VARIABLE, load
from stream.embedded import child
from stream.topics import PURPOSES
from tests.cli.command import environment, leeway
from tests.conftest import Platform

OUTPUTS = ("panes", "binnings", "anomalies", "heartbeats", "incidents", "dlq")
PARTITIONS = 2
PATIENCE_S = 120.0
SOON = {  # what takes weeks and thousands of events in production takes seconds and hundreds here
    "profile.pane_ms": 100,
    "profile.heartbeat_ms": 600_000,  # the log of panes rests when the events do
    "judge.budget": "1 per 100000 events",
    "judge.reference": 600,
    "judge.burn_in": 200,
    "judge.independent": "true",  # and so they are
    "judge.bucket_s": 3600,  # how many events a second come is up to the machine
    "kafka.session_ms": 2000,
    "privacy.public": '["*"]',
    "log.format": "json",
}

T = TypeVar("T")


class Installation:
    """Topics, group and keys of its own on a shared platform. `changes` are settings: `{"judge.reference": 300}`."""

    def __init__(self, platform: Platform, folder: Path, changes: Mapping[str, object] | None = None) -> None:
        self.platform = platform
        self.log = folder / "said"
        self.log.touch()
        given: dict[str, object] = {f"topics.{purpose}": platform.prefix + purpose for purpose in PURPOSES}
        given |= {
            "topics.partitions": PARTITIONS,
            "group": platform.prefix.rstrip("."),
            "kafka.bootstrap": platform.bootstrap,
            "redis.url": platform.redis_url,
            "redis.prefix": platform.prefix.replace(".", ":"),
            **SOON,
            **(changes or {}),
        }
        self.variables = {f"LEEWAY__{key.replace('.', '__').upper()}": str(value) for key, value in given.items()}
        self.variables[FILE_VARIABLE] = os.devnull
        self.settings = load(None, self.variables, {})
        if platform.kind == "embedded":  # it has no admin requests
            platform.create(dict.fromkeys(PURPOSES, PARTITIONS))
        else:
            assert self.run("topics", "create").returncode == 0
        self.producer = Producer(
            {
                "bootstrap.servers": platform.bootstrap,
                "enable.idempotence": True,
                "message.timeout.ms": 240_000,
                "message.max.bytes": 2_000_000,
                "linger.ms": 5,
                "log_level": 0,
            }
        )
        self.refused: list[str] = []  # what Kafka did not take, which would be the test's own fault

    def topic(self, purpose: str) -> str:
        return self.platform.prefix + purpose

    # -- commands ------------------------------------------------------------------------------------------------------

    def run(self, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        """One command, to its end."""
        return leeway(*words, given=given, timeout_s=PATIENCE_S, **self.variables)

    @contextmanager
    def up(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """`leeway up`, asked to end when the block does, which it must do well."""
        with self.running("up", "--workers", "1", "--no-topics", *words) as process:
            yield process
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, self.said[-4000:]
        assert "Traceback" not in self.said

    @contextmanager
    def running(self, *words: str) -> Iterator["subprocess.Popen[str]"]:
        """One command, ended with its children when the block ends."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "stream.cli", *words]
            process = child.start(command, stdout=log, stderr=subprocess.STDOUT, env=environment(**self.variables))
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @property
    def said(self) -> str:
        """The lines of all that `running` ran."""
        return self.log.read_text(errors="replace")

    def pids(self, worker: str) -> list[int]:
        """Of a worker, in the order in which `leeway up` started it again and again."""
        return [int(pid) for pid in re.findall(rf"^{worker} +\| started.*, pid (\d+)$", self.said, re.MULTILINE)]

    # -- events --------------------------------------------------------------------------------------------------------

    def send(self, purpose: str, events: Iterable[Mapping[str, Any]], pause_s: float = 0.0) -> None:
        """Events as any producer sends them: bare JSON, no key."""
        for number, event in enumerate(events):
            self.put(purpose, orjson.dumps(event))
            if pause_s and number % 50 == 49:
                time.sleep(pause_s)

    def put(
        self,
        purpose: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Headers | None = None,
        on_delivery: Callable[[Message], None] = lambda message: None,
    ) -> None:
        def delivered(error: object, message: Message) -> None:
            if error is not None:
                self.refused.append(str(error))
            else:
                on_delivery(message)

        while True:
            try:
                self.producer.produce(self.topic(purpose), value, key=key, headers=headers, on_delivery=delivered)
                break
            except BufferError:
                self.producer.poll(0.1)
        self.producer.poll(0)

    def flush(self) -> None:
        """Until Kafka has taken everything."""
        assert self.producer.flush(240) == 0
        assert self.refused == []


class Records:
    """What a `read_committed` reader without a group sees of an installation's outputs, from the beginning and on."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._by_topic: dict[str, list[Message]] = defaultdict(list)
        self._at_end: set[tuple[str, int]] = set()
        self._consumer = Consumer(
            {
                "bootstrap.servers": installation.platform.bootstrap,
                "group.id": installation.platform.prefix + "records",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "log_level": 0,
            }
        )
        self._lanes = [(installation.topic(purpose), lane) for purpose in OUTPUTS for lane in range(PARTITIONS)]
        self._consumer.assign([TopicPartition(*lane, OFFSET_BEGINNING) for lane in self._lanes])

    def close(self) -> None:
        self._consumer.close()

    def __enter__(self) -> "Records":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def until(self, true: Callable[[], T], what: str, meanwhile: Callable[[], object] = lambda: None) -> T:
        """Read on until something is so."""
        give_up = time.monotonic() + PATIENCE_S
        while not (found := true()):
            self.read()
            meanwhile()
            said = self._installation.said[-4000:]
            assert time.monotonic() < give_up, f"{what}: not within {PATIENCE_S:.0f} s; {self.summary}; said:\n{said}"
        return found

    def read(self, seconds: float = 0.1) -> None:
        for message in self._consumer.consume(500, seconds):
            if message.error() is None:
                self._by_topic[message.topic()].append(message)
                self._at_end.discard((message.topic(), message.partition()))
            elif message.error().name() == "_PARTITION_EOF":
                self._at_end.add((message.topic(), message.partition()))

    def to_the_end(self) -> "Records":
        """Everything that there is now; for a reader that was just opened."""
        self.until(lambda: len(self._at_end) == len(self._lanes), "reading to the end")
        return self

    @property
    def summary(self) -> dict[str, int]:
        return {purpose: len(self[purpose]) for purpose in OUTPUTS}

    def __getitem__(self, purpose: str) -> list[Message]:
        return self._by_topic[self._installation.topic(purpose)]

    def _read(self, purpose: str, kind: type[T], read: Callable[[bytes | None], object]) -> list[T]:
        bodies = [read(message.value()) for message in self[purpose]]
        return [body for body in bodies if isinstance(body, kind)]

    @property
    def panes(self) -> list[Pane]:
        return self._read("panes", Pane, records.pane)

    @property
    def deployed(self) -> list[Deployed]:
        return self._read("panes", Deployed, records.pane)

    @property
    def binnings(self) -> list[Binning]:
        return self._read("binnings", Binning, records.binning)

    @property
    def anomalies(self) -> list[Anomaly]:
        return self._read("anomalies", Anomaly, records.anomaly)

    @property
    def heartbeats(self) -> list[Heartbeat]:
        return self._read("heartbeats", Heartbeat, records.heartbeat)

    @property
    def incidents(self) -> dict[str, Incident]:
        """As they stand: the last record of each key."""
        return {incident.id: incident for incident in self._read("incidents", Incident, records.incident)}

    @property
    def letters(self) -> list[DeadLetter]:
        return [from_headers(m.key(), m.value(), m.headers() or []) for m in self["dlq"]]

    @property
    def rows(self) -> Counter[str]:
        """Events in panes, by model and source."""
        counts: Counter[str] = Counter()
        for pane in self.panes:
            if pane.part == 0:
                counts[f"{pane.subject.model} {pane.subject.source}"] += pane.rows
        return +counts

    def states(self, model: str) -> list[str]:
        """The states that the predictions of a model's own deployment went through."""
        states: list[str] = []
        for beat in self.heartbeats:
            subject = beat.subject
            if (subject.model, subject.deployment, subject.source) == (model, model, "prediction"):
                states += [beat.state] if states[-1:] != [beat.state] else []
        return states


def counts(panes: Iterable[Pane]) -> dict[str, dict[str, Any]]:
    """What panes add up to, by subject: rows, versions, slices, and of every column its numbers, texts and nulls."""
    whole: dict[str, dict[str, Any]] = {}
    for pane in panes:
        subject = f"{pane.subject.model} {pane.subject.deployment} {pane.subject.source}"
        sums = whole.setdefault(subject, {"rows": 0, "versions": Counter(), "slices": Counter(), "columns": {}})
        if pane.part == 0:
            sums["rows"] += pane.rows
            sums["versions"].update(pane.versions)
        for name, part in pane.slices.items():
            sums["slices"][name] += part.rows if pane.part == 0 else 0
        for name, column in pane.columns.items():
            into = sums["columns"].setdefault(name, {"n": 0, "sum": 0.0, "nulls": 0, "values": Counter()})
            assert sum(column.counts) == column.n
            assert column.other == 0
            into["n"] += column.n
            into["sum"] += column.sum
            into["nulls"] += column.nulls
            into["values"].update(column.values)
    return whole
