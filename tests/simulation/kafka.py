"""A Kafka in memory, as far as the loop can tell: logs, transactions, and a producer. The group is in `group`.

A transaction holds the committed offsets back until it ends. Its end is decided first and seen later, as its markers
are written; what was decided happens even if nobody heard. A new process in a seat ends what its predecessor left open
and fences it; the broker ends a transaction that takes too long.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream.engine.role import Lane, Output
from tests.simulation.group import Entry, Group, refused

if TYPE_CHECKING:
    from tests.simulation.world import World

PATIENCE_STEPS = 400  # after which the broker aborts an open transaction
SLOW_MARKERS = 0.3  # probability
MARKER_STEPS = 60


@dataclass(eq=False)
class Transaction:
    """Its records are in the log from the start; whether a `read_committed` reader sees them shows at its end."""

    producer: str
    epoch: int
    since: int
    records: list[Output]
    offsets: dict[Lane, int] = field(default_factory=dict)
    status: Literal["open", "decided", "committed", "aborted"] = "open"
    seen_at: int = 0  # once it is decided: when its markers are written


class Kafka:
    """The brokers."""

    def __init__(self, world: "World", logs: dict[Lane, list[Entry]]) -> None:
        self.world, self.logs = world, logs
        self.group = Group(sorted(logs))
        self.offsets: dict[Lane, int] = {}
        self.log: list[tuple[Transaction, Output]] = []  # all output topics together
        self.running: dict[str, Transaction] = {}  # by producer
        self.epochs: Counter[str] = Counter()
        self.down_until, self.slowness = -1, 0.0

    @property
    def down(self) -> bool:
        return self.world.now < self.down_until

    def place(self, lane: Lane, offset: int) -> int:
        """Where in its log an offset is, or the next one that there is."""
        return bisect_left(self.logs[lane], (offset,))

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
        to.offsets |= {Lane(at.topic, at.partition): at.offset for at in offsets}

    def decide(self, transaction: Transaction) -> None:
        self._open(transaction)
        transaction.status = "decided"
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
        before = {lane: self.offsets.get(lane, 0) for lane in transaction.offsets}
        self.offsets |= transaction.offsets
        self.world.invariants.committed(transaction, before)

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

    def decided(self, lane: Lane) -> int:
        """What is committed, or will be whatever happens."""
        coming = [t.offsets.get(lane, 0) for t in self.running.values() if t.status == "decided"]
        return max([self.offsets.get(lane, 0), *coming])


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
        self.world.point()
        self.world.request(lambda: self.kafka.add_offsets(begun, offsets, membership), timed_out, self.kafka)

    def commit_transaction(self, timeout: float) -> None:
        ending = self.transaction
        self.world.request(lambda: self.kafka.decide(ending), timed_out, self.kafka)

    def _predecessor_ended(self) -> None:
        """The client asks again until the markers of the seat's last transaction are written."""
        while (last := self.kafka.running.get(self.id)) and last.status == "decided":
            self.world.point()


def timed_out() -> KafkaException:
    return refused(KafkaError._TIMED_OUT)
