"""What befalls the workers and their servers: the scheduler rolls dice in every step, and one of these may happen.

How likely each one is differs from world to world, so that some worlds see much of two kinds that rarely meet.

Source: Groce et al., "Swarm Testing" (ISSTA 2012): runs that each leave out some features find more than runs of all.
"""

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import Slot, World

Fault = Callable[["World", "Slot"], None]

FORGOTTEN_VERSIONS = 12  # of Redis, at most
FROZEN_STEPS, DOWN_STEPS = 200, (10, 150)
TRIMMED = -60, 40  # offsets, from the one that is committed
RECREATED = 2  # times in a world, at most
AWAY_STEPS = 1, 120  # of a topic that is deleted
WIDENED, ADDED = 2, (1, 2)  # times in a world, at most; partitions at a time
JUMP_S = 90_000.0  # a day and more: clocks are set by hand, too


def go_back(world: "World", slot: "Slot") -> None:
    """Redis is restarted, and its last writes were not on the disk."""
    world.redis.go_back(world.random.randrange(FORGOTTEN_VERSIONS))


def flush(world: "World", slot: "Slot") -> None:
    """Redis is emptied."""
    world.redis.flush()


def redis_outage(world: "World", slot: "Slot") -> None:
    """Redis does not answer; some of what it is sent meanwhile it will still read."""
    world.redis.down_until = world.now + world.random.randrange(*DOWN_STEPS)


def kafka_outage(world: "World", slot: "Slot") -> None:
    """Brokers do not answer; members keep their seats."""
    world.kafka.down_until = world.now + world.random.randrange(*DOWN_STEPS)


def expel(world: "World", slot: "Slot") -> None:
    """A worker is frozen for longer than its session; it wakes as a zombie and does not know."""
    world.kafka.group.leave(world.seat(slot))
    freeze(world, slot)


def freeze(world: "World", slot: "Slot") -> None:
    """A worker is frozen, and wakes."""
    slot.frozen_until = world.now + world.random.randrange(FROZEN_STEPS)


def replace(world: "World", slot: "Slot") -> None:
    """A worker is frozen, another one takes its seat, and then it wakes."""
    if not slot.dead:
        world.zombies.append((slot.process, world.now + world.random.randrange(FROZEN_STEPS)))
        slot.process = None


def stop(world: "World", slot: "Slot") -> None:
    """SIGTERM."""
    slot.asked_to_stop = True


def jump(world: "World", slot: "Slot") -> None:
    """The wall clock is set. Monotonic clocks go on."""
    world.clock.set_s += world.random.uniform(-JUMP_S, JUMP_S)


def trim(world: "World", slot: "Slot") -> None:
    """Retention overtakes a reader, or only what its snapshots would need."""
    lane = world.random.choice(sorted(world.kafka.logs))
    committed = world.kafka.offsets.get(lane)
    world.kafka.trim(lane, (committed.offset if committed else 0) + world.random.randrange(*TRIMMED))


def create_anew(world: "World", slot: "Slot") -> None:
    """A topic is deleted, and created again with other records: at once, or when workers have missed it."""
    topic = world.random.choice(sorted(world.kafka.topics))
    if world.seen["topic created anew"] < RECREATED and topic not in world.kafka.away:
        at_once = world.random.random() < 0.5
        world.kafka.delete(topic, world.now + (0 if at_once else world.random.randrange(*AWAY_STEPS)))
        world.create_anew()


def add_partitions(world: "World", slot: "Slot") -> None:
    """Records of a key may go elsewhere from now on."""
    topic = world.random.choice(sorted(world.kafka.topics))
    if world.seen["partitions added"] < WIDENED and topic not in world.kafka.away:
        world.add_partitions(topic, world.random.choice(ADDED))


FAULTS: dict[Fault, float] = {  # with their probability in a step
    go_back: 0.0006,
    flush: 0.0003,
    redis_outage: 0.0003,
    kafka_outage: 0.0002,
    expel: 0.0016,
    freeze: 0.0010,
    replace: 0.0008,
    stop: 0.0007,
    jump: 0.0004,
    trim: 0.0002,
    create_anew: 0.0001,
    add_partitions: 0.0001,
}
SWARM = (0.0, 0.5, 1.0, 6.0)  # a world has one of these times the usual of each kind


def weather(random: Random) -> dict[Fault, float]:
    """The probabilities of one world."""
    return {fault: usual * random.choice(SWARM) for fault, usual in FAULTS.items()}


def befall(world: "World", slots: list["Slot"]) -> None:
    """At most one fault."""
    dice = world.random.random()
    if dice >= world.misfortune:
        return
    slot = world.random.choice(slots)
    for fault, probability in world.weather.items():
        dice -= probability
        if dice < 0:
            world.seen[fault.__name__] += 1
            fault(world, slot)
            return
