"""What tests are given: a real Kafka and Redis, the embedded ones, and a `platform` that is one or the other.

A missing part is a loud skip on a laptop. `LEEWAY_REQUIRE=all`, as in CI, makes it a failure.
"""

import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

import pytest
import redis as redis_client

from stream.embedded.broker import EmbeddedBroker
from stream.embedded.redis import EmbeddedRedis
from tests.servers import Missing, RealKafka, RealRedis

REAL = {"real_kafka", "kafka", "real_redis", "redis_url"}  # fixtures that need a real server


@dataclass(frozen=True)
class Platform:
    """A Kafka and an empty Redis. Topics are the test's own: their names begin with `prefix`."""

    kind: str  # embedded or real
    bootstrap: str
    redis_url: str
    prefix: str
    server: EmbeddedBroker | RealKafka

    def create(self, topics: Mapping[str, int]) -> list[str]:
        """Create topics (name without prefix: partitions); their full names."""
        named = {self.prefix + name: partitions for name, partitions in topics.items()}
        if isinstance(self.server, RealKafka):
            self.server.create(named)
        else:
            for name, partitions in named.items():
                self.server.create(name, partitions)
        return list(named)


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealKafka]:
    """An Apache Kafka of this process alone. A test that kills it must start it again."""
    try:
        with RealKafka(tmp_path_factory.mktemp("kafka")) as server:
            yield server
    except Missing as part:
        left_out(str(part))


@pytest.fixture(scope="session")
def real_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRedis]:
    """A Redis of this process alone. A test that kills it must start it again."""
    try:
        with RealRedis(tmp_path_factory.mktemp("redis")) as server:
            yield server
    except Missing as part:
        left_out(str(part))


@pytest.fixture
def kafka(real_kafka: RealKafka) -> str:
    """The address of the real Kafka."""
    return real_kafka.bootstrap


@pytest.fixture
def redis_url(real_redis: RealRedis) -> str:
    """The address of the real Redis, emptied."""
    return _emptied(real_redis.url)


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as server:
        yield server


@pytest.fixture(scope="session")
def embedded_redis() -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis() as server:
        yield server


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.kafka)])
def platform(request: pytest.FixtureRequest) -> Platform:
    """The same test on the embedded parts and on the real ones."""
    real = request.param == "real"
    broker = request.getfixturevalue("real_kafka" if real else "embedded_broker")
    redis = request.getfixturevalue("real_redis" if real else "embedded_redis")
    prefix = f"t{secrets.token_hex(4)}."
    return Platform(request.param, broker.bootstrap, _emptied(redis.url), prefix, broker)


def pytest_configure() -> None:
    """A shell that runs us in the background has us ignore Ctrl-C, and with us every command that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for a real server is marked `kafka`, so that `make check` leaves it out."""
    for item in items:
        if REAL & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=turn)


def turn(item: pytest.Item) -> int:
    """When a test has its turn among several processes: the longest first, so that none is left alone with one."""
    if item.get_closest_marker("timeout"):  # it is given more time than others because it takes more
        return 0
    return 1 if item.get_closest_marker("slow") or item.get_closest_marker("kafka") else 2


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say at the end, where it is read, what was left out."""
    reasons = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if len(report.longrepr) == 3]
    for reason in sorted({reason for reason in reasons if "left out: " in reason}):
        count = reasons.count(reason)
        terminalreporter.write_line(
            f"WARNING: {count} tests {reason.partition('Skipped: ')[2]}", yellow=True, bold=True
        )


def left_out(reason: str) -> NoReturn:
    """End the test because this machine lacks a part: a skip that is said again at the end, or a failure in CI."""
    if os.environ.get("LEEWAY_REQUIRE") == "all":
        pytest.fail(f"LEEWAY_REQUIRE=all, and {reason}")
    pytest.skip(f"left out: {reason}")


def _emptied(url: str) -> str:
    with redis_client.Redis.from_url(url) as connection:
        connection.flushall()
    return url
