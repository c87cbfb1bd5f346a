"""A consumer group in memory: static members, generations, and the consumers that find out late what became of them.

A consumer may hand over records that it gathered before a rebalance, mixed with later ones, in the very call that runs
the rebalance; now and then it delivers records again, what is no longer in the log, or trouble in the place of a
record. `Incremental` is the consumer of a cooperative group, which gives and takes lanes one by one.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream.engine.role import Lane
from tests.simulation.losses import Begun, begun

if TYPE_CHECKING:
    from tests.simulation.kafka import Committed
    from tests.simulation.redis import Client
    from tests.simulation.world import World

STALE, MIXED, SILENT = 0.5, 0.5, 0.3  # probabilities
FETCHED_BEFORE = 0.3
AGAIN, TROUBLE = 0.02, 0.02
TROUBLES = (KafkaError._PARTITION_EOF, KafkaError._TRANSPORT, KafkaError._AUTO_OFFSET_RESET)
FETCH = 25  # records of one lane at most in one poll
WAITS = 5_000  # points at which an answer is waited for


def refused(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


class Entry(NamedTuple):
    """One record of a log."""

    offset: int
    value: bytes
    timestamp_ms: int


NOTHING = (-1001, "")  # is committed


class Record:
    """A message of the consumer, or the trouble in its place."""

    __slots__ = ("_entry", "_error", "_lane")

    def __init__(self, lane: Lane, entry: Entry, error: KafkaError | None = None) -> None:
        self._lane, self._entry, self._error = lane, entry, error

    def __len__(self) -> int:
        return len(self._entry.value)

    def error(self) -> KafkaError | None:
        return self._error

    def topic(self) -> str:
        return self._lane.topic

    def partition(self) -> int:
        return self._lane.partition

    def offset(self) -> int:
        return self._entry.offset

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return self._entry.value

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, self._entry.timestamp_ms


def trouble(lane: Lane, code: int) -> Record:
    return Record(lane, Entry(0, b"", 0), KafkaError(code))


@dataclass
class Group:
    """The coordinator. `members`: which process has a seat now. `held`: what members of a cooperative group hold."""

    lanes: list[Lane]
    generation: int = 0
    stable: bool = True
    members: dict[str, str] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    shares: dict[str, list[Lane]] = field(default_factory=dict)
    held: dict[str, set[Lane]] = field(default_factory=dict)

    def join(self, seat: str, member: str) -> None:
        known = seat in self.members
        self.members[seat] = member
        if not known:
            self.rebalance()
        elif not self.stable:
            self.joined.discard(seat)  # a static member takes its seat again, without a rebalance

    def leave(self, seat: str) -> None:
        if self.members.pop(seat, None):
            self.held.pop(seat, None)
            self.rebalance()

    def rebalance(self) -> None:
        self.stable, self.joined = False, set()
        self.complete()

    def complete(self) -> None:
        if self.stable or not self.members or not self.joined >= set(self.members):
            return
        self.generation += 1
        seats = sorted(self.members)
        self.shares = {seat: [] for seat in seats}
        for lane in self.lanes:  # as `range`: by partition, each topic alike
            self.shares[seats[lane.partition % len(seats)]].append(lane)
        self.stable = True


class Consumer:
    """The consumer of one process, in an eager group: a rebalance takes all lanes, and gives all lanes."""

    def __init__(self, world: "World", properties: dict[str, Any], redis: "Client") -> None:
        self.world, self.kafka, self.group, self.redis = world, world.kafka, world.kafka.group, redis
        self.seat: str = properties["group.instance.id"]
        self.member = world.new_member()
        self.generation = -1
        self.lanes: list[TopicPartition] | None = None
        self.positions: dict[Lane, int] = {}  # the offset of what is fetched next
        self.told: dict[Lane, Committed] = {}  # of what it asked for last
        self.begun: dict[Lane, Begun] = {}  # since its last transaction
        self.lost = 0  # records
        world.consumers[self.member] = self

    def subscribe(self, topics: list[str], *, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.on_assign: Callable[..., None] = on_assign
        self.on_revoke: Callable[..., None] = on_revoke
        self.on_lost: Callable[..., None] = on_lost
        self.group.join(self.seat, self.member)

    def consumer_group_metadata(self) -> bytes:
        return self.world.membership(self.seat, self.member, self.generation)

    def get_watermark_offsets(self, lane: Any, timeout: float = 0, cached: bool = False) -> tuple[int, int]:
        """Asked where a lane is begun; `cached`, only to say how far behind it is."""
        if cached:
            return 0, 1_000_000
        lane = Lane(lane.topic, lane.partition)
        if not self.kafka.has(lane):
            raise refused(KafkaError._UNKNOWN_PARTITION)
        low = self.kafka.low[lane]
        stored = self.redis.found.get(lane, {}) if self.world.stateful else None
        if found := begun(self.kafka.log_of(lane), low, self.told.get(lane), stored):
            self.begun[lane] = found
            self.lost += found.lost
        return low, self.kafka.high(lane)

    def committed(self, lanes: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        asked = [Lane(lane.topic, lane.partition) for lane in lanes]
        for _ in range(WAITS):
            self.world.point()
            if not self.kafka.down and not self.kafka.holds_back(asked):
                self.begun, known = {}, self.kafka.offsets
                self.told = {lane: known[lane] for lane in asked if lane in known}
                return [TopicPartition(*lane, *self.told.get(lane, NOTHING)) for lane in asked]
        raise refused(KafkaError._TIMED_OUT)

    def assign(self, positions: list[TopicPartition]) -> None:
        self.positions = {Lane(at.topic, at.partition): at.offset for at in positions}

    def unassign(self) -> None:
        self.positions = {}

    def close(self) -> None:
        """A static member keeps its seat."""
        self._revoke()

    # ---- POLL --------------------------------------------------------------------------------------------------------

    def fetch(self) -> list[Record]:
        random, records = self.world.random, []
        for lane, position in list(self.positions.items()):
            if random.random() < SILENT:
                continue
            if self.world.unlucky(TROUBLE):
                records.append(trouble(lane, random.choice(TROUBLES)))
                continue
            if not self.kafka.has(lane):
                records.append(trouble(lane, KafkaError.UNKNOWN_TOPIC_OR_PART))
                continue
            if self._out_of_range(lane, position):
                records.append(trouble(lane, KafkaError._AUTO_OFFSET_RESET))
                continue
            log, head = self.kafka.logs[lane], self.kafka.head(lane)
            start = bisect_left(log, (position,))
            end = min(start + random.randrange(1, FETCH), len(log))
            while end > start and log[end - 1].offset > head:
                end -= 1
            if end > start:
                records += [Record(lane, entry) for entry in log[start:end]]
                self.positions[lane] = log[end - 1].offset + 1
        return records

    def _out_of_range(self, lane: Lane, position: int) -> bool:
        """What was fetched before it was deleted is delivered all the same."""
        if position < self.kafka.low[lane]:
            return self.world.random.random() >= FETCHED_BEFORE
        return self.kafka.topics[lane.topic] > 0 and position > self.kafka.high(lane)

    def consume(self, number: int, timeout: float) -> list[Record]:
        self.world.point()
        if self.positions and self.world.unlucky(AGAIN):  # between two calls: within one, a lane is in order
            lane = self.world.random.choice(list(self.positions))
            self.positions[lane] = max(0, self.positions[lane] - self.world.random.randrange(FETCH))
        if self.kafka.down:
            return []
        seated = self.group.members.get(self.seat)
        if seated is not None and seated != self.member:
            raise refused(KafkaError.FENCED_INSTANCE_ID)
        stale = self.fetch() if self.world.random.random() < STALE else []  # before the rebalance that this call runs
        if seated is None:  # expelled: here the zombie learns it
            self._lose()
            return self._mixed(stale)
        return self._rebalanced(stale)

    def _rebalanced(self, stale: list[Record]) -> list[Record]:
        if not self.group.stable and self.seat not in self.group.joined:
            self._revoke()
            if self._seated() and not self.group.stable:
                self.group.joined.add(self.seat)
                self.group.complete()
            if self.world.random.random() < MIXED:
                return self._mixed(stale)
            for _ in range(self.world.random.randrange(0, 40)):
                if self.group.stable:
                    break
                self.world.point()
            if not self._seated():
                return self._mixed(stale)
        if self.group.stable and self.seat in self.group.shares and self._outdated():
            self._revoke()
            if self.group.stable and self._seated():
                self.generation = self.group.generation
                self.lanes = [TopicPartition(*lane) for lane in self.group.shares[self.seat]]
                self.on_assign(self, self.lanes)
            return self._mixed(stale)
        return stale + self.fetch() if self.lanes is not None else []

    def _seated(self) -> bool:
        return self.group.members.get(self.seat) == self.member

    def _outdated(self) -> bool:
        return self.lanes is None or self.generation != self.group.generation

    def _mixed(self, stale: list[Record]) -> list[Record]:
        return stale + (self.fetch() if self.world.random.random() < MIXED else [])

    def _revoke(self) -> None:
        if self.lanes is not None:
            lanes, self.lanes = self.lanes, None
            self.on_revoke(self, lanes)

    def _lose(self) -> None:
        if self.lanes is not None:
            lanes, self.lanes = self.lanes, None
            self.on_lost(self, lanes)
        self.group.join(self.seat, self.member)
        self.generation = -1


class Incremental(Consumer):
    """The consumer of a cooperative group: it keeps what it may keep, and is told of the difference only."""

    strict = True  # as librdkafka: who assigns a whole in a cooperative group is refused

    def assign(self, positions: list[TopicPartition]) -> None:
        if self.strict:
            raise refused(KafkaError._STATE)
        super().assign(positions)

    def _rebalanced(self, stale: list[Record]) -> list[Record]:
        group, held = self.group, self.group.held.setdefault(self.seat, set())
        if not group.stable and self.seat not in group.joined:
            group.joined.add(self.seat)
            group.complete()
        if not group.stable:
            return stale + self.fetch()
        self.generation = group.generation
        share = set(group.shares[self.seat])
        if gone := sorted(held - share):
            self.on_revoke(self, [TopicPartition(*lane) for lane in gone])
            held.difference_update(gone)
            group.rebalance()
            return self._mixed(stale)
        free = share - held - {lane for seat, lanes in group.held.items() if seat != self.seat for lane in lanes}
        if free:
            held.update(free)
            self.lanes = [TopicPartition(*lane) for lane in sorted(held)]
            self.on_assign(self, [TopicPartition(*lane) for lane in sorted(free)])
            return self._mixed(stale)
        return stale + self.fetch()
