"""Seeded bugs: each removes one rule of the protocol. A simulation that does not notice one would prove nothing."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any
from uuid import uuid4

import stream.engine.fence
import stream.engine.loop
from schemas.dead_letter import Reason
from stream.clock import Clock
from stream.counting.alike import AlikeRows
from stream.engine.beginning import Beginning, Memory, StartAt, begin
from stream.engine.counts import Counts
from stream.engine.fence import VERSION, Fence, Hold, held
from stream.engine.folds import Folded, Folds
from stream.engine.loop import Batch, Loop
from stream.engine.place import NOTHING, Place
from stream.engine.role import Lane, Message, Output
from stream.engine.shape import Describe, Shape, Shapes, check_same
from stream.redis import patient
from tests.simulation.faults import Fault, add_partitions, create_anew, expel, flush, freeze, go_back, trim
from tests.simulation.group import Incremental
from tests.simulation.invariants import Invariants
from tests.simulation.redis import Hash
from tests.simulation.world import Change, World

OFTEN, SELDOM = 0.005, 0.0015  # probabilities in a step
EXITS = Invariants, "shut_out"  # a bug that only makes workers end too often is one, but there are worse


class SnapshotFirst(Loop):
    def publish(self) -> None:
        self.snapshot()
        super().publish()


class NoAdmit(Loop):
    def discard(self, batch: Batch) -> Batch:
        return {lane: messages for lane, messages in batch.items() if lane in self.places}

    def admit(self, place: Place, messages: list[Message]) -> list[Message]:
        return messages


class OnlyDropsDuplicates(Loop):
    discard = NoAdmit.discard


class OnlyDiscards(Loop):
    admit = NoAdmit.admit


class CommitsBelowCommitted(Loop):
    def uncommitted(self, place: Place) -> bool:
        return place.next != place.done


class OffsetsOutside(Loop):
    """The offsets follow in a transaction of their own."""

    def transact(self, outputs: list[Output], places: list[Place]) -> None:
        kept = [(place, place.next) for place in places]
        for place in places:
            place.next = max(place.done, 0)
        super().transact(outputs, places)
        for place, end in kept:
            place.next = end
        super().transact([], places)


class CommitsWhereAReplayIs(Loop):
    """What goes with a gap that is told of while a replay runs takes the offset back."""

    def transact(self, outputs: list[Output], places: list[Place]) -> None:
        done = [place.done for place in places]
        for place in places:
            place.done = NOTHING
        super().transact(outputs, places)
        for place, end in zip(places, done, strict=True):
            place.done = end


class LooksWithTransactionsOnly(Loop):
    """A replay snapshots, and commits nothing: it does not notice that its topic was created anew."""

    def commit(self) -> None:
        self.unchecked = set()
        super().commit()


class LooksAtWidthsWhenAssignedOnly(Loop):
    """Until a rebalance, records of models that have moved are folded."""

    def look_again(self, topics: Set[str]) -> None:
        check_same(self.told(topics), self.shapes)


class TakesSilenceForTheSame(Loop):
    """A topic of which nothing is told in time may be another one by now."""

    def look_again(self, topics: Set[str]) -> None:
        super().look_again(topics & self.told(set()).keys())


class TellsOfGapsLater(Loop):
    """In a transaction of their own, after the one that goes on behind them."""

    def commit(self) -> None:
        news, self.news = self.news, []
        super().commit()
        if news:
            super().transact(news, [])


class TellsOfGapsBefore(Loop):
    """In a transaction of their own, before that one."""

    def commit(self) -> None:
        if self.news:
            super().transact(self.news, [])
            self.news = []
        super().commit()


def silently(memory: Memory, start_at: StartAt) -> Beginning:
    """What is gone is jumped over, as a client does by itself."""
    return replace(begin(memory, start_at), caution="", lost=0)


def once(describe: Describe, topics: Sequence[str], needed: Set[str], clock: Clock) -> Shapes:
    """Who is told nothing of a topic goes on without."""
    return describe(topics)


def at_committed(memory: Memory, start_at: str) -> Beginning:
    floor = memory.committed or 0
    return Beginning(floor, floor, memory.committed is not None)


def unfenced(world: World) -> None:
    world.redis.accepts = lambda stored, token, acked, number: True


def token_only(world: World) -> None:
    world.redis.accepts = lambda stored, token, acked, number: stored.get("tok") == token


def number_only(world: World) -> None:
    world.redis.accepts = lambda stored, token, acked, number: acked <= stored.get("n", -1) < number


def accepts_late(stored: Hash, token: str, acked: int, number: int) -> bool:
    return stored.get("tok") == token and acked <= stored.get("n", -1)


def late_writes(world: World) -> None:
    world.redis.accepts = accepts_late


def in_pieces(world: World) -> None:
    world.redis.whole = False


def torn(world: World) -> None:
    where(flush)(world)
    world.redis.torn = True


def mixed(world: World) -> None:
    where(create_anew)(world)
    world.redis.mixed = True


def silent(world: World) -> None:
    where(create_anew, freeze)(world)
    world.kafka.untold = 0.5


def never_waits(world: World) -> None:
    world.kafka.holds_back = lambda lanes: False  # type: ignore[method-assign]


def any_generation(world: World) -> None:
    world.kafka.knows = lambda seat, member, generation: True  # type: ignore[method-assign]


def always(value: object) -> Any:
    return lambda *arguments: value


def mark_is_end(self: Folds, folded: Folded, written: int, end: int) -> int:
    return end


def same_number(self: Fence, hold: Hold, mark: int, blobs: Mapping[str, bytes]) -> bool:
    """A write that got no answer is tried again under its number."""
    hold.attempt = hold.acked
    return write(self, hold, mark, blobs)


write = Fence.write


def same_token(self: Fence, lane: Lane, topic: Shape | None = None) -> Hold:
    """Taking a lane that got no answer is tried again with its token."""
    name, token = f"{self.prefix}{lane}", uuid4().hex
    _, *found = patient(lambda: self._take(keys=[name], args=[VERSION, token]), self.clock)
    return held(name, token, topic, *found)


def by_polls(self: Folds, place: Place, messages: Sequence[Message]) -> None:
    """All that one poll brought for a key is added up and folded as one record."""
    folded, sums = self.lanes[place.lane], dict[str, tuple[int, Any]]()
    for message in messages:
        read = self.role.read(place.lane, message)
        if isinstance(read, Reason):
            continue
        key, record = read
        self.meet(folded, {key})
        if not self.seen(folded, key, message.offset()):
            sums[key] = message.offset(), sums.get(key, (0, 0))[1] + record
    for key, (offset, record) in sums.items():
        outputs = self.step(folded, key, record, offset, f"{place.lane}-{offset}")
        if not self.published_before(place, offset):
            self.pending.extend(outputs)


class LenientIncremental(Incremental):
    """A client that lets the loop take what was added for all there is."""

    strict = False


def cooperative(world: World) -> None:
    world.consumer = LenientIncremental


def keeps_counts(self: Counts) -> None:
    """What was added up belongs to somebody else now."""


def keeps_rows(self: AlikeRows) -> None:
    """As do the events that wait for others like them."""
    if not hasattr(self, "rows"):
        forget_rows(self)


forget_rows = AlikeRows.forget


def keeps_outputs(self: Folds) -> None:
    """As do the outputs that were not committed."""
    self.lanes = {}


def where(*faults: Fault, often: float = OFTEN, slowness: float = 0.0) -> Callable[[World], None]:
    """A world in which these faults are frequent: what a rule is for may need two of them at once."""

    def change(world: World) -> None:
        world.weather |= dict.fromkeys(faults, often)
        world.misfortune = sum(world.weather.values())
        world.redis.slowness = slowness

    return change


MUTATIONS: dict[str, Change] = {
    "snapshot-before-commit": Change(loop=SnapshotFirst),
    "no-admit": Change(loop=NoAdmit),
    "only-drops-duplicates": Change(loop=OnlyDropsDuplicates),
    "only-discards": Change(loop=OnlyDiscards, hunt="adding"),
    "no-suppression": Change(patches={(Folds, "published_before"): always(False)}),
    "commit-below-committed": Change(loop=CommitsBelowCommitted),
    "forgets-a-keys-own-offset": Change(patches={(Folds, "seen"): always(False)}),
    "mark-is-next": Change(patches={(Folds, "mark"): mark_is_end}),
    "clears-what-is-not-saved": Change(patches={(Folds, "clean"): always(True)}),
    "starts-at-committed": Change(patches={(stream.engine.loop, "begin"): at_committed}),
    "no-fence": Change(world=unfenced),
    "token-only": Change(world=token_only),
    "number-only": Change(world=number_only),
    "accepts-late-writes": Change(world=late_writes),
    "reuses-n-on-retry": Change(patches={(Fence, "write"): same_number}),
    "reuses-n-unnoticed": Change(
        patches={(Fence, "write"): same_number, EXITS: always(None)}, world=where(go_back, slowness=0.3)
    ),
    "same-token-on-retry": Change(patches={(Fence, "acquire"): same_token}, world=where(flush, slowness=0.3)),
    "torn-acquire": Change(world=torn),
    "unfenced-load": Change(patches={(Fence, "holds"): always(True)}),
    "committed-does-not-wait": Change(world=never_waits),
    "no-generation-check": Change(world=any_generation),
    "offsets-outside": Change(loop=OffsetsOutside),
    "fold-depends-on-the-poll": Change(patches={(Folds, "fold"): by_polls}),
    "snapshot-in-pieces": Change(world=in_pieces),
    "keeps-counts-of-lost-lanes": Change(patches={(Counts, "forget"): keeps_counts}, hunt="adding"),
    "keeps-rows-that-wait": Change(patches={(AlikeRows, "forget"): keeps_rows}, hunt="profile", world=where(expel)),
    "keeps-outputs-of-lost-lanes": Change(patches={(Folds, "forget"): keeps_outputs}, world=where(expel)),
    "cooperative-rebalances": Change(world=cooperative),
    "tells-of-gaps-later": Change(loop=TellsOfGapsLater, hunt="adding", world=where(trim)),
    "tells-of-gaps-before": Change(loop=TellsOfGapsBefore, hunt="adding", world=where(trim)),
    "silent-about-gaps": Change(patches={(stream.engine.loop, "begin"): silently}, hunt="adding"),
    "commits-where-a-replay-is": Change(loop=CommitsWhereAReplayIs, world=where(trim, flush)),
    "one-name-one-topic": Change(patches={(stream.engine.loop, "another"): always(False)}, world=where(create_anew)),
    "snapshots-of-any-topic": Change(
        patches={(stream.engine.fence, "another"): always(False)}, world=where(create_anew, go_back)
    ),
    "topics-mixed-in-redis": Change(world=mixed),
    "replays-look-at-no-topics": Change(loop=LooksWithTransactionsOnly, world=where(create_anew, flush, often=SELDOM)),
    "topics-not-looked-at-again": Change(
        patches={(stream.engine.loop, "check_same"): always(None)}, hunt="adding", world=where(create_anew)
    ),
    "topics-asked-for-once": Change(patches={(stream.engine.loop, "ask"): once}, hunt="adding"),
    "silence-is-the-same": Change(loop=TakesSilenceForTheSame, hunt="adding", world=silent),
    "any-width": Change(patches={(stream.engine.loop, "check_width"): always(None)}, world=where(add_partitions)),
    "widths-of-own-lanes": Change(patches={(Loop, "others"): always([])}, world=where(add_partitions)),
    "widths-not-looked-at-again": Change(loop=LooksAtWidthsWhenAssignedOnly, world=where(add_partitions)),
}
