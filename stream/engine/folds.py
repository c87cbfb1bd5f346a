"""The work of a folding role: one state per key, which carries the offset it has seen, so a replay repeats nothing.

Redis holds snapshots of the states, later than the committed offset allows and never earlier. `dirty` remembers in
order which states no snapshot has yet, and from which record on.

A state comes into memory when its key is met. One that nothing came for leaves again, sooner while all of them take too
much: but only what is not dirty, for then Redis has exactly this state, or the fence shows that it has forgotten it.

A lane has room for so many keys, first come, first served; a record of one key more is a dead letter. Keys in Redis and
in memory together are the keys that were admitted, also while a log is replayed, so a replay refuses the same records.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from schemas.dead_letter import Reason
from stream.engine.beginning import Mark
from stream.engine.fence import Fence, Hold, packed
from stream.engine.observed import Observed
from stream.engine.place import Place
from stream.engine.role import Folding, Lane, Message, Output
from stream.engine.shape import Shapes
from stream.engine.surprise import Surprise

SLOW_S: Final = 0.1  # a Redis that took so long has had its share: the other lanes are written in the next rounds
# What the judge's states take in memory at most: a column of numbers 18 kB, of which 0.9 kB are written while it learns
# and 1.4 to 2.3 kB while it is watched; one of twelve texts 8 kB, of which 1.6 kB; one of nulls 2.2 kB, of which 0.1.
TIMES_SNAPSHOT: Final = 20


@dataclass(frozen=True, slots=True)
class Room:
    """How long a state stays in memory for nothing, how much all may take there, and how many a lane may have."""

    idle_s: float
    memory_bytes: float
    states: int


@dataclass(slots=True)
class Held:
    """One state in memory."""

    offset: int  # that it has seen
    state: Any
    weight: int = 0  # bytes of its last snapshot; 0 before there is one
    met_at: float = 0.0


@dataclass(slots=True)
class Folded:
    """What one lane adds up to."""

    hold: Hold
    keys: set[str]  # that were admitted
    states: dict[str, Held] = field(default_factory=dict)  # what was met last comes last
    dirty: dict[str, int] = field(default_factory=dict)  # key -> first record that no snapshot has, oldest first
    weight: int = 0  # of all states


class Folds:
    """One folding role, lane by lane."""

    stateful = True

    def __init__(self, role: Folding[Any, Any], fence: Fence, room: Room, observed: Observed) -> None:
        self.role = role
        self.fence = fence
        self.room = room
        self.observed = observed
        self.lanes: dict[Lane, Folded] = {}
        self.pending: list[Output] = []  # until the next transaction
        self.changed: dict[str, Any] = {}  # since the last transaction, for people to look at

    @property
    def wait_s(self) -> float:
        return self.role.soon_s if self.pending else self.role.every_s

    def acquire(self, lanes: Sequence[Lane], shapes: Shapes) -> Mapping[Lane, Mark]:
        """Shut former owners out of Redis; the mark of each lane."""
        self.lanes = {}
        for lane in lanes:
            hold = self.fence.acquire(lane, shapes.get(lane.topic))
            self.lanes[lane] = Folded(hold, set(hold.known))
        return {lane: Mark(folded.hold.mark, folded.hold.outdated) for lane, folded in self.lanes.items()}

    def fold(self, place: Place, messages: Sequence[Message]) -> None:
        folded = self.lanes[place.lane]
        read = [(message, self.admitted(folded, self.role.read(place.lane, message))) for message in messages]
        self.meet(folded, {content[0] for _, content in read if not isinstance(content, Reason)})
        for message, content in read:
            offset = message.offset()
            if isinstance(content, Reason):
                outputs: Sequence[Output] = (self.role.dead(place.lane, message, content),)
            elif self.seen(folded, content[0], offset):
                continue
            else:
                outputs = self.step(folded, content[0], content[1], offset, f"{place.lane}-{offset}")
            if not self.published_before(place, offset):
                self.pending.extend(outputs)

    def admitted(self, folded: Folded, content: tuple[str, Any] | Reason) -> tuple[str, Any] | Reason:
        """The content, unless its key is one too many. Asked in the order of the log."""
        if isinstance(content, Reason) or content[0] in folded.keys:
            return content
        if len(folded.keys) >= self.room.states:
            return Reason(
                "over_quota",
                f"'{content[0][:200]}' would be one state too many: a lane keeps at most {self.room.states:,}",
                "Check that 'model', 'deployment', 'tenant' and 'environment' do not hold an id that changes all the "
                "time; delete states of what is gone from Redis, or raise redis.states",
            )
        folded.keys.add(content[0])
        return content

    def meet(self, folded: Folded, keys: set[str]) -> None:
        """Have the states of these keys in memory, behind all others. Only a key that has a snapshot needs Redis."""
        missing = keys - folded.states.keys()
        if kept := sorted(missing & folded.hold.known):
            for key, (offset, data) in zip(kept, self.fence.load(folded.hold, kept), strict=True):
                folded.states[key] = Held(offset, self.decoded(folded.hold.name, key, data), len(data))
                folded.weight += len(data)
            self.observed.states_read += len(kept)
        for key in sorted(missing - folded.hold.known):
            folded.states[key] = Held(-1, self.role.new())
        now = self.fence.clock.monotonic()
        for key in sorted(keys):
            folded.states[key] = held = folded.states.pop(key)
            held.met_at = now

    def decoded(self, lane: str, key: str, data: bytes) -> Any:
        """Raises Surprise for a state that a newer version wrote, and for a damaged one."""
        try:
            return self.role.decode(data)
        except ValueError as sentence:
            raise Surprise(f"the snapshot of {key} in {lane} cannot be read: {sentence}") from sentence

    def seen(self, folded: Folded, key: str, offset: int) -> bool:
        """A snapshot may be ahead of where the replay begins."""
        return offset <= folded.states[key].offset

    def published_before(self, place: Place, offset: int) -> bool:
        """The output was in the transaction that committed `floor`: a replay must not repeat it."""
        return offset < place.floor

    def step(self, folded: Folded, key: str, record: Any, offset: int, name: str) -> Sequence[Output]:
        held = folded.states[key]
        self.observed.folding = name
        held.state, outputs = self.role.fold(held.state, record, name)
        self.observed.folding = ""
        held.offset = offset
        folded.dirty.setdefault(key, offset)
        self.changed[key] = held.state
        return outputs

    def outputs(self, name: str) -> list[Output]:
        outputs, self.pending = self.pending, []
        return outputs

    def published(self) -> None:
        self.role.show(self.changed.items())
        self.changed = {}

    def snapshot(self, places: Mapping[Lane, Place]) -> None:
        """Call it only while every folded record is committed. The lane that has waited longest comes first."""
        began = self.fence.clock.monotonic()
        for lane, folded in sorted(self.lanes.items(), key=lambda item: item[1].hold.wrote_at):
            self.save(folded, places[lane].next)
            if self.fence.clock.monotonic() - began > SLOW_S:
                break
        for folded in self.lanes.values():
            self.clear(folded)
        self.observe()

    def save(self, folded: Folded, end: int) -> None:
        if not self.fence.due(folded.hold, self.mark(folded, 0, end), bool(folded.dirty)):
            return
        blobs = self.fence.affordable(
            (key, packed(held.offset, self.role.encode(held.state)))
            for key in folded.dirty
            for held in (folded.states[key],)
        )
        if not self.fence.write(folded.hold, self.mark(folded, len(blobs), end), blobs):
            self.observed.snapshots_postponed += 1
            return
        self.observed.snapshots += 1
        self.observed.last_snapshot = self.fence.clock.time()
        self.observed.snapshot_bytes += sum(map(len, blobs.values()))
        for key, blob in blobs.items():
            del folded.dirty[key]
            folded.weight += len(blob) - folded.states[key].weight
            folded.states[key].weight = len(blob)

    def mark(self, folded: Folded, written: int, end: int) -> int:
        """The first record that no snapshot has, once the `written` oldest dirty states are written."""
        return next(islice(folded.dirty.values(), written, None), end)

    def clear(self, folded: Folded) -> None:
        """What was idle for long leaves memory, and while all of it takes too much, what was idle for longest."""
        now = self.fence.clock.monotonic()
        excess = folded.weight - self.room.memory_bytes / TIMES_SNAPSHOT / len(self.lanes)
        leaving = []
        for key, held in folded.states.items():
            if excess <= 0 and now - held.met_at < self.room.idle_s:
                break
            if self.clean(folded, key):
                leaving.append(key)
                excess -= held.weight
        for key in leaving:
            folded.weight -= folded.states.pop(key).weight
        self.observed.states_cleared += len(leaving)

    def clean(self, folded: Folded, key: str) -> bool:
        """Redis has this very state."""
        return key not in folded.dirty

    def observe(self) -> None:
        lanes = self.lanes.values()
        self.observed.states = sum(len(folded.states) for folded in lanes)
        self.observed.state_bytes = sum(folded.weight for folded in lanes)
        self.observed.states_unsaved = sum(len(folded.dirty) for folded in lanes)

    def forget(self) -> None:
        self.lanes, self.pending, self.changed = {}, [], {}
        self.observe()
