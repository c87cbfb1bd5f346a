"""What is simulated: a role, what it is given to read, and how its outputs are to be looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

from msgspec.structs import replace

from stream.clock import Clock
from stream.engine.role import Lane
from stream.settings import Redis, Settings
from tests.simulation.group import Entry
from tests.simulation.logs import Values, logs
from tests.simulation.reference import Counts, Reference, Seen, counted, folded

SETTINGS = Settings(redis=Redis(idle_s=1))  # states come and go


def nothing(output: Seen) -> Counts:
    raise AssertionError(f"{output.topic} holds no sums")


@dataclass(frozen=True, eq=False)
class Scenario:
    """A folding role is its own reference, record by record. Of a counting one, `counts` says what an output on the
    topic `sums` adds up to, and `expected` what an entry does, or None where it is to be a dead letter. `inputs`: so
    many different logs are made, for roles whose reference takes longer than a run.
    """

    role: Callable[[Clock], Any]
    values: Values
    settings: Settings = SETTINGS
    sums: str = ""
    counts: Callable[[Seen], Counts] = nothing
    expected: Callable[[Lane, Entry], Counts | None] | None = None
    dlq: str = "dlq"
    partitions: int = 3
    bytes_per_second: tuple[int, ...] = (60, 2_000)  # of snapshots: marks lag behind, or they do not
    inputs: int | None = None

    def settings_of(self, random: Random) -> Settings:
        """What is set in one world."""
        redis = replace(self.settings.redis, snapshot_bytes_per_second=random.choice(self.bytes_per_second))
        return replace(self.settings, redis=redis)

    def input(self, seed: int, clock: Clock, partitions: range) -> tuple[dict[Lane, list[Entry]], Reference]:
        """The logs of a world, and what is to become of them."""
        if self.inputs is None:
            return _input(self, seed, clock, partitions)
        return _kept(self, seed % self.inputs, partitions)


def _input(scenario: Scenario, seed: int, clock: Clock, partitions: range) -> tuple[dict[Lane, list[Entry]], Reference]:
    role = scenario.role(clock)
    made = logs(Random(seed), role.topics, partitions, scenario.values)
    if scenario.expected is None:
        return made, folded(made, role)
    return made, counted(made, scenario.expected, scenario.dlq)


class Standing:
    """A clock for references, which know no time."""

    def monotonic(self) -> float:
        return 0.0

    time = monotonic

    def sleep(self, seconds: float, /) -> None:
        raise AssertionError("a reference waits for nothing")


@lru_cache(maxsize=64)
def _kept(scenario: Scenario, seed: int, partitions: range) -> tuple[dict[Lane, list[Entry]], Reference]:
    return _input(scenario, seed, Standing(), partitions)
