"""Does the alert budget hold, and how soon is a change seen? Panes of many streams at once, straight into the urns.

Null: streams without change; every alarm is dismissed as false and the urn goes on. What is shown is alarms over what
the budget allows, rows x streams / A. Delays: rows from the change to the end of the pane that alarms. Reference 1,000
events, A = 10,000, variance factors learnt (the shipped default); seed 1.
"""

import sys
from typing import Any

import numpy as np

from benchmarks.quality.streams import (
    Stream,
    autoregressive,
    gaussian,
    heavy_tailed,
    learnt,
    rate,
    spent,
    spiky,
    sticky,
    zero_inflated,
)
from detectors.alternatives import CATEGORIES, NUMBERS, RATES, Law
from detectors.urn import Urns

THRESHOLD = 1e4
REFERENCE = 1000.0
STREAMS = 60
ZIPF = [1 / k for k in range(1, 11)]

NULLS: dict[str, tuple[Law, Stream]] = {
    "normal": (NUMBERS, gaussian()),
    "Student's t, 3 degrees": (NUMBERS, heavy_tailed()),
    "60 % zeros, lognormal": (NUMBERS, zero_inflated()),
    "autoregressive .5": (NUMBERS, autoregressive(0.5)),
    "autoregressive .8": (NUMBERS, autoregressive(0.8)),
    "nulls 5 %": (RATES, rate(0.05)),
    "nulls 5 % in runs of 2": (RATES, sticky([0.05, 0.95], 0.5)),
    "nulls .2 % in runs of 10": (RATES, sticky([0.002, 0.998], 0.9)),
    "10 categories": (CATEGORIES, sticky(ZIPF, 0.0)),
    "10 categories in runs of 2": (CATEGORIES, sticky(ZIPF, 0.5)),
}
CHANGES: dict[str, tuple[Law, Stream]] = {
    "mean +0.25 sd": (NUMBERS, gaussian(0.25)),
    "mean +0.5 sd": (NUMBERS, gaussian(0.5)),
    "mean +1 sd": (NUMBERS, gaussian(1.0)),
    "variance x2": (NUMBERS, gaussian(0.0, 2**0.5)),
    "5 % spikes": (NUMBERS, spiky(0.05)),
    "mean +0.5 sd, autoregressive .5": (NUMBERS, autoregressive(0.5, 0.5)),
    "nulls 5 % -> 10 %": (RATES, rate(0.05, 0.10)),
    "nulls 1 % -> 6 %": (RATES, rate(0.01, 0.06)),
}


def null(stream: str, size: int, rows: int) -> dict[str, Any]:
    """Alarms over the budget."""
    law, make = NULLS[stream]
    runs = learnt(Urns(law, least_reference=REFERENCE), make, size, STREAMS)
    share = spent(runs, size, rows, THRESHOLD)
    return {"stream": stream, "pane": size, "rows": rows * STREAMS, "alarms / budget": round(share, 2)}


def delay(change: str, size: int, horizon: int = 6000) -> dict[str, Any]:
    """Mean and 90th percentile of the rows from the change to the alarm."""
    law, make = CHANGES[change]
    runs = learnt(Urns(law, least_reference=REFERENCE), make, size, STREAMS)
    bank, found = runs.bank, np.zeros(STREAMS, np.int64)
    for i in range(horizon // size):
        bank, said = runs.urns.step(bank, runs.pane(size, True), THRESHOLD)
        found = np.where((found == 0) & said.drifted, (i + 1) * size, found)
        if found.all():
            break
    seen = found[found > 0]
    return {
        "change": change,
        "pane": size,
        "mean": round(float(seen.mean()), 1) if seen.size else None,
        "p90": round(float(np.quantile(seen, 0.9)), 1) if seen.size else None,
        "missed": int((found == 0).sum()),
    }


def run(quick: bool) -> dict[str, Any]:
    """Both tables."""
    rows = 6_000 if quick else 40_000
    nulls = []
    for stream in NULLS:
        nulls += [null(stream, size, rows) for size in (20, 200)]
        print(f"  budget: {stream}", file=sys.stderr, flush=True)
    return {"null": nulls, "delay": [delay(change, size) for change in CHANGES for size in (20, 200)]}
