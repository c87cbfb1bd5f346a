"""How soon: from the event that tips the scales to the anomaly, and to the incident, that anyone can read.

The whole chain as `leeway up` runs it, on defaults but for the length of the reference, and for the events being what
they are, independent. In one model after the other one feature after the other jumps by ten standard deviations. An
anomaly names the pane that tipped the scales, and a pane says when its first and its last event were produced
(`since`, `until`: events carry the time of their production). Both are reported: from the last event, which the alarm
cannot do without; and from the first, which has waited for the pane to be cut. An anomaly is readable when a consumer
with `read_committed` has it, an incident likewise.
"""

import os
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import redis
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.bars import Bar
from benchmarks.events import Event, Shape, events
from benchmarks.place import PARTITIONS, Place
from stream.embedded import child

PANE_S = 1.0  # the default
VARIABLES = {
    "LEEWAY__JUDGE__REFERENCE": "300",  # all models have to learn before anything is measured
    "LEEWAY__JUDGE__BURN_IN": "100",
    "LEEWAY__JUDGE__INDEPENDENT": "true",  # and so the events are
    "LEEWAY__JUDGE__HEARTBEAT_S": "2",
    "LEEWAY__JUDGE__BUCKET_S": "3600",  # how much traffic comes is not what is watched here
    "LEEWAY__TOPICS__PARTITIONS": str(PARTITIONS),
}
JUMP = 100.0  # ten standard deviations
LEARN_PER_S = 3_000
LEARN_S, ALARM_S = 240.0, 45.0  # how long to wait for it
APART_S = 1.0  # between one jump and the next one
POOL = 5_000
WATCHED = ("panes", "anomalies", "incidents", "heartbeats")
BARS = {
    50: Bar("10,000 events/s: event to anomaly, p50", PANE_S + 0.5, unit="s"),
    99: Bar("10,000 events/s: event to anomaly, p99", PANE_S + 1.5, unit="s"),
}


Spot = tuple[str, str]  # a model, and its feature that jumps


@dataclass(frozen=True)
class Pace:
    """Events a second, for models that no other pace has: shared, or (`together` is false) for one after the other."""

    per_s: int
    models: int
    features: int  # that jump, of each
    together: bool = True

    def names(self) -> list[str]:
        """Of its models."""
        return [f"at-{self.per_s}-{number}" for number in range(self.models)]

    def spots(self) -> list[Spot]:
        """In the order in which they jump."""
        return [(name, f"number_{number}") for number in range(self.features) for name in self.names()]


WARM = Pace(500, 1, 1)  # the first alarm of all waits for every role to have started
FULL = (Pace(100, 10, 6), Pace(10_000, 10, 6), Pace(1, 4, 6, together=False))
QUICK = (Pace(100, 6, 2), Pace(10_000, 6, 2), Pace(1, 2, 2, together=False))


@dataclass
class Alarm:
    """When an anomaly was readable, and where the pane is that tipped the scales."""

    anomaly_s: float
    fingerprint: str
    pane: tuple[int, int]


@dataclass
class Reader:
    """What a consumer of Leeway's topics sees, and when: a thread of its own."""

    place: Place
    panes: dict[tuple[int, int], bytes] = field(default_factory=dict)
    alarms: dict[Spot, Alarm] = field(default_factory=dict)
    told: dict[str, float] = field(default_factory=dict)  # by fingerprint: when an incident had it first
    watching: set[str] = field(default_factory=set)

    def start(self) -> None:
        """Begin to read, for as long as this process lives."""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """False when it met what it does not understand, which is then in the log."""
        return self._thread.is_alive()

    def _read(self) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": self.place.bootstrap,
                "group.id": "bench-reader",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.queue.backoff.ms": 10,
                "log_level": 0,  # Kafka ends before this thread does
            }
        )
        named = {getattr(self.place.settings().topics, name): name for name in WATCHED}
        consumer.assign([TopicPartition(topic, lane, 0) for topic in named for lane in range(PARTITIONS)])
        while True:
            message = consumer.poll(1.0)
            if message is not None and message.error() is None:
                getattr(self, f"_{named[message.topic()]}")(message, time.time())

    def _panes(self, message: Any, now_s: float) -> None:
        self.panes[message.partition(), message.offset()] = message.value()

    def _heartbeats(self, message: Any, now_s: float) -> None:
        body = orjson.loads(message.value())
        if body.get("watching", 0) >= body.get("columns", 1):
            self.watching.add(body["subject"]["model"])

    def _anomalies(self, message: Any, now_s: float) -> None:
        body = orjson.loads(message.value())
        spot = body["model"], body.get("feature", "")
        if body["status"] == "firing" and not body.get("segment") and spot not in self.alarms:
            ((partition, (offset, _)),) = next(iter(body["evidence"]["offsets"].values())).items()
            self.alarms[spot] = Alarm(now_s, body["fingerprint"], (int(partition), offset))

    def _incidents(self, message: Any, now_s: float) -> None:
        body = orjson.loads(message.value() or b"{}")
        for fingerprint in (body.get("fingerprint", ""), *body.get("members", ())):
            self.told.setdefault(fingerprint, now_s)

    def complete(self, spot: Spot) -> bool:
        """Whether its anomaly and its incident were read, in whatever order: Faust reads what is not committed yet."""
        return spot in self.alarms and self.alarms[spot].fingerprint in self.told

    def seconds(self, alarm: Alarm) -> dict[str, float]:
        """From the last and from the first event of the pane, to both."""
        pane = orjson.loads(self.panes[alarm.pane])
        last, first = pane["until"] / 1000, pane["since"] / 1000
        taken = {
            "anomaly": alarm.anomaly_s - last,
            "anomaly from first": alarm.anomaly_s - first,
            "incident": self.told[alarm.fingerprint] - last,
            "incident from first": self.told[alarm.fingerprint] - first,
        }
        return {name: round(seconds, 3) for name, seconds in taken.items()}


class Traffic:
    """Events at a pace, stamped as they are produced; what has jumped stays where it is."""

    def __init__(self, place: Place) -> None:
        self.topic = place.settings().topics.predictions
        self.pool: list[Event] = list(events(Shape(), POOL))
        self.producer = Producer({"bootstrap.servers": place.bootstrap, "compression.type": "lz4", "log_level": 0})
        self.jumped: dict[str, set[str]] = defaultdict(set)  # features by model
        self.sent = 0

    def send(self, model: str) -> None:
        """One event."""
        event = self.pool[self.sent % POOL] | {"model": model, "ts": time.time_ns() // 1_000_000}
        if names := self.jumped.get(model):
            event["features"] = event["features"] | {name: (event["features"][name] or 0.0) + JUMP for name in names}
        self.sent += 1
        self.producer.produce(self.topic, orjson.dumps(event))
        self.producer.poll(0)

    def flow(self, per_s: int, models: Callable[[], list[str]], enough: Callable[[], bool]) -> None:
        """In turns over the models, evenly in time."""
        began, sent = time.monotonic(), 0
        while not enough():
            names = models()
            due = (time.monotonic() - began) * per_s
            while sent < due:
                self.send(names[sent % len(names)])
                sent += 1
            time.sleep(min(0.01, 1 / per_s))


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """Every pace in turn, on the same chain. Models learn just before they are wanted: all at once are many panes."""
    reader, traffic, paces = Reader(place), Traffic(place), QUICK if quick else FULL
    rows, taken = [], {}
    with chain(place):
        reader.start()
        learn(WARM, reader, traffic, say)
        measure(WARM, reader, traffic)
        for pace in paces:
            learn(pace, reader, traffic, say)
            before, began = of_redis(place), time.monotonic()
            measure(pace, reader, traffic)
            seconds = time.monotonic() - began
            found = [spot for spot in pace.spots() if reader.complete(spot)]
            taken[pace.per_s] = [reader.seconds(reader.alarms[spot]) for spot in found]
            asked = {name: round((value - before[name]) / seconds) for name, value in of_redis(place).items()}
            rows.append(row(pace, taken[pace.per_s]) | asked)
            say(f"{pace.per_s} events/s: {len(found)} alarms in {seconds:.0f} s")
    busy = next(pace for pace in paces if pace.per_s == 10_000)
    strict = [each["anomaly from first"] for each in taken[busy.per_s]]
    return {"rows": rows, "bars": verdicts(strict, len(busy.spots())), "taken": taken}


def verdicts(seconds: list[float], wanted: int) -> list[dict[str, Any]]:
    """Of so many alarms as were wanted. One that was never read has no time, and the bars are not reached without it.

    >>> [row["verdict"] for row in (*verdicts([1.2, 1.3], 2), *verdicts([1.2], 2))]
    ['reached', 'reached', 'not measured', 'not measured']
    """
    all_there = len(seconds) == wanted
    return [bar.verdict(percentile(seconds, which) if all_there else None) for which, bar in BARS.items()]


def learn(pace: Pace, reader: Reader, traffic: Traffic, say: Callable[[str], None]) -> None:
    """Until every model of the pace is watched."""
    names, began = pace.names(), time.monotonic()

    def enough() -> bool:
        late = time.monotonic() - began > LEARN_S
        return late or not reader.alive or reader.watching >= set(names)

    traffic.flow(LEARN_PER_S, lambda: names, enough)
    watched = len(reader.watching & set(names))
    say(f"{watched} of {len(names)} models have learnt, after {time.monotonic() - began:.0f} s")


def measure(pace: Pace, reader: Reader, traffic: Traffic) -> None:
    """Let one feature after the other jump, until all have an incident or patience ends."""
    names, spots, began = pace.names(), pace.spots(), time.monotonic()
    limit_s = len(spots) * (APART_S if pace.together else ALARM_S / 2) + ALARM_S

    def waiting() -> list[Spot]:
        return [spot for spot in spots if not reader.complete(spot)]

    def now() -> list[str]:
        due = spots[: int((time.monotonic() - began) / APART_S)] if pace.together else waiting()[:1]
        for name, feature in due:
            traffic.jumped[name].add(feature)
        return names if pace.together else [name for name, _ in due] or names

    traffic.flow(pace.per_s, now, lambda: not waiting() or not reader.alive or time.monotonic() - began > limit_s)


def row(pace: Pace, taken: list[dict[str, float]]) -> dict[str, Any]:
    """p50 and p99 of every way to measure, in seconds."""
    figures: dict[str, Any] = {"events/s": pace.per_s, "alarms": f"{len(taken)} of {len(pace.spots())}"}
    for name in ("anomaly", "anomaly from first", "incident", "incident from first"):
        values = [each[name] for each in taken]
        figures[f"{name}, p50/p99 s"] = (
            f"{percentile(values, 50):.2f} / {percentile(values, 99):.2f}" if values else "-"
        )
    return figures


def percentile(values: list[float], which: float) -> float | None:
    """Of few values, one that occurred."""
    return round(float(np.percentile(values, which, method="higher")), 3) if values else None


def of_redis(place: Place) -> dict[str, int]:
    """What Redis has been asked since it started."""
    with redis.Redis.from_url(place.redis) as client:
        told: dict[str, Any] = client.info("stats")  # type: ignore[assignment]
    return {
        "Redis commands/s": told["total_commands_processed"],
        "Redis bytes in/s": told["total_net_input_bytes"],
        "Redis bytes out/s": told["total_net_output_bytes"],
    }


@contextmanager
def chain(place: Place) -> Iterator[None]:
    """`leeway up`, until the block ends."""
    command = [sys.executable, "-m", "stream.cli", "up", "--workers", "1"]
    command += ["--kafka", place.bootstrap, "--redis", place.redis]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LEEWAY")}
    running = child.start(command, stderr=subprocess.DEVNULL, env=environ | VARIABLES)
    try:
        yield
    finally:
        child.stop(running, 30)
