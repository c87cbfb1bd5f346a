"""What else one could install: River's and frouros' detectors, as they come and calibrated, and two of the literature.

Everybody gets the same events of the same runs: the reference first, of which alarms do not count, then those before
the change and after it. `default` is how a library comes; `calibrated` has its parameter set by bisection so that on
simulated events without change it alarms once in A events, with its own restarts. River's and frouros' detectors are
loops over single events, so they get fewer runs. Packages are imported when they are needed: one that is missing is a
note in the table.

alibi-detect's online detectors take a mean time between false alarms as we do, and find their threshold by bootstrap
for each reference: minutes a run for 1,000 events, and they refuse the 10,000 that everybody is asked for here. So
they do not take part.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import exp, log
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.streams import CHUNK, Part, Stream, Tape, Values, first_above
from detectors.guests.fhddm import Fhddm

Floats = NDArray[np.float64]
Update = Callable[[float], bool]  # one event in; is it an alarm?

SEED = 601  # of the events that opponents are calibrated on
CALIBRATION_RUNS = 20
ALARMS = 40  # per calibration: 16 % of the mean time between alarms
BISECTIONS = 9


class Opponent(ABC):
    """Somebody else's detector."""

    package: str
    slowness: int

    @property
    @abstractmethod
    def keeps_budget(self) -> bool:
        """Whether it is set to alarm once in A events."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What it is called in tables."""

    def installed(self) -> bool:
        return find_spec(self.package) is not None

    @abstractmethod
    def delays(
        self, stream: Stream, reference: int, mean_time: float, runs: int, seed: Sequence[int], horizon: int, quiet: int
    ) -> tuple[Floats, str]:
        """Return the delay of each run as `streams.first_alarms` does, and a note."""


def numbers(stream: Stream, values: Values) -> Floats:
    """Return the events as numbers: of a rate, 1 for a hit."""
    return np.asarray(1 - values if stream.bins == 2 else values, np.float64)


# -- loops over events -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looped(Opponent):
    """A detector of a library, one object a run."""

    name: str
    make: Callable[[float], Update]
    default: float
    lowest: float  # between these the parameter is looked for
    highest: float
    eager: bool  # whether more of the parameter means more alarms
    calibrated: bool = False
    runs: int = 100
    memory: int = 1_000_000_000  # events of the reference it can still know
    slowness: int = 1  # how many times fewer events it is tried on
    package: str = "river"

    @property
    def keeps_budget(self) -> bool:
        return self.calibrated

    @property
    def label(self) -> str:
        return f"{self.name}, {'calibrated' if self.calibrated else 'default'}"

    def parameter(self, stream: Stream, mean_time: float) -> float:
        return calibrated(self, stream, mean_time) if self.calibrated else self.default

    def delays(
        self, stream: Stream, reference: int, mean_time: float, runs: int, seed: Sequence[int], horizon: int, quiet: int
    ) -> tuple[Floats, str]:
        parameter, few = self.parameter(stream, mean_time), min(self.runs, runs)
        updates = [self.make(parameter) for _ in range(few)]
        tape = Tape(stream, runs, seed)
        past = tape.take(reference, False)[:few, -min(self.memory, reference) :]
        alarms_in(updates, numbers(stream, past))
        found = np.full(few, float(horizon))
        tape.begin(Part.BEFORE)
        early = alarms_in(updates, numbers(stream, tape.take(quiet, False)[:few]))
        found[[run for run, at in enumerate(early) if at]] = np.nan
        tape.begin(Part.AFTER)
        for start in range(0, horizon, CHUNK):
            going = np.flatnonzero(found == horizon)
            if not going.size:
                break
            chunk = numbers(stream, tape.chunk(True)[going])
            for run, at in zip(going, alarms_in([updates[run] for run in going], chunk), strict=True):
                if at:
                    found[run] = min(start + at[0] + 1, horizon - 1)
        return found, f"parameter {parameter:.4g}"

    def alarms(self, stream: Stream, runs: int, seed: Sequence[int], events: int) -> NDArray[np.int64]:
        """Return how many alarms each run has in so many events without a change."""
        return self.alarms_at(self.default, stream, runs, seed, events)

    def alarms_at(
        self, parameter: float, stream: Stream, runs: int, seed: Sequence[int], events: int
    ) -> NDArray[np.int64]:
        """Return how many alarms each run has at this parameter."""
        tape, updates = Tape(stream, runs, seed), [self.make(parameter) for _ in range(runs)]
        found = np.zeros(runs, np.int64)
        for _ in range(events // CHUNK):
            found += [len(at) for at in alarms_in(updates, numbers(stream, tape.chunk(False)))]
        return found


def alarms_in(updates: Sequence[Update], values: Floats) -> list[list[int]]:
    """Return where each run's detector alarms."""
    return [
        [at for at, value in enumerate(run.tolist()) if update(value)]
        for update, run in zip(updates, values, strict=True)
    ]


KNOWN: dict[tuple[str, str, float], float] = {}  # what was calibrated in this process: it takes a while


def calibrated(opponent: Looped, stream: Stream, mean_time: float) -> float:
    """Return the parameter at which the opponent alarms once in `mean_time` events, by bisection of its logarithm."""
    key = opponent.name, stream.before, mean_time
    if key not in KNOWN:
        KNOWN[key] = bisected(opponent, stream, mean_time)
    return KNOWN[key]


def bisected(opponent: Looped, stream: Stream, mean_time: float) -> float:
    """Return it, found anew."""
    low, high = log(opponent.lowest), log(opponent.highest)
    events = int(ALARMS * mean_time / CALIBRATION_RUNS)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        many = opponent.alarms_at(exp(middle), stream, CALIBRATION_RUNS, [SEED], events).sum() > ALARMS
        low, high = (low, middle) if many == opponent.eager else (middle, high)
    return exp(low if opponent.eager else high)


def river(name: str, parameter: str, **fixed: Any) -> Callable[[float], Update]:
    """Return what makes a detector of River, named as there: `drift.ADWIN`."""

    def make(value: float) -> Update:
        from river import drift

        kind: Any = drift
        for part in name.split("."):
            kind = getattr(kind, part)
        return updating(kind(**{parameter: value}, **fixed))

    return make


def fhddm(confidence_level: float) -> Update:
    """Return River's FHDDM, which is given right answers or errors, whichever the installed one expects."""
    guest = Fhddm(confidence_level=confidence_level)
    return updating(guest.make(), guest.given)


def updating(detector: Any, given: Callable[[float], Any] = float) -> Update:
    """Return what gives a detector of River an event, and says whether it alarms."""

    def update(event: float) -> bool:
        detector.update(given(event))
        return bool(detector.drift_detected)

    return update


def frouros(name: str, parameter: str) -> Callable[[float], Update]:
    """Return what makes a streaming detector of frouros for errors."""

    def make(value: float) -> Update:
        from frouros.detectors import concept_drift

        kind = getattr(concept_drift, name)
        config = getattr(concept_drift, f"{name}Config")
        detector = kind(config(**{parameter: value}))

        def update(event: float) -> bool:
            with np.errstate(divide="ignore", invalid="ignore"):
                detector.update(value=event)
            drifted = bool(detector.drift)
            if drifted:
                detector.reset()
            return drifted

        return update

    return make


# -- of the literature -------------------------------------------------------------------------------------------------


class Statistic(ABC):
    """A detector that is one number a run, compared with a threshold; the state of all runs in one object."""

    name: ClassVar[str]

    @abstractmethod
    def __init__(self, reference: Values, bins: int) -> None:
        """Learn from the reference, [runs, events]."""

    @abstractmethod
    def step(self, values: Values) -> Floats:
        """Take the next event of every run, and return the statistic of every run."""


@dataclass(frozen=True)
class Simulated(Opponent):
    """A statistic whose threshold is simulated, the error of its reference included."""

    kind: type[Statistic]
    package: str = "numpy"
    slowness: int = 1

    @property
    def keeps_budget(self) -> bool:
        return True

    @property
    def label(self) -> str:
        return f"{self.kind.name}, calibrated"

    def threshold(self, stream: Stream, reference: int, mean_time: float) -> float:
        """Return what the largest value in `mean_time` events reaches with probability 1 - 1/e.

        That is the threshold with that mean time to an alarm, if the time is exponential, as it nearly is.
        """
        key = f"{self.kind.name} after {reference}", stream.before, mean_time
        if key not in KNOWN:
            tape = Tape(stream, SIMULATED_RUNS, [SEED])
            statistic = self.kind(tape.take(reference, False), stream.bins)
            highest = np.zeros(SIMULATED_RUNS)
            for _ in range(int(mean_time) // CHUNK):
                for values in tape.chunk(False).T:
                    highest = np.maximum(highest, statistic.step(values))
            KNOWN[key] = float(np.quantile(highest, 1 - exp(-1)))
        return KNOWN[key]

    def delays(
        self, stream: Stream, reference: int, mean_time: float, runs: int, seed: Sequence[int], horizon: int, quiet: int
    ) -> tuple[Floats, str]:
        h = self.threshold(stream, reference, mean_time)
        tape = Tape(stream, runs, seed)
        statistic = self.kind(tape.take(reference, False), stream.bins)
        found = first_above(tape, lambda chunk: map(statistic.step, chunk.T), h, quiet, horizon)
        return found, f"threshold {h:.4g}"


SIMULATED_RUNS = 400  # 6 % of the mean time between alarms


class Focus0(Statistic):
    """FOCuS0: the likelihood ratio of a change of a normal mean from a known value, over all times and sizes of the
    change (Romano, Eckley, Fearnhead and Rigaill, "Fast online changepoint detection via functional pruning CUSUM
    statistics", JMLR 24, 2023).

        max over tau of (S_n - S_tau)^2 / (2 (n - tau)),    S the sum of the standardised values

    Only corners of the convex hull of the points (tau, S_tau) can be the best tau, and of those only ones with a lower
    sum than all later ones, for a rise; there are about log n. Rises and falls are two halves of one array.
    """

    name: ClassVar[str] = "FOCuS0"
    CORNERS: ClassVar[int] = 40
    KNOWN_MEAN: ClassVar[bool] = True

    def __init__(self, reference: Values, bins: int) -> None:
        self.mean, self.deviation = reference.mean(axis=1), np.maximum(reference.std(axis=1), 1e-9)
        runs = 2 * len(reference)
        self.n, self.sum = 0, np.zeros(runs)
        self.time, self.height = np.zeros((runs, self.CORNERS)), np.zeros((runs, self.CORNERS))
        self.corners = np.zeros(runs, np.intp)

    def step(self, values: Values) -> Floats:
        self.push()
        score = (values - self.mean) / self.deviation
        self.n += 1
        self.sum += np.concatenate([score, -score])
        most = int(self.corners.max())
        there = np.arange(most) < self.corners[:, None]
        time, height = np.where(there, self.time[:, :most], self.n - 1), self.height[:, :most]
        ratio = np.where(there, self.ratio(time, height), 0)
        return np.asarray(ratio.max(axis=1).reshape(2, -1).max(axis=0))

    def ratio(self, time: Floats, height: Floats) -> Floats:
        """Return the statistic of a rise at each corner, [runs, corners]."""
        rise = np.maximum(self.sum[:, None] - height, 0)
        return np.asarray(rise**2 / (2 * (self.n - time)))

    def push(self) -> None:
        """Make now a corner, and drop those behind it that it hides."""
        rows = np.arange(len(self.sum))
        going = rows
        while going.size:
            top, below = self.corners[going] - 1, self.corners[going] - 2
            height, time = self.height[going, top], self.time[going, top]
            higher = self.KNOWN_MEAN & (height >= self.sum[going])
            rise = (self.sum[going] - height) * (time - self.time[going, below])
            bent = rise <= (height - self.height[going, below]) * (self.n - time)
            hidden = (top >= 0) & (higher | ((below >= 0) & bent))
            going = going[hidden]
            self.corners[going] -= 1
        full = self.corners == self.CORNERS
        self.corners[full] -= 1  # never seen to happen: 40 corners are a stream of some e^40 events
        self.time[rows, self.corners], self.height[rows, self.corners] = self.n, self.sum
        self.corners += 1


class Focus(Focus0):
    """FOCuS: the same of a change from an unknown mean, that of all events before it, the reference included.

        max over tau of [S_tau^2 / tau + (S_n - S_tau)^2 / (n - tau) - S_n^2 / n] / 2

    The reference, standardised by itself, adds its length to all times and nothing to the sums. Corners of the convex
    hull are candidates, whatever their sum.
    """

    name: ClassVar[str] = "FOCuS"
    KNOWN_MEAN: ClassVar[bool] = False

    def __init__(self, reference: Values, bins: int) -> None:
        super().__init__(reference, bins)
        self.n = reference.shape[1]

    def ratio(self, time: Floats, height: Floats) -> Floats:
        after = self.n - time
        rise = np.maximum(self.sum[:, None] - height - after * height / time, 0)
        return np.asarray(rise**2 * time / (2 * self.n * after))


class QuantileEwma(Statistic):
    """QT-EWMA: smoothed shares of bins that the reference fills alike, against those shares (Frittoli, Carrera and
    Boracchi, "Nonparametric and online change detection in multivariate datastreams using QuantTree", 2022).

        Z <- (1 - l) Z + l [the event is in the bin],    sum over bins of (Z - p)^2 / p

    One threshold for all times here, where the paper lets it settle over the first events.
    """

    name: ClassVar[str] = "QT-EWMA"
    SHARE: ClassVar[float] = 0.03  # l, the paper's
    BINS: ClassVar[int] = 32

    def __init__(self, reference: Values, bins: int) -> None:
        self.rows = np.arange(len(reference))
        levels = np.linspace(0, 1, self.BINS + 1)[1:-1]
        own = np.arange(1.0, bins) if bins else np.quantile(reference, levels, axis=1).T
        self.cuts = np.broadcast_to(own, (len(reference), own.shape[-1]))
        found = [np.searchsorted(cuts, events, side="right") for cuts, events in zip(self.cuts, reference, strict=True)]
        counts = np.stack([np.bincount(bin, minlength=own.shape[-1] + 1) for bin in found]) + 0.5
        self.expected = counts / counts.sum(axis=1, keepdims=True)
        self.smooth = self.expected.copy()

    def step(self, values: Values) -> Floats:
        self.smooth *= 1 - self.SHARE
        self.smooth[self.rows, (values[:, None] >= self.cuts).sum(axis=1)] += self.SHARE
        return np.asarray(((self.smooth - self.expected) ** 2 / self.expected).sum(axis=1))


# -- who takes part ----------------------------------------------------------------------------------------------------


def as_it_comes_and_calibrated(plain: Looped) -> tuple[Looped, Looped]:
    return plain, replace(plain, calibrated=True)


ADWINS = as_it_comes_and_calibrated(Looped("ADWIN", river("ADWIN", "delta"), 0.002, 1e-6, 3.0, eager=True))
PAGE_HINKLEYS = as_it_comes_and_calibrated(
    Looped("PageHinkley", river("PageHinkley", "threshold"), 50.0, 0.5, 2000.0, eager=False)
)

# KSWIN's statistic is a multiple of 1/30, so that it cannot be calibrated finely, and it takes 0.2 ms an event.
KSWIN = Looped("KSWIN", river("KSWIN", "alpha", seed=1), 0.005, 1e-9, 0.1, eager=True, runs=20, memory=200, slowness=40)

OF_NUMBERS: tuple[Opponent, ...] = (
    *ADWINS,
    *PAGE_HINKLEYS,
    KSWIN,
    Simulated(Focus0),
    Simulated(Focus),
    Simulated(QuantileEwma),
)
OF_CATEGORIES: tuple[Opponent, ...] = (Simulated(QuantileEwma),)
OF_ERRORS: tuple[Opponent, ...] = (
    *ADWINS,
    *PAGE_HINKLEYS,
    *as_it_comes_and_calibrated(Looped("DDM", river("binary.DDM", "drift_threshold"), 3.0, 1.0, 8.0, eager=False)),
    *as_it_comes_and_calibrated(Looped("EDDM", river("binary.EDDM", "beta"), 0.9, 0.3, 0.94, eager=True)),
    *as_it_comes_and_calibrated(
        Looped("HDDM_A", river("binary.HDDMA", "drift_confidence"), 0.001, 1e-9, 0.9, eager=True)
    ),
    *as_it_comes_and_calibrated(
        Looped("HDDM_W", river("binary.HDDMW", "drift_confidence"), 0.001, 1e-9, 0.9, eager=True)
    ),
    *as_it_comes_and_calibrated(Looped("FHDDM", fhddm, 1e-6, 1e-9, 0.9, eager=True)),
    Looped("RDDM", frouros("RDDM", "drift_level"), 2.258, 1.0, 8.0, eager=False, runs=20, package="frouros"),
    Looped("STEPD", frouros("STEPD", "alpha_d"), 0.003, 1e-9, 0.1, eager=True, runs=20, slowness=10, package="frouros"),
)


def at_scale(opponents: Sequence[Opponent], scale: float) -> Sequence[Opponent]:
    """Return who takes part: nobody in a quick run, which is about the urns."""
    return () if scale < 0.05 else opponents


def defaults(opponents: Sequence[Opponent]) -> list[Looped]:
    """Return those that come with a setting of their own."""
    return [opponent for opponent in opponents if isinstance(opponent, Looped) and not opponent.calibrated]
