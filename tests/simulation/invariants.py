"""What must hold, looked at in every step that could break it; `Violated` when it does not.

* Every transaction carries exactly the outputs, and exactly the counts, of the records between the offset that was
  committed before it and the offset that it commits: nothing is missing, doubled, changed or invented.
* A committed offset never goes back, and a reader of the whole log finds every lane's outputs in order.
* What is gone from a log before it was read, or before it was in a snapshot, is told of by the first transaction of
  whoever finds it gone, in the very one that goes on behind it, and by no other; each process has counted as much.
* Every snapshot that Redis takes is a state of the reference fold, byte for byte, of committed records only; every
  record below its mark is in some snapshot, and the mark is not above what is committed. A new owner is told so, too.
* Of a topic that got partitions a folding role commits nothing that came after, until an operator has mended it.
* A worker is shut out of Redis only if Redis has forgotten something, or another one has taken the lane.
* Once the faults stop, everything drains: all is committed, and the last state of every key is in Redis.
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from stream.engine.role import Lane
from tests.simulation.group import Entry
from tests.simulation.kafka import Committed, Transaction
from tests.simulation.losses import Begun, Gap, Log, of_another, told
from tests.simulation.reference import END, START, Counts, Lines, Reference, Seen, lane_of, offset_of, rebuilt, seen

if TYPE_CHECKING:
    from tests.simulation.world import World


NOWHERE = -1  # not even where a log begins


class Violated(AssertionError):
    """An invariant does not hold."""


class Invariants:
    """Of one world."""

    def __init__(self, world: "World") -> None:
        self.world, self.scenario = world, world.scenario
        self.lane = {str(lane): lane for lane in world.kafka.logs}
        self.entries: dict[Log, list[Entry]] = {}
        self.lines: dict[Log, Lines] = {}  # what each log has to become
        self.reached: dict[Log, int] = {}  # below it all is committed, or is gone
        self.original: dict[Log, Lines] = {}  # as nothing is gone from it
        self.ends: dict[Log, int] = {}  # of a folding role's log, when its topic got partitions
        self.current: dict[Lane, Log] = {}  # that was committed last
        self.ids: set[tuple[str, str, str, int]] = set()
        self.times = 1  # that the role has begun from nothing
        self.outputs: dict[Transaction, dict[Lane, list[Seen]]] = {}  # of those that were committed
        self.right: dict[Lane, list[Seen]] = defaultdict(list)  # what they had to be
        self.read(world.reference)

    def read(self, reference: Reference) -> None:
        """Logs that begin."""
        for lane, lines in reference.items():
            log = self.world.kafka.log_of(lane)
            self.lane[str(lane)] = lane
            self.entries[log], self.lines[log] = self.world.kafka.logs[lane], lines
            self.original[log] = lines
            if self.is_wider(lane.topic):
                self.ends[log] = NOWHERE

    def widened(self, topic: str) -> None:
        """It gets partitions: what follows may be of models whose states are elsewhere."""
        logs = [self.world.kafka.log_of(lane) for lane in self.world.kafka.logs if lane.topic == topic]
        if self.world.stateful and any(log in self.reached for log in logs):
            for log in logs:
                self.ends.setdefault(log, self.world.kafka.high(log.lane))

    def is_wider(self, topic: str) -> bool:
        """Whether it has more partitions than what was folded of it."""
        return any(log.topic == self.world.kafka.id_of(topic) for log in self.ends)

    def read_anew(self, topic: str) -> None:
        """An operator has deleted the group and all snapshots: nothing was ever read."""
        self.times += 1
        for log in [log for log in self.lines if log.lane.topic == topic]:
            self.reached.pop(log, None)
            self.ends.pop(log, None)
            self.current.pop(log.lane, None)
            self.lines[log] = self.original[log]

    # ---- Kafka -------------------------------------------------------------------------------------------------------

    def committed(self, transaction: Transaction) -> None:
        """A transaction was decided: whatever happens, readers will see it."""
        self.world.seen["transaction"] += 1
        for begun in transaction.begun.values():
            self.begin(begun)
        outputs, counts, gaps = self.split(transaction)
        self.announced(transaction, gaps)
        self.outputs[transaction] = dict(outputs)
        expected: Counts = Counter()
        for lane, offset in transaction.offsets.items():
            right, more = self.advance(lane, offset)
            expected.update(more)
            if (ours := outputs.pop(lane, [])) != right:
                raise Violated(f"{lane} to {offset.offset}: {difference(ours, right)}")
            self.right[lane] += right
        if outputs:
            raise Violated(f"outputs of {', '.join(map(str, outputs))} are in a transaction without their offsets")
        if counts != expected:
            raise Violated(f"of {len(expected)} counts these are wrong: {wrong(counts, expected)}")

    def begin(self, begun: Begun) -> None:
        """A new owner's first transaction."""
        log, reached = begun.log, self.reached.get(begun.log, 0)
        known = begun.gap is None or not begun.unread or begun.gap[0] in (reached, begun.low)
        if begun.gap and not known and not (begun.rebuilt and begun.gap[0] < reached):
            raise Violated(f"{log.lane}: {reached} was committed, and a gap is told of that begins at {begun.gap[0]}")
        self.current[log.lane] = log
        if begun.unread:
            self.reached[log] = max(reached, begun.low)
        if begun.rebuilt:
            self.lines[log] = rebuilt(log.lane, self.entries[log], self.world.role(), begun.low, begun.kept)

    def announced(self, transaction: Transaction, told: list[tuple[Lane, Gap]]) -> None:
        """What was found gone, no more and no less, with the offset behind it."""
        self.world.seen["gap"] += len(told)
        found = {lane: begun for lane, begun in transaction.begun.items() if begun.gap}
        if told != (gaps := [(lane, begun.gap) for lane, begun in found.items()]):
            raise Violated(f"gaps: {told} are told of, and {gaps} were found")
        if apart := [lane for lane, begun in found.items() if begun.unread and lane not in transaction.offsets]:
            raise Violated(f"a gap of {apart[0]} is told of, and not in the transaction that goes on behind it")

    def advance(self, lane: Lane, offset: Committed) -> tuple[list[Seen], Counts]:
        """What follows from the records up to an offset that is committed."""
        log = Log(lane, offset.topic)
        start = self.reached.get(log, 0)
        if offset.offset < start or log not in self.lines:
            raise Violated(f"{lane}: offset {start} of {log.topic} was committed, and now {offset}")
        if offset.offset > self.ends.get(log, END):
            raise Violated(f"{lane}: {offset} is committed, and from {self.ends[log]} on it has more partitions")
        self.reached[log] = offset.offset
        return self.lines[log].between(start, offset.offset)

    def split(self, transaction: Transaction) -> tuple[dict[Lane, list[Seen]], Counts, list[tuple[Lane, Gap]]]:
        """Outputs of single records by lane, what all others add up to, and what is told to be gone."""
        outputs, counts, gaps = defaultdict[Lane, list[Seen]](list), Counts(), list[tuple[Lane, Gap]]()
        for one in map(seen, transaction.records):
            if gap := told(one, self.world.name):
                gaps.append(gap)
                continue
            if one.topic != self.scenario.sums:
                outputs[self.lane[lane_of(one.id)]].append(one)
            elif more := self.scenario.counts(one):
                counts.update(more)
            else:
                continue  # a pane without rows says only that nothing came
            of = transaction.offsets.get(self.lane[lane_of(one.id)])  # a topic that is created anew has all names anew
            if (name := (one.topic, one.id, of.topic if of else "", self.times)) in self.ids:
                raise Violated(f"two records of {one.topic} are called {one.id}")
            self.ids.add(name)
        if self.scenario.sums:  # a counting role's dead letters leave once each, in any order within a transaction
            for of_lane in outputs.values():
                of_lane.sort(key=offset_of)
        return outputs, counts, gaps

    def in_order(self) -> None:
        """As a reader sees the whole log, which is in the order of producing, not of committing."""
        found = defaultdict[Lane, list[Seen]](list)
        for transaction in dict.fromkeys(transaction for transaction, _ in self.world.kafka.log):
            for lane, outputs in self.outputs.get(transaction, {}).items():
                found[lane] += outputs
        for lane, outputs in found.items():
            if outputs != self.right[lane]:
                raise Violated(f"{lane}, all of it: {difference(outputs, self.right[lane])}")

    def counted(self, lost: int, found: int) -> None:
        """A process has ended."""
        if lost != found:
            raise Violated(f"a worker has counted {lost} lost records, and met {found}")

    # ---- Redis -------------------------------------------------------------------------------------------------------

    def written(self, name: str) -> None:
        """Redis has taken a snapshot."""
        self.world.seen["snapshot"] += 1
        lane = self.lane[name.rpartition(":")[2]]
        stored, log = self.world.redis.hashes[name], self.current.get(lane) or self.world.kafka.log_of(lane)
        reference, committed = self.lines[log], self.reached.get(log, 0)
        mark = int(stored.get("mark") or 0)
        if mark > committed:
            raise Violated(f"{lane}: the mark is {mark}, and {committed} is committed")
        for key, following in reference.following.items():
            blob = stored.get(f"k:{key}")
            offset = START if blob is None else int.from_bytes(blob[:8], "little", signed=True)
            if blob is not None and reference.states[key].get(offset) != blob:
                raise Violated(f"{lane}: the snapshot of {key} at {offset} is no state of the reference")
            if offset >= committed:
                raise Violated(f"{lane}: the snapshot of {key} is of {offset}, and {committed} is committed")
            if following[offset] < mark:
                raise Violated(f"{lane}: the mark is {mark}, and {key} has a snapshot at {offset} only")
        if strange := {field[2:] for field in stored if field.startswith("k:")} - reference.states.keys():
            raise Violated(f"{lane}: {strange} have snapshots, and no record is of them")

    def taken(self, lane: Lane, mark: int, fields: list[bytes], topic: str) -> None:
        """A new owner was told the mark, and which keys have a snapshot: of one moment, or he takes old for new."""
        log = self.current.get(lane)
        lines = Lines() if log is None or of_another(log, {"topic": topic}) else self.lines[log]
        for key, following in lines.following.items():
            if following[START] < mark and f"k:{key}".encode() not in fields:
                raise Violated(f"{lane}: its new owner was told that the mark is {mark}, and not of {key}")

    def shut_out(self, name: str, token: str) -> None:
        """A worker ends because of the fence."""
        self.world.seen["shut out"] += 1
        if token in self.world.redis.remembered:
            raise Violated(f"a worker was shut out of {name}, which is its own and has forgotten nothing")

    # ---- the end -----------------------------------------------------------------------------------------------------

    def ended(self) -> None:
        """The faults are over and everything has drained."""
        self.in_order()
        for lane in self.world.kafka.logs if self.world.stateful else ():
            for key, states in self.lines[self.current[lane]].states.items():
                if self.world.stored(lane).get(f"k:{key}") != states[max(states)]:
                    raise Violated(f"{lane}: the last state of {key} is not the right one")


def difference(ours: list[Seen], right: list[Seen]) -> str:
    """In few words."""
    at = next((i for i, pair in enumerate(zip(ours, right, strict=False)) if pair[0] != pair[1]), None)
    if at is not None:
        return f"{ours[at].topic} {ours[at].id} stands where {right[at].topic} {right[at].id} belongs, or is not alike"
    if len(ours) > len(right):
        return f"{len(ours) - len(right)} outputs too many, first {ours[len(right)].id}"
    return f"{len(right) - len(ours)} outputs are missing, first {right[len(ours)].id}"


def wrong(ours: Counts, right: Counts) -> str:
    return ", ".join(f"{key}: {ours[key]} for {right[key]}" for key in {**ours, **right} if ours[key] != right[key])[
        :300
    ]
