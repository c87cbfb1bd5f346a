"""A naive Bayes learns SINE1, MIXED and CIRCLES row by row; how soon after a drift does the detector of its errors
have it thrown away?

Streams of Pesaranghader and Viktor, "Fast Hoeffding drift detection method for evolving data streams" (2016), 100,000
rows each with 10 % noise, every seed that is in the folder; incremental Gaussian naive Bayes, test then train. At an
alarm the model and its detector begin anew (`prequential.py`), so what an urn learns before it can judge (500 rows)
is in the figures. A drift is found by the first alarm within 250 rows (abrupt) or 1,000 rows (gradual, CIRCLES), as
its authors count; every other alarm is false. A drift that is not found counts as so many rows.

The urn is that of rising rates (`RATES_UP`), pane 1, thresholds 1e5 and 1e6; everybody else at River's defaults, as
people use them. River's FHDDM gets its input upside down: as documented it looks for falling errors.

At scale 1 about 3 minutes on two cores; around the first drift of one seed at --quick.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality import readers
from benchmarks.quality.delay import ALLOWANCE
from benchmarks.quality.prequential import (
    Bayes,
    Monitors,
    RiverMonitors,
    Score,
    UrnMonitors,
    alarms,
    around_first_drift,
    river,
    score,
)
from benchmarks.quality.readers import Stream
from benchmarks.quality.record import DELAY, NAN, Record, Task, absent

TITLE = "Prequential errors: SINE1, MIXED, CIRCLES"
ROW = "Q13"
PATIENCE = {"sine1": 250, "mixed": 250, "circles": 1000}
BARS = {"sine1": 37.0, "mixed": 40.0, "circles": 128.0}
FALSE_BAR = 0.4
FALSE, MISSED = "false alarms a stream", "drifts not found"
THRESHOLDS = (1e5, 1e6)
LEARNT = 500

CHANCE = (
    "The budget at A = 1e5 is one false alarm in 100,000 rows, which is one a stream; .4 is below it, and on "
    "three seeds of each stream what is counted is a handful of alarms. A false alarm shortly before a drift also "
    "costs the drift, because the urn learns 500 rows of the new model before it judges. At A = 1e6 both are "
    "rare, and the delay is 3 to 30 rows longer."
)
LOSSES: dict[str, str] = {
    "sine1": CHANCE,
    "mixed": CHANCE + " The delay bars were measured at A = 1e5 on five seeds, two of which are not in this folder.",
    "circles": CHANCE,
}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each setting of the urn, one for everybody else."""
    if data is None or not list((data / "fhddm_streams").glob("*.arff*")):
        return [Task(ROW, "data absent", absent, {"row": ROW, "where": "fhddm_streams"})]
    whole = scale >= 0.5
    common = {"data": data, "whole": whole}
    return [
        Task(ROW, "urn", urns, {**common, "independent": False}),
        Task(ROW, "urn, independent", urns, {**common, "independent": True}),
        Task(ROW, "River", opponents, common),
    ]


def chosen(data: Path, whole: bool) -> list[Stream]:
    """Return the streams; of a quick run one seed of each, around its first drift."""
    found = readers.fhddm(data) or []
    if whole:
        return found
    first = {stream.name.split("_")[0]: stream for stream in reversed(found)}
    return [around_first_drift(stream) for stream in first.values()]


def urns(data: Path, whole: bool, independent: bool) -> list[Record]:
    """Return the records of one setting of the urn at every threshold."""
    streams = chosen(data, whole)
    lanes = [stream for _ in THRESHOLDS for stream in streams]
    each = [threshold for threshold in THRESHOLDS for _ in streams]
    found = run(lanes, UrnMonitors(each, independent))
    records = []
    for i, threshold in enumerate(THRESHOLDS):
        part = slice(i * len(streams), (i + 1) * len(streams))
        records += told("urn, independent" if independent else "urn", threshold, streams, found[part])
    return records


def opponents(data: Path, whole: bool) -> list[Record]:
    """Return the records of River's detectors."""
    streams = chosen(data, whole)
    names = [name for name in river() for _ in streams]
    found = run(streams * len(river()), RiverMonitors(names))
    records = []
    for i, name in enumerate(river()):
        records += told(name, NAN, streams, found[i * len(streams) : (i + 1) * len(streams)])
    return records


def run(streams: list[Stream], monitors: Monitors) -> list[list[int]]:
    features, classes = max(s.x.shape[1] for s in streams), max(int(s.y.max()) for s in streams) + 1
    return alarms(streams, Bayes(len(streams), features, classes), monitors)


def told(detector: str, threshold: float, streams: list[Stream], found: list[list[int]]) -> list[Record]:
    """Return, for each kind of stream, the delay, the false alarms and the drifts that were not found."""
    records = []
    for kind in PATIENCE:
        at = [i for i, stream in enumerate(streams) if stream.name.startswith(kind)]
        if at:
            scores = [score(found[i], streams[i].drifts, PATIENCE[kind]) for i in at]
            records += summary(kind, detector, threshold, scores, " ".join(streams[i].name for i in at))
    return records


def summary(kind: str, detector: str, threshold: float, scores: list[Score], seeds: str) -> list[Record]:
    """Return the three records of one kind of stream."""
    seen = np.array([delay for one in scores for delay in one.delays], np.float64)
    missed = sum(one.missed for one in scores)
    delays = np.concatenate([seen, np.full(missed, float(PATIENCE[kind]))])
    ours = detector.startswith("urn")
    base = Record(ROW, kind, detector, 1, LEARNT if ours else 0, threshold, DELAY, NAN, seeds=seeds)
    delay = replace(
        base,
        value=float(delays.mean()),
        median=float(np.median(delays)),
        p90=float(np.quantile(delays, 0.9)),
        missed=missed / len(delays),
        n=len(delays),
        bar=BARS[kind] * (ALLOWANCE if detector == "urn" else 1.0) if ours else NAN,
    )
    false = sum(one.false for one in scores) / len(scores)
    few = replace(base, measure=FALSE, value=false, n=len(scores), bar=FALSE_BAR if ours else NAN)
    all_found = replace(base, measure=MISSED, value=float(missed), n=len(delays), bar=0.0 if ours else NAN)
    return [delay, few, all_found]
