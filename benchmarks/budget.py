"""Does the alert budget hold, and how soon is a change seen? Panes of many streams at once, straight into the urns.

Null: streams without change, restarted after each alarm; alarms against the budget of rows x streams / A. Delays: rows
from the change to the end of the pane that alarms, over streams that had no alarm before. n_ref 1,000, A 10,000,
variance factors learnt (the shipped default).
"""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import NUMBERS
from detectors.binning import derive, rebin, universal
from detectors.urn import Turn, Urns

THRESHOLD = 1e4
REFERENCE = 1000
STREAMS = 100
LEARN = 60  # panes: more than enough for every stream to be watched
SEED = 1
Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, int]], Floats]

FAMILIES: dict[str, Draw] = {
    "normal": lambda random, shape: random.normal(size=shape),
    "t3": lambda random, shape: random.standard_t(3, size=shape),
    "lognormal": lambda random, shape: random.lognormal(size=shape),
    "poisson(3)": lambda random, shape: random.poisson(3, size=shape).astype(float),
}
CHANGES: dict[str, Callable[[Floats], Floats]] = {
    "mean +0.25 sd": lambda x: x + 0.25,
    "mean +0.5 sd": lambda x: x + 0.5,
    "mean +1 sd": lambda x: x + 1.0,
    "variance x2": lambda x: x * np.sqrt(2),
}


def start(draw: Draw, random: np.random.Generator) -> tuple[Urns, Any, list[NDArray[np.int32]]]:
    """Urns that have learnt from `REFERENCE` rows of each stream."""
    urns = Urns(NUMBERS, least_reference=REFERENCE)
    edges, references = [], []
    for _ in range(STREAMS):
        buckets, counts = np.unique(universal(draw(random, (1, 500))[0]), return_counts=True)
        own = derive(buckets, counts)
        edges.append(own)
        references.append(rebin(buckets, counts, own))
    return urns, urns.add(urns.start(), references), edges


def counts(values: Floats, edges: list[NDArray[np.int32]]) -> list[NDArray[np.int64]]:
    """The counts of one pane of every stream."""
    return [
        np.bincount(np.searchsorted(own, universal(row), side="right"), minlength=len(own) + 1)
        for row, own in zip(values, edges, strict=True)
    ]


def null(family: str, size: int, rows: int) -> dict[str, Any]:
    """Alarms against the budget."""
    random, draw = np.random.default_rng(SEED), FAMILIES[family]
    urns, bank, edges = start(draw, random)
    alarms = 0
    for _ in range(rows // size):
        bank, verdicts = urns.step(bank, counts(draw(random, (STREAMS, size)), edges), THRESHOLD)
        fired = np.flatnonzero(verdicts.turn == Turn.ALARM)
        alarms += len(fired)
        bank = urns.accept(bank, fired.tolist())
    return {"family": family, "pane": size, "alarms": alarms, "budget": round(STREAMS * rows / THRESHOLD, 1)}


def delay(change: str, size: int, horizon: int = 4000) -> dict[str, Any]:
    """Mean rows from the change to the alarm."""
    random, draw, apply = np.random.default_rng(SEED + 1), FAMILIES["normal"], CHANGES[change]
    urns, bank, edges = start(draw, random)
    for _ in range(max(2000 // size, LEARN)):
        bank, verdicts = urns.step(bank, counts(draw(random, (STREAMS, size)), edges), THRESHOLD)
    calm = set(np.flatnonzero(verdicts.phase == 1).tolist())
    found: dict[int, int] = {}
    for i in range(horizon // size):
        bank, verdicts = urns.step(bank, counts(apply(draw(random, (STREAMS, size))), edges), THRESHOLD)
        for row in np.flatnonzero(verdicts.turn == Turn.ALARM):
            found.setdefault(int(row), (i + 1) * size)
    delays = [found[row] for row in calm if row in found]
    return {
        "change": change,
        "pane": size,
        "mean_delay": round(float(np.mean(delays)), 1) if delays else None,
        "missed": len(calm) - len(delays),
        "streams": len(calm),
    }


def run(quick: bool) -> dict[str, Any]:
    """Both tables."""
    rows = 4_000 if quick else 20_000
    nulls = []
    for family in FAMILIES:
        nulls += [null(family, size, rows) for size in (20, 200)]
        print(f"  budget: {family}", file=sys.stderr, flush=True)
    return {"null": nulls, "delay": [delay(change, size) for change in CHANGES for size in (20, 200)]}
