"""Two small roles, one of each kind, whose every output and state can be computed beforehand."""

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from random import Random

import orjson

from schemas.dead_letter import Reason
from stream.engine.role import Lane, Message, Output
from tests.simulation.group import Entry
from tests.simulation.reference import Counts, Seen
from tests.simulation.scenario import Scenario

RECORDS = 300  # of a lane
UNREADABLE = Reason("bad_json", "this is no JSON")


def values(random: Random, lane: Lane) -> Iterator[bytes]:
    """Models of unequal size, and now and then a poison pill."""
    for _ in range(RECORDS):
        model = f"m{random.randrange(9) if random.random() < 0.9 else random.randrange(40)}"
        pane = orjson.dumps({"model": model, "n": random.randrange(1, 6)})
        yield b"{bad" if random.random() < 0.01 else pane


def output(topic: str, key: str, value: bytes, id: str) -> Output:
    return Output(topic, key.encode(), value, [("ce_id", id.encode())])


def dead_letter(lane: Lane, message: Message) -> Output:
    return output("dlq", str(lane), message.value() or b"", f"{lane}-{message.offset()}-0")


class Adding:
    """Counting: events per model."""

    name = "adding"
    topics: tuple[str, ...] = ("events", "more")
    every_s = 1.0

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, lane: Lane, messages: Sequence[Message]) -> Iterable[Output]:
        dead = []
        for message in messages:
            try:
                self.counts[orjson.loads(message.value() or b"")["model"]] += 1
            except ValueError:
                dead.append(dead_letter(lane, message))
        return dead

    def flush(self, name: str) -> Iterable[Output]:
        counts, self.counts = self.counts, Counter()
        return [
            output("panes", model, orjson.dumps({"model": model, "n": n}), f"{name}-{i}")
            for i, (model, n) in enumerate(counts.items())
        ]

    def forget(self) -> None:
        self.counts.clear()


def added(output: Seen) -> Counts:
    pane = orjson.loads(output.value)
    return Counter({pane["model"]: pane["n"]})


def to_add(lane: Lane, entry: Entry) -> Counts | None:
    try:
        return Counter({orjson.loads(entry.value)["model"]: 1})
    except ValueError:
        return None


Sums = tuple[int, int, float, int]  # events, panes, cumulative sum, alarms


class Alarming:
    """Folding: a cumulative sum per model that announces when it crosses a line."""

    name = "alarming"
    topics: tuple[str, ...] = ("panes",)
    every_s, soon_s = 1.5, 1.0  # a worker has its turn about every 0.3 s
    line = 0.3  # about every other record

    def read(self, lane: Lane, message: Message) -> tuple[str, int] | Reason:
        try:
            pane = orjson.loads(message.value() or b"")
        except ValueError:
            return UNREADABLE
        return pane["model"], pane["n"]

    def new(self) -> Sums:
        return 0, 0, 0.0, 0

    def fold(self, state: Sums, record: int, name: str) -> tuple[Sums, Sequence[Output]]:
        events, panes, total, alarms = state
        events, panes, total = events + record, panes + 1, max(0.0, total * 0.97 + record * 0.1 - 0.13)
        if total <= self.line:
            return (events, panes, total, alarms), ()
        said = orjson.dumps({"nth": alarms + 1, "events": events, "panes": panes, "total": total})
        return (events, panes, 0.0, alarms + 1), [output("anomalies", "", said, f"{name}-0")]

    def dead(self, lane: Lane, message: Message, reason: Reason) -> Output:
        return dead_letter(lane, message)

    def encode(self, state: Sums) -> bytes:
        return struct.pack("<qqdq", *state)

    def decode(self, data: bytes) -> Sums:
        return struct.unpack("<qqdq", data)

    def show(self, states: Iterable[tuple[str, Sums]]) -> None:
        """Nobody is looking."""


ADDING = Scenario(lambda clock: Adding(), values, sums="panes", counts=added, expected=to_add)
ALARMING = Scenario(lambda clock: Alarming(), values)
