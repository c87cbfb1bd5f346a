"""What it costs to judge a pane, by the number of features and of events in it, and what a state weighs.

The bars of judging are those of row Q20 of the quality benchmark, which measures the urns alone. It is measured in a
process of its own, for NumPy must be told of threads before it is imported, as the command `leeway` does.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from detectors.budget import parse
from detectors.watch.fold import Watch
from stream.cli import THREADS_OF_A_MATRIX
from tests.judge.panes import pane

SEED = 5
PANES = 60


def one(features: int, rows: int) -> dict[str, Any]:
    """CPU time of a step once everything is being watched."""
    random = np.random.default_rng(SEED)
    watch = Watch(budget=parse("1 per model per week"), reference=300, burn_in=200)
    state, spent = watch.start(), []
    for at in range(PANES):
        columns = {f"feature:f{j}": random.normal(0, 1, rows).tolist() for j in range(features)}
        made = pane(columns, at=at)
        began = time.process_time()
        state, _ = watch.step(state, made)
        spent.append(time.process_time() - began)
    return {
        "features": features,
        "events in a pane": rows,
        "ms per pane": round(1000 * statistics.median(spent[-20:]), 2),
        "bytes of state per feature": round(len(watch.encode(state)) / features),
    }


def run(say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """A small table."""
    os.environ.setdefault(THREADS_OF_A_MATRIX, "1")
    rows = []
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        for features in (5, 20, 200):
            for many in (20, 500):
                rows.append(pool.apply(one, (features, many)))
                say(f"{features} features, panes of {many} events")
    return {"rows": rows, "bars": []}
