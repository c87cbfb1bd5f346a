"""The loop on a broker: where a worker begins, what it waits for, what it announces, and how it says what is wrong."""

import time
from collections.abc import Callable, Iterable, Sequence

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from stream import kafka, kafka_trouble
from stream.embedded.port import LOOPBACK, free_port
from stream.engine.loop import Loop
from stream.engine.observed import Observed
from stream.engine.role import Lane, Message, Output
from stream.engine.shape import Shape, Shapes, ask
from stream.engine.surprise import Surprise
from stream.settings import Kafka, Redis, Settings, Topics
from tests.clock import Clock
from tests.conftest import Platform

PATIENCE_S = 60.0


class Listing:
    """Counting: remembers what it was handed, and says how much at each transaction."""

    name = "listing"
    every_s = 0.2

    def __init__(self, topics: Sequence[str], out: str) -> None:
        self.topics, self.out = tuple(topics), out
        self.values: list[bytes | None] = []

    def count(self, lane: Lane, messages: Sequence[Message]) -> Iterable[Output]:
        self.values += [message.value() for message in messages]
        return ()

    def flush(self, name: str) -> Iterable[Output]:
        return [Output(self.out, b"listing", str(len(self.values)).encode(), [("ce_id", f"{name}-0".encode())])]

    def forget(self) -> None:
        """It only ever lists."""


class Enough(Listing):
    """It has enough for a transaction as soon as it is handed anything."""

    every_s = 3_600.0

    def count(self, lane: Lane, messages: Sequence[Message]) -> Iterable[Output]:
        self.every_s = 0.0
        return super().count(lane, messages)

    def flush(self, name: str) -> Iterable[Output]:
        self.every_s = 3_600.0
        return super().flush(name)


def settings(platform: Platform, **changed: object) -> Settings:
    return Settings(
        kafka=Kafka(bootstrap=platform.bootstrap, **changed),  # type: ignore[arg-type]
        redis=Redis(url=platform.redis_url),
        topics=Topics(anomalies=platform.prefix + "anomalies"),
        group=platform.prefix + "group",
    )


def send(platform: Platform, topic: str, *values: str) -> None:
    producer = Producer({"bootstrap.servers": platform.bootstrap, "log_level": 0})
    for value in values:
        producer.produce(topic, value.encode())
    assert producer.flush(30) == 0


def listen(role: Listing, settings: Settings, until: Callable[[], bool], observed: Observed | None = None) -> Observed:
    """Run a worker until something is the case; then end it as SIGTERM would."""
    observed = observed or Observed()
    give_up = time.monotonic() + PATIENCE_S
    loop = Loop(role, settings, "0", observed=observed, alarm=lambda seconds: None)
    loop.surprise = reraise  # type: ignore[method-assign]
    loop.run(lambda: until() or time.monotonic() > give_up)
    assert until(), f"not within {PATIENCE_S:.0f} s: {role.values}, {observed}"
    return observed


def reraise(trouble: BaseException) -> None:
    raise trouble


def test_what_a_topic_is_is_asked_until_it_is_told() -> None:
    clock = Clock()

    def told(topics: Sequence[str]) -> Shapes:
        return {"panes": Shape("9X1hbGk", 8)} if clock.now >= 3 else {}

    assert ask(told, ["panes", "more"], {"panes"}, clock) == {"panes": Shape("9X1hbGk", 8)}
    assert clock.now == 3
    with pytest.raises(Surprise, match="has not said for 10 s what more is: it was deleted, or the brokers do not"):
        ask(told, ["panes", "more"], {"panes", "more"}, clock)
    assert clock.now == 13


@pytest.mark.slow
def test_a_worker_goes_on_where_the_last_one_stopped(platform: Platform) -> None:
    source, more, out = platform.create({"source": 1, "more": 1, "out": 1})
    send(platform, source, "a", "b")
    send(platform, more, "c")
    first = Listing([source, more], out)
    seen = listen(first, settings(platform), lambda: len(first.values) == 3)
    assert sorted(first.values) == [b"a", b"b", b"c"]
    assert seen.transactions > 0
    send(platform, source, "d")
    second = Listing([source, more], out)
    listen(second, settings(platform), lambda: len(second.values) > 0)
    assert second.values == [b"d"]


@pytest.mark.slow
def test_a_role_that_has_enough_does_not_wait_for_its_next_transaction(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    role, seen = Enough([source], out), Observed()
    sent: list[str] = []

    def two_transactions() -> bool:
        if len(sent) == seen.transactions < 2:
            sent.append("a")
            send(platform, source, "a")
        return seen.transactions >= 2

    listen(role, settings(platform), two_transactions, seen)
    assert role.values == [b"a", b"a"]


@pytest.mark.slow
def test_whatever_a_producer_compresses_with_is_read(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    ways = ("none", "gzip", "snappy", "lz4", "zstd")
    for way in ways:
        producer = Producer({"bootstrap.servers": platform.bootstrap, "compression.type": way, "log_level": 0})
        producer.produce(source, way.encode() * 1_000)
        assert producer.flush(30) == 0
    role = Listing([source], out)
    listen(role, settings(platform), lambda: len(role.values) == len(ways))
    assert role.values == [way.encode() * 1_000 for way in ways]


def test_the_lag_of_a_worker_that_has_caught_up_is_nothing(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    send(platform, source, "a")
    role, observed = Listing([source], out), Observed()
    listen(role, settings(platform), lambda: observed.messages == 1 and observed.transactions > 2, observed)
    assert observed.behind == (0, 0.0)


@pytest.mark.slow
def test_a_worker_that_begins_at_the_latest_skips_what_came_before(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    send(platform, source, "a")
    role, observed = Listing([source], out), Observed()
    latest = settings(platform, start_at="latest")
    listen(role, latest, lambda: observed.transactions > 0, observed)
    send(platform, source, "b")
    listen(role, latest, lambda: len(role.values) > 0)
    assert role.values == [b"b"]


def test_an_operator_may_want_to_decide_where_to_begin(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    role = Listing([source], out)
    with pytest.raises(Surprise, match="Set the group's offset by hand"):
        listen(role, settings(platform, start_at="error"), lambda: len(role.values) > 0)


@pytest.mark.slow
def test_a_topic_that_comes_later_is_waited_for(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    late = platform.prefix + "late"
    send(platform, source, "a")
    role = Listing([source, late], out)
    created = False

    def both() -> bool:
        nonlocal created
        if role.values and not created:
            created = True
            platform.create({"late": 1})
            send(platform, late, "b")
        return len(role.values) == 2

    listen(role, settings(platform), both)
    assert role.values == [b"a", b"b"]


@pytest.mark.kafka
@pytest.mark.parametrize("platform", ["real"], indirect=True)
def test_records_that_retention_deleted_are_announced(platform: Platform) -> None:
    source, out, _ = platform.create({"source": 1, "out": 1, "anomalies": 1})
    send(platform, source, "a")
    first = Listing([source], out)
    listen(first, settings(platform), lambda: len(first.values) == 1)
    send(platform, source, "b", "c", "d")
    delete_below(platform, source, 3)
    second = Listing([source], out)
    seen = listen(second, settings(platform), lambda: len(second.values) == 1)
    assert second.values == [b"d"]
    assert seen.records_lost == 2


@pytest.mark.kafka
@pytest.mark.parametrize("platform", ["real"], indirect=True)
def test_records_that_retention_deletes_under_a_running_worker_are_announced(platform: Platform) -> None:
    source, out, _ = platform.create({"source": 1, "out": 1, "anomalies": 1})
    send(platform, source, "a")
    role, observed = Listing([source], out), Observed()
    loop = Loop(role, settings(platform), "0", observed=observed, alarm=lambda seconds: None)
    loop.surprise = reraise  # type: ignore[method-assign]
    loop.start()
    while not role.values:
        loop.step()
    loop.consumer.pause([TopicPartition(source, 0)])  # a worker that is behind
    send(platform, source, "b", "c", "d")
    delete_below(platform, source, 3)
    loop.consumer.resume([TopicPartition(source, 0)])
    give_up = time.monotonic() + PATIENCE_S
    while len(role.values) < 2 and time.monotonic() < give_up:
        loop.step()
    loop.consumer.close()
    assert role.values[-1] == b"d"
    assert observed.records_lost == 4 - len(role.values)


def delete_below(platform: Platform, topic: str, offset: int) -> None:
    admin = AdminClient({"bootstrap.servers": platform.bootstrap, "log_level": 0})
    for deleted in admin.delete_records([TopicPartition(topic, 0, offset)]).values():
        deleted.result(30)


def test_no_option_makes_rebalances_incremental() -> None:
    options = {"partition.assignment.strategy": "cooperative-sticky", "group.protocol": "consumer"}
    properties = kafka.consumer(Kafka(options=options), "group", "slot")
    assert (properties["partition.assignment.strategy"], properties["group.protocol"]) == ("range", "classic")


@pytest.mark.kafka
@pytest.mark.parametrize("platform", ["real"], indirect=True)
def test_a_stranger_in_the_group_who_shares_lanes_out_in_another_way_is_named(platform: Platform) -> None:
    source, out = platform.create({"source": 1, "out": 1})
    ours = settings(platform)
    stranger = Consumer(
        {
            "bootstrap.servers": platform.bootstrap,
            "group.id": f"{ours.group}-listing",
            "partition.assignment.strategy": "cooperative-sticky",
            "log_level": 0,
        }
    )
    stranger.subscribe([source])
    give_up = time.monotonic() + PATIENCE_S
    while not stranger.assignment() and time.monotonic() < give_up:
        stranger.poll(0.1)
    role = Listing([source], out)
    with pytest.raises(KafkaException) as refused:
        listen(role, ours, lambda: len(role.values) > 0)
    assert "another program is in this consumer group" in kafka_trouble.explained(refused.value)
    stranger.close()


@pytest.mark.slow
def test_a_kafka_that_is_not_there_is_named_with_what_to_check() -> None:
    nowhere = Kafka(bootstrap=f"{LOOPBACK}:{free_port()}")
    producer = Producer(kafka.producer(nowhere, "nobody", "none"))
    with pytest.raises(Surprise, match=f"Kafka at {nowhere.bootstrap} cannot be used: .* check that it runs"):
        kafka_trouble.patient(lambda: producer.list_topics(timeout=0.5), nowhere, patience_s=1.0)
