"""What goes in, what has to come out, and what a reader sees of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import Any, NamedTuple

import orjson

from schemas.dead_letter import Reason
from stream.engine.fence import packed
from stream.engine.role import Lane, Output
from tests.simulation.kafka import Record

PARTITIONS, RECORDS = 3, 160
SUMS = "panes"  # the topic of the counting role


class Seen(NamedTuple):
    """One record as a reader sees it."""

    topic: str
    id: str
    value: bytes


class Reference:
    """What would have come out had nothing ever happened."""

    def __init__(self, logs: dict[Lane, list[tuple[int, bytes]]], role: Any) -> None:
        self.outputs: dict[Lane, list[Seen]] = {lane: [] for lane in logs}
        self.states: dict[Lane, dict[str, dict[int, bytes]]] = {lane: {} for lane in logs}
        self.events: Counter[str] = Counter()
        for lane, log in logs.items():
            if hasattr(role, "fold"):
                self._fold(lane, log, role)
            else:
                self._count(lane, log)

    def _count(self, lane: Lane, log: list[tuple[int, bytes]]) -> None:
        for offset, value in log:
            try:
                self.events[orjson.loads(value)["model"]] += 1
            except ValueError:
                self.outputs[lane].append(Seen("dlq", f"{lane}-{offset}-0", value))

    def _fold(self, lane: Lane, log: list[tuple[int, bytes]], role: Any) -> None:
        states: dict[str, Any] = {}
        for offset, value in log:
            message = Record(lane, offset, value)
            read = role.read(lane, message)
            if isinstance(read, Reason):
                outputs = [role.dead(lane, message, read)]
            else:
                key, record = read
                states[key], outputs = role.fold(states.get(key, role.new()), record, f"{lane}-{offset}")
                self.states[lane].setdefault(key, {})[offset] = packed(offset, role.encode(states[key]))
            self.outputs[lane] += map(seen, outputs)


def seen(output: Output) -> Seen:
    return Seen(output.topic, dict(output.headers)["ce_id"].decode(), output.value or b"")


def of(lane: Lane, published: list[Seen]) -> list[Seen]:
    """What follows from single records of a lane; panes follow from a whole transaction."""
    return [one for one in published if one.topic != SUMS and one.id.startswith(f"{lane}-")]


def counted(published: list[Seen]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in published:
        if one.topic == SUMS:
            pane = orjson.loads(one.value)
            total[pane["model"]] += pane["n"]
    return total


def logs(
    random: Random, topics: tuple[str, ...], values: Callable[[Random], Iterable[bytes]]
) -> dict[Lane, list[tuple[int, bytes]]]:
    """One log a lane, its offsets with gaps as transaction markers leave them."""
    return {Lane(topic, p): list(log(random, values(random))) for topic in topics for p in range(PARTITIONS)}


def log(random: Random, values: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    offset = 0
    for value in values:
        offset += random.random() < 0.15
        yield offset, value
        offset += 1


def counts(random: Random) -> Iterator[bytes]:
    """What the small roles read: models of unequal size, and now and then a poison pill."""
    for _ in range(RECORDS):
        model = f"m{random.randrange(9) if random.random() < 0.9 else random.randrange(40)}"
        pane = orjson.dumps({"model": model, "n": random.randrange(1, 6)})
        yield b"{bad" if random.random() < 0.01 else pane
