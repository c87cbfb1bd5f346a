"""Runs that take turns, each in a process of its own, so that a busy minute of the machine falls on all alike.

Ratios travel, absolutes do not; and of a ratio the median over the rounds, with its smallest and its largest.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.meter import Stretch
from stream.embedded import child

ROOT = Path(__file__).parent.parent
OPPONENTS = ROOT / ".venv" / "opponents" / "bin" / "python"  # frameworks that need other versions than we do
PATIENCE_S = 300

Reading = dict[str, float]


class Failed(Exception):
    """A run that gave no reading; the message ends with what it said last."""


@dataclass(frozen=True)
class Turn:
    """One way on one stretch. `guest`: in the environment of the opponents."""

    way: str
    stretch: Stretch
    guest: bool = False

    def start(self, scratch: str | None = None, **changes: Any) -> "subprocess.Popen[str]":
        """A fresh group, so that every run reads from the beginning. What it writes to disk goes to `scratch`."""
        stretch = replace(self.stretch, **{"group": f"bench-{time.time_ns()}"} | changes)
        python = str(OPPONENTS) if self.guest else sys.executable
        command = [python, "-m", "benchmarks.ways", self.way, json.dumps(asdict(stretch))]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
        environ |= {"TMPDIR": scratch} if scratch else {}
        return child.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)

    def run(self) -> Reading:
        """To its end."""
        with tempfile.TemporaryDirectory(prefix="leeway-bench-") as scratch:
            return read(self.start(scratch))


def read(process: "subprocess.Popen[str]") -> Reading:
    """What a run reports, when it has ended."""
    try:
        said, complained = process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        said, complained = process.communicate()
    try:
        reading: Reading = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError):
        raise Failed(" ".join((complained or said).split())[-300:] or f"status {process.returncode}") from None
    return reading


def alternate(turns: Mapping[str, Turn], rounds: int, say: Callable[[str], None]) -> dict[str, list[Reading] | str]:
    """Readings of every turn; of one that fails, why."""
    found: dict[str, list[Reading] | str] = {}
    for number in range(rounds):
        for name, turn in turns.items():
            if isinstance(found.get(name), str):
                continue
            try:
                found.setdefault(name, []).append(turn.run())  # type: ignore[union-attr]
            except Failed as reason:
                found[name] = str(reason)
        say(f"round {number + 1} of {rounds}")
    return found


def median(readings: Sequence[Reading], figure: str) -> float:
    """Of one figure."""
    return statistics.median(reading[figure] for reading in readings)


@dataclass(frozen=True)
class Ratio:
    """Of the costs of two turns: the median of the rounds' ratios, the smallest and the largest."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}-{self.most:.2f})"


def ratio(some: Sequence[Reading], others: Sequence[Reading], figure: str = "cpu_us") -> Ratio:
    """Round by round.

    >>> ratio([{"cpu_us": 4.0}, {"cpu_us": 6.0}, {"cpu_us": 6.0}], [{"cpu_us": 2.0}, {"cpu_us": 2.0}, {"cpu_us": 1.5}])
    Ratio(median=3.0, least=2.0, most=4.0)
    """
    rounds = sorted(one[figure] / other[figure] for one, other in zip(some, others, strict=True))
    return Ratio(statistics.median(rounds), rounds[0], rounds[-1])
