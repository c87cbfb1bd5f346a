"""Roles killed, Kafka away: with `leeway up` the service comes back by itself, and nothing shows.

The oracle reads topics only: events against panes, the committed panes folded by a judge in this process against what
was published, and those anomalies applied one by one against the incidents.
"""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import redis

from tests.conftest import Platform
from tests.incidents.anomalies import START_MS, anomaly
from tests.pipeline.installation import PATIENCE_S, Installation, Records
from tests.pipeline.oracle import applied, folded, published
from tests.pipeline.traffic import Event, predictions
from tests.servers import RealKafka, RealRedis

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

MODELS = ("churn", "fraud", "price")
ROLES = ("profile-0", "judge-0", "incidents-0")
TURNS = 3  # after each a killed worker waits twice as long
DRIFTS = 2_000  # rows of each model with the same unit, before it changes


class Feed:
    """Three models whose unit changes again and again, so that alarms and incidents come and go all the time."""

    def __init__(self, service: Installation) -> None:
        self.service = service
        self.events: Counter[str] = Counter()
        self.pills = 0
        self._streams = {model: self._stream(model) for model in MODELS}

    def _stream(self, model: str) -> Iterator[Event]:
        for turn in range(100):
            yield from predictions(model, turn, DRIFTS, amount=1 + turn % 2)

    def send(self, rows: int, pause_s: float = 0.05) -> None:
        """So many of each model, and now and then something that is no event."""
        for model, stream in self._streams.items():
            self.service.send("predictions", (next(stream) for _ in range(rows)))
            self.events[f"{model} prediction"] += rows
        self.service.put("predictions", b'{"kind":"prediction","model":%d' % self.pills)
        self.pills += 1
        time.sleep(pause_s)


def settled(service: Installation, feed: Feed) -> None:
    """No more faults: let it drain, then hold everything to the oracle."""
    service.flush()

    def right() -> bool:
        records.read()
        if records.rows != feed.events or len(records["dlq"]) < feed.pills:
            return False
        return published(records) == folded(service.settings, records["panes"])

    with Records(service) as records:
        records.until(right, "draining")
        records.until(
            lambda: records.incidents == applied(service.settings, records.anomalies), "incidents after all anomalies"
        )
    with Records(service) as records:  # a second reader, from the beginning: nothing was added in the meantime
        records.to_the_end()
        assert records.rows == feed.events
        assert Counter(letter.value for letter in records.letters) == Counter(
            b'{"kind":"prediction","model":%d' % number for number in range(feed.pills)
        )
        assert published(records) == folded(service.settings, records["panes"])
        assert records.incidents == applied(service.settings, records.anomalies)
        assert {anomaly.model for anomaly in records.anomalies if anomaly.status == "firing"} == set(MODELS)


@pytest.fixture
def service(real_kafka: RealKafka, redis_url: str, tmp_path: Path) -> Installation:
    platform = Platform("real", real_kafka.bootstrap, redis_url, f"t{os.urandom(4).hex()}.", real_kafka)
    return Installation(platform, tmp_path)


def feed_for(feed: Feed, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        feed.send(30)


def until(service: Installation, feed: Feed, true: Callable[[], object]) -> None:
    """Feed until something is so."""
    give_up = time.monotonic() + PATIENCE_S
    while not true():
        feed.send(10, 0.2)
        assert time.monotonic() < give_up, service.said[-4000:]


def ready(service: Installation, times: int = 1) -> bool:
    """Whether all roles have said so often that they work."""
    return service.said.count('"event": "started"') >= times * len(ROLES)


def test_killing_every_role_again_and_again_changes_nothing(service: Installation) -> None:
    chance, feed = random.Random(7), Feed(service)
    with service.up():
        until(service, feed, lambda: ready(service))
        for turn in range(1, 1 + TURNS):
            for role in chance.sample(ROLES, len(ROLES)):
                feed_for(feed, chance.uniform(0.3, 1.5))
                os.kill(service.pids(role)[-1], signal.SIGKILL)
            until(service, feed, lambda turn=turn: all(len(service.pids(role)) == turn + 1 for role in ROLES))
        feed_for(feed, 2)
        settled(service, feed)
    assert service.said.count("ended with signal 9") == TURNS * len(ROLES)


def test_a_kafka_that_comes_late_and_dies_in_the_middle_changes_nothing(
    service: Installation, real_kafka: RealKafka
) -> None:
    feed = Feed(service)
    real_kafka.kill()
    try:
        with service.up():
            until(service, feed, lambda: service.said.count('"event": "waiting') >= len(ROLES))
            real_kafka.start()
            until(service, feed, lambda: ready(service))
            feed_for(feed, 3)
            real_kafka.kill()
            feed_for(feed, 3)
            real_kafka.start()
            feed_for(feed, 3)
            settled(service, feed)
    finally:
        if real_kafka._process is None:
            real_kafka.start()


def test_a_redis_that_forgets_at_any_moment_loses_no_step_of_an_incident(
    service: Installation, real_redis: RealRedis
) -> None:
    chance = random.Random(3)
    at_s = time.time() - START_MS / 1000
    log = [
        anomaly(
            chance.choice(("firing", "moved", "recovered")),
            at_s=at_s + number / 100,
            feature=chance.choice(("age", "plan", "nps")),
            id=f"leeway.panes/0-{number}-0",
        )
        for number in range(800)
    ]
    with (
        service.running("incidents"),
        Records(service) as records,
        redis.Redis.from_url(real_redis.url) as client,
    ):
        for number, each in enumerate(log):
            service.put("anomalies", msgspec.json.encode(each), b"churn")
            if number == 0:
                service.flush()
                records.until(lambda: records.incidents, "the first incident")
            time.sleep(0.004)
            if chance.random() < 0.02:
                client.flushall()
        service.flush()
        records.until(lambda: records.incidents == applied(service.settings, log), "every anomaly in its incident")
    assert "Traceback" not in service.said
