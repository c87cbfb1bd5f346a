"""Anomalies in the Numenta benchmark: the standard profile, on the four of its folders that are there.

34 of its 58 series, 1,200 to 4,700 rows each, most of them five minutes apart and with a daily season. Anomalies, often
a few rows, are not changes of a law, and a tenth of a score is lost with every false alarm; this row shows how far the
urn is from detectors made for it. The urn watches row by row (pane 1) what an autoregression of order three leaves,
fitted on the first 15 %, which nobody is judged on. Every alarm counts; the threshold is the best of those tried, as
the benchmark does for everybody, and the scores at the others are in the notes.

Beside it ADWIN and PageHinkley on the same residuals, at their defaults. On all 58 series the benchmark's own table
has relative entropy 54.6, windowed Gaussian 39.6, Bayesian change point 17.7, random 11.0 (its scoreboard); these are
other series, so the aim of 54.6 is only a direction. SKAB, the other half of the row, is not among the data sets.

Half a minute at scale 1; every eighth series at --quick.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import readers
from benchmarks.quality.anomaly_windows import judged, normalised, probation, raw
from benchmarks.quality.readers import Floats, Windowed
from benchmarks.quality.record import NAN, Record, Task, absent
from detectors import binning
from detectors.alternatives import NUMBERS
from detectors.urn import Urns

TITLE = "Numenta anomaly benchmark, in part: the standard profile"
ROW = "Q17"
THRESHOLDS = (1e3, 1e4, 1e6, 1e8)
SETTINGS = {"urn": False, "urn, independent": True}
AIM = 54.6
ORDER = 3
LEAST = 150  # rows of a reference: half of the probation of the shortest series

NOT_ANOMALIES = (
    "The windows of this benchmark hold anomalies, of which many are a few rows; an urn weighs a law, needs tens "
    "of events of a new one, and after an alarm waits until it is over before it can raise another. The series "
    "have a daily season that an autoregression leaves in, and a variance that moves: true changes of law, "
    "outside of every window. Detectors of the mean that forget at once, like PageHinkley, do better, and those "
    "made for anomalies better still. Nothing is to be gained here without giving up the budget on streams of "
    "events, which is what it is for."
)
LOSSES: dict[str, str] = {"100 - score": NOT_ANOMALIES}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each setting of the urn, one for everybody else."""
    if data is None or not (data / "nab" / "labels").is_dir():
        return [Task(ROW, "data absent", absent, {"row": ROW, "where": "nab"})]
    every = 1 if scale >= 0.5 else 8
    urns = [Task(ROW, name, urn, {"data": data, "every": every, "setting": name}) for name in SETTINGS]
    return [*urns, Task(ROW, "River", others, {"data": data, "every": every})]


def chosen(data: Path, every: int) -> list[Windowed]:
    return (readers.nab(data) or [])[::every]


def urn(data: Path, every: int, setting: str) -> list[Record]:
    """Return the score of one setting at the best threshold."""
    series = chosen(data, every)
    said = alarms([residuals(one) for one in series], THRESHOLDS, SETTINGS[setting])
    found = {threshold: score(series, rows) for threshold, rows in zip(THRESHOLDS, said, strict=True)}
    best = max(found, key=lambda threshold: found[threshold])
    note = ", ".join(f"{value:.1f} at {threshold:g}" for threshold, value in found.items())
    return [record(setting, series, best, found[best], AIM, note)]


def others(data: Path, every: int) -> list[Record]:
    """Return the scores of River's detectors."""
    from river.drift import ADWIN, PageHinkley

    series, records = chosen(data, every), []
    makes: dict[str, Callable[[], Any]] = {"ADWIN": ADWIN, "PageHinkley": PageHinkley}
    for name, make in makes.items():
        found = score(series, [heard(make(), residuals(one)) for one in series])
        records.append(record(name, series, NAN, found, NAN))
    return records


def record(detector: str, series: list[Windowed], threshold: float, value: float, aim: float, note: str = "") -> Record:
    """Return a record; records are wanted small, so it is what is missing to 100."""
    windows = sum(len(judged(one.windows, len(one.values))) for one in series)
    return Record(
        ROW, f"{len(series)} series, {windows} windows", detector, 1, 0, threshold, "100 - score", 100 - value,
        n=sum(len(one.values) for one in series), bar=100 - aim, note=f"score {value:.1f}" + (note and f"; {note}"),
    )  # fmt: skip


def score(series: list[Windowed], said: list[list[int]]) -> float:
    """Return the normalised score of all series."""
    each = [raw(rows, one.windows, len(one.values)) for one, rows in zip(series, said, strict=True)]
    return normalised(each, sum(len(judged(one.windows, len(one.values))) for one in series))


def residuals(one: Windowed) -> Floats:
    """Return what an autoregression leaves, in standard deviations of the part it was fitted on; 0 in the first rows.

    >>> float(np.abs(residuals(Windowed("", np.tile([1.0, 2.0, 3.0, 4.0], 50), ()))).max()) < 1e-5
    True
    """
    values, fitted = one.values, probation(len(one.values))
    past = np.stack([values[ORDER - lag : len(values) - lag] for lag in range(1, ORDER + 1)], axis=1)
    past = np.concatenate([past, np.ones((len(past), 1))], axis=1)
    now = values[ORDER:]
    weights = np.linalg.lstsq(past[:fitted], now[:fitted], rcond=None)[0]
    rest = np.concatenate([np.zeros(ORDER), now - past @ weights])
    return np.asarray(rest / max(float(rest[:fitted].std()), 1e-9 * max(1.0, float(np.abs(values).max()))))


def alarms(series: Sequence[Floats], thresholds: Sequence[float], independent: bool) -> list[list[list[int]]]:
    """Return, by threshold and series, the rows at which the urn alarms. All watch side by side, row by row."""
    first = [probation(len(values)) for values in series]
    binned = [bins_of(values, known) for values, known in zip(series, first, strict=True)]
    urns = Urns(NUMBERS, float(LEAST), independent)
    start = [
        np.bincount(bins[: known // 2], minlength=width) for (bins, width), known in zip(binned, first, strict=True)
    ]
    bank = urns.add(urns.start(), start * len(thresholds))
    begin = np.array([known // 2 for known in first])
    each = np.repeat(np.array(thresholds), len(series))
    found: list[list[int]] = [[] for _ in each]
    for step in range(max(len(values) for values in series)):
        at = begin + step
        pane = np.zeros((len(series), bank.urn.shape[1]), np.int64)
        for one, (bins, _) in enumerate(binned):
            if at[one] < len(bins):
                pane[one, bins[at[one]]] = 1
        bank, said = urns.step(bank, np.tile(pane, (len(thresholds), 1)), each)
        for lane in np.flatnonzero(said.drifted).tolist():
            found[lane].append(int(at[lane % len(series)]))
    return [found[i * len(series) : (i + 1) * len(series)] for i in range(len(thresholds))]


def bins_of(values: Floats, known: int) -> tuple[NDArray[np.int64], int]:
    """Return the bin of every value, and how many there are; the first so many values are known."""
    buckets = binning.universal(values)
    edges = binning.derive(*np.unique(buckets[:known], return_counts=True))
    return np.searchsorted(edges, buckets, side="right"), len(edges) + 1


def heard(detector: Any, values: Floats) -> list[int]:
    """Return the rows at which a detector of River alarms."""
    rows = []
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row)
    return rows
