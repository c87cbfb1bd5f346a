"""States in memory and in Redis: what is idle leaves and comes back as it was, and a lane has room for so many keys."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import orjson
import pytest
import redis

from stream.embedded.redis import EmbeddedRedis
from stream.engine.fence import Fence
from stream.engine.folds import TIMES_SNAPSHOT, Folds, Room
from stream.engine.observed import Observed
from stream.engine.place import Place
from stream.engine.role import Lane, Output
from tests.clock import Clock
from tests.simulation.roles import Alarming

LANE = Lane("panes", 0)
SPACIOUS = Room(idle_s=1e9, memory_bytes=1e9, states=10_000)


@pytest.fixture
def client(embedded_redis: EmbeddedRedis) -> redis.Redis:
    client = redis.Redis.from_url(embedded_redis.url)
    client.flushall()
    return client


@dataclass(frozen=True)
class Record:
    """As much of a record as is read."""

    at: int
    body: bytes

    def offset(self) -> int:
        return self.at

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return self.body

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


class Worker:
    """One life of a judge-like worker over a log that starts at its mark."""

    def __init__(self, client: redis.Redis, room: Room, floor: int = 0) -> None:
        self.clock = Clock()
        self.observed = Observed()
        self.folds = Folds(Alarming(), Fence(client, "t:", 1e9, self.clock), room, self.observed)
        mark = self.folds.acquire([LANE], {})[LANE]
        self.place = Place(LANE, min(mark.offset or 0, floor), floor, floor)

    def read(self, log: list[bytes], until: int, poll: int = 7) -> list[Output]:
        """Everything up to an offset, so many records at once, with a snapshot after each; the outputs."""
        outputs: list[Output] = []
        while self.place.next < until:
            first, last = self.place.next, min(until, self.place.next + poll)
            self.folds.fold(self.place, [Record(at, log[at]) for at in range(first, last)])
            self.place.next = last
            outputs += self.folds.outputs("")
            self.folds.published()
            self.folds.snapshot({LANE: self.place})
            self.clock.now += 1.0
        return outputs

    @property
    def states(self) -> set[str]:
        return set(self.folds.lanes[LANE].states)


def panes(models: Iterator[str]) -> list[bytes]:
    return [orjson.dumps({"model": model, "n": 1}) for model in models]


def test_what_is_idle_leaves_memory_and_comes_back_as_it_was(client: redis.Redis) -> None:
    chance = random.Random(1)
    log = panes(f"m{chance.randrange(30) if at % 50 < 10 else 0}" for at in range(1_000))
    expected = Worker(client, SPACIOUS).read(log, len(log))
    client.flushall()
    worker = Worker(client, Room(idle_s=2, memory_bytes=1e9, states=10_000))
    assert worker.read(log, len(log)) == expected
    assert worker.states == {"m0"}
    assert worker.observed.states == 1
    assert worker.observed.states_read > 50
    assert worker.observed.states_cleared == worker.observed.states_read + 29


def test_what_takes_too_much_leaves_sooner(client: redis.Redis) -> None:
    log = panes(f"m{at % 100}" for at in range(1_000))
    expected = Worker(client, SPACIOUS).read(log, len(log))
    client.flushall()
    worker = Worker(client, Room(idle_s=1e9, memory_bytes=10 * 40 * TIMES_SNAPSHOT, states=10_000))
    assert worker.read(log, len(log)) == expected
    assert worker.states == {f"m{at}" for at in range(90, 100)}
    assert worker.observed.state_bytes == 10 * 40


@pytest.mark.parametrize("seed", range(5))
def test_a_lane_refuses_the_same_keys_however_it_is_cut_and_replayed(client: redis.Redis, seed: int) -> None:
    """The first so many keys have room. Workers die with snapshots ahead of what was committed, or behind."""
    chance = random.Random(seed)
    log = panes(f"m{int(chance.expovariate(0.05))}" for _ in range(600))
    room = Room(idle_s=3, memory_bytes=1e9, states=20)
    expected = Worker(client, room).read(log, len(log), poll=1)
    client.flushall()
    said: list[Output] = []
    floor = 0
    while floor < len(log):
        worker = Worker(client, room, floor)
        until = min(len(log), floor + chance.randrange(1, 120))
        said += worker.read(log, until, poll=chance.randrange(1, 40))
        floor = until
        if chance.random() < 0.3:
            client.hdel("t:panes/0", "mark")  # as if no snapshot had been finished
    assert said == expected
    assert sum(output.topic == "dlq" for output in said) > 20
