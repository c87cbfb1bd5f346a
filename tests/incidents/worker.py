"""The incidents role as a process of its own, and everything around it that a test needs."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec
import redis
from confluent_kafka import Consumer, Message, Producer

from schemas.incident import Incident
from stream.embedded import child
from stream.settings import Settings
from tests.conftest import Platform

TOPICS = ("anomalies", "commands", "incidents", "dlq")
START = "import sys, msgspec; from stream.incidents import run; from stream.settings import Settings; "
START += "run(msgspec.json.decode(sys.argv[1], type=Settings), sys.argv[2])"
PATIENCE_S = 60.0


def settings_of(platform: Platform, **sections: Mapping[str, object]) -> Settings:
    """Settings of an installation with topics of its own on this platform."""
    given: dict[str, object] = {
        "kafka": {"bootstrap": platform.bootstrap, "session_ms": 2000},
        "redis": {"url": platform.redis_url},
        "topics": {name: platform.prefix + name for name in TOPICS},
        "group": platform.prefix + "leeway",
    }
    return msgspec.convert(given | sections, Settings)


class Worker:
    """One process. What it says is in `said()`."""

    def __init__(self, settings: Settings, folder: Path, slot: str = "0", before: str = "") -> None:
        """`before` is Python that runs first in the process."""
        self._settings, self._slot, self._log = settings, slot, folder / f"said-{slot}"
        self._program = before + START
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *raised: object) -> None:
        self.kill()

    def start(self) -> Self:
        with self._log.open("a") as log:
            command = [sys.executable, "-c", self._program, msgspec.json.encode(self._settings).decode(), self._slot]
            self.process = child.start(command, stdout=log, stderr=subprocess.STDOUT)
        return self

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> int:
        assert self.process
        return child.stop(self.process, PATIENCE_S)

    def said(self) -> str:
        return self._log.read_text()


class World:
    """Topics, a producer and a reader; incidents as the topic has them."""

    def __init__(self, platform: Platform, settings: Settings, partitions: int = 4) -> None:
        platform.create(dict.fromkeys(TOPICS, partitions))
        self.settings = settings
        self._producer = Producer({"bootstrap.servers": platform.bootstrap, "linger.ms": 0})
        reader = {"bootstrap.servers": platform.bootstrap, "group.id": platform.prefix + "reader"}
        self._reader = Consumer(reader | {"auto.offset.reset": "earliest", "log_level": 0})
        self._reads = False
        self._redis = redis.Redis.from_url(settings.redis.url)
        self.records: list[Message] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._reader.close()
        self._redis.close()

    def put(self, topic: str, values: Iterable[bytes | msgspec.Struct | None], key: bytes | None = b"churn") -> None:
        for value in values:
            raw = msgspec.json.encode(value) if isinstance(value, msgspec.Struct) else value
            self._producer.produce(topic, raw, key=key, headers=[("from", b"a test")])
        self._producer.flush(30)

    def until(self, true: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """Read until something is so."""
        give_up = time.monotonic() + patience_s
        while not (found := true()):
            assert time.monotonic() < give_up, f"not within {patience_s} s; records: {len(self.records)}"
            if not self._reads:  # one that has subscribed and never polls may never be closed
                self._reader.subscribe([self.settings.topics.incidents, self.settings.topics.dlq])
                self._reads = True
            message = self._reader.poll(0.05)
            if message is not None and message.error() is None:
                self.records.append(message)
        return found

    def read_on(self, for_s: float) -> None:
        """What else comes within a while."""
        end = time.monotonic() + for_s
        self.until(lambda: time.monotonic() >= end)

    @property
    def published(self) -> list[Incident]:
        topic = self.settings.topics.incidents
        return [msgspec.json.decode(m.value(), type=Incident) for m in self.records if m.topic() == topic]

    @property
    def names(self) -> list[str]:
        """The CloudEvents ids of what was published."""
        topic = self.settings.topics.incidents
        return [dict(m.headers())["ce_id"].decode() for m in self.records if m.topic() == topic]

    @property
    def revisions(self) -> list[int]:
        return [incident.revision for incident in self.published]

    @property
    def latest(self) -> dict[str, Incident]:
        """What compaction leaves: the last record of each key."""
        return {each.id: each for each in self.published}

    @property
    def dead(self) -> list[Message]:
        return [message for message in self.records if message.topic() == self.settings.topics.dlq]

    def forget(self) -> None:
        """Redis loses everything."""
        self._redis.flushall()

    def seat(self) -> bytes | None:
        """Which process sits in the first slot."""
        return self._redis.get(self.settings.redis.prefix + "seat:incidents-0")

    def address(self) -> str:
        """Where the pages are, as people find it."""
        key = self.settings.redis.prefix + "http:incidents-0"
        return "http://" + self.until(lambda: self._redis.get(key)).decode()
