"""The simulated Redis decides as the real one does: `stream.engine.fence.WRITE` and `accepts` agree on every case."""

from functools import partial
from itertools import product
from typing import Any, NoReturn

import pytest
import redis

from stream.embedded.redis import EmbeddedRedis
from stream.engine.fence import WRITE, Fence
from stream.engine.role import Lane
from stream.engine.surprise import Surprise
from tests.simulation.redis import accepts

LANE = Lane("panes", 3)


@pytest.fixture
def client(embedded_redis: EmbeddedRedis) -> redis.Redis:
    client = redis.Redis.from_url(embedded_redis.url)
    client.flushall()
    return client


def test_the_script_and_its_model_agree(client: redis.Redis) -> None:
    script = client.register_script(WRITE)
    for token, stored, acked, number in product(("mine", "other"), (0, 1, 2, 3), (0, 1, 2), (1, 2, 3)):
        client.hset("lane", mapping={"tok": token, "n": stored, "mark": 5})
        accepted = script(keys=["lane"], args=["mine", acked, "n", number, "mark", 9, "k:a", b"state"])
        assert bool(accepted) == accepts({"tok": token, "n": stored}, "mine", acked, number)
        assert client.hget("lane", "mark") == (b"9" if accepted else b"5")
        client.delete("lane")


def test_what_was_written_is_loaded_with_its_offset(client: redis.Redis) -> None:
    fence = Fence(client, "leeway:judge:", 1_000_000)
    assert fence.write(fence.acquire(LANE), 42, {"churn": b"\x07\0\0\0\0\0\0\0state"})
    hold = fence.acquire(LANE)
    assert (hold.mark, hold.known) == (42, {"churn"})
    assert fence.load(hold, ["churn"]) == [(7, b"state")]


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
