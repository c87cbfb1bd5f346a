"""What it costs to judge a pane, by the number of features and of rows, and what a state weighs."""

import statistics
import time
from typing import Any

import numpy as np

from detectors.budget import parse
from detectors.watch.fold import Watch
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
        "rows": rows,
        "ms_per_pane": round(1000 * statistics.median(spent[-20:]), 2),
        "bytes_per_feature": round(len(watch.encode(state)) / features),
    }


def run() -> list[dict[str, Any]]:
    """A small table."""
    return [one(features, rows) for features in (5, 20, 200) for rows in (20, 500)]
