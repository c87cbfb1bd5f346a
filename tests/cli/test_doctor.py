"""The doctor finds what is wrong, says how to mend it, and leaves nothing behind."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis
from confluent_kafka import Producer

from stream.embedded.broker import EmbeddedBroker
from tests.cli.command import NO_REDIS, NOWHERE, PURPOSES, installation, leeway
from tests.conftest import Platform

pytestmark = pytest.mark.slow  # processes that wait for servers


def examined(**variables: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code, and the worst finding by subject; whatever is wrong has its mend."""
    ended = leeway("doctor", "--output", "json", **variables)
    worst: dict[str, dict[str, str]] = {}
    order = ("ok", "warning", "error")
    for one in json.loads(ended.stdout)["findings"]:
        assert (one["level"] == "ok") == (not one["mend"]), one
        if order.index(one["level"]) >= order.index(worst.get(one["subject"], {"level": "ok"})["level"]):
            worst[one["subject"]] = one
    return ended.returncode, worst


def level_of(found: dict[str, dict[str, str]], subject: str) -> str:
    return found[subject]["level"]


@contextmanager
def configured(client: redis.Redis, **options: str) -> Iterator[None]:
    named = {name.replace("_", "-"): value for name, value in options.items()}
    before = {name: client.config_get(name)[name] for name in named}
    for name, value in named.items():
        client.config_set(name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            client.config_set(name, value)


def test_a_good_installation_has_no_errors(kafka: str, redis_url: str) -> None:
    names = {f"LEEWAY__TOPICS__{purpose.upper()}": f"doctor.{purpose}" for purpose in PURPOSES}
    where = {"LEEWAY__KAFKA__BOOTSTRAP": kafka, "LEEWAY__REDIS__URL": redis_url, **names}
    status, found = examined(**where)
    assert (status, level_of(found, "topics")) == (1, "error")
    assert found["topics"]["mend"] == "leeway topics create"
    assert leeway("topics", "create", **where).returncode == 0
    status, found = examined(**where, LEEWAY__PRIVACY__KEY="k")
    assert status == 0
    assert [one for one in found.values() if one["level"] != "ok"] == []
    assert "Apache Kafka 4" in found["Kafka version"]["what"]
    with redis.Redis.from_url(redis_url) as client:
        assert client.keys("*") == []


def test_events_from_the_future_and_sessions_out_of_bounds_are_found(kafka: str, redis_url: str) -> None:
    where = {"LEEWAY__KAFKA__BOOTSTRAP": kafka, "LEEWAY__REDIS__URL": redis_url}
    names = {f"LEEWAY__TOPICS__{purpose.upper()}": f"future.{purpose}" for purpose in PURPOSES}
    assert leeway("topics", "create", **where, **names).returncode == 0
    producer = Producer({"bootstrap.servers": kafka})
    producer.produce("future.predictions", b"{}", timestamp=int(time.time() * 1000) + 3_600_000)
    assert producer.flush(30) == 0
    status, found = examined(**where, **names, LEEWAY__KAFKA__SESSION_MS="300000", LEEWAY__TOPICS__REPLICATION="3")
    assert status == 0
    assert level_of(found, "clocks") == "warning"
    assert "s ahead of this machine's clock" in found["clocks"]["what"]
    assert level_of(found, "topic future.panes") == "warning"


def test_a_redis_that_forgets_is_a_warning(kafka: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, configured(client, maxmemory_policy="allkeys-lru", appendonly="no"):
        _, found = examined(LEEWAY__KAFKA__BOOTSTRAP=kafka, LEEWAY__REDIS__URL=redis_url)
    assert found["Redis memory"]["level"] == "warning"


def test_the_embedded_broker_is_called_what_it_is(embedded_broker: EmbeddedBroker) -> None:
    _, found = examined(LEEWAY__KAFKA__BOOTSTRAP=embedded_broker.bootstrap, LEEWAY__REDIS__URL=NO_REDIS)
    assert "exactly-once needs a real Kafka" in found["Kafka version"]["what"]


def test_servers_that_are_away_are_errors_with_their_mend() -> None:
    status, found = examined(LEEWAY__KAFKA__BOOTSTRAP=NOWHERE, LEEWAY__REDIS__URL=NO_REDIS)
    assert status == 1
    for server in ("Kafka", "Redis"):
        assert level_of(found, server) == "error"
        assert found[server]["mend"]


def test_plain_text_to_another_machine_is_said(platform: Platform) -> None:
    variables = installation(platform) | {
        "LEEWAY__KAFKA__BOOTSTRAP": "broker.invalid:9092",
        "LEEWAY__KAFKA__ALLOW_PLAINTEXT": "true",
        "LEEWAY__REDIS__URL": "redis://redis.invalid:6379/0",
        "LEEWAY__REDIS__ALLOW_PLAINTEXT": "true",
        "LEEWAY__HTTP__HOST": "0.0.0.0",
        "LEEWAY__HTTP__ALLOW_REMOTE": "true",
    }
    _, found = examined(**variables)
    assert level_of(found, "pages") == "warning"
    assert level_of(found, "Kafka") == level_of(found, "Redis") == "error"


@pytest.mark.parametrize("output", ["table", "ndjson"])
def test_people_and_programs_are_told_the_same(output: str) -> None:
    said = leeway("doctor", "--output", output, "--kafka", NOWHERE, "--redis", NO_REDIS).stdout
    assert "no answer from" in said
