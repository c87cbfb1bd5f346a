"""What is sent: events of a few models that drift now and then, with poison pills in between, on every topic we read.

Events are JSON, msgpack, and many in a message of Arrow's. Each names in `version` the partition it went to, so that a
pane shows from which partitions it was counted. The oracle reads the topics back and not these lines: a producer
without idempotence may write a record twice, and then it is there twice.
"""

import threading
import time
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import orjson
from confluent_kafka import Producer

from schemas.anomaly import Anomaly, DetectorRef, Statistic, Status, Window
from schemas.incident import Command
from schemas.moment import rfc3339
from stream.settings import Settings
from stream.topics import inputs
from tests.wire.writers import ARROW_SAID, arrow, columns, packed

MODELS = ("churn", "fraud", "ltv", "spam")  # by murmur2 they are in all of three or four partitions
PILL = [("torture", b"pill")]  # marks in the input what has to become a dead letter
PROBE = [("torture", b"probe")]  # marks anomalies that no judge wrote
PROBES: tuple[Status, ...] = ("firing", "moved", "recovered", "moved", "firing", "accepted")
PAUSE_S = 0.05  # between two handfuls
COLUMNAR = ("prediction", "feature")  # the kinds that may be written in more ways than as JSON
BATCHED = 0.3  # of these go together in one message of each kind, as Arrow's columns
PACKED = 0.3  # of the other ones are msgpack
DEPLOYED = 0.01  # of the events
SEGMENTED, IN_TWO = 0.6, 0.5  # of the events have segments, and of these another one
ODD_TIMES = 0.01  # of the events are late or ahead
SAMPLED = 0.05  # of the events stand for more
LATE_MS, AHEAD_MS = 700_000, 90_000

# How records are refused: no JSON, not whole, not an object, no text, another kind, a wrong type, an unknown kind.
PILLS: tuple[Callable[[int], bytes | None], ...] = (
    lambda number: b'{"kind": "prediction", "model": %d' % number,
    lambda number: b'{"kind": "prediction", "model": %d}' % number,
    lambda number: b"not json at all %d" % number,
    lambda number: b"[%d]" % number,
    lambda number: b"\xff\xfe%d" % number,
    lambda number: b'{"kind": "nonsense", "model": "m%d"}' % number,
    lambda number: b'{"kind": "prediction", "model": "churn", "features": {"age": {"deep": %d}}}' % number,
    lambda number: b"",
    lambda number: None,
    lambda number: b"[" * 3_000 + b"%d" % number,
    lambda number: arrow({"model": ["churn", ""], "features.age": [number, number]}),
    lambda number: arrow({"model": ["churn"], "features.age": [number]})[:-50],
)


class Feed:
    """Two producers take turns: one idempotent, one that writes again what it got no answer for."""

    def __init__(self, settings: Settings, seed: int, pills: float = 0.05) -> None:
        self.random, self.pills, self.settings = Random(seed), pills, settings
        shared: dict[str, Any] = {
            "bootstrap.servers": settings.kafka.bootstrap,
            "message.timeout.ms": 600_000,
            "linger.ms": 5,
            "log_level": 0,
        }
        careless = {"enable.idempotence": False, "acks": 1, "retries": 1_000, "request.timeout.ms": 1_500}
        self.producers = [Producer(shared | {"enable.idempotence": True}), Producer(shared | careless)]
        self.sent = 0
        self.refused: list[str] = []  # what Kafka did not take, which would be the test's own fault

    def send(self, events: int, shift: float = 0.0) -> None:
        """So many events and, in between, pills; returns when Kafka has them."""
        self.hand_over(events, shift)
        self.flush()

    def hand_over(self, events: int, shift: float = 0.0) -> None:
        batches: dict[str, list[dict[str, Any]]] = {kind: [] for kind in COLUMNAR}
        for _ in range(events):
            if self.random.random() < self.pills:
                self.pill()
            kind, event = self.event(shift)
            if kind in COLUMNAR and self.random.random() < BATCHED:
                batches[kind].append(event)
                continue
            lane = self.random.randrange(self.settings.topics.partitions)
            write = packed if kind in COLUMNAR and self.random.random() < PACKED else orjson.dumps
            self.put(self.topic(kind), write(event | {"version": f"p{lane}"}), lane)
        for kind, batch in batches.items():
            if batch:
                lane = self.random.randrange(self.settings.topics.partitions)
                body = arrow(columns([event | {"version": f"p{lane}"} for event in batch]))
                self.put(self.topic(kind), body, lane, headers=ARROW_SAID)

    def topic(self, kind: str) -> str:
        """Where events of a kind go."""
        return str(getattr(self.settings.topics, f"{kind}s"))

    def event(self, shift: float) -> tuple[str, dict[str, Any]]:
        """Whole numbers and halves, so that their sums are exact in whatever order they are added."""
        chance, model = self.random, self.random.choice(MODELS)
        number = self.sent
        if chance.random() < DEPLOYED:
            return "deployment", {"kind": "deployment", "model": model, "action": "deployed"}
        common = {"model": model} | self.beside()
        if model == "churn" and chance.random() < 0.2:
            return "label", {"kind": "label", **common, "prediction_id": f"{number}", "label": number % 2}
        features = {
            "age": round(chance.gauss(40 + shift, 8)),
            "balance": chance.randrange(-500, 500) / 2,
            "plan": chance.choice(("free", "pro", "team")),
            "nps": None if number % 3 == 0 else chance.randrange(11),
        }
        if number % 7 == 0:
            del features["nps"]
        if model == "fraud" and chance.random() < 0.2:
            return "feature", {"kind": "feature", **common, "features": features}
        return "prediction", {
            "kind": "prediction",
            **common,
            "features": features,
            "prediction": chance.randrange(1_000),
            "latency_ms": chance.randrange(5, 50),
        }

    def beside(self) -> dict[str, Any]:
        """What any event may have or lack: segments, a time of its own, that it stands for more."""
        chance, found = self.random, dict[str, Any]()
        if chance.random() < SEGMENTED:
            found["segments"] = {"region": chance.choice(("eu", "us", "uk"))}
            if chance.random() < IN_TWO:
                found["segments"]["device"] = chance.choice(("pc", "phone"))
        if chance.random() < ODD_TIMES:
            found["ts"] = time.time_ns() // 1_000_000 + chance.choice((-LATE_MS, AHEAD_MS))
        if chance.random() < SAMPLED:
            found["sample_rate"] = 2.5
        return found

    def pill(self) -> None:
        topics = self.settings.topics
        others = (topics.features, topics.labels, topics.deployments, topics.panes)
        where = self.random.choice((topics.predictions,) * 6 + others)
        self.poison(where)

    def poison(self, topic: str) -> None:
        value = self.random.choice(PILLS)(self.sent)
        key = self.random.choice((None, b"key %d" % self.sent))
        said = self.random.choice(([], ARROW_SAID)) if topic in inputs(self.settings) else []
        self.put(topic, value, self.random.randrange(self.settings.topics.partitions), key, [*PILL, *said])

    def probe(self, now_ms: int) -> None:
        """One anomaly and one command per lane of the incidents role, so that it always has something to do."""
        topics, at, number = self.settings.topics, rfc3339(now_ms), self.sent
        for lane in range(topics.partitions):
            model = f"probe-{lane}"
            edge = self.random.choice(PROBES)
            body = probe(edge, model, self.random.choice(("age", "plan", "nps")), at, f"probe/{lane}-{number}-0")
            self.put(topics.anomalies, msgspec.json.encode(body), lane, model.encode(), PROBE)
        if self.pills and self.random.random() < 0.2:
            self.poison(self.random.choice((topics.anomalies, topics.commands)))
        lost = Command(id=f"command-{number}", incident="inc-no", action="comment", actor="ada", at=at)
        if self.pills and self.random.random() < 0.1:  # of an incident that does not exist: a dead letter too
            self.put(topics.commands, msgspec.json.encode(lost), 0, b"inc-no", PILL)

    def put(
        self,
        topic: str,
        value: bytes | None,
        lane: int,
        key: bytes | None = None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        producer = self.random.choice(self.producers) if topic in inputs(self.settings) else self.producers[0]
        self.sent += 1
        while True:
            try:
                producer.produce(
                    topic, value, key=key, partition=lane, headers=headers or [], on_delivery=self._delivered
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)

    def flush(self, patience_s: float = 120.0) -> None:
        for producer in self.producers:
            assert producer.flush(patience_s) == 0, "Kafka does not take what is sent"
        assert self.refused == []

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self.refused.append(str(error))


class Feeding(threading.Thread):
    """Feeds at a steady rate until told to stop. What drifts goes to and fro."""

    def __init__(self, feed: Feed, per_second: float, drift_s: float = 20.0) -> None:
        super().__init__(name="feeding", daemon=True)
        self.feed, self.per_second, self.drift_s = feed, per_second, drift_s
        self._stopping = threading.Event()

    def run(self) -> None:
        began, fed, probed = time.monotonic(), 0, 0
        while not self._stopping.is_set():
            for_s = time.monotonic() - began
            due = min(round(for_s * self.per_second) - fed, round(self.per_second))
            fed = round(for_s * self.per_second)  # what a pause has held up is not made up for
            self.feed.hand_over(due, shift=8.0 * (int(for_s / self.drift_s) % 2))
            if for_s >= probed:
                probed = int(for_s) + 1
                self.feed.probe(time.time_ns() // 1_000_000)
            self._stopping.wait(PAUSE_S)
        self.feed.flush()

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def probe(status: Status, model: str, feature: str, at: str, id: str) -> Anomaly:
    """An anomaly as a judge would write it."""
    return Anomaly(
        id=id,
        fingerprint=f"{model}|feature_drift|{feature}|",
        status=status,
        severity="warning",
        model=model,
        version="1",
        deployment=model,
        class_="feature_drift",
        detector=DetectorRef(kind="urn"),
        window=Window(start=at, end=at, n=1_000),
        statistic=Statistic(name="evidence", value=2e6, threshold=1e6),
        onset_at=at,
        detected_at=at,
        summary=f"{feature} of {model} {status}",
        feature=feature,
    )
