"""Is the budget kept? Streams without change, every alarm dismissed as false, the urn watching on.

The budget at a threshold A is one alarm in A events. A cell has as many events as its budget can be measured with,
spread over `BANK` runs, and each is asked from the moment on at which it has learnt. Its interval is that of a Poisson
count, wider where the runs differ more.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.quality.delay import BANK, BURN_IN, LEARNING_PANE, SETTINGS
from benchmarks.quality.intervals import rate_of
from benchmarks.quality.opponents import Looped
from benchmarks.quality.record import SPENT, Record
from benchmarks.quality.streams import Stream, false_alarms, learnt
from detectors.alternatives import Law
from detectors.urn import Phase, Urns

ALLOWED = {1e4: 200, 1e6: 20}  # alarms that the budget allows in one cell at scale 1: 2e6 and 2e7 events
LEAST_ALLOWED = {1e4: 10, 1e6: 1}  # at any scale
LEAST_PANES = 40  # of a run
OPPONENT_RUNS = 20


def null(
    row: str,
    case: str,
    law: Law,
    stream: Stream,
    setting: str,
    pane: int,
    reference: int,
    threshold: float,
    scale: float,
    seed: Sequence[int],
    bar: float = 1.0,
    note: str = "",
) -> list[Record]:
    """Return the alarms over the budget of one cell."""
    allowed = max(LEAST_ALLOWED[threshold], ALLOWED[threshold] * scale)
    events = max(int(allowed * threshold / BANK) // pane, LEAST_PANES) * pane
    independent = SETTINGS[setting]
    learning = LEARNING_PANE if independent else pane
    urns = Urns(law, float(reference), independent)
    runs = learnt(urns, stream, learning, BANK, seed, min(BURN_IN, reference), threshold)
    if unready := int((runs.bank.phase == Phase.LEARNING).sum()):
        note = f"{unready} of {BANK} runs begin while still learning"
    watched = int(runs.watched.sum()) + BANK * events
    alarms = runs.alarms + false_alarms(runs, pane, events, threshold)
    value, low, high = rate_of(alarms, watched / threshold)
    return [
        Record(
            row, case, setting, pane, reference, threshold, SPENT, value, low, high,
            n=watched, seeds="-".join(map(str, seed)), bar=bar, note=note,
        )
    ]  # fmt: skip


def opponent_null(
    row: str, case: str, stream: Stream, opponent: Looped, events: int, threshold: float, seed: Sequence[int]
) -> list[Record]:
    """Return the alarms of a library's default, over the budget that the urns are held to."""
    if not opponent.installed():
        return [Record(row, case, opponent.label, 1, 0, threshold, SPENT, float("nan"), note="not installed")]
    alarms = opponent.alarms(stream, OPPONENT_RUNS, seed, events // OPPONENT_RUNS)
    value, low, high = rate_of(alarms, events / threshold)
    note = f"{1e5 * float(np.sum(alarms)) / events:.3g} per 100,000 events"
    return [
        Record(
            row, case, opponent.label, 1, 0, threshold, SPENT, value, low, high,
            n=events, seeds="-".join(map(str, seed)), note=note,
        )
    ]  # fmt: skip
