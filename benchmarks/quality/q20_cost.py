"""What does judging cost: time of a step over 200 features, and bytes of their state?

`Urns.step` alone, 200 numbers of some 46 bins, references of 5,000 and 20,000 events, panes of 20, 200 and 2,000; and
`Watch.step`, all that the judge does with a pane, with the bins published as they are in the long run (workers count
in them), after a reference of 5,000. Medians of processor time over 60 steps; the tail is the 90th percentile. A pane
is small against its reference if it has at most a hundredth of its events. The events are normal, independent ones.

Times are of the machine that the results name, and not the same twice. Scale 1: a minute on two cores; at --quick a
third of the steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import streams
from benchmarks.quality.delay import SETTINGS
from benchmarks.quality.record import Record, Task, seeded
from detectors.alternatives import NUMBERS
from detectors.binning import UNIVERSAL, universal
from detectors.budget import parse
from detectors.urn import Urns
from detectors.watch.fold import Watch
from schemas.pane import Column, Pane
from schemas.subject import Subject

TITLE = "Cost of a step of 200 features"
ROW = "Q20"
FEATURES, PANES, REFERENCES = 200, (20, 200, 2000), (5000, 20_000)
STEPS = 60
SMALL, LARGE = 1.0, 8.0  # bars, in milliseconds
STATE = 4096.0  # bar, in bytes a feature
SUBJECT = Subject(model="churn", deployment="churn")
T0_MS = 1_760_000_000_000
THRESHOLD = 1e7
TIME, BYTES = "ms / step", "bytes / feature"

LOSSES: dict[str, str] = {
    "Urns.step": (
        "A step costs about a millisecond before the first event is weighed, because it is some two hundred calls of "
        "NumPy on two hundred features; and a bin that holds more than one event takes the rising powers, which are "
        "multiplied out exactly for up to four and take a series beyond, for each of 23 alternatives. The first-order "
        "form of the ratio would be faster for panes between, but it is another number."
    ),
    "Watch.step": (
        "Three banks take a step, of values, nulls and errors, and each pays for its calls of NumPy. Numbers that have "
        "not learnt enough yet, a sixth of them here, take a step apart, and what is believed of their dependence is "
        "worked out with every pane. Python hands over the counts column by column, in some five microseconds each."
    ),
}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each setting and reference of the urns, one for the watch."""
    steps = STEPS if scale >= 0.05 else STEPS // 3
    urns = [
        Task(ROW, f"{setting}, {reference:,}", of_urns, {"setting": setting, "reference": reference, "steps": steps})
        for setting in SETTINGS
        for reference in REFERENCES
    ]
    return [*urns, Task(ROW, "watch", of_watch, {"steps": steps})]


def bar(pane: int, reference: int) -> float:
    """Return how many milliseconds a step may take."""
    return SMALL if 100 * pane <= reference else LARGE


def timed(step: Callable[[Any], Any], panes: list[Any]) -> np.ndarray[Any, Any]:
    """Return the processor time of each step, in milliseconds."""
    spent = []
    for pane in panes:
        began = time.process_time_ns()
        step(pane)
        spent.append((time.process_time_ns() - began) / 1e6)
    return np.array(spent)


def record(case: str, detector: str, pane: int, reference: int, spent: np.ndarray[Any, Any]) -> Record:
    """Return the record of some steps."""
    median, p90 = np.quantile(spent, [0.5, 0.9])
    return Record(
        ROW, case, detector, pane, reference, THRESHOLD, TIME, float(median), p90=float(p90),
        n=len(spent), bar=bar(pane, reference),
    )  # fmt: skip


def of_urns(setting: str, reference: int, steps: int) -> list[Record]:
    """Return the times of the urns, and the bytes of their state."""
    urns = Urns(NUMBERS, float(reference), SETTINGS[setting])
    runs = streams.learnt(urns, streams.gaussian(), 200, FEATURES, [1, reference])
    records = []
    for pane in PANES:
        panes = [runs.pane(pane, False) for _ in range(steps)]

        def step(counts: Any) -> None:
            runs.bank, _ = runs.urns.step(runs.bank, counts, THRESHOLD)

        records.append(record("Urns.step", setting, pane, reference, timed(step, panes)))
    size = len(urns.encode(runs.bank)) / FEATURES
    return [*records, state("Urns", setting, reference, size)]


def state(case: str, detector: str, reference: int, size: float) -> Record:
    """Return the record of the bytes of a state."""
    return Record(ROW, case, detector, 0, reference, THRESHOLD, BYTES, size, n=FEATURES, bar=STATE)


def of_watch(steps: int) -> list[Record]:
    """Return the times of everything that the judge does with a pane, and the bytes of what it remembers."""
    random, reference = seeded(ROW, 2), REFERENCES[0]
    watch = Watch(budget=parse("1 per model per week"), reference=reference)
    held, edges = watch.start(), dict[str, tuple[str, np.ndarray[Any, Any]]]()
    for at in range(2 * reference // 200):
        held, news = watch.step(held, pane_of(random, 200, at, edges))
        edges |= {b.column: (b.id, np.array(b.edges, np.int32)) for b in news.binnings}
    records = []
    for pane in PANES:
        made = [pane_of(random, pane, at, edges) for at in range(1000, 1000 + steps)]

        def step(content: Pane) -> None:
            nonlocal held
            held, _ = watch.step(held, content)

        records.append(record("Watch.step", "urn", pane, reference, timed(step, made)))
    return [*records, state("Watch", "urn", reference, len(watch.encode(held)) / FEATURES)]


def pane_of(
    random: np.random.Generator, rows: int, at: int, edges: dict[str, tuple[str, np.ndarray[Any, Any]]]
) -> Pane:
    """Return a pane of 200 numbers, counted in the bins that are published."""
    columns = {}
    for i in range(FEATURES):
        name, values = f"feature:f{i}", random.normal(0, 1, rows)
        own, cuts = edges.get(name, (UNIVERSAL, None))
        buckets = universal(values)
        found, counts = np.unique(
            buckets if cuts is None else np.searchsorted(cuts, buckets, side="right"), return_counts=True
        )
        columns[name] = Column(
            n=rows, sum=float(values.sum()), min=float(values.min()), max=float(values.max()),
            binning=own, at=found.tolist(), counts=counts.tolist(),
        )  # fmt: skip
    moment = T0_MS + 1000 * at
    return Pane(
        subject=SUBJECT, at=moment, worker="profile-0", rows=rows, volume=float(rows),
        since=moment - 900, until=moment - 10, versions={"1": rows}, columns=columns,
    )  # fmt: skip
