"""A model that learns from every row it has just been tested on, and is thrown away when a detector says so.

Test-then-train ("prequential") evaluation, as in Gama, Sebastiao and Rodrigues, "On evaluating stream learning
algorithms" (2013): row by row the model predicts, is told the class, and its error, 0 or 1, goes to a detector. At an
alarm the model begins anew, and so does the detector: the errors of a new model are of another law than those of the
old one. What the detector needs to learn before it can judge is therefore part of its delay.

Every lane is one stream with one detector and its own model; all lanes go through their rows side by side, so that
the urns of all lanes take one step together.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.readers import Codes, Floats, Stream
from detectors.alternatives import RATES_UP
from detectors.urn import Urns

Flags = NDArray[np.bool_]
LEAST_VARIANCE = 1e-9  # of a feature that is constant so far


class Models(Protocol):
    """One model for each lane."""

    def predict(self, x: Floats) -> Codes:
        """Return the class of each lane's row, [lanes]; `x` is [lanes, features]."""

    def learn(self, x: Floats, y: Codes) -> None:
        """Take in each lane's row and its class."""

    def reset(self, lanes: NDArray[np.intp]) -> None:
        """Begin anew in these lanes."""


class Monitors(Protocol):
    """One detector for each lane."""

    def update(self, wrong: Flags) -> Flags:
        """Take in each lane's error and return which lanes alarm; their detectors have begun anew."""


class Bayes:
    """Gaussian naive Bayes with running means and variances (Welford, 1962), all lanes at once."""

    def __init__(self, lanes: int, features: int, classes: int) -> None:
        self.count = np.zeros((lanes, classes))
        self.mean = np.zeros((lanes, classes, features))
        self.squares = np.zeros((lanes, classes, features))

    def predict(self, x: Floats) -> Codes:
        count = self.count[:, :, None]
        variance = np.maximum(self.squares / np.maximum(count - 1, 1), LEAST_VARIANCE)
        distance = (x[:, None, :] - self.mean) ** 2 / variance + np.log(variance)
        likelihood = np.log(np.maximum(self.count, 1e-300)) - distance.sum(axis=2) / 2
        known = np.where(self.count >= 2, likelihood, -np.inf)  # one row has no variance
        best = np.where((self.count >= 2).any(axis=1), known.argmax(axis=1), self.count.argmax(axis=1))
        return np.asarray(best, np.intp)

    def learn(self, x: Floats, y: Codes) -> None:
        lane = np.arange(len(y))
        self.count[lane, y] += 1
        away = x - self.mean[lane, y]
        self.mean[lane, y] += away / self.count[lane, y][:, None]
        self.squares[lane, y] += away * (x - self.mean[lane, y])

    def reset(self, lanes: NDArray[np.intp]) -> None:
        self.count[lanes] = self.mean[lanes] = self.squares[lanes] = 0


class Trees:
    """River's Hoeffding trees (Domingos and Hulten, 2000) with their default parameters."""

    def __init__(self, lanes: int) -> None:
        from river.tree import HoeffdingTreeClassifier

        self.make = HoeffdingTreeClassifier
        self.trees = [self.make() for _ in range(lanes)]

    def predict(self, x: Floats) -> Codes:
        rows: list[dict[Hashable, float]] = [dict(enumerate(row)) for row in x.tolist()]
        said = (tree.predict_one(row) for tree, row in zip(self.trees, rows, strict=True))
        return np.array([-1 if one is None else one for one in said], np.intp)

    def learn(self, x: Floats, y: Codes) -> None:
        for tree, row, truth in zip(self.trees, x.tolist(), y.tolist(), strict=True):
            tree.learn_one(dict(enumerate(row)), truth)

    def reset(self, lanes: NDArray[np.intp]) -> None:
        for lane in lanes:
            self.trees[lane] = self.make()


class UrnMonitors:
    """Urns of errors, one pane a row. After an alarm an urn knows nothing, and learns from what comes."""

    def __init__(self, thresholds: Sequence[float], independent: bool) -> None:
        self.urns = Urns(RATES_UP, independent=independent)
        self.thresholds = np.array(thresholds, np.float64)
        self.bank = self.urns.add(self.urns.start(), [NOTHING] * len(thresholds))

    def update(self, wrong: Flags) -> Flags:
        self.bank, said = self.urns.step(self.bank, np.column_stack([wrong, ~wrong]), self.thresholds)
        for lane in np.flatnonzero(said.drifted):
            self.bank = self.urns.reset(self.bank, int(lane), NOTHING)
        return said.drifted


NOTHING = np.zeros(2, np.int64)


class RiverMonitors:
    """River's detectors at their defaults, by name. They begin anew by themselves, and so may their models."""

    def __init__(self, names: Sequence[str]) -> None:
        makes = river()
        self.makes = [makes[name] for name in names]
        self.detectors = [make() for make in self.makes]
        self.upside_down = np.array([name in UPSIDE_DOWN for name in names])

    def update(self, wrong: Flags) -> Flags:
        for detector, one in zip(self.detectors, (wrong ^ self.upside_down).tolist(), strict=True):
            detector.update(int(one))
        alarms = np.array([bool(detector.drift_detected) for detector in self.detectors])
        for lane in np.flatnonzero(alarms):
            self.detectors[lane] = self.makes[lane]()
        return alarms


UPSIDE_DOWN = ("FHDDM, input inverted",)  # River 0.26 documents 1 for an error and alarms when the mean falls


class Rises:
    """ADWIN that is heard only where the mean rose: a model that gets better is no reason to throw it away. MOA's
    wrappers of ADWIN ask the same.
    """

    def __init__(self) -> None:
        from river.drift import ADWIN

        self.adwin = ADWIN()
        self.drift_detected = False

    def update(self, value: int) -> None:
        before = self.adwin.estimation
        self.adwin.update(value)
        self.drift_detected = bool(self.adwin.drift_detected) and self.adwin.estimation > before


def river() -> dict[str, Callable[[], Any]]:
    """Return River's detectors of errors, at their defaults."""
    from river import drift
    from river.drift import binary

    return {
        "HDDM_W": binary.HDDMW,
        "HDDM_A": binary.HDDMA,
        "ADWIN": Rises,
        "PageHinkley": drift.PageHinkley,
        "DDM": binary.DDM,
        "FHDDM, input inverted": binary.FHDDM,
    }


class Together:
    """Several monitors, each for the next so many lanes."""

    def __init__(self, parts: Sequence[tuple[Monitors, int]]) -> None:
        self.parts = [monitors for monitors, _ in parts]
        self.borders = np.cumsum([lanes for _, lanes in parts])[:-1]

    def update(self, wrong: Flags) -> Flags:
        pieces = zip(self.parts, np.split(wrong, self.borders), strict=True)
        return np.concatenate([monitors.update(piece) for monitors, piece in pieces])


def alarms(streams: Sequence[Stream], models: Models, monitors: Monitors) -> list[list[int]]:
    """Return the rows of the alarms of each lane; lane i runs over streams[i]. Streams with fewer features get zeros,
    and a stream that is over repeats its last row unheard.
    """
    lengths = np.array([len(stream.y) for stream in streams])
    wide, long = max(stream.x.shape[1] for stream in streams), int(lengths.max())
    x = np.zeros((long, len(streams), wide))
    y = np.zeros((long, len(streams)), np.intp)
    for lane, stream in enumerate(streams):
        row = np.minimum(np.arange(long), len(stream.y) - 1)
        x[:, lane, : stream.x.shape[1]] = stream.x[row]
        y[:, lane] = stream.y[row]
    found: list[list[int]] = [[] for _ in streams]
    for at in range(long):
        wrong = models.predict(x[at]) != y[at]
        models.learn(x[at], y[at])
        alarmed = np.flatnonzero(monitors.update(wrong) & (at < lengths))
        if alarmed.size:
            models.reset(alarmed)
            for lane in alarmed.tolist():
                found[lane].append(at)
    return found


def around_first_drift(stream: Stream, before: int = 3000, after: int = 1500) -> Stream:
    """Return the rows around the first drift."""
    drift = stream.drifts[0]
    rows = slice(max(0, drift - before), drift + after)
    return Stream(stream.name, stream.x[rows], stream.y[rows], (drift - rows.start,))


@dataclass(frozen=True)
class Score:
    """How the alarms of one stream compare with its drifts."""

    delays: tuple[int, ...]  # rows from each drift that was found to its first alarm, that row included
    missed: int
    false: int  # alarms that are not the first one in time after a drift


def score(found: Sequence[int], drifts: Sequence[int], patience: int) -> Score:
    """Compare alarms with drifts: the first alarm within so many rows after a drift finds it, all others are false.

    >>> score([50, 1010, 1020, 5000], [1000, 2000], 250)
    Score(delays=(11,), missed=1, false=3)
    """
    first = [next((row for row in found if drift <= row < drift + patience), None) for drift in drifts]
    delays = tuple(row - drift + 1 for row, drift in zip(first, drifts, strict=True) if row is not None)
    return Score(delays, len(drifts) - len(delays), len(found) - len(delays))
