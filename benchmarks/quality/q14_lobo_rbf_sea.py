"""Models that learn row by row on streams with known drifts: is the urn sooner than ADWIN, with no more false alarms?

Test then train (`prequential.py`) with Gaussian naive Bayes and with River's Hoeffding tree, on the streams of Lopez
Lobo (5 of 40,000 rows, drifts at 10,000, 20,000 and 30,000), on SEA (Street and Kim, 2001; 50,000 rows, every 12,500)
and on interchanging RBF (Losing and others, 2016; 200,000 rows, every 3,000). Interchanging RBF is cut into parts of
seven concepts that begin anew, side by side: every drift is seen, and models begin with a concept as they do after an
alarm.

A drift is found by the first alarm within half a concept; every other alarm is false. A drift that is not found counts
as half a concept. Bars: ADWIN's own figures in the same run (its default, `delta` .002); the delay bar counts only
together with the false alarms.

At scale 1 about 8 minutes on two cores; around the first drift of two streams of each folder at --quick.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.quality import readers
from benchmarks.quality.prequential import (
    Bayes,
    Models,
    Monitors,
    RiverMonitors,
    Score,
    Together,
    Trees,
    UrnMonitors,
    alarms,
    around_first_drift,
    score,
)
from benchmarks.quality.readers import Stream
from benchmarks.quality.record import DELAY, NAN, Record, Task, absent

TITLE = "Prequential errors: Lobo's streams, interchanging RBF, SEA; naive Bayes and Hoeffding tree"
ROW = "Q14"
FOLDERS = {"lobo": readers.lobo, "sea": readers.sea, "interrbf": readers.interrbf}
MODELS = ("naive Bayes", "Hoeffding tree")
THRESHOLDS = (1e4, 1e5)
RIVER = ("ADWIN", "HDDM_W", "HDDM_A", "DDM")
PATIENCE = {"lobo": 5000, "SEA": 6250, "interRBF": 1500}  # half a concept
CONCEPTS = 7  # in each part of interchanging RBF; 66 drifts are 11 parts of 6
LEARNT = 500
FALSE, MISSED = "false alarms a stream", "drifts not found"

TREND = (
    "A model that has just been thrown away learns, and its errors become fewer while the urn takes them for its "
    "reference. As shipped, the urn measures how dependent events are on the same errors, and a trend looks like "
    "dependence. Where errors have become clearly fewer it begins anew, without an alarm; until it did, all 66 "
    "drifts of interchanging RBF were missed. But until it has learnt again nothing is judged, what drifts "
    "meanwhile is taken for normal, and a Hoeffding tree, which errs on every second row of Stagger for some "
    "three thousand rows and improves with every split, keeps it learning for thousands of rows. Declared "
    "independent, as errors of single rows nearly are, the urn finds most drifts within ten rows. What would help "
    "is a model that is allowed to learn before its errors are watched, and an urn that judges, if with more "
    "doubt, while it learns."
)
SPLITS = (
    "A Hoeffding tree is worse for some hundred rows after each split, because its new leaves know nothing, "
    "and its error rate falls for thousands of rows while it grows. Both are changes of the errors' law, "
    "outside of what a budget speaks of: it holds for errors of a model that stands still. ADWIN at its "
    "default does not see them, nor, on SEA, the drifts themselves. Otherwise a stream is so short that one "
    "alarm, which the budget allows, is one more than ADWIN's none."
)
LOSSES: dict[str, str] = {DELAY: TREND, MISSED: TREND, FALSE: SPLITS}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each folder and model."""
    found = []
    for folder in FOLDERS:
        if data is None or not (data / folder).is_dir():
            found.append(Task(ROW, f"data absent: {folder}", absent, {"row": ROW, "where": folder}))
            continue
        for model in MODELS:
            arguments = {"data": data, "folder": folder, "model": model, "whole": scale >= 0.5}
            found.append(Task(ROW, f"{folder}, {model}", records, arguments))
    return found


def records(data: Path, folder: str, model: str, whole: bool) -> list[Record]:
    """Return the records of every stream of a folder with every detector."""
    streams = [part for stream in FOLDERS[folder](data) or [] for part in parts(stream)]
    if not whole:
        streams = [around_first_drift(stream) for stream in streams[:2]]
    said = outcomes(streams, model)
    found = []
    for name in dict.fromkeys(stream.name for stream in streams):
        at = [i for i, stream in enumerate(streams) if stream.name == name]
        adwin = told(name, model, "ADWIN", NAN, streams, said["ADWIN", NAN], at)
        for (detector, threshold), lanes in said.items():
            rows = told(name, model, detector, threshold, streams, lanes, at)
            if detector.startswith("urn"):
                rows = [replace(row, bar=its.value) for row, its in zip(rows, adwin, strict=True)]
            found += rows
    return found


def parts(stream: Stream) -> list[Stream]:
    """Return a stream of many concepts in parts that overlap by one concept, any other as it is."""
    if len(stream.drifts) < CONCEPTS:
        return [stream]
    borders = (0, *stream.drifts, len(stream.y))
    cut = []
    for first in range(0, len(borders) - 2, CONCEPTS - 1):
        start, *inner, end = borders[first : first + CONCEPTS + 1]
        drifts = tuple(drift - start for drift in inner)
        cut.append(Stream(stream.name, stream.x[start:end], stream.y[start:end], drifts))
    return cut


def outcomes(streams: list[Stream], model: str) -> dict[tuple[str, float], list[list[int]]]:
    """Return, by detector and threshold, the alarms in each stream."""
    names = [(name, NAN) for name in RIVER]
    settings = [(name, threshold) for name in ("urn", "urn, independent") for threshold in THRESHOLDS]
    number = len(streams)
    each = [threshold for threshold in THRESHOLDS for _ in streams]
    monitors: list[tuple[Monitors, int]] = [
        (RiverMonitors([name for name in RIVER for _ in streams]), number * len(RIVER)),
        (UrnMonitors(each, independent=False), len(each)),
        (UrnMonitors(each, independent=True), len(each)),
    ]
    lanes = streams * (len(names) + len(settings))
    found = alarms(lanes, made(model, lanes), Together(monitors))
    return {key: found[i * number : (i + 1) * number] for i, key in enumerate(names + settings)}


def made(model: str, lanes: list[Stream]) -> Models:
    """Return a model for each lane."""
    if model == "Hoeffding tree":
        return Trees(len(lanes))
    return Bayes(len(lanes), max(s.x.shape[1] for s in lanes), max(int(s.y.max()) for s in lanes) + 1)


def told(
    name: str, model: str, detector: str, threshold: float, streams: list[Stream], found: list[list[int]], at: list[int]
) -> list[Record]:
    """Return the three records of one detector on one stream, which may be in parts."""
    patience = PATIENCE[name if name in PATIENCE else "lobo"]
    scores: list[Score] = [score(found[i], streams[i].drifts, patience) for i in at]
    missed = sum(one.missed for one in scores)
    seen = [float(delay) for one in scores for delay in one.delays]
    delays = np.array(seen + [float(patience)] * missed)
    reference = LEARNT if detector.startswith("urn") else 0
    base = Record(ROW, f"{name}, {model}", detector, 1, reference, threshold, DELAY, NAN, n=len(delays))
    return [
        replace(
            base,
            value=float(delays.mean()),
            median=float(np.median(delays)),
            p90=float(np.quantile(delays, 0.9)),
            missed=missed / len(delays),
        ),
        replace(base, measure=FALSE, value=float(sum(one.false for one in scores)), n=1),
        replace(base, measure=MISSED, value=float(missed)),
    ]
