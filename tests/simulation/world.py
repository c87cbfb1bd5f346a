"""One world: three workers of one role, a Kafka, a Redis, a clock, and a seed that decides all that happens to them.

Each worker is a greenlet that runs the real loop. Whenever the loop calls a port (Kafka, Redis, sleep) or passes one of
its seams, it comes to a `point`: there the scheduler goes on with another worker, or the process dies. Between points
faults befall workers and servers (`faults`), and the network loses and delays commands (`network`). Then the faults
stop, and everything must drain. What must hold meanwhile is in `invariants`.
"""

from collections import Counter
from collections.abc import Callable, Iterator
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
from tests.simulation.faults import befall, weather
from tests.simulation.group import Consumer
from tests.simulation.invariants import Invariants, Violated
from tests.simulation.kafka import Kafka, Producer
from tests.simulation.network import Crash, Network
from tests.simulation.operators import Operators
from tests.simulation.redis import Client, Redis
from tests.simulation.scenario import Scenario

SLOTS = 3
FAULTY_STEPS, CALM_STEPS = 3_000, 20_000
LOOKED_AT_EVERY = 200  # steps, once the faults are over: whether all is drained
GROWING = 0.8  # of the faulty steps: then all records are there
TICK_S = 0.1
OTHER, MORE = 1_000_003, 2_000_003  # far from all seeds: the logs of a topic that is created anew, and of partitions

CRASH = 0.004  # probability, at every point
ANOTHER_WIDTH = 0.2  # probability, of a topic that is created anew
BACK_AT_ONCE = 0.5  # probability that a worker is there again before its session ends
NAMELESS = 0.2  # probability that a world has an older version's snapshots
WAKING = 0.3  # probability, in every step from the one on in which a zombie may


@dataclass
class Change:
    """A seeded bug: what differs from the real thing. Tests of the simulation's own teeth use it."""

    loop: type[Loop] = Loop
    hunt: str = "alarming"  # the scenario in which it is looked for
    world: Callable[["World"], None] = lambda world: None
    patches: dict[tuple[Any, str], Any] = field(default_factory=dict)


UNCHANGED = Change()


class SimulatedClock:
    """Monotonic time goes with the steps; the wall clock is set now and then."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.set_s = 0.0

    def monotonic(self) -> float:
        return self.world.now * TICK_S

    def time(self) -> float:
        return self.monotonic() + self.set_s

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
    asked_to_stop: bool = False

    @property
    def dead(self) -> bool:
        return self.process is None or self.process.dead

    def stopping(self) -> bool:
        return self.asked_to_stop


class World:
    def __init__(self, seed: int, scenario: Scenario, change: Change = UNCHANGED) -> None:
        self.seed, self.scenario, self.change = seed, scenario, change
        self.random, self.now, self.faulty = Random(seed), 0, True
        self.settings = scenario.settings_of(self.random)
        self.seen: Counter[str] = Counter()  # what happened, for people
        self.clock = SimulatedClock(self)
        self.name, self.stateful = self.role().name, hasattr(self.role(), "fold")
        logs, self.reference = scenario.input(seed, self.clock, range(scenario.partitions))
        self.length = max(log[-1].offset for log in logs.values())
        self.kafka, self.redis, self.network = Kafka(self, logs), Redis(self), Network(self)
        self.request = self.network.request
        self.consumer: type[Consumer] = Consumer
        self.memberships: dict[bytes, tuple[str, str, int]] = {}
        self.consumers: dict[str, Consumer] = {}  # by member
        self.operators = Operators(self)
        self.slots = [Slot(str(i)) for i in range(SLOTS)]
        self.zombies: list[tuple[Any, int]] = []  # frozen processes whose slot was given away, and when they wake
        self.weather = weather(self.random)
        self.misfortune = sum(self.weather.values())
        self.nameless = self.random.random() < NAMELESS  # what is in Redis does not say of which topic it is
        self.invariants = Invariants(self)
        self.change.world(self)

    def role(self) -> Any:
        return self.scenario.role(self.clock)

    # ---- what the ports ask of the world -----------------------------------------------------------------------------

    def point(self, name: str = "") -> None:
        if self.unlucky(CRASH):
            self.seen["crash"] += 1
            raise Crash
        self.scheduler.switch()

    def unlucky(self, probability: float) -> bool:
        return self.faulty and self.random.random() < probability

    def growth(self, since: int) -> float:
        """The last offset of a log that began in this step: the logs grow while the faults go on."""
        return (self.now - since) / (GROWING * FAULTY_STEPS) * self.length if self.faulty else float("inf")

    def create_anew(self) -> None:
        """Topics that were away for long enough, with as many partitions as it comes."""
        for topic in [topic for topic, until in self.kafka.away.items() if until <= self.now or not self.faulty]:
            self.create(topic, self.scenario.partitions + (self.random.random() < ANOTHER_WIDTH))

    def create(self, topic: str, width: int) -> None:
        self.seen["topic created anew"] += 1
        seed = self.seed + OTHER * self.seen["topic created anew"]
        logs, reference = self.scenario.input(seed, self.clock, range(width))
        self.kafka.create_anew(topic, logs)
        self.invariants.read({lane: lines for lane, lines in reference.items() if lane.topic == topic})

    def add_partitions(self, topic: str, many: int) -> None:
        self.seen["partitions added"] += 1
        width, seed = self.kafka.widths[topic], self.seed + MORE * self.seen["partitions added"]
        self.invariants.widened(topic)
        logs, reference = self.scenario.input(seed, self.clock, range(width, width + many))
        self.kafka.add_partitions(topic, logs)
        self.invariants.read({lane: lines for lane, lines in reference.items() if lane.topic == topic})

    def consumer_of(self, membership: bytes) -> Consumer:
        return self.consumers[self.memberships[membership][1]]

    def new_member(self) -> str:
        self.seen["process"] += 1
        return f"member-{self.seen['process']}"

    def membership(self, seat: str, member: str, generation: int) -> bytes:
        written = b"CGMDv2:" + generation.to_bytes(4, "little", signed=True) + f"{seat}\0{member}\0".encode()
        self.memberships[written] = seat, member, generation
        return written

    # ---- processes ---------------------------------------------------------------------------------------------------

    def live(self, slot: Slot) -> None:
        """One process, from its start to its end."""

        class Simulated(self.change.loop):  # type: ignore[misc,name-defined]
            def surprise(self, trouble: BaseException) -> NoReturn:
                raise trouble

        loop, client = None, Client(self.redis)
        try:
            loop = Simulated(
                self.role(),
                self.settings,
                slot.name,
                consumer=lambda properties: self.consumer(self, properties, client),
                producer=lambda properties: Producer(self, properties),
                redis=lambda settings: client,
                describe=self.kafka.shapes,
                clock=self.clock,
                alarm=lambda seconds: None,
            )
            loop.run(slot.stopping)
        except Crash:
            pass
        except LookupError as slip:  # of a seeded bug; the loop itself makes none
            if self.change is UNCHANGED:
                raise Violated(f"a worker ended by {slip!r}") from slip
        except (Surprise, KafkaException, redis.RedisError) as surprise:
            self.seen[f"surprise: {type(surprise).__name__}"] += 1
            if "has forgotten what this worker wrote" in str(surprise):
                self.shut_out(loop, str(surprise))
            self.operators.hear(str(surprise))
        if loop is not None:
            self.invariants.counted(loop.observed.records_lost, loop.consumer.lost)

    def shut_out(self, loop: Any, sentence: str) -> None:
        for folded in loop.work.lanes.values():
            if f"{folded.hold.name}," in sentence:
                self.invariants.shut_out(folded.hold.name, folded.hold.token)

    # ---- the scheduler -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises `Violated` when an invariant does not hold."""
        self.scheduler = getcurrent()
        with patched({(stream.engine.loop, "point"): self.point, **self.change.patches}):
            try:
                self.go(FAULTY_STEPS)
                self.faulty, self.redis.down_until, self.kafka.down_until = False, -1, -1
                for _ in range(0, CALM_STEPS, LOOKED_AT_EVERY):
                    self.go(LOOKED_AT_EVERY)
                    if self.drained():
                        break
                else:
                    raise Violated(f"the faults are over and not everything drains: committed {self.kafka.offsets}")
                self.invariants.ended()
            finally:
                self.end()

    def go(self, steps: int) -> None:
        for _ in range(steps):
            self.now += 1
            if self.faulty:
                befall(self, self.slots)
            if self.zombies:
                self.wake_zombies()
            if self.network.late:
                self.network.deliver()
            if self.kafka.running:
                self.kafka.go_on()
            if self.kafka.away:
                self.create_anew()
            if self.kafka.refresh_at is not None and self.now >= self.kafka.refresh_at:
                self.kafka.refresh()
            if self.operators.coming or self.operators.mending:
                self.operators.go_on()
            self.advance(self.slots[int(self.random.random() * SLOTS)])

    def wake_zombies(self) -> None:
        self.zombies = [(process, at) for process, at in self.zombies if not process.dead]
        for process, at in self.zombies:
            if self.now >= at and self.random.random() < WAKING:
                process.switch()

    def advance(self, slot: Slot) -> None:
        if self.faulty and slot.frozen_until > self.now:
            return
        if slot.dead:
            if self.operators.mending or not self.may_start(slot):
                return
            slot.asked_to_stop = False
            slot.process = greenlet(self.live)
            slot.process.switch(slot)
        else:
            slot.process.switch()

    def may_start(self, slot: Slot) -> bool:
        """Sometimes a session ends before its process is started again."""
        if slot.process is None or self.seat(slot) not in self.kafka.group.members:
            return True
        if not slot.dead_until and self.random.random() < BACK_AT_ONCE:
            return True
        slot.dead_until = slot.dead_until or self.now + (self.random.randrange(0, 150) if self.faulty else 0)
        if self.now < slot.dead_until:
            return False
        self.kafka.group.leave(self.seat(slot))
        slot.dead_until = 0
        return True

    def seat(self, slot: Slot) -> str:
        return f"{self.settings.group}-{self.name}-{slot.name}"

    def end(self) -> None:
        self.faulty = False
        for process in self.processes():
            process.throw(GreenletExit)

    def processes(self) -> list[Any]:
        """That run, or are frozen."""
        every = [*(slot.process for slot in self.slots), *(process for process, _ in self.zombies)]
        return [process for process in every if process is not None and not process.dead]

    # ---- the end -----------------------------------------------------------------------------------------------------

    def drained(self) -> bool:
        if self.zombies or self.kafka.running or self.network.late or self.operators.mending or self.kafka.away:
            return False
        for lane, log in self.kafka.logs.items():
            end = log[-1].offset + 1
            mark = self.stored(lane).get("mark") or 0 if self.stateful else end
            committed = self.kafka.offsets.get(lane)
            if committed is None or committed.topic != self.kafka.id_of(lane.topic):
                return False
            if committed.offset != end or int(mark) != end:
                return False
        return True

    def stored(self, lane: Lane) -> dict[str, Any]:
        """What Redis has of a lane."""
        return self.redis.hashes[f"{self.settings.redis.prefix}{self.name}:{lane}"]


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
