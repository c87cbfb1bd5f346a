"""What does an alarm that comes ten times as rarely cost in delay?

Five changes, thresholds of 1e3 to 1e6, streams declared independent, pane 1, reference 5,000: urns, oracle, and for
the shift of a normal mean ADWIN and FOCuS0 calibrated at the thresholds that can be simulated. No bars: this is the
figure "delay against budget". In the limit each factor of ten costs 2.3 nats, divided by what an event tells.

Scale 1: 250 runs; about 2 minutes on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.quality.changes import categories, heavy_tailed_shift, mean_shift, rate, swapped, variance
from benchmarks.quality.delay import (
    BANK,
    BURN_IN,
    HORIZON,
    LEARNING_PANE,
    LEAST_RUNS,
    QUIET,
    Case,
    against,
    oracle_delays,
)
from benchmarks.quality.opponents import ADWINS, Focus0, Opponent, Simulated, at_scale
from benchmarks.quality.record import Record, Task
from benchmarks.quality.streams import first_alarms, learnt
from detectors.alternatives import RATES_UP
from detectors.urn import Urns

TITLE = "Delay against budget"
ROW = "Q21"
REFERENCE = 5000
THRESHOLDS = (1e3, 1e4, 1e5, 1e6)
CHANGES = (
    mean_shift(0.5),
    variance(2.0),
    heavy_tailed_shift(0.5),
    rate(RATES_UP, 0.05, 0.10),
    categories("second and sixth of ten categories swapped", swapped(1, 5)),
)
OTHERS: dict[float, Sequence[Opponent]] = {
    1e3: (ADWINS[1], Simulated(Focus0)),
    1e4: (ADWINS[1], Simulated(Focus0)),
    1e5: (ADWINS[1],),
}

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each change."""
    return [Task(ROW, change.name, curve, {"number": i, "scale": scale}) for i, change in enumerate(CHANGES)]


def curve(number: int, scale: float) -> list[Record]:
    """Return the delays of everybody at all thresholds; the urns learn once."""
    change, runs = CHANGES[number], max(LEAST_RUNS, round(BANK * scale))
    seed, records = (number,), []
    urns = Urns(change.law, float(REFERENCE), independent=True)
    watching = learnt(urns, change.stream, LEARNING_PANE, runs, [*seed, 0], BURN_IN)
    for threshold in THRESHOLDS:
        case = Case(ROW, change, REFERENCE, threshold, runs, seed)
        best = oracle_delays(change, threshold, runs, seed)
        urn = first_alarms(watching, 1, threshold, HORIZON, QUIET)
        records += [case.record("oracle CUSUM", 1, best, best)] if best.size else []
        records.append(case.record("urn, independent", 1, urn, best))
        for opponent in at_scale(OTHERS.get(threshold, ()), scale) if number == 0 else ():
            records += against(case, opponent, urn, best)
    return [record for record in records if not np.isnan(record.value)]
