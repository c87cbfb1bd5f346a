"""More than can be done, for seconds: what `python -m tests.overload` does for minutes, with the same assertions."""

import secrets
from pathlib import Path

import pytest

from tests.conftest import Platform
from tests.overload import alarms, dawdling, flooded, giants
from tests.servers import RealKafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
def real(real_kafka: RealKafka, redis_url: str) -> Platform:
    """A real Kafka and a real Redis, emptied."""
    return Platform("real", real_kafka.bootstrap, redis_url, f"t{secrets.token_hex(4)}.", real_kafka)


def test_a_flood_of_events_loses_nothing_and_memory_has_a_bound(real: Platform, tmp_path: Path) -> None:
    flooded.run(real, tmp_path, "events", seconds=2)


def test_a_flood_of_anomalies_loses_none_and_doubles_none(real: Platform, tmp_path: Path) -> None:
    measured = alarms.run(real, tmp_path, seconds=5)
    assert measured["steps_published"] > 0


def test_a_redis_that_answers_late_or_never_holds_no_anomaly_up(real: Platform, tmp_path: Path) -> None:
    dawdling.slow_redis(real, tmp_path, seconds=4)


def test_a_kafka_that_answers_late_makes_all_late_and_loses_nothing(real: Platform, tmp_path: Path) -> None:
    dawdling.slow_kafka(real, tmp_path, seconds=4)


def test_a_model_beyond_every_quota_says_so_and_hurts_no_other(real: Platform, tmp_path: Path) -> None:
    measured = giants.run(real, tmp_path, seconds=4)
    assert measured["dead_letters"]["wide over_quota"] == measured["over_quota_metric"] > 0
    assert measured["unwatched"]["leeway_unwatched{slices}"] > 0
    assert any("slices" in line for line in measured["status_said"])
