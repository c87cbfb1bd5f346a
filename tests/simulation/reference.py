"""What would have come out had nothing ever happened, record by record."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

from schemas.dead_letter import PREFIX, Reason
from stream.engine.fence import packed, unpacked
from stream.engine.role import Lane, Output
from tests.simulation.group import Entry, Record

START = -1  # the offset that a state has seen before its first record
END = 1 << 62

Counts = Counter[Any]


class Seen(NamedTuple):
    """One record as a reader sees it. `id` begins with the lane and the offset that it follows from."""

    topic: str
    id: str
    value: bytes


@dataclass
class Lines:
    """One lane: what follows from each of its records."""

    offsets: list[int] = field(default_factory=list)
    outputs: list[list[Seen]] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)  # of a counting role
    states: dict[str, dict[int, bytes]] = field(default_factory=dict)  # of a folding role: key -> offset -> snapshot
    following: dict[str, dict[int, int]] = field(default_factory=dict)  # key -> offset -> the key's next one

    def between(self, start: int, end: int) -> tuple[list[Seen], Counts]:
        """What follows from the records from `start` to below `end`."""
        low, high = bisect_left(self.offsets, start), bisect_left(self.offsets, end)
        counts: Counts = Counter()
        for one in self.counts[low:high]:
            counts.update(one)
        return [seen for outputs in self.outputs[low:high] for seen in outputs], counts


Reference = dict[Lane, Lines]


def folded(logs: dict[Lane, list[Entry]], role: Any) -> Reference:
    """By the role itself, one record after another: the loop must not change what it says."""
    return {lane: rebuilt(lane, log, role, 0, {}) for lane, log in logs.items()}


def rebuilt(lane: Lane, log: list[Entry], role: Any, low: int, kept: dict[str, bytes]) -> Lines:
    """From these snapshots on, with what the log has from `low` on."""
    lines, states = Lines(), dict[str, Any]()
    for key, blob in kept.items():
        offset, data = unpacked(blob)
        states[key], lines.states[key] = role.decode(data), {offset: blob}
    for entry in log[bisect_left(log, (low,)) :]:
        message = Record(lane, entry)
        read = role.read(lane, message)
        outputs: Sequence[Output]
        if isinstance(read, Reason):
            outputs = [role.dead(lane, message, read)]
        elif entry.offset <= max(lines.states.get(read[0], (START,))):
            outputs = []  # its snapshot was ahead
        else:
            key, record = read
            states[key], outputs = role.fold(states.get(key, role.new()), record, f"{lane}-{entry.offset}")
            lines.states.setdefault(key, {})[entry.offset] = packed(entry.offset, role.encode(states[key]))
        lines.offsets.append(entry.offset)
        lines.outputs.append([seen(output) for output in outputs])
    for key, of_key in lines.states.items():
        lines.following[key] = dict(pairwise([START, *of_key, END]))
    return lines


def counted(logs: dict[Lane, list[Entry]], counts: Callable[[Lane, Entry], Counts | None], dlq: str) -> Reference:
    """By `counts`, which knows nothing of the role; what it cannot count is a dead letter."""
    reference = {}
    for lane, log in logs.items():
        lines = reference[lane] = Lines()
        for entry in log:
            one = counts(lane, entry)
            lines.offsets.append(entry.offset)
            lines.counts.append(one or Counter())
            lines.outputs.append([Seen(dlq, f"{lane}-{entry.offset}-0", entry.value)] if one is None else [])
    return reference


def seen(output: Output) -> Seen:
    """Dead letters say in their headers what they follow from, all others in their id."""
    said = dict(output.headers)
    if "ce_id" in said:
        return Seen(output.topic, said["ce_id"].decode(), output.value or b"")
    topic, partition, offset = (said[PREFIX + name].decode() for name in ("topic", "partition", "offset"))
    return Seen(output.topic, f"{Lane(topic, int(partition))}-{offset}-0", output.value or b"")


def lane_of(id: str) -> str:
    return id.rsplit("-", 2)[0]


def offset_of(one: Seen) -> int:
    return int(one.id.rsplit("-", 2)[1])
