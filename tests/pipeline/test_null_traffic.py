"""Traffic that does not change stays within the alert budget, and a change in it is found."""

import os
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.conftest import Platform
from tests.pipeline.installation import Installation, Records
from tests.pipeline.traffic import Event
from tests.servers import RealKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

EVENTS = 300_000
ALARM_PER = 20_000  # events: stricter than anybody's budget, so that overspending shows
AHEAD = 30_000  # events sent and not yet counted


def calm(seed: int, shift: float = 0.0) -> Iterator[Event]:
    """A gauss, a heavy tail, a category, a rare null, a flag; all rows alike."""
    chance = random.Random(seed)
    while True:
        features = {
            "age": chance.gauss(40 + shift, 8),
            "amount": round(chance.paretovariate(1.5), 2),
            "plan": chance.choice(("free", "free", "free", "pro", "team")),
            "nps": None if chance.random() < 0.02 else chance.randrange(11),
            "member": chance.random() < 0.3,
        }
        yield {
            "model": "calm",
            "features": features,
            "prediction": chance.random(),
            "latency_ms": chance.gammavariate(2, 9),
        }


def test_null_traffic_stays_within_its_budget(real_kafka: RealKafka, redis_url: str, tmp_path: Path) -> None:
    platform = Platform("real", real_kafka.bootstrap, redis_url, f"t{os.urandom(4).hex()}.", real_kafka)
    changes = {
        "judge.budget": f"1 per {ALARM_PER} events",
        "judge.reference": 5_000,
        "judge.burn_in": 500,
        "judge.independent": "false",
    }
    service = Installation(platform, tmp_path, changes)
    with service.up(), Records(service) as records:
        traffic, sent = calm(6), 0
        while sent < EVENTS:
            service.send("predictions", islice(traffic, 10_000))
            service.flush()
            sent += 10_000
            records.until(lambda sent=sent: records.rows["calm prediction"] >= sent - AHEAD, "keeping up")
        records.until(lambda: records.rows["calm prediction"] == EVENTS, "counting")
        records.until(lambda: max((beat.rows for beat in records.heartbeats), default=0) > 0, "watching")
        false = [anomaly for anomaly in records.anomalies if anomaly.status == "firing"]
        assert len(false) <= EVENTS / ALARM_PER, [anomaly.summary for anomaly in false]

        service.send("predictions", islice(calm(7, shift=4), 20_000))
        service.flush()
        records.until(
            lambda: "age" in {anomaly.feature for anomaly in records.anomalies if anomaly.status == "firing"},
            "finding a shift of half a deviation",
        )
