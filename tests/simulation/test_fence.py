"""The simulated Redis decides as the real one does: `stream.engine.fence.WRITE` and `accepts` agree on every case."""

from functools import partial
from itertools import product
from typing import Any, NoReturn

import pytest
import redis

from stream.embedded.redis import EmbeddedRedis
from stream.engine.fence import WRITE, Fence
from stream.engine.role import Lane
from stream.engine.shape import Shape
from stream.engine.surprise import Surprise
from tests.simulation.redis import accepts

LANE = Lane("panes", 3)
OLD, NEW = Shape("9X1hbGk", 8), Shape("rT5mZq0", 8)
CHURN, FRAUD = {"churn": b"\x07\0\0\0\0\0\0\0state"}, {"fraud": b"\x02\0\0\0\0\0\0\0state"}


@pytest.fixture
def client(embedded_redis: EmbeddedRedis) -> redis.Redis:
    client = redis.Redis.from_url(embedded_redis.url)
    client.flushall()
    return client


def test_the_script_and_its_model_agree(client: redis.Redis) -> None:
    script = client.register_script(WRITE)
    for token, stored, acked, number in product(("mine", "other"), (0, 1, 2, 3), (0, 1, 2), (1, 2, 3)):
        client.hset("lane", mapping={"tok": token, "n": stored, "mark": 5})
        accepted = script(keys=["lane"], args=["mine", acked, number, 0, "n", number, "mark", 9, "k:a", b"state"])
        assert bool(accepted) == accepts({"tok": token, "n": stored}, "mine", acked, number)
        assert client.hget("lane", "mark") == (b"9" if accepted else b"5")
        client.delete("lane")


def test_what_was_written_is_loaded_with_its_offset(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    assert fence.write(fence.acquire(LANE), 42, {"churn": b"\x07\0\0\0\0\0\0\0state"})
    hold = fence.acquire(LANE)
    assert (hold.mark, hold.known) == (42, {"churn"})
    assert fence.load(hold, ["churn"]) == [(7, b"state")]


def test_what_is_of_another_topic_of_the_same_name_is_not_there(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    fence.write(fence.acquire(LANE, OLD), 42, CHURN)
    hold = fence.acquire(LANE, NEW)
    assert (hold.mark, hold.known, hold.outdated) == (None, set(), True)
    assert fence.due(hold, 0, waiting=False)
    kept = client.hgetall(hold.name)
    assert {b"mark": b"42", b"k:churn": CHURN["churn"]}.items() <= kept.items()  # whoever only looks takes nothing away
    assert fence.write(hold, 3, FRAUD)
    assert client.hkeys(hold.name) == [b"v", b"tok", b"n", b"mark", b"topic", b"k:fraud"]
    assert fence.write(hold, 4, CHURN)  # once only
    again = fence.acquire(LANE, NEW)
    assert (again.mark, again.known, again.outdated) == (4, {"churn", "fraud"}, False)


def test_a_redis_from_before_a_topic_was_created_anew_has_nothing_of_the_new_one(client: redis.Redis) -> None:
    """An operator deleted the snapshots of the old topic, and Redis was restored from a backup with them."""
    fence = Fence(client, "leeway:judge:", 1_000_000)
    fence.write(hold := fence.acquire(LANE, OLD), 42, CHURN)
    backup = client.hgetall(hold.name)
    client.delete(hold.name)
    fence.write(fence.acquire(LANE, NEW), 70, CHURN)
    client.delete(hold.name)
    client.hset(hold.name, mapping=backup)
    assert fence.acquire(LANE, NEW).mark is None
    assert fence.acquire(LANE, OLD).mark == 42


@pytest.mark.parametrize(("before", "now"), [(None, NEW), (OLD, None), (Shape("", 8), NEW), (OLD, Shape("", 8))])
def test_a_topic_without_an_id_is_taken_for_the_same(
    client: redis.Redis, before: Shape | None, now: Shape | None
) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    fence.write(fence.acquire(LANE, before), 42, CHURN)
    hold = fence.acquire(LANE, now)
    assert (hold.mark, hold.known, hold.outdated) == (42, {"churn"}, False)


def test_a_first_write_that_got_no_answer_is_written_whole_again(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    fence.write(fence.acquire(LANE, OLD), 42, CHURN)
    hold = fence.acquire(LANE, NEW)
    deaf, answered = Fence(client, "leeway:judge:", 1_000_000), fence._write

    def unanswered(**words: Any) -> NoReturn:
        answered(**words)
        time_out()

    deaf._write = unanswered
    assert not deaf.write(hold, 3, CHURN)
    assert hold.outdated
    assert fence.write(hold, 4, FRAUD | CHURN)
    assert fence.acquire(LANE, NEW).known == {"churn", "fraud"}


def test_a_former_owner_neither_reads_nor_writes(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    former = fence.acquire(LANE)
    fence.write(former, 1, {"churn": b"\x00\0\0\0\0\0\0\0old"})
    fence.acquire(LANE)
    with pytest.raises(Surprise, match="another worker has taken it over"):
        fence.load(former, ["churn"])
    with pytest.raises(Surprise):
        fence.write(former, 2, {})


def test_a_redis_that_went_back_is_noticed_by_the_next_write(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    hold = fence.acquire(LANE)
    before = client.hgetall(hold.name)
    fence.write(hold, 1, {"churn": b"\x00\0\0\0\0\0\0\0new"})
    client.delete(hold.name)
    client.hset(hold.name, mapping=before)
    with pytest.raises(Surprise, match="forgotten"):
        fence.write(hold, 2, {})


def test_what_is_deleted_is_not_brought_back_by_the_next_write(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    hold = fence.acquire(LANE)
    client.flushall()
    with pytest.raises(Surprise):
        fence.write(hold, 2, {"churn": b"\x00\0\0\0\0\0\0\0state"})
    assert not client.exists(hold.name)


class Slow:
    """A connection on which the first acquisition gets no answer in time, and arrives when `deliver` is called."""

    def __init__(self, client: redis.Redis) -> None:
        self.client, self.late = client, list[Any]()

    def register_script(self, script: str) -> Any:
        sent = self.client.register_script(script)
        return sent if script == WRITE else partial(self.take, sent)

    def take(self, sent: Any, **words: Any) -> Any:
        if self.late:
            return sent(**words)
        self.late.append(partial(sent, **words))
        return time_out()

    def deliver(self) -> None:
        self.late[0]()


def time_out() -> NoReturn:
    raise redis.TimeoutError("no answer")


def test_an_acquisition_that_comes_late_does_not_vouch_for_a_redis_that_was_emptied(client: redis.Redis) -> None:
    before = Fence(client, "leeway:judge:", 1_000_000)
    before.write(before.acquire(LANE), 42, {"churn": b"\x00\0\0\0\0\0\0\0state"})
    slow = Slow(client)
    fence = Fence(slow, "leeway:judge:", 1_000_000)  # type: ignore[arg-type]
    hold = fence.acquire(LANE)
    assert (hold.mark, hold.known) == (42, {"churn"})
    client.flushall()
    slow.deliver()
    with pytest.raises(Surprise, match="forgotten"):
        fence.write(hold, 43, {})
