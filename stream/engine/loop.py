"""One loop for all roles. Kafka is the truth: a transaction carries outputs and the offsets they follow from.

Redis keeps snapshots of what a stateful role has folded: they may be late, rolled back or gone, and only time is lost.

    next    first offset not yet folded            floor   Kafka's committed offset at ASSIGN: outputs below it are out
    done    first offset not yet committed         mark    every record below it is inside some snapshot in Redis
    tok,n   the fence: a random token per ASSIGN and a number per write. A Redis that forgot shows it (`fence.py`)

    ASSIGN     take the group's generation. Stateful: the fence first, which shuts out the former owner, then its mark.
               Then the committed offsets, which waits for his transaction. Begin at the lower one (`beginning.py`)
    POLL       up to 500 records; rebalances run inside, on this thread
    ADMIT      drop what was folded already. A batch gathered around a rebalance is dropped whole and fetched again
    FOLD       states skip what they have seen; outputs below floor are suppressed; what cannot be read is a dead letter
    COMMIT     first see that the topics are the same still, also when a replay has nothing to commit but will SNAPSHOT;
               those with states as wide, too. Then one transaction: outputs and offsets, never below what is committed
    SNAPSHOT   only after COMMIT, behind the fence
    REVOKE     COMMIT, SNAPSHOT, forget                     LOST    forget: the lanes belong to somebody else already
    SURPRISE   end the process (`stream.engine.surprise`): the supervisor starts it again, and ASSIGN is the recovery
    WATCHDOG   a call that never returns is ended by the kernel: `signal.alarm` without a handler

One process, one thread, one consumer, one transactional producer. The order of the steps is the protocol:
`tests/simulation` has seeded bugs for it, and says which rules have none.
"""

import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from itertools import compress, count, islice, pairwise
from operator import ne
from typing import Any, Final, NoReturn, TypeAlias

import structlog
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from redis import RedisError

from stream import kafka, kafka_trouble
from stream.clock import Clock
from stream.embedded.broker import CANNOT, is_embedded
from stream.engine import memory
from stream.engine.asking import asking
from stream.engine.beginning import Mark, Memory, begin
from stream.engine.gap import announcement
from stream.engine.observed import Observed
from stream.engine.place import NOTHING, Place
from stream.engine.role import Counting, Folding, Lane, Message, Output
from stream.engine.shape import (
    Describe,
    Shape,
    Shapes,
    another,
    ask,
    came_later,
    check_same,
    check_width,
    note,
    remembered,
)
from stream.engine.surprise import Surprise, end, line_of
from stream.engine.unlabelled import legible
from stream.engine.work import Work, work_of
from stream.outputs import fitting
from stream.redis import connect
from stream.settings import Settings

BATCH: Final = 500  # records of this many events stay in the processor's cache; 5,000 cost half as much again
FEW: Final = 100  # of what is folded one by one: a pane of thousands of columns takes a tenth of a second
LEAST: Final = 5  # a state that derives the bins of thousands of columns takes five seconds, once
FOLD_S: Final = 0.5  # about so long for what one poll brought: others wait for it, and so do heartbeats to the group
POLL_S: Final = 0.1
START_ALARM_S: Final = 200  # twice the patience with a Kafka that is not there yet
STEP_ALARM_S: Final = 45  # above every time-out of one step, below max.poll.interval.ms
COMMIT_ALARM_S: Final = 15  # send_offsets_to_transaction can hang for ever after a broker's restart: librdkafka#5456
COMMIT_TIMEOUT_S: Final = 10.0
TIMEOUT_S: Final = 30.0  # of any other question to Kafka; above transaction.timeout.ms and its clean-up

Batch: TypeAlias = dict[tuple[str, int], list[Message]]  # by topic and partition

log = structlog.get_logger()


def point(name: str) -> None:
    """A seam between two steps. Nothing happens here; tests replace it to end or freeze the process in this place."""


class Loop:
    """One worker. `slot` is its seat: stable over restarts, and held by one process at a time."""

    def __init__(
        self,
        role: Counting | Folding[Any, Any],
        settings: Settings,
        slot: str,
        *,
        observed: Observed | None = None,
        ready: Callable[[], None] = lambda: None,
        letter_bytes: int = kafka.LETTER_BYTES,
        describe: Describe | None = None,
        consumer: Callable[[dict[str, Any]], Any] = Consumer,
        producer: Callable[[dict[str, Any]], Any] = Producer,
        redis: Callable[[Any], Any] = connect,
        clock: Clock = time,
        alarm: Callable[[int], object] = signal.alarm,
    ) -> None:
        self.role, self.settings, self.slot = role, settings, slot
        self.observed = observed or Observed()
        self.ready, self.clock, self.alarm = ready, clock, alarm
        self.letter_bytes, self.describe = letter_bytes, describe
        self.group = f"{settings.group}-{role.name}"
        seat = f"{self.group}-{slot}"
        self.work: Work = work_of(role, settings, redis, clock, self.observed)
        # Faust reads what a stateful role writes, and its client reads no lz4.
        compression = "none" if self.work.stateful else "lz4"
        self.producer = producer(kafka.producer(settings.kafka, seat, compression))
        self.consumer = consumer(kafka.consumer(settings.kafka, self.group, seat))
        self.places: dict[Lane, Place] = {}
        self.membership: Any = None
        self.shapes: Shapes = {}  # of our topics, as they were at the assignment
        self.news: list[Output] = []  # gaps that nobody was told of yet
        self.embedded = False
        self.moved = False  # a rebalance ran inside this poll
        self.unchecked: set[str] = set()  # topics of which records were folded since they were last seen to be the same
        self.most = FEW if self.work.stateful else BATCH
        self.at_once = self.most  # records to ask for
        self.committed_at = clock.monotonic()
        self.waited_for: set[str] = set()

    def run(self, stop: Callable[[], bool]) -> None:
        """Until `stop()`: then REVOKE, and the seat is kept for whoever comes back within the session."""
        self.start()
        while not stop():
            self.alarm(STEP_ALARM_S)
            self.step()
        self.alarm(STEP_ALARM_S)
        self.consumer.close()
        self.alarm(0)

    def start(self) -> None:
        self.alarm(START_ALARM_S)
        target = self.settings.kafka
        cluster = kafka_trouble.patient(lambda: self.producer.list_topics(timeout=5), target, self.clock).cluster_id
        # Ends the transaction that this seat left open, and fences its zombie.
        kafka_trouble.patient(lambda: self.producer.init_transactions(TIMEOUT_S), target, self.clock)
        self.embedded = is_embedded(cluster)
        if self.embedded:
            log.warning("embedded broker", role=self.role.name, caution=CANNOT)
        self.consumer.subscribe(
            list(self.role.topics),
            on_assign=self.guarded(self.assign),
            on_revoke=self.guarded(self.revoke),
            on_lost=self.guarded(self.lost),
        )

    def step(self) -> None:
        batch, began = self.poll(), self.clock.monotonic()
        for lane, messages in batch.items():
            place = self.places[lane]
            if fresh := self.admit(place, messages):
                self.fold(place, fresh)
        self.pace(sum(map(len, batch.values())), self.clock.monotonic() - began)
        if self.clock.monotonic() - self.committed_at >= self.work.wait_s:
            self.publish()
        self.observed.last_progress = self.clock.time()

    # ---- POLL, ADMIT, FOLD -------------------------------------------------------------------------------------------

    def poll(self) -> dict[Lane, Sequence[Message]]:
        self.moved = False
        messages, cut = self.consumer.consume(self.at_once, POLL_S), False
        if any(map(asking("error", messages), messages)):
            for message in messages:
                cut |= message.error() is not None and self.look_at(message)
            messages = [message for message in messages if message.error() is None]
        batch = by_lane(messages)
        if self.moved:
            batch = self.discard(batch)
        elif cut:
            self.begin_again()
            batch = {}
        return {Lane(*lane): legible(messages) for lane, messages in batch.items()}

    def discard(self, batch: Batch) -> Batch:
        """Stale and fresh records may be mixed, with holes between them: fetch them again from where we are."""
        if batch:
            self.consumer.assign(list(map(position, self.places.values())))
        return {}

    def admit(self, place: Place, messages: Sequence[Message]) -> Sequence[Message]:
        if messages[0].offset() >= place.next:  # within a lane, a batch is in order
            return messages
        return [message for message in messages if message.offset() >= place.next]

    def fold(self, place: Place, messages: Sequence[Message]) -> None:
        self.work.fold(place, messages)
        last = messages[-1]
        if not place.oldest_ms and last.offset() >= place.done:
            place.oldest_ms = messages[0].timestamp()[1]
        place.next, place.newest_ms = last.offset() + 1, last.timestamp()[1]
        self.unchecked.add(place.lane.topic)
        self.observed.messages += len(messages)
        self.observed.message_bytes += sum(map(len, messages))  # type: ignore[arg-type]
        point("folded")

    def pace(self, folded: int, took_s: float) -> None:
        """How many records to ask for next: how they are cut changes nothing but how long others wait."""
        if folded and took_s:
            affordable = int(folded * FOLD_S / took_s)
            self.at_once = max(LEAST, min(self.most, 2 * self.at_once, affordable))

    def look_at(self, message: Any) -> bool:
        """What came in the place of a record. True when the log was cut above our position."""
        error, topic = message.error(), message.topic()
        trouble = kafka_trouble.weigh(error)
        if trouble == "end of log" and (place := self.places.get(Lane(topic, message.partition()))):
            place.end = message.offset()
        elif trouble == "no topic" and topic not in self.waited_for:  # the consumer finds it by itself once it is there
            self.waited_for.add(topic)
            reason = "it does not exist, or this user may not see it; `leeway topics create` makes it"
            log.warning("waiting for a topic", topic=topic, reason=reason)
        elif trouble == "passing":
            log.warning("trouble with Kafka", code=error.name(), reason=error.str())
        return trouble == "cut log"

    def begin_again(self) -> None:
        """Retention overtook us, or the topic was created anew: ASSIGN finds out which, and says it."""
        lanes = list(self.places)
        self.revoke(lanes)
        self.assign(lanes)

    # ---- COMMIT, SNAPSHOT --------------------------------------------------------------------------------------------

    def publish(self) -> None:
        """In this order: a snapshot may hold nothing that a transaction could still take back."""
        self.commit()
        self.snapshot()
        self.committed_at = self.clock.monotonic()
        self.observe_lag()

    def commit(self) -> None:
        ahead = [place for place in self.places.values() if self.uncommitted(place)]
        first = next(iter(ahead or self.places.values()), None)
        if first is None:
            return
        outputs = [*self.news, *self.work.outputs(f"{first.lane}-{first.next}")]
        going = ahead or [first] if outputs else ahead  # offsets even if none moved: they carry our generation
        self.look_again(self.unchecked | {place.lane.topic for place in going})
        self.unchecked = set()
        if going:
            self.transact(outputs, going)
        for place in ahead:
            if place.oldest_ms > 0:
                self.observed.waited.add(max(0.0, self.clock.time() - place.oldest_ms / 1000))
            place.done, place.oldest_ms = place.next, 0
        self.news = []
        self.work.published()

    def look_again(self, topics: Set[str]) -> None:
        """Whether what was folded is of the topics that we were assigned, and no model's records go elsewhere now."""
        now = self.told(topics) if topics else {}
        check_same(now, self.shapes)
        for topic in now.keys() & self.shapes.keys() if self.work.stateful else ():
            check_width(topic, now[topic], [self.shapes[topic]])

    def told(self, needed: Set[str]) -> Shapes:
        """What our topics are; nothing where nobody can be asked."""
        if self.embedded or self.describe is None:
            return {}
        return ask(self.describe, self.role.topics, needed, self.clock)

    def uncommitted(self, place: Place) -> bool:
        """A replay runs below `done` and must not move it back."""
        return place.next > place.done

    def transact(self, outputs: list[Output], places: list[Place]) -> None:
        point("before transaction")
        began = self.clock.monotonic()
        self.alarm(COMMIT_ALARM_S)
        self.producer.begin_transaction()
        for output in map(self.fitted, outputs):
            kafka.produce(self.producer, output)
            self.observed.sent(output)
        point("produced")
        offsets = [reached(place, note(self.shapes.get(place.lane.topic))) for place in places]
        self.producer.send_offsets_to_transaction(offsets, self.membership, COMMIT_TIMEOUT_S)
        point("offsets sent")
        self.producer.commit_transaction(COMMIT_TIMEOUT_S)
        if self.embedded:  # its transactions drop the offsets
            self.consumer.commit(offsets=offsets, asynchronous=False)
        point("committed")
        self.alarm(STEP_ALARM_S)
        self.observed.transactions += 1
        self.observed.transaction_seconds += self.clock.monotonic() - began

    def fitted(self, output: Output) -> Output:
        """A letter that its topic has no room for would be written in vain for ever."""
        return output if output.topic != self.settings.topics.dlq else fitting(output, self.letter_bytes)

    def snapshot(self) -> None:
        point("before snapshot")
        self.work.snapshot(self.places)
        point("snapshot written")

    def observe_lag(self) -> None:
        def high(place: Place) -> int:
            _, end = self.consumer.get_watermark_offsets(position(place), cached=True)
            return int(end)

        now_s = self.clock.time()
        self.observed.lag = {lane: place.lag(high(place), now_s) for lane, place in self.places.items()}

    # ---- ASSIGN, REVOKE, LOST ----------------------------------------------------------------------------------------

    def assign(self, lanes: list[Lane]) -> None:
        self.moved = True
        self.membership = kafka.membership(self.consumer)
        self.shapes = self.told({lane.topic for lane in lanes})
        # The fence first: from here on no former owner writes a snapshot ...
        marks = self.work.acquire(lanes, self.shapes)
        point("acquired")
        # ... then this, which waits until no former owner can commit
        committed = kafka.committed(self.consumer, [*lanes, *self.others(lanes)], TIMEOUT_S)
        self.check_widths(committed)
        self.places = {lane: self.place(lane, committed, marks.get(lane, Mark())) for lane in lanes}
        self.unchecked = {lane.topic for lane, mark in marks.items() if mark.outdated}  # a snapshot drops what is there
        point("assigned")
        self.consumer.assign(list(map(position, self.places.values())))
        self.observed.rebalances += 1
        self.observed.lanes = len(lanes)
        self.observe_lag()
        self.ready()

    def others(self, lanes: list[Lane]) -> list[Lane]:
        """Lanes of the same topics that are not ours: how wide the topics were is written beside their offsets, and it
        matters where states were folded, and where a partition that was added would begin elsewhere than others."""
        if not self.work.stateful and self.settings.kafka.start_at == "earliest":
            return []
        widths = {topic: shape.partitions for topic, shape in self.shapes.items()}
        every = (Lane(topic, partition) for topic, width in widths.items() for partition in range(width))
        return [lane for lane in every if lane not in lanes]

    def check_widths(self, committed: Mapping[Lane, kafka.Committed]) -> None:
        for topic, shape in self.shapes.items() if self.work.stateful else ():
            check_width(topic, shape, noted(topic, committed))

    def place(self, lane: Lane, committed: Mapping[Lane, kafka.Committed], mark: Mark) -> Place:
        low, high = self.consumer.get_watermark_offsets(TopicPartition(*lane), TIMEOUT_S)
        found, now = committed[lane], self.shapes.get(lane.topic)
        renewed = another(now, remembered(found.metadata))
        added = came_later(lane.partition, now, noted(lane.topic, committed))
        memory = Memory(found.offset, mark.offset, low, high, self.work.stateful, renewed, mark.outdated, added)
        try:
            beginning = begin(memory, self.settings.kafka.start_at)
        except Surprise as undecided:
            raise Surprise(f"{lane}: {undecided}") from None
        if beginning.caution:
            self.observed.records_lost += beginning.lost
            log.warning("records are gone", lane=str(lane), lost=beginning.lost, caution=beginning.caution)
            topic = self.shapes[lane.topic].id if lane.topic in self.shapes else ""
            now_ms = round(self.clock.time() * 1000)
            self.news.append(announcement(self.settings, self.role.name, lane, topic, beginning, now_ms))
        return Place(lane, beginning.next, beginning.floor, beginning.floor if beginning.committed else NOTHING)

    def revoke(self, lanes: list[Lane]) -> None:
        """With `range` a rebalance takes all lanes at once."""
        self.moved = True
        point("revoking")
        self.commit()
        self.snapshot()
        point("revoked")
        self.forget()

    def lost(self, lanes: list[Lane]) -> None:
        self.moved = True
        self.observed.lanes_lost += len(lanes)
        self.forget()

    def forget(self) -> None:
        self.work.forget()
        self.places, self.news, self.unchecked = {}, [], set()
        self.observed.lag, self.observed.lanes = {}, None
        self.consumer.unassign()

    # ---- SURPRISE ----------------------------------------------------------------------------------------------------

    def guarded(self, step: Callable[[list[Lane]], None]) -> Callable[[Any, list[TopicPartition]], None]:
        """A rebalance callback. It is called from C, which lets few exceptions through whole: end here instead."""

        def callback(_: Any, partitions: list[TopicPartition]) -> None:
            try:
                step([Lane(partition.topic, partition.partition) for partition in partitions])
            except (Surprise, KafkaException, RedisError) as trouble:
                self.surprise(trouble)

        return callback

    def surprise(self, trouble: BaseException) -> NoReturn:
        end(self.role.name, self.slot, kafka_trouble.explained(trouble), type(trouble).__name__)


def by_lane(messages: list[Any]) -> Batch:
    """Records by topic and partition. They come in long runs of one partition, so each run is taken whole."""
    topics, partitions = (list(map(asking(what, messages), messages)) for what in ("topic", "partition"))
    if messages and topics.count(topics[0]) == partitions.count(partitions[0]) == len(messages):
        return {(topics[0], partitions[0]): messages}
    lanes = list(zip(topics, partitions, strict=True))
    cuts = compress(count(1), map(ne, islice(lanes, 1, None), lanes))
    batch: Batch = defaultdict(list)
    for first, last in pairwise([0, *cuts, len(lanes)] if lanes else []):
        batch[lanes[first]] += messages[first:last]
    return batch


def noted(topic: str, committed: Mapping[Lane, kafka.Committed]) -> list[Shape]:
    """What the topic was when its offsets were committed."""
    said = (remembered(found.metadata) for lane, found in committed.items() if lane.topic == topic)
    return [shape for shape in said if shape]


def position(place: Place) -> TopicPartition:
    return TopicPartition(place.lane.topic, place.lane.partition, place.next)


def reached(place: Place, metadata: str) -> TopicPartition:
    """To be committed: never below what is, where a replay has not come so far yet."""
    return TopicPartition(place.lane.topic, place.lane.partition, max(place.next, place.done), metadata)


def run_role(
    role: Counting | Folding[Any, Any],
    settings: Settings,
    slot: str,
    *,
    observed: Observed | None = None,
    ready: Callable[[], None] = lambda: None,
    letter_bytes: int = kafka.LETTER_BYTES,
    describe: Describe | None = None,
) -> None:
    """The outermost function of a worker process. Returns after SIGTERM or SIGINT; a surprise ends the process."""
    stopping = threading.Event()
    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, lambda *_: stopping.set())
    memory.keep()
    observed = observed or Observed()
    try:
        loop = Loop(role, settings, slot, observed=observed, ready=ready, letter_bytes=letter_bytes, describe=describe)
        loop.run(stopping.is_set)
    except BaseException as trouble:  # noqa: BLE001  the one place for it
        foreseen = isinstance(trouble, Surprise | KafkaException | RedisError)
        where = {} if foreseen else {"line": line_of(trouble), "record": observed.folding or "none"}
        end(role.name, slot, kafka_trouble.explained(trouble), type(trouble).__name__, **where)
