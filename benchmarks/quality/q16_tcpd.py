"""Short series that people have annotated: F1 and cover of change points found online.

The series of the Turing change point data set that are in the folder (16 of 42), 58 to 581 rows each: mostly trends
and seasons, a handful of changes each. An urn needs hundreds of events before it can doubt a reference, so this is not
what it is made for; the row is here to say so with numbers. Setting: burn-in 20 rows, `independent` (there are too few
rows to learn a dependence from), one alarm in 1,000 rows; at an alarm the change point is the onset, and the urn
begins again there. On the rows as they are, and on their differences, which have no trend.

Beside it ADWIN and PageHinkley at River's defaults, on rows in units of the burn-in's standard deviation, and "none",
which never says anything and is hard to beat: 4 of the 16 series have people who see no change at all.

Whole set in the paper, default settings, F1 / cover: binary segmentation .698 / .672 (offline), BOCPD .662 / .594,
none .645 / .566. The aim is F1 >= .72, cover >= .60 on another part of the set. Seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.quality import readers
from benchmarks.quality.readers import Annotated, Floats
from benchmarks.quality.record import Record, Task, absent
from benchmarks.quality.segmentation import cover, f1
from detectors import binning
from detectors.alternatives import NUMBERS
from detectors.urn import Urns

TITLE = "Turing change point data set, in part: F1 and cover, online"
ROW = "Q16"
BURN_IN, THRESHOLD = 20, 1e3
AIMS = {"F1": 0.72, "cover": 0.60}

Find = Callable[[Floats], list[int]]

TOO_SHORT = (
    "An urn makes no assumption about a law, so it has to have seen one before it can doubt it, and has to see "
    "some twenty events of a large change; with 58 to 581 rows and several changes, there is little between two "
    "changes. Trends are changes to it all the time, so the rows as they are give one onset after another; of the "
    "differences only a change of the slope or of the noise is left. What knows the shape of its series, or looks "
    "back over all of it, is better here, and to say nothing at all is hard to beat. Leeway is not a segmentation "
    "tool."
)
LOSSES: dict[str, str] = {"rows": TOO_SHORT, "differences": TOO_SHORT}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One."""
    if data is None or not (data / "tcpd").is_dir():
        return [Task(ROW, "data absent", absent, {"row": ROW, "where": "tcpd"})]
    return [Task(ROW, "all series", annotated, {"data": data})]


def annotated(data: Path) -> list[Record]:
    """Return F1 and cover of everybody, means over the series."""
    series = readers.tcpd(data) or []
    detectors: dict[str, Find] = {"urn, independent": urn, "ADWIN": adwin, "PageHinkley": page_hinkley}
    records = scores("all series", "none", series, [[] for _ in series])
    for name, find in detectors.items():
        records += scores("rows", name, series, [found(one.values, find) for one in series])
        steps = [found(np.diff(one.values, axis=0), find) for one in series]
        records += scores("differences", name, series, [[row + 1 for row in rows] for rows in steps])
    return records


def found(values: Floats, find: Find) -> list[int]:
    """Return the change points of all dimensions."""
    return sorted({row for dimension in values.T for row in find(dimension)})


def scores(case: str, detector: str, series: Sequence[Annotated], said: Sequence[list[int]]) -> list[Record]:
    """Return the two means. Records are wanted small, so each is what is missing to 1."""
    both = list(zip(series, said, strict=True))
    values = {
        "F1": [f1(one.annotations, rows) for one, rows in both],
        "cover": [cover(one.annotations, rows, len(one.values)) for one, rows in both],
    }
    threshold = THRESHOLD if detector.startswith("urn") else float("nan")
    return [
        Record(
            ROW, case, detector, 1, BURN_IN, threshold, f"1 - {measure}", 1 - float(np.mean(each)),
            n=len(each), bar=1 - AIMS[measure] if detector.startswith("urn") else float("nan"),
            note=f"{measure} {np.mean(each):.3f}",
        )
        for measure, each in values.items()
    ]  # fmt: skip


# -- detectors ---------------------------------------------------------------------------------------------------------


def urn(values: Floats) -> list[int]:
    """Return the onsets that an urn finds, beginning again at each."""
    urns, rows, start = Urns(NUMBERS, float(BURN_IN), independent=True), [], 0
    while (onset := first_onset(urns, values[start:])) is not None:
        start += onset
        rows.append(start)
    return rows


def first_onset(urns: Urns, values: Floats) -> int | None:
    """Return the row at which the first change began; None if no alarm is raised."""
    buckets = binning.universal(values)
    edges = binning.derive(*np.unique(buckets[:BURN_IN], return_counts=True))
    bins = np.searchsorted(edges, buckets, side="right")
    bank = urns.add(urns.start(), [np.bincount(bins[:BURN_IN], minlength=len(edges) + 1)])
    for row in range(BURN_IN, len(values)):
        bank, said = urns.step(bank, [np.bincount(bins[row : row + 1], minlength=len(edges) + 1)], THRESHOLD)
        if said.drifted[0]:
            return max(BURN_IN, row + 1 - int(said.onset_events[0]))
    return None


def adwin(values: Floats) -> list[int]:
    from river.drift import ADWIN

    return alarms(ADWIN(), values)


def page_hinkley(values: Floats) -> list[int]:
    from river.drift import PageHinkley

    return alarms(PageHinkley(), values)


def alarms(detector: Any, values: Floats) -> list[int]:
    """Return the rows at which a detector of River alarms, on values in units of the burn-in."""
    first = values[:BURN_IN]
    rows = []
    for row, value in enumerate(((values - first.mean()) / max(float(first.std()), 1e-9)).tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row)
    return rows
