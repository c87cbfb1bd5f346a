"""A Kafka in memory, as far as the loop can tell: logs, transactions, and a producer. The group is in `group`.

A transaction holds the committed offsets back until it ends. Its end is decided first and seen later, as its markers
are written; what was decided happens even if nobody heard. A new process in a seat ends what its predecessor left open
and fences it; the broker ends a transaction that takes too long.

A log loses its beginning. A topic is deleted and created anew, at once or after a while in which nobody knows it: then
its offsets begin at 0 again, and what was committed of it is forgotten, or not. A topic gets partitions. The group
hears of either only when its leader looks at the topics again; and whoever asks what a topic is may get no answer.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream.engine.role import Lane, Output
from stream.engine.shape import Shape, remembered
from tests.simulation.group import Entry, Group, refused
from tests.simulation.losses import Begun, Log

if TYPE_CHECKING:
    from tests.simulation.world import World

PATIENCE_STEPS = 400  # after which the broker aborts an open transaction
SLOW_MARKERS = 0.3  # probability
MARKER_STEPS = 60
FORGOTTEN = 0.7  # probability: what was committed of a topic goes with it
REFRESH_STEPS = 50  # until the leader of a group looks at its topics again, at most
UNTOLD = 0.01  # probability: a topic is not told of in time


class Committed(NamedTuple):
    """An offset, and what was written beside it."""

    offset: int
    metadata: str

    @property
    def topic(self) -> str:
        """The id of the topic of which it is an offset."""
        shape = remembered(self.metadata)
        return shape.id if shape else ""


@dataclass(eq=False)
class Transaction:
    """Its records are in the log from the start; whether a `read_committed` reader sees them shows at its end."""

    producer: str
    epoch: int
    since: int
    records: list[Output]
    offsets: dict[Lane, Committed] = field(default_factory=dict)
    begun: dict[Lane, Begun] = field(default_factory=dict)  # how its owner began, if this is his first since
    status: Literal["open", "decided", "committed", "aborted"] = "open"
    seen_at: int = 0  # once it is decided: when its markers are written


class Kafka:
    """The brokers."""

    def __init__(self, world: "World", logs: dict[Lane, list[Entry]]) -> None:
        self.world, self.logs = world, dict(logs)  # worlds share them
        self.group = Group(sorted(logs))
        self.low: dict[Lane, int] = dict.fromkeys(logs, 0)
        self.offsets: dict[Lane, Committed] = {}
        self.topics = dict.fromkeys((lane.topic for lane in logs), 0)  # how often each was created anew
        self.widths = dict.fromkeys(self.topics, world.scenario.partitions)
        self.since = dict.fromkeys(logs, 0)  # in which step each log began
        self.away: dict[str, int] = {}  # topics that are deleted, and when they are created again
        self.refresh_at: int | None = None
        self.log: list[tuple[Transaction, Output]] = []  # all output topics together
        self.running: dict[str, Transaction] = {}  # by producer
        self.epochs: Counter[str] = Counter()
        self.down_until, self.slowness = -1, 0.0
        self.untold = UNTOLD

    @property
    def down(self) -> bool:
        return self.world.now < self.down_until

    # ---- logs --------------------------------------------------------------------------------------------------------

    def head(self, lane: Lane) -> float:
        """The last offset that may be there already: the logs grow while the faults go on."""
        return self.world.growth(self.since[lane])

    def high(self, lane: Lane) -> int:
        """Where the log ends."""
        log = self.logs[lane]
        written = bisect_right(log, self.head(lane), key=offset_of)
        return log[written - 1].offset + 1 if written else 0

    def log_of(self, lane: Lane) -> Log:
        return Log(lane, self.id_of(lane.topic))

    def id_of(self, topic: str) -> str:
        return f"{topic}.{self.topics[topic]}"

    def has(self, lane: Lane) -> bool:
        return lane in self.logs and lane.topic not in self.away

    def shapes(self, topics: Sequence[str]) -> dict[str, Shape]:
        return {topic: Shape(self.id_of(topic), self.widths[topic]) for topic in topics if self._tells_of(topic)}

    def _tells_of(self, topic: str) -> bool:
        """Not of one that is not there, and now and then not in time."""
        return not (self.down or topic in self.away or self.world.unlucky(self.untold))

    def remembers(self, topic: str, width: int) -> bool:
        """Whether an offset of this topic was committed when it had so many partitions, and it has others now."""
        told = [remembered(at.metadata) for lane, at in self.offsets.items() if lane.topic == topic]
        return Shape(self.id_of(topic), width) in told and width != self.widths[topic]

    def trim(self, lane: Lane, offset: int) -> None:
        """What is below the offset is gone."""
        self.low[lane] = max(self.low[lane], min(offset, self.high(lane)))

    def delete(self, topic: str, until: int) -> None:
        self.away[topic] = until
        if self.world.random.random() < FORGOTTEN:
            for lane in [lane for lane in self.offsets if lane.topic == topic]:
                del self.offsets[lane]
        self._refresh_soon()

    def create_anew(self, topic: str, logs: dict[Lane, list[Entry]]) -> None:
        del self.away[topic]
        for lane in [lane for lane in self.logs if lane.topic == topic]:
            del self.logs[lane]
        self.topics[topic] += 1
        self.widths[topic] = 0
        self.add_partitions(topic, logs)

    def add_partitions(self, topic: str, logs: dict[Lane, list[Entry]]) -> None:
        for lane in [lane for lane in logs if lane.topic == topic]:
            self.logs[lane], self.low[lane], self.since[lane] = logs[lane], 0, self.world.now
            self.widths[topic] += 1
        self._refresh_soon()

    def _refresh_soon(self) -> None:
        self.refresh_at = self.world.now + self.world.random.randrange(REFRESH_STEPS)

    def refresh(self) -> None:
        """The leader of the group looks at its topics again."""
        self.refresh_at = None
        lanes = sorted(filter(self.has, self.logs))
        if lanes != self.group.lanes:
            self.group.lanes = lanes
            self.group.rebalance()

    # ---- transactions ------------------------------------------------------------------------------------------------

    def begin(self, producer: str, epoch: int, records: list[Output]) -> Transaction:
        self._unfenced(producer, epoch)
        begun = self.running[producer] = Transaction(producer, epoch, self.world.now, records)
        self.log += [(begun, output) for output in records]
        return begun

    def add_offsets(self, to: Transaction, offsets: list[TopicPartition], membership: bytes) -> None:
        self._open(to)
        if not self.knows(*self.world.memberships[membership]):
            raise refused(KafkaError.ILLEGAL_GENERATION)
        if not all(self.has(Lane(at.topic, at.partition)) for at in offsets):
            raise refused(KafkaError.UNKNOWN_TOPIC_OR_PART)
        to.offsets |= {Lane(at.topic, at.partition): Committed(at.offset, at.metadata or "") for at in offsets}

    def decide(self, transaction: Transaction) -> None:
        self._open(transaction)
        transaction.status = "decided"
        self.world.invariants.committed(transaction)
        transaction.seen_at = self.world.now
        if self.world.unlucky(SLOW_MARKERS):
            transaction.seen_at += self.world.random.randrange(MARKER_STEPS)
        else:
            self.end(transaction)

    def end(self, transaction: Transaction) -> None:
        """Committed if that was decided, else aborted."""
        del self.running[transaction.producer]
        if transaction.status == "open":
            transaction.status = "aborted"
            return
        transaction.status = "committed"
        self.offsets |= transaction.offsets

    def go_on(self) -> None:
        """What brokers do by themselves."""
        for transaction in list(self.running.values()):
            if transaction.status == "decided":
                if self.world.now >= transaction.seen_at:
                    self.end(transaction)
            elif self.world.now - transaction.since > PATIENCE_STEPS:
                self.end(transaction)

    def _open(self, transaction: Transaction) -> None:
        self._unfenced(transaction.producer, transaction.epoch)
        if transaction.status != "open":
            raise refused(KafkaError.INVALID_PRODUCER_EPOCH)

    def _unfenced(self, producer: str, epoch: int) -> None:
        if self.epochs[producer] != epoch:
            raise refused(KafkaError._FENCED)

    # ---- offsets -----------------------------------------------------------------------------------------------------

    def knows(self, seat: str, member: str, generation: int) -> bool:
        """Whether offsets of this member are taken."""
        return self.group.members.get(seat) == member and self.group.generation == generation

    def holds_back(self, lanes: Sequence[Lane]) -> bool:
        """Whether the answer to `committed` must wait."""
        return any(lane in transaction.offsets for transaction in self.running.values() for lane in lanes)


def offset_of(entry: Entry) -> int:
    return entry.offset


class Producer:
    """The transactional producer of one process."""

    def __init__(self, world: "World", properties: dict[str, Any]) -> None:
        self.world, self.kafka = world, world.kafka
        self.id: str = properties["transactional.id"]
        self.epoch = -1

    def list_topics(self, timeout: float) -> Any:
        class Metadata:
            cluster_id = "simulated"

        return Metadata

    def init_transactions(self, timeout: float) -> None:
        self.world.point()
        self._predecessor_ended()
        if left := self.kafka.running.get(self.id):
            self.kafka.end(left)
        self.kafka.epochs[self.id] += 1
        self.epoch = self.kafka.epochs[self.id]
        self.world.point()

    def begin_transaction(self) -> None:
        self.world.point()
        self.buffer: list[Output] = []

    def produce(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> None:
        self.buffer.append(Output(topic, key, value, headers))

    def send_offsets_to_transaction(self, offsets: list[TopicPartition], membership: bytes, timeout: float) -> None:
        self._predecessor_ended()
        self.transaction = begun = self.kafka.begin(self.id, self.epoch, self.buffer)
        begun.begun = self.world.consumer_of(membership).begun
        self.world.point()
        self.world.request(lambda: self.kafka.add_offsets(begun, offsets, membership), timed_out, self.kafka)

    def commit_transaction(self, timeout: float) -> None:
        ending = self.transaction
        self.world.request(lambda: self.kafka.decide(ending), timed_out, self.kafka)
        ending.begun.clear()

    def _predecessor_ended(self) -> None:
        """The client asks again until the markers of the seat's last transaction are written."""
        while (last := self.kafka.running.get(self.id)) and last.status == "decided":
            self.world.point()


def timed_out() -> KafkaException:
    return refused(KafkaError._TIMED_OUT)
