"""What a row of the benchmark is made of: tasks that run somewhere, and the records they return.

A row is a file `qNN_name.py` beside this one, with a docstring (what it measures, how, from which data), a `TITLE` and

    def tasks(scale: float, data: Path | None) -> list[Task]

where scale 1.0 is the full run and `--quick` uses about .02. A task takes seconds to a few minutes; tasks of all rows
run over processes. A row may have `LOSSES: dict[str, str]`, from a case (or "case, detector") to a paragraph that says
why its bar is missed: it is shown only where the bar really is missed.

>>> Record("Q2", "mean +0.5 sd", "urn", 1, 5000, 1e4, "delay", 70.0, bar=66.0).reached
False
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

NAN = float("nan")

SPENT = "alarms / budget"  # the measure of false alarms: a budget row is one with a bar on it
DELAY = "delay"  # events from the change to the end of the pane that alarms


@dataclass(frozen=True, slots=True)
class Record:
    """One number of the benchmark, with everything that says what it is."""

    row: str  # "Q2"
    case: str  # "mean +0.5 sd"
    detector: str  # "urn", "urn, independent", "ADWIN", "ADWIN, calibrated"
    pane: int
    reference: int  # events that the detector was given as its past
    threshold: float  # A, or the mean events between false alarms it was calibrated to
    measure: str  # "alarms / budget", "delay", ...
    value: float
    low: float = NAN  # 95 % interval
    high: float = NAN
    median: float = NAN
    p90: float = NAN
    missed: float = NAN  # share of the runs without an alarm within the horizon; they count as the horizon
    r1: float = NAN  # value / (log A / KL)
    r2: float = NAN  # value / the delay of the oracle CUSUM at the same mean events between false alarms
    n: int = 0  # runs or events
    seeds: str = ""
    bar: float = NAN  # value <= bar is wanted; nan: none
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the bar is reached; None where there is none. False alarms may be over it by chance: their lower
        limit counts."""
        if math.isnan(self.bar):
            return None
        at_best = self.low if self.measure == SPENT and not math.isnan(self.low) else self.value
        return at_best <= self.bar


@dataclass(frozen=True)
class Task:
    """A piece of a row that runs in one process: a function at module level, and its arguments."""

    row: str
    name: str
    function: Callable[..., list[Record]]
    arguments: dict[str, Any] = field(default_factory=dict)


def absent(row: str, where: str) -> list[Record]:
    """Return what a row says whose data is not there.

    >>> absent("Q14", "lobo")[0].note
    'data absent: --data DIR/lobo'
    """
    return [Record(row, "all", "all", 0, 0, NAN, "absent", NAN, note=f"data absent: --data DIR/{where}")]


def seeded(row: str, *numbers: int) -> np.random.Generator:
    """Return the randomness of one case: it depends on the row and these numbers alone, on every machine.

    >>> seeded("Q2", 0, 1).integers(100) == seeded("Q2", 0, 1).integers(100)
    np.True_
    """
    return np.random.default_rng(np.random.SeedSequence([*row.encode(), *numbers]))


def write(path: Path, head: Sequence[str], records: Iterable[Record]) -> None:
    """Write the records of a row as CSV, below commented lines that say where they come from."""
    names = [f.name for f in fields(Record)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {line}\n" for line in head)
        table = csv.writer(file, lineterminator="\n")
        table.writerow(names)
        table.writerows([shown(getattr(record, name)) for name in names] for record in records)


def read(path: Path) -> tuple[list[str], list[Record]]:
    """Return the commented lines and the records that `write` wrote."""
    lines = path.read_text(encoding="utf-8").splitlines()
    head = [line.removeprefix("# ") for line in lines if line.startswith("#")]
    kinds = {f.name: f.type for f in fields(Record)}
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return head, [Record(**{name: parsed(text, str(kinds[name])) for name, text in row.items()}) for row in rows]


def shown(value: str | float) -> str:
    """Return a value as it stands in the CSV: six digits, nothing where there is no number."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)


def parsed(text: str, kind: str) -> Any:
    """Return the value that `shown` showed."""
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text) if text else NAN
    return text
