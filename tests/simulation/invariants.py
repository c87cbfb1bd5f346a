"""What must hold, looked at in every step that could break it; `Violated` when it does not.

* Every transaction carries exactly the outputs, and exactly the counts, of the records between the offset that was
  committed before it and the offset that it commits: nothing is missing, doubled, changed or invented.
* A committed offset never goes back, and a reader of the whole log finds every lane's outputs in order.
* Every snapshot that Redis takes is a state of the reference fold, byte for byte, of committed records only; every
  record below its mark is in some snapshot, and the mark is not above what is committed. A new owner is told so, too.
* A worker is shut out of Redis only if Redis has forgotten something, or another one has taken the lane.
* Once the faults stop, everything drains: all is committed, and the last state of every key is in Redis.
"""

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from stream.engine.role import Lane
from tests.simulation.kafka import Transaction
from tests.simulation.reference import START, Counts, Seen, lane_of, offset_of, seen

if TYPE_CHECKING:
    from tests.simulation.world import World


class Violated(AssertionError):
    """An invariant does not hold."""


class Invariants:
    """Of one world."""

    def __init__(self, world: "World") -> None:
        self.world, self.scenario, self.reference = world, world.scenario, world.reference
        self.lane = {str(lane): lane for lane in self.reference}
        self.ids: set[tuple[str, str]] = set()
        self.outputs: dict[Transaction, dict[Lane, list[Seen]]] = {}  # of those that were committed

    # ---- Kafka -------------------------------------------------------------------------------------------------------

    def committed(self, transaction: Transaction, before: dict[Lane, int]) -> None:
        """A transaction has become visible."""
        self.world.seen["transaction"] += 1
        outputs, counts = self.split(transaction)
        self.outputs[transaction] = dict(outputs)
        expected: Counts = Counter()
        for lane, end in transaction.offsets.items():
            start = before[lane]
            if end < start:
                raise Violated(f"{lane}: offset {start} was committed, and now {end}")
            right, more = self.reference[lane].between(start, end)
            expected.update(more)
            if (ours := outputs.pop(lane, [])) != right:
                raise Violated(f"{lane} from {start} to {end}: {difference(ours, right)}")
        if outputs:
            raise Violated(f"outputs of {', '.join(map(str, outputs))} are in a transaction without their offsets")
        if counts != expected:
            raise Violated(f"of {len(expected)} counts these are wrong: {wrong(counts, expected)}")

    def split(self, transaction: Transaction) -> tuple[dict[Lane, list[Seen]], Counts]:
        """Outputs of single records by lane, and what all others add up to."""
        outputs, counts = defaultdict[Lane, list[Seen]](list), Counts()
        for one in map(seen, transaction.records):
            if one.topic != self.scenario.sums:
                outputs[self.lane[lane_of(one.id)]].append(one)
            elif more := self.scenario.counts(one):
                counts.update(more)
            else:
                continue  # a pane without rows says only that nothing came
            if (one.topic, one.id) in self.ids:
                raise Violated(f"two records of {one.topic} are called {one.id}")
            self.ids.add((one.topic, one.id))
        if self.scenario.sums:  # a counting role's dead letters leave once each, in any order within a transaction
            for of_lane in outputs.values():
                of_lane.sort(key=offset_of)
        return outputs, counts

    def in_order(self) -> None:
        """As a reader sees the whole log, which is in the order of producing, not of committing."""
        found = defaultdict[Lane, list[Seen]](list)
        for transaction in dict.fromkeys(transaction for transaction, _ in self.world.kafka.log):
            for lane, outputs in self.outputs.get(transaction, {}).items():
                found[lane] += outputs
        for lane, outputs in found.items():
            right, _ = self.reference[lane].between(0, self.world.kafka.offsets[lane])
            if outputs != right:
                raise Violated(f"{lane}, all of it: {difference(outputs, right)}")

    # ---- Redis -------------------------------------------------------------------------------------------------------

    def written(self, name: str) -> None:
        """Redis has taken a snapshot."""
        self.world.seen["snapshot"] += 1
        lane = self.lane[name.rpartition(":")[2]]
        stored, reference = self.world.redis.hashes[name], self.reference[lane]
        mark, committed = int(stored.get("mark") or 0), self.world.kafka.decided(lane)
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

    def taken(self, name: str, mark: int, fields: list[bytes]) -> None:
        """A new owner was told the mark, and which keys have a snapshot: of one moment, or he takes old for new."""
        lane = self.lane[name.rpartition(":")[2]]
        for key, following in self.reference[lane].following.items():
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
        for lane, reference in self.reference.items():
            for key, states in reference.states.items():
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
