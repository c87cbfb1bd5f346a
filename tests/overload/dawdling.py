"""A Redis or a Kafka whose replies come late, then very late: detection goes on, in the end nothing is missing."""

import dataclasses
import random
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from stream.embedded.port import LOOPBACK
from tests.conftest import Platform
from tests.overload.flood import event
from tests.overload.flooded import WORKERS
from tests.overload.gauges import Gauges
from tests.overload.slow import Slow
from tests.pipeline.installation import Installation, Records
from tests.pipeline.oracle import applied, folded, published
from tests.servers import RealKafka

REDIS_S = (0.0, 0.05, 0.5, 2.0)  # the last is beyond the second that a role waits for a command
KAFKA_S = (0.0, 0.05, 0.2, 0.5)  # a transaction waits for half a dozen answers, one after the other
SESSION_MS = 10_000  # late is not dead
MODELS = tuple(f"m{at}" for at in range(len(REDIS_S)))  # with each delay another one drifts
CHUNK = 20
SETTLING = 1_600  # rows, after which every model is watched
EVERY_S = 0.1


def slow_redis(platform: Platform, folder: Path, seconds: float) -> dict[str, Any]:
    """Snapshots, pictures and incidents wait for it."""
    with redis_behind(platform) as (slow, far):
        return run(slow, platform.redis_url, folder, far, REDIS_S, seconds)


def slow_kafka(platform: Platform, folder: Path, seconds: float) -> dict[str, Any]:
    """A broker of its own, which all that is published waits for, and all that is read."""
    server = RealKafka(folder)
    with Slow(server.port) as far:
        server.told = far.port
        with server:
            slow = Platform("real", server.bootstrap, platform.redis_url, f"t{secrets.token_hex(4)}.", server)
            return run(slow, slow.redis_url, folder, far, KAFKA_S, seconds)


def run(
    platform: Platform, redis_url: str, folder: Path, far: Slow, delays_s: Sequence[float], seconds: float
) -> dict[str, Any]:
    """How long an anomaly took with each delay, for `seconds` in all at least, and whether all is as it would have been
    without. The oracle asks `redis_url`, which is near.
    """
    service = Installation(platform, folder, {"profile.pane_ms": 250, "kafka.session_ms": SESSION_MS})
    with service.up(), Gauges(service, WORKERS, redis_url) as gauges, Records(service) as records:
        feed = Feed(service)
        feed.settle(records)
        seen = {}
        for model, delay_s in zip(MODELS, delays_s, strict=True):
            far.delay_s = delay_s
            seen[delay_s] = feed.until_alarm(model, records, seconds / len(MODELS))
        far.delay_s = 0.0
        service.flush()
        expected = feed.sent
        records.until(lambda: records.rows == expected, "every event in a pane")
        records.until(lambda: published(records) == folded(service.settings, records["panes"]), "every verdict")
        records.until(lambda: records.incidents == applied(direct(service, redis_url), records.anomalies), "incidents")
        postponed = gauges.metrics("judge-0")["leeway_snapshots_postponed_total"]
        restarts = {worker: len(service.pids(worker)) - 1 for worker in WORKERS}
    assert not any(restarts.values()), restarts
    return {
        "seconds_to_anomaly_by_delay_s": seen,
        "events": sum(feed.sent.values()),
        "panes": len(records["panes"]),
        "replies_delayed": far.replies,
        "snapshots_postponed": postponed,
    }


@contextmanager
def redis_behind(platform: Platform) -> Iterator[tuple[Platform, Slow]]:
    """The platform with its Redis behind a proxy, and the proxy."""
    port = urlsplit(platform.redis_url).port
    assert port is not None
    with Slow(port) as far:
        yield dataclasses.replace(platform, redis_url=f"redis://{LOOPBACK}:{far.port}/0"), far


def direct(service: Installation, redis_url: str) -> Any:
    """The settings with the Redis behind the proxy: the oracle has no reason to wait."""
    return replace(service.settings, redis=replace(service.settings.redis, url=redis_url))


class Feed:
    """A few events a second of every model; each model drifts when it is told to."""

    def __init__(self, service: Installation) -> None:
        self.service = service
        self.sent = {f"{model} prediction": 0 for model in MODELS}
        self._shifts = dict.fromkeys(MODELS, 0.0)
        self._rows = {model: self._stream(model) for model in MODELS}

    def _stream(self, model: str) -> Iterator[dict[str, Any]]:
        chance = random.Random(model)
        while True:
            yield event(model, chance, self._shifts[model])

    def send(self, rows: int) -> None:
        for model, stream in self._rows.items():
            self.service.send("predictions", (next(stream) for _ in range(rows)))
            self.sent[f"{model} prediction"] += rows

    def settle(self, records: Records) -> None:
        """Until every model is watched."""
        self.send(SETTLING)

        def watched() -> bool:
            self.send(CHUNK)
            time.sleep(EVERY_S)
            states = {beat.subject.model: beat.state for beat in records.heartbeats}
            return set(states) == set(MODELS) and set(states.values()) == {"quiet"}

        records.until(watched, "every model watched")

    def until_alarm(self, model: str, records: Records, at_least_s: float) -> float:
        """Let a model drift; seconds until its first alarm can be read. Then go on for a while."""
        self._shifts[model] = 3.0
        began = time.monotonic()

        def alarmed() -> bool:
            self.send(CHUNK)
            time.sleep(EVERY_S)
            return any(one.model == model and one.status == "firing" for one in records.anomalies)

        records.until(alarmed, f"an alarm of {model}")
        took_s = time.monotonic() - began
        while time.monotonic() - began < at_least_s:
            self.send(CHUNK)
            records.read(EVERY_S)
        return round(took_s, 2)
