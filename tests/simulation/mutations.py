"""Seeded bugs: each removes one rule of the protocol. A simulation that does not notice one would prove nothing."""

from typing import Any

import stream.engine.loop
from stream.engine.beginning import Beginning, Memory
from stream.engine.fence import Fence
from stream.engine.folds import Folded, Folds
from stream.engine.loop import Batch, Loop
from stream.engine.place import Place
from stream.engine.role import Message, Output
from tests.simulation.world import Change, World


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


def at_committed(memory: Memory, start_at: str) -> Beginning:
    floor = memory.committed or 0
    return Beginning(floor, floor, memory.committed is not None)


def unfenced(world: World) -> None:
    world.redis.accepts = lambda stored, token, acked, number: True


def token_only(world: World) -> None:
    world.redis.accepts = lambda stored, token, acked, number: stored.get("tok") == token


def number_only(world: World) -> None:
    world.redis.accepts = lambda stored, token, acked, number: acked <= stored.get("n", -1) < number


def never_waits(world: World) -> None:
    world.kafka.holds_back = lambda lanes: False  # type: ignore[method-assign]


def any_generation(world: World) -> None:
    world.kafka.knows = lambda seat, member, generation: True  # type: ignore[method-assign]


def always(value: object) -> Any:
    return lambda *arguments: value


def mark_is_end(self: Folds, folded: Folded, written: int, end: int) -> int:
    return end


MUTATIONS: dict[str, Change] = {
    "snapshot-before-commit": Change(loop=SnapshotFirst),
    "no-admit": Change(loop=NoAdmit),
    "only-drops-duplicates": Change(loop=OnlyDropsDuplicates),
    "no-suppression": Change(patches={(Folds, "published_before"): always(False)}),
    "commit-below-committed": Change(loop=CommitsBelowCommitted),
    "forgets-a-keys-own-offset": Change(patches={(Folds, "seen"): always(False)}),
    "mark-is-next": Change(patches={(Folds, "mark"): mark_is_end}),
    "clears-what-is-not-saved": Change(patches={(Folds, "clean"): always(True)}),
    "starts-at-committed": Change(patches={(stream.engine.loop, "begin"): at_committed}),
    "no-fence": Change(world=unfenced),
    "token-only": Change(world=token_only),
    "number-only": Change(world=number_only),
    "unfenced-load": Change(patches={(Fence, "holds"): always(True)}),
    "committed-does-not-wait": Change(world=never_waits),
    "no-generation-check": Change(world=any_generation),
    "offsets-outside": Change(loop=OffsetsOutside),
}
RARE = frozenset({"unfenced-load", "number-only", "committed-does-not-wait"})  # need a few hundred seeds
