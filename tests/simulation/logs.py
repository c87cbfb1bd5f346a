"""The logs that go in: gaps in their offsets as transaction markers leave them, and clocks that were set back."""

from collections.abc import Callable, Iterable, Iterator
from random import Random

from stream.engine.role import Lane
from tests.simulation.group import Entry

BEGAN_MS = 1_790_000_000_000
BETWEEN_MS = 100
HOUR_MS = 3_600_000

Values = Callable[[Random, Lane], Iterable[bytes]]


def logs(random: Random, topics: tuple[str, ...], partitions: range, values: Values) -> dict[Lane, list[Entry]]:
    lanes = [Lane(topic, partition) for topic in topics for partition in partitions]
    return {lane: list(log(random, values(random, lane))) for lane in lanes}


def log(random: Random, values: Iterable[bytes]) -> Iterator[Entry]:
    offset, now_ms = 0, BEGAN_MS
    for value in values:
        offset += random.random() < 0.15
        now_ms += BETWEEN_MS if random.random() < 0.98 else random.randrange(-HOUR_MS, HOUR_MS)
        yield Entry(offset, value, now_ms)
        offset += 1
