"""A Kafka in memory, as far as the loop can tell: logs, one consumer group, transactions.

The group has static members, generations and the eager protocol. A consumer may hand over records that it gathered
before a rebalance, mixed with later ones, in the very call that runs the rebalance. A transaction holds the committed
offsets back until it ends; a producer's epoch fences its predecessor; a commit that times out may have happened.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream.engine.role import Lane, Output

if TYPE_CHECKING:
    from tests.simulation.world import World

STALE, MIXED, SILENT = 0.5, 0.5, 0.3  # probabilities
LOST_REPLY = 0.01
FETCH = 25  # records of one lane at most in one poll


def refused(code: int) -> KafkaException:
    return KafkaException(KafkaError(code))


@dataclass
class Produced:
    """One record in an output topic."""

    output: Output
    producer: str
    status: str = "open"  # committed, aborted


@dataclass
class Group:
    """The consumer group's coordinator. `members` maps a seat to the process that has it now."""

    lanes: list[Lane]
    generation: int = 0
    stable: bool = True
    members: dict[str, str] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    shares: dict[str, list[Lane]] = field(default_factory=dict)

    def join(self, seat: str, member: str) -> None:
        known = seat in self.members
        self.members[seat] = member
        if not known:
            self.rebalance()
        elif not self.stable:
            self.joined.discard(seat)  # a static member takes its seat again, without a rebalance

    def leave(self, seat: str) -> None:
        if self.members.pop(seat, None):
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


class Kafka:
    """The brokers."""

    def __init__(self, logs: dict[Lane, list[tuple[int, bytes]]]) -> None:
        self.logs = logs
        self.group = Group(sorted(logs))
        self.offsets: dict[Lane, int] = {}
        self.pending: dict[Lane, tuple[str, int]] = {}  # offsets inside a transaction that has not ended
        self.produced: list[Produced] = []
        self.epochs: Counter[str] = Counter()
        self.open: dict[str, int] = {}  # transactions, since when

    def abort(self, producer: str) -> None:
        self._end(producer, "aborted")
        self.pending = {lane: offset for lane, offset in self.pending.items() if offset[0] != producer}

    def commit(self, producer: str) -> None:
        self._end(producer, "committed")
        for lane, (owner, offset) in list(self.pending.items()):
            if owner == producer:
                self.offsets[lane] = offset
                del self.pending[lane]

    def _end(self, producer: str, status: str) -> None:
        for record in self.produced:
            if record.producer == producer and record.status == "open":
                record.status = status
        self.open.pop(producer, None)

    def knows(self, seat: str, member: str, generation: int) -> bool:
        """Whether offsets of this member are taken."""
        return self.group.members.get(seat) == member and self.group.generation == generation

    def holds_back(self, lanes: Sequence[Lane]) -> bool:
        """Whether the answer to `committed` must wait."""
        return any(lane in self.pending for lane in lanes)


class Producer:
    """The transactional producer of one process."""

    def __init__(self, world: "World", properties: dict[str, Any]) -> None:
        self.world, self.kafka = world, world.kafka
        self.id: str = properties["transactional.id"]
        self.buffer: list[Produced] = []
        self.epoch = -1

    def list_topics(self, timeout: float) -> Any:
        class Metadata:
            cluster_id = "simulated"

        return Metadata

    def init_transactions(self, timeout: float) -> None:
        self.world.point()
        self.kafka.abort(self.id)
        self.kafka.epochs[self.id] += 1
        self.epoch = self.kafka.epochs[self.id]
        self.world.point()

    def begin_transaction(self) -> None:
        self.world.point()
        self.buffer = []

    def produce(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> None:
        self.buffer.append(Produced(Output(topic, key, value, headers), self.id))

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], membership: bytes, timeout: float) -> None:
        self._unfenced()
        self.kafka.open[self.id] = self.world.now
        self.kafka.produced += self.buffer
        self.world.point()
        self._unfenced()
        self._in_time()
        seat, member, generation = self.world.memberships[membership]
        if not self.kafka.knows(seat, member, generation):
            self.kafka.abort(self.id)
            raise refused(KafkaError.ILLEGAL_GENERATION)
        for offset in offsets:
            self.kafka.pending[Lane(offset.topic, offset.partition)] = self.id, offset.offset
        self.world.point()

    def commit_transaction(self, timeout: float) -> None:
        self.world.point()
        self._unfenced()
        self._in_time()
        self.kafka.commit(self.id)
        self.world.point()
        if self.world.unlucky(LOST_REPLY):
            raise refused(KafkaError._TIMED_OUT)

    def _unfenced(self) -> None:
        if self.kafka.epochs[self.id] != self.epoch:
            raise refused(KafkaError._FENCED)

    def _in_time(self) -> None:
        if self.id not in self.kafka.open:
            raise refused(KafkaError.INVALID_PRODUCER_EPOCH)


class Record:
    """A message of the consumer."""

    def __init__(self, lane: Lane, offset: int, value: bytes) -> None:
        self._lane, self._offset, self._value = lane, offset, value

    def __len__(self) -> int:
        return len(self._value)

    def error(self) -> None:
        return None

    def topic(self) -> str:
        return self._lane.topic

    def partition(self) -> int:
        return self._lane.partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> None:
        return None

    def value(self) -> bytes:
        return self._value

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 0


class Consumer:
    """The consumer of one process."""

    def __init__(self, world: "World", properties: dict[str, Any]) -> None:
        self.world, self.kafka, self.group = world, world.kafka, world.kafka.group
        self.seat: str = properties["group.instance.id"]
        self.member = world.new_member()
        self.generation = -1
        self.lanes: list[TopicPartition] | None = None
        self.positions: dict[Lane, int] = {}

    def subscribe(self, topics: list[str], *, on_assign: Any, on_revoke: Any, on_lost: Any) -> None:
        self.on_assign: Callable[..., None] = on_assign
        self.on_revoke: Callable[..., None] = on_revoke
        self.on_lost: Callable[..., None] = on_lost
        self.group.join(self.seat, self.member)

    def consumer_group_metadata(self) -> bytes:
        return self.world.membership(self.seat, self.member, self.generation)

    def get_watermark_offsets(self, lane: Any, timeout: float = 0, cached: bool = False) -> tuple[int, int]:
        return 0, 1_000_000

    def committed(self, lanes: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        asked = [Lane(lane.topic, lane.partition) for lane in lanes]
        for _ in range(5_000):
            self.world.point()
            if not self.kafka.holds_back(asked):
                return [TopicPartition(*lane, self.kafka.offsets.get(lane, -1001)) for lane in asked]
        raise refused(KafkaError._TIMED_OUT)

    def assign(self, positions: list[TopicPartition]) -> None:
        self.positions = {Lane(at.topic, at.partition): at.offset for at in positions}

    def unassign(self) -> None:
        self.positions = {}

    def fetch(self) -> list[Record]:
        records = []
        for lane, position in list(self.positions.items()):
            if self.world.random.random() < SILENT:
                continue
            head = self.world.head()
            found = [at for at in self.kafka.logs[lane] if position <= at[0] <= head]
            found = found[: self.world.random.randrange(1, FETCH)]
            if found:
                records += [Record(lane, offset, value) for offset, value in found]
                self.positions[lane] = found[-1][0] + 1
        return records

    def consume(self, number: int, timeout: float) -> list[Record]:
        self.world.point()
        seated = self.group.members.get(self.seat)
        if seated is not None and seated != self.member:
            raise refused(KafkaError.FENCED_INSTANCE_ID)
        stale = self.fetch() if self.world.random.random() < STALE else []  # before the rebalance that this call runs
        if seated is None:  # expelled: here the zombie learns it
            self._lose()
            return self._mixed(stale)
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
