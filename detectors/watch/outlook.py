"""The outlook of a subject: which of its columns is a probability, and what quality its scores let one expect.

`prediction:score` is taken for one; `prediction:value` only if labels of two values say that the model tells two
classes apart, because a number between 0 and 1 may be anything. Beside a `prediction:label` a score is the chance that
the label is right; alone it is the chance of the positive class. Scores are counted where the column's own bins have
their middles, so that panes counted universally and by bins add up to the same.

Nothing here alarms. The expected loss is a function of the score, so whenever it drifts the score does, and that alarm
is raised already; what it adds, by how much the quality is expected to change, is shown beside it. Until labels come
with the scores they are about, scores are taken at their word, and the picture says "uncalibrated".
"""

import math
from dataclasses import asdict
from functools import lru_cache
from typing import Any

import numpy as np

from detectors.binning import representative
from detectors.expected_quality import BINS, Band, ExpectedQuality, Floats, QualityState, Scored
from detectors.watch.state import WatchState
from detectors.watch.track import Track
from detectors.watch.ways import Way
from schemas.pane import Column

SCORE, VALUE, LABEL, TRUTH = "prediction:score", "prediction:value", "prediction:label", "label:value"
TWO_NUMBERS = 4  # edges around two values that repeat
BANDS = ("accuracy", "precision", "recall", "f1", "auc")


def follow(state: WatchState, columns: dict[str, Column]) -> QualityState | None:
    """The state of the expected quality, after one more pane of these columns."""
    track = probability(state)
    column = columns.get(track.column) if track is not None else None
    before: QualityState | None = state.expected
    if track is None or column is None or not column.n or track.fresh:
        return before
    detector = of(state)
    return detector.count(before or detector.start(), scored(state.ways[track.key], column))


def of(state: WatchState) -> ExpectedQuality:
    """The detector, by what a score of this subject is the chance of."""
    return ExpectedQuality(of="answer" if LABEL in state.tracks else "positive")


def probability(state: WatchState) -> Track | None:
    """The column that is a probability, once it has bins of its own."""
    track = state.tracks.get(SCORE)
    if track is None and two_classes(state.tracks.get(TRUTH)):
        track = state.tracks.get(VALUE)
    return track if track is not None and track.form == "numbers" else None


def two_classes(track: Track | None) -> bool:
    """Whether labels have two values."""
    if track is None or not track.form:
        return False
    return len(track.edges) == TWO_NUMBERS if track.form == "numbers" else len(track.names) == 2 and not track.tails


def scored(way: Way, column: Column) -> Scored:
    """What a pane has of scores. Where some are no probabilities, all of the pane are left out."""
    own = way.counted(column)
    if own is None:
        return Scored()
    if column.min < 0 or column.max > 1:
        return Scored(outside=column.n)
    places = cells(tuple(way.edges))[own[0]]
    return Scored(np.bincount(places, own[1], 2 * BINS).astype(np.float64).reshape(2, BINS))


@lru_cache(maxsize=1024)
def cells(edges: tuple[int, ...]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """For each bin between edges, the predicted class and bin of the score at its middle, as one number."""
    middles = np.clip(middles_of(edges), 0, 1)
    return np.asarray(np.minimum((middles * BINS).astype(np.intp), BINS - 1) + BINS * (middles >= 0.5))


def middles_of(edges: tuple[int, ...] | list[int]) -> Floats:
    """The place of every bin of a number: half-way between its edges, the outermost at theirs."""
    values = np.array([representative(edge) for edge in edges])
    return np.concatenate([values[:1], values[:-1] / 2 + values[1:] / 2, values[-1:]])


def outlook(state: WatchState) -> dict[str, Any] | None:
    """What people see of it, or None if there is nothing to expect."""
    track = probability(state)
    if track is None or state.expected is None:
        return None
    detector = of(state)
    now, usual = detector.expected(state.expected), detector.expected(state.expected, state.expected.usual)
    if now.rows <= state.expected.outside:
        return None
    names = ("accuracy",) if detector.of == "answer" else BANDS
    tp, fp, fn, tn = (round(rows, 1) for rows in now.confusion)
    return {
        "column": track.column,
        "score_of": detector.of,
        "rows": round(now.rows),
        **{name: said(getattr(now, name)) for name in names},
        "usual": {name: said(getattr(usual, name)) for name in names},
        "confusion": {"tp": tp, "fp": fp} | ({"fn": fn, "tn": tn} if detector.of == "positive" else {}),
        "calibrated": detector.calibration(state.expected).fitted,
        "reasons": list(now.reasons),
        "blind": now.blind,
    }


def said(band: Band) -> dict[str, float] | None:
    """A band for JSON."""
    if math.isnan(band.value):
        return None
    return {name: round(value, 4) for name, value in asdict(band).items()}
