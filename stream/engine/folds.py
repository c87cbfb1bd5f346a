"""The work of a folding role: one state per key, which carries the offset it has seen, so a replay repeats nothing.

A state lives in memory from the moment its key is first met; Redis holds snapshots of it, later than the committed
offset allows and never earlier. `dirty` remembers in order which states no snapshot has yet, and from which record on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from schemas.dead_letter import Reason
from stream.engine.fence import Fence, Hold, packed
from stream.engine.observed import Observed
from stream.engine.place import Place
from stream.engine.role import Folding, Lane, Message, Output


@dataclass(slots=True)
class Folded:
    """What one lane adds up to."""

    hold: Hold
    states: dict[str, tuple[int, Any]] = field(default_factory=dict)  # key -> offset it has seen, state
    dirty: dict[str, int] = field(default_factory=dict)  # key -> first record that no snapshot has, oldest first


class Folds:
    """One folding role, lane by lane."""

    stateful = True

    def __init__(self, role: Folding[Any, Any], fence: Fence, observed: Observed) -> None:
        self.role = role
        self.fence = fence
        self.observed = observed
        self.lanes: dict[Lane, Folded] = {}
        self.pending: list[Output] = []  # until the next transaction
        self.changed: dict[str, Any] = {}  # since the last transaction, for people to look at

    @property
    def wait_s(self) -> float:
        return self.role.soon_s if self.pending else self.role.every_s

    def acquire(self, lanes: Sequence[Lane]) -> Mapping[Lane, int | None]:
        """Shut former owners out of Redis; the mark of each lane."""
        self.lanes = {lane: Folded(self.fence.acquire(lane)) for lane in lanes}
        return {lane: folded.hold.mark for lane, folded in self.lanes.items()}

    def fold(self, place: Place, messages: Sequence[Message]) -> None:
        folded = self.lanes[place.lane]
        read = [(message, self.role.read(place.lane, message)) for message in messages]
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

    def meet(self, folded: Folded, keys: set[str]) -> None:
        """Have the states of these keys in memory. Only a key that has a snapshot needs Redis."""
        missing = keys - folded.states.keys()
        if kept := sorted(missing & folded.hold.known):
            for key, (offset, data) in zip(kept, self.fence.load(folded.hold, kept), strict=True):
                folded.states[key] = offset, self.role.decode(data)
        for key in missing - folded.hold.known:
            folded.states[key] = -1, self.role.new()

    def seen(self, folded: Folded, key: str, offset: int) -> bool:
        """A snapshot may be ahead of where the replay begins."""
        return offset <= folded.states[key][0]

    def published_before(self, place: Place, offset: int) -> bool:
        """The output was in the transaction that committed `floor`: a replay must not repeat it."""
        return offset < place.floor

    def step(self, folded: Folded, key: str, record: Any, offset: int, name: str) -> Sequence[Output]:
        state, outputs = self.role.fold(folded.states[key][1], record, name)
        folded.states[key] = offset, state
        folded.dirty.setdefault(key, offset)
        self.changed[key] = state
        return outputs

    def outputs(self, name: str) -> list[Output]:
        outputs, self.pending = self.pending, []
        return outputs

    def published(self) -> None:
        self.role.show(self.changed.items())
        self.changed = {}

    def snapshot(self, places: Mapping[Lane, Place]) -> None:
        """Call it only while every folded record is committed. The lane that has waited longest comes first."""
        for lane, folded in sorted(self.lanes.items(), key=lambda item: item[1].hold.wrote_at):
            self.save(folded, places[lane].next)

    def save(self, folded: Folded, end: int) -> None:
        if not self.fence.due(folded.hold, self.mark(folded, 0, end), bool(folded.dirty)):
            return
        blobs = self.fence.affordable(
            (key, packed(offset, self.role.encode(state)))
            for key in folded.dirty
            for offset, state in (folded.states[key],)
        )
        if not self.fence.write(folded.hold, self.mark(folded, len(blobs), end), blobs):
            self.observed.snapshots_postponed += 1
            return
        self.observed.snapshots += 1
        self.observed.last_snapshot = self.fence.clock.time()
        self.observed.snapshot_bytes += sum(map(len, blobs.values()))
        for key in blobs:
            del folded.dirty[key]

    def mark(self, folded: Folded, written: int, end: int) -> int:
        """The first record that no snapshot has, once the `written` oldest dirty states are written."""
        return next(islice(folded.dirty.values(), written, None), end)

    def forget(self) -> None:
        self.lanes, self.pending, self.changed = {}, [], {}
