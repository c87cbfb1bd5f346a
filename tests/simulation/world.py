"""One world: three workers of one role, a Kafka, a Redis, a clock, and a seed that decides all that happens to them.

Each worker is a greenlet that runs the real loop. Whenever the loop calls a port (Kafka, Redis, sleep) or passes one of
its seams, it comes to a `point`: there the scheduler goes on with another worker, or the process dies. Between points
the scheduler rolls dice: a worker is frozen, expelled from its group or replaced while it is frozen; Redis goes back in
time, is emptied or goes down. Then the faults stop, and everything must drain.

What must hold, all the time: the outputs that a `read_committed` reader sees are a prefix of the right ones, in order,
none twice, none else; every snapshot is a state of the reference fold, byte for byte; every record below a mark is in
some snapshot. At the end: all outputs, all counts and all states are there.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, NoReturn

import redis
from confluent_kafka import KafkaException
from greenlet import GreenletExit, getcurrent, greenlet

import stream.engine.loop
from stream.engine.loop import Loop
from stream.engine.role import Lane
from stream.engine.surprise import Surprise
from stream.settings import Redis as RedisSettings
from stream.settings import Settings
from tests.simulation.kafka import Consumer, Kafka, Producer
from tests.simulation.redis import Client, Redis
from tests.simulation.reference import Reference, Seen, counted, counts, logs, of, seen

SLOTS = 3
FAULTY_STEPS, CALM_STEPS = 3_000, 20_000
CHECKED_EVERY = 500
TRANSACTION_STEPS = 400  # an open transaction is ended by the broker after so many
TICK_S = 0.1
SETTINGS = Settings(redis=RedisSettings(snapshot_bytes_per_second=60, idle_s=1))  # marks lag behind, states come and go

# Probabilities, per step of the scheduler or per point.
CRASH = 0.004
FAULTS = {
    "go_back": 0.0008,
    "flush": 0.0002,
    "outage": 0.0004,
    "expel": 0.0021,
    "freeze": 0.0015,
    "replace_frozen": 0.0010,
}


class Crash(BaseException):
    """The process is gone, at this very point."""


class Violated(AssertionError):
    """An invariant does not hold."""


@dataclass
class Change:
    """A seeded bug: what differs from the real thing. Tests of the simulation's own teeth use it."""

    loop: type[Loop] = Loop
    world: Callable[["World"], None] = lambda world: None
    patches: dict[tuple[Any, str], Any] = field(default_factory=dict)


class SimulatedClock:
    def __init__(self, world: "World") -> None:
        self.world = world

    def monotonic(self) -> float:
        return self.world.now * TICK_S

    time = monotonic

    def sleep(self, seconds: float, /) -> None:
        self.world.point()
        self.world.point()


@dataclass
class Slot:
    """One seat: the process that runs in it, if any, and until when it is frozen or stays dead."""

    name: str
    process: Any = None
    frozen_until: int = 0
    dead_until: int = 0

    @property
    def dead(self) -> bool:
        return self.process is None or self.process.dead


class World:
    def __init__(
        self,
        seed: int,
        role: Callable[[], Any],
        change: Change | None = None,
        *,
        values: Callable[[Random], Iterable[bytes]] = counts,
        settings: Settings = SETTINGS,
    ) -> None:
        self.seed, self.new_role, self.change, self.settings = seed, role, change or Change(), settings
        self.random, self.now, self.faulty = Random(seed), 0, True
        self.role = role()
        self.folding = hasattr(self.role, "fold")
        self.kafka = Kafka(logs(self.random, self.role.topics, values))
        self.length = max(log[-1][0] for log in self.kafka.logs.values())
        self.redis = Redis(self)
        self.clock = SimulatedClock(self)
        self.seen: Counter[str] = Counter()  # what happened, for people
        self.memberships: dict[bytes, tuple[str, str, int]] = {}
        self.slots = [Slot(str(i)) for i in range(SLOTS)]
        self.zombies: list[tuple[Any, int]] = []  # frozen processes whose slot was given away, and when they wake
        self.reference = Reference(self.kafka.logs, self.role)
        self.change.world(self)

    # ---- what the ports ask of the world -----------------------------------------------------------------------------

    def point(self, name: str = "") -> None:
        if self.unlucky(CRASH):
            self.seen["crash"] += 1
            raise Crash
        self.scheduler.switch()

    def unlucky(self, probability: float) -> bool:
        return self.faulty and self.random.random() < probability

    def head(self) -> float:
        """The logs grow while the faults go on."""
        return self.now / (0.8 * FAULTY_STEPS) * self.length if self.faulty else float("inf")

    def new_member(self) -> str:
        self.seen["process"] += 1
        return f"member-{self.seen['process']}"

    def membership(self, seat: str, member: str, generation: int) -> bytes:
        written = b"CGMDv2:" + generation.to_bytes(4, "little", signed=True) + f"{seat}\0{member}\0".encode()
        self.memberships[written] = seat, member, generation
        return written

    # ---- processes ---------------------------------------------------------------------------------------------------

    def live(self, slot: str) -> None:
        """One process, from its start to its end."""

        class Simulated(self.change.loop):  # type: ignore[misc,name-defined]
            def surprise(self, trouble: BaseException) -> NoReturn:
                raise trouble

        try:
            loop = Simulated(
                self.new_role(),
                self.settings,
                slot,
                consumer=lambda properties: Consumer(self, properties),
                producer=lambda properties: Producer(self, properties),
                redis=lambda settings: Client(self.redis),
                clock=self.clock,
                alarm=lambda seconds: None,
            )
            loop.start()
            while True:
                loop.step()
        except Crash:
            pass
        except (Surprise, KafkaException, redis.RedisError, LookupError) as surprise:
            self.seen[f"surprise: {type(surprise).__name__}"] += 1

    # ---- the scheduler -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises `Violated` when an invariant does not hold."""
        self.scheduler = getcurrent()
        with patched({(stream.engine.loop, "point"): self.point, **self.change.patches}):
            try:
                for _ in range(0, FAULTY_STEPS, CHECKED_EVERY):
                    self.go(CHECKED_EVERY)
                    self.check()
                self.faulty, self.redis.down_until = False, -1
                for _ in range(0, CALM_STEPS, CHECKED_EVERY):
                    self.go(CHECKED_EVERY)
                    if self.drained():
                        break
                else:
                    raise Violated(f"the faults are over and not everything drains: committed {self.kafka.offsets}")
                self.check()
                self.check_end()
            finally:
                self.end()

    def go(self, steps: int) -> None:
        for _ in range(steps):
            self.now += 1
            if self.faulty:
                self.fault()
            self.wake_zombies()
            self.redis.run_late()
            for producer, since in list(self.kafka.open.items()):
                if self.now - since > TRANSACTION_STEPS:
                    self.kafka.abort(producer)
            self.advance(self.random.choice(self.slots))

    def fault(self) -> None:
        dice, slot = self.random.random(), self.random.choice(self.slots)
        for name, probability in FAULTS.items():
            dice -= probability
            if dice < 0:
                self.seen[name] += 1
                getattr(self, name)(slot)
                return

    def go_back(self, slot: Slot) -> None:
        self.redis.go_back(self.random.randrange(0, 12))

    def flush(self, slot: Slot) -> None:
        self.redis.flush()

    def outage(self, slot: Slot) -> None:
        self.redis.down_until = self.now + self.random.randrange(10, 150)

    def expel(self, slot: Slot) -> None:
        self.kafka.group.leave(self.seat(slot))
        self.freeze(slot)

    def freeze(self, slot: Slot) -> None:
        slot.frozen_until = self.now + self.random.randrange(0, 200)

    def replace_frozen(self, slot: Slot) -> None:
        if not slot.dead:
            self.zombies.append((slot.process, self.now + self.random.randrange(0, 250)))
            slot.process = None

    def wake_zombies(self) -> None:
        self.zombies = [(process, at) for process, at in self.zombies if not process.dead]
        for process, at in self.zombies:
            if self.now >= at and self.random.random() < 0.3:
                process.switch()

    def advance(self, slot: Slot) -> None:
        if self.faulty and slot.frozen_until > self.now:
            return
        if slot.dead:
            if not self.may_start(slot):
                return
            slot.process = greenlet(lambda: self.live(slot.name))
        slot.process.switch()

    def may_start(self, slot: Slot) -> bool:
        """Sometimes a session ends before its process is started again."""
        if slot.process is None or self.seat(slot) not in self.kafka.group.members or self.random.random() < 0.5:
            return True
        slot.dead_until = slot.dead_until or self.now + (self.random.randrange(0, 150) if self.faulty else 0)
        if self.now < slot.dead_until:
            return False
        self.kafka.group.leave(self.seat(slot))
        slot.dead_until = 0
        return True

    def seat(self, slot: Slot) -> str:
        return f"{self.settings.group}-{self.role.name}-{slot.name}"

    def end(self) -> None:
        self.faulty = False
        for process in [*(slot.process for slot in self.slots), *(process for process, _ in self.zombies)]:
            if process is not None and not process.dead:
                process.throw(GreenletExit)

    # ---- what must hold ----------------------------------------------------------------------------------------------

    def published(self) -> list[Seen]:
        """What a `read_committed` reader sees."""
        return [seen(record.output) for record in self.kafka.produced if record.status == "committed"]

    def check(self) -> None:
        published = self.published()
        for lane, right in self.reference.outputs.items():
            ours = of(lane, published)
            if ours != right[: len(ours)]:
                twice = len(ours) - len(set(ours))
                raise Violated(
                    f"outputs of {lane}: {len(ours)} of {len(right)}, {twice} of them twice, or out of order"
                )
        ids = [(one.topic, one.id) for one in published]
        if len(ids) != len(set(ids)):
            raise Violated("two records of one topic have the same id")
        if counted(published) - self.reference.events:
            raise Violated("more events were counted than there are")

    def check_snapshot(self, name: str) -> None:
        """Called with every snapshot that Redis accepts."""
        self.seen["snapshot"] += 1
        lane = Lane(*split(name.rpartition(":")[2]))
        stored = self.redis.hashes[name]
        mark = int(stored.get("mark") or 0)
        for key, states in self.reference.states[lane].items():
            blob = stored.get(f"k:{key}")
            offset = int.from_bytes(blob[:8], "little", signed=True) if blob else -1
            if blob is not None and states.get(offset) != blob:
                raise Violated(f"{lane}: the snapshot of {key} at {offset} is no state of the reference")
            if any(offset < at < mark for at in states):
                raise Violated(f"{lane}: the mark is {mark}, and {key} has a snapshot at {offset} only")

    def check_end(self) -> None:
        published = self.published()
        for lane, right in self.reference.outputs.items():
            if of(lane, published) != right:
                raise Violated(f"outputs of {lane} are missing")
        if counted(published) != self.reference.events:
            raise Violated("the counts do not add up to the events")
        for lane, keys in self.reference.states.items():
            for key, states in keys.items():
                if self.redis.hashes[self.hash_of(lane)].get(f"k:{key}") != states[max(states)]:
                    raise Violated(f"{lane}: the last state of {key} is not the right one")

    def drained(self) -> bool:
        if self.zombies or self.kafka.open:
            return False
        for lane, log in self.kafka.logs.items():
            end = log[-1][0] + 1
            mark = self.redis.hashes[self.hash_of(lane)].get("mark") or 0 if self.folding else end
            if self.kafka.offsets.get(lane) != end or int(mark) != end:
                return False
        return True

    def hash_of(self, lane: Lane) -> str:
        return f"{self.settings.redis.prefix}{self.role.name}:{lane}"


def split(lane: str) -> tuple[str, int]:
    topic, _, partition = lane.rpartition("/")
    return topic, int(partition)


@contextmanager
def patched(patches: dict[tuple[Any, str], Any]) -> Iterator[None]:
    before = {(owner, name): getattr(owner, name) for owner, name in patches}
    for (owner, name), value in patches.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for (owner, name), value in before.items():
            setattr(owner, name, value)
