"""The embedded parts: what they do, and what their docstrings say they cannot do, measured."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import aiokafka
import pytest
import redis
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from stream.embedded.broker import EmbeddedBroker
from stream.embedded.port import NotServing
from stream.embedded.redis import EmbeddedRedis, Program, imitated, in_wheel, on_path
from tests.conftest import Platform, left_out

PATIENCE_S = 30

Way = Callable[[], Iterator[Program]]


def consumer(bootstrap: str, group: str, **settings: object) -> Consumer:
    defaults = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "log_level": 0,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "partition.assignment.strategy": "range",
        "session.timeout.ms": 1500,  # on the embedded broker who comes back waits for two sessions
        "heartbeat.interval.ms": 500,
    }
    return Consumer(defaults | settings)


def transactional(bootstrap: str, name: str) -> Producer:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name, "linger.ms": 0, "log_level": 0})
    producer.init_transactions(PATIENCE_S)
    return producer


def read(source: Consumer, count: int, patience_s: float = PATIENCE_S) -> list[bytes]:
    """Up to `count` values, fewer when patience ends."""
    values: list[bytes] = []
    give_up = time.monotonic() + patience_s
    while len(values) < count and time.monotonic() < give_up:
        values += [value for message in source.consume(500, 0.1) if not message.error() and (value := message.value())]
    return values


def produce(bootstrap: str, topic: str, values: list[str]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "log_level": 0})
    for value in values:
        producer.produce(topic, key=value, value=value, headers={"ce_id": value})
    assert producer.flush(PATIENCE_S) == 0


# --- the same on both platforms: what the product may rely on


@pytest.mark.slow
def test_a_transaction_and_a_group_work_on_both(platform: Platform) -> None:
    source, sink = platform.create({"in": 4, "out": 2})
    produce(platform.bootstrap, source, [str(i) for i in range(200)])
    reader = consumer(platform.bootstrap, platform.prefix, **{"group.instance.id": "0"})
    reader.subscribe([source])
    seen = read(reader, 200)
    assert sorted(map(int, seen)) == list(range(200))

    producer = transactional(platform.bootstrap, platform.prefix)
    producer.begin_transaction()
    for value in seen:
        producer.produce(sink, key="k", value=value)
    producer.send_offsets_to_transaction(
        reader.position(reader.assignment()), reader.consumer_group_metadata(), PATIENCE_S
    )
    producer.commit_transaction(PATIENCE_S)
    reader.close()

    check = consumer(platform.bootstrap, platform.prefix + "check")
    check.assign([TopicPartition(sink, 0, 0), TopicPartition(sink, 1, 0)])
    assert read(check, 200) == seen
    check.close()


@pytest.mark.slow
def test_a_consumer_that_commits_itself_goes_on_where_it_was(platform: Platform) -> None:
    (topic,) = platform.create({"in": 2})
    produce(platform.bootstrap, topic, ["a", "b", "c"])
    first = consumer(platform.bootstrap, platform.prefix)
    first.subscribe([topic])
    assert sorted(read(first, 3)) == [b"a", b"b", b"c"]
    first.commit(asynchronous=False)
    first.close()
    produce(platform.bootstrap, topic, ["d"])
    second = consumer(platform.bootstrap, platform.prefix)
    second.subscribe([topic])
    assert read(second, 1) == [b"d"]
    assert read(second, 1, patience_s=0.5) == []
    second.close()


def test_aiokafka_reads_what_a_transaction_wrote(platform: Platform) -> None:
    (topic,) = platform.create({"out": 1})
    producer = transactional(platform.bootstrap, platform.prefix)
    for value in ("one", "two"):  # two transactions: the second lies behind the first one's marker
        producer.begin_transaction()
        producer.produce(topic, value=value)
        producer.commit_transaction(PATIENCE_S)

    async def values() -> list[bytes]:
        reader = aiokafka.AIOKafkaConsumer(
            topic,
            bootstrap_servers=platform.bootstrap,
            group_id=platform.prefix,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            check_crcs=platform.kind == "real",  # embedded: markers carry no checksum
        )
        await reader.start()
        try:
            return [(await asyncio.wait_for(reader.getone(), PATIENCE_S)).value for _ in range(2)]
        finally:
            await reader.stop()

    assert asyncio.run(values()) == [b"one", b"two"]


# --- the embedded broker alone


def test_a_group_reads_its_first_record_at_once() -> None:
    with EmbeddedBroker({"in": 2}) as broker:
        produce(broker.bootstrap, "in", ["a"])
        for attempt in range(20):  # a busy machine may be late, but not every time; Kafka's own 3 s delay misses each
            reader = consumer(broker.bootstrap, f"g{attempt}")
            reader.subscribe(["in"])
            values = read(reader, 1, patience_s=2)
            reader.close()
            if values:
                break
        assert values == [b"a"]


def test_topics_have_the_partitions_asked_for_and_come_later_too() -> None:
    with EmbeddedBroker({"a": 3}) as broker:
        broker.create("b", 7)
        topics = AdminClient({"bootstrap.servers": broker.bootstrap}).list_topics(timeout=PATIENCE_S).topics
        assert {name: len(topic.partitions) for name, topic in topics.items()} == {"a": 3, "b": 7}
        with pytest.raises(ValueError, match="already exists"):
            broker.create("b", 7)
        with pytest.raises(ValueError, match="1 or more partitions"):
            broker.create("c", 0)


def test_a_bad_topic_is_refused_in_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NotServing, match="ended with status 1"), EmbeddedBroker({"a": 0}):
        pass
    assert "1 or more partitions, not '0'; write NAME:PARTITIONS" in capfd.readouterr().err


@pytest.mark.slow
def test_down_and_up_keep_port_and_records() -> None:
    with EmbeddedBroker({"in": 1}) as broker:
        produce(broker.bootstrap, "in", ["before"])
        broker.down()
        with pytest.raises(KafkaException):
            AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0}).list_topics(timeout=1)
        broker.up()
        reader = consumer(broker.bootstrap, "g")
        reader.assign([TopicPartition("in", 0, 0)])
        assert read(reader, 1) == [b"before"]
        reader.close()


def test_offsets_of_a_transaction_are_forgotten_as_said() -> None:
    with EmbeddedBroker({"in": 1, "out": 1}) as broker:
        produce(broker.bootstrap, "in", ["a"])
        reader = consumer(broker.bootstrap, "g")
        reader.subscribe(["in"])
        assert read(reader, 1) == [b"a"]
        producer = transactional(broker.bootstrap, "t")
        producer.begin_transaction()
        producer.send_offsets_to_transaction(
            reader.position(reader.assignment()), reader.consumer_group_metadata(), PATIENCE_S
        )
        producer.commit_transaction(PATIENCE_S)
        (kept,) = reader.committed([TopicPartition("in", 0)], PATIENCE_S)
        assert kept.offset < 0
        reader.close()


def test_aborted_records_are_shown_and_zombies_are_not_fenced_as_said() -> None:
    with EmbeddedBroker({"out": 1}) as broker:
        zombie = transactional(broker.bootstrap, "t")
        zombie.begin_transaction()
        zombie.produce("out", value="aborted")
        zombie.flush(PATIENCE_S)
        zombie.abort_transaction(PATIENCE_S)
        transactional(broker.bootstrap, "t")
        zombie.begin_transaction()
        zombie.produce("out", value="zombie")
        zombie.commit_transaction(PATIENCE_S)
        reader = consumer(broker.bootstrap, "g")
        reader.assign([TopicPartition("out", 0, 0)])
        assert read(reader, 2) == [b"aborted", b"zombie"]
        reader.close()


def test_a_partition_keeps_its_latest_five_megabytes_as_said() -> None:
    with EmbeddedBroker({"in": 1}) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 0})
        for _ in range(100):
            producer.produce("in", value=os.urandom(100_000))
            producer.poll(0)
            producer.flush(PATIENCE_S)
        reader = consumer(broker.bootstrap, "g")
        low, high = reader.get_watermark_offsets(TopicPartition("in", 0), PATIENCE_S)
        reader.close()
        assert high == 100
        assert 40 <= high - low <= 60


# --- every Redis there is


def only(way: Way) -> Program:
    program = next(way(), None)
    if program is None:
        left_out(f"no Redis {way.__name__.replace('_', ' ')}")
    return program


@pytest.mark.parametrize("way", [on_path, in_wheel, imitated])
def test_every_redis_does_what_the_product_asks_of_it(way: Way) -> None:
    program = only(way)
    with EmbeddedRedis([lambda: iter([program])]) as server:
        assert server.kind == program.kind
        client = redis.Redis.from_url(server.url, socket_timeout=PATIENCE_S)
        blob = bytes(range(256)) * 64  # every byte, line ends too
        client.hset("lane", mapping={"tok": b"T", "state": blob})
        assert client.hmget("lane", "tok", "state", "absent") == [b"T", blob, None]

        fenced = client.register_script(
            "if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return 0 end "
            "redis.call('HSET', KEYS[1], unpack(ARGV, 2)) return 1"
        )
        assert fenced(keys=["lane"], args=["T", "state", blob[::-1], "mark", 7]) == 1
        assert fenced(keys=["lane"], args=["other", "mark", 8]) == 0
        assert client.hmget("lane", "state", "mark") == [blob[::-1], b"7"]

        with client.pipeline(transaction=True) as together:
            together.incr("n").incr("n").set("id", "x", px=60_000).hgetall("lane").expire("n", 60)
            assert together.execute()[:2] == [1, 2]
        assert 0 < client.pttl("id") <= 60_000
        assert client.zadd("z", {"a": 1.5}) == 1
        assert [fields for _, fields in client.xrange("s")] == []
        client.xadd("s", {"k": "v"}, maxlen=10)
        assert [fields for _, fields in client.xrange("s")] == [{b"k": b"v"}]
        with pytest.raises(redis.ResponseError):
            client.hget("n", "not a hash")
        assert client.get("n") == b"2"  # an error is a reply, and the connection goes on


@pytest.mark.parametrize("way", [on_path, in_wheel])
def test_a_redis_of_ours_never_evicts_and_writes_no_file(way: Way) -> None:
    program = only(way)
    with EmbeddedRedis([lambda: iter([program])]) as server:
        client = redis.Redis.from_url(server.url)
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("bind") == {"bind": "127.0.0.1"}


def test_the_best_redis_is_taken() -> None:
    with EmbeddedRedis([lambda: iter(()), imitated]) as server:
        assert server.kind.startswith("fakeredis ")


def test_without_any_redis_the_mend_is_said() -> None:
    with pytest.raises(NotServing, match="install redis-server"), EmbeddedRedis([]):
        pass


def test_a_redis_that_does_not_start_is_quoted() -> None:
    broken = Program("broken 1.0", lambda port: [sys.executable, "-c", "raise SystemExit('no room')"])
    with (
        pytest.raises(NotServing, match=r"broken 1\.0 does not start: .* no room"),
        EmbeddedRedis([lambda: iter([broken])]),
    ):
        pass


# --- nothing outlives us


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_the_servers_end_with_a_parent_that_is_killed() -> None:
    parent_program = """
import sys
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.redis import EmbeddedRedis
with EmbeddedBroker() as broker, EmbeddedRedis() as redis:
    print(broker.pid, redis.pid, flush=True)
    sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", parent_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(children) == 2
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    give_up = time.monotonic() + PATIENCE_S
    while any(map(alive, children)) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert not any(map(alive, children))


def test_leaving_the_block_ends_the_server() -> None:
    with EmbeddedBroker() as broker, EmbeddedRedis() as server:
        pids = [broker.pid, server.pid]
        assert all(map(alive, pids))
    assert not any(map(alive, pids))


def alive(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet (a zombie) does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
