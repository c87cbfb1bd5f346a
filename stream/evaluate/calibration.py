"""The same rate of false alarms for everybody: each guest's one knob is turned until it raises what the budget allows.

Without change means: the reference, and after it rows drawn from the reference, in blocks, so that neighbours stay
neighbours (the moving blocks bootstrap, Kunsch, Annals of Statistics 1989), in streams as long as the file. The rate of
most guests falls with the length of a stream, for they compare with all that they have seen: streams of another length
would be another rate. All columns share the budget, and a guest has one setting for all of them; Page-Hinkley's
threshold, which is in the column's own units, counts in standard deviations of what it looks at.

The urn is not turned: its threshold follows from the budget. What it really raises is counted all the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, inf, isqrt, log

import numpy as np

from detectors.guests import Guest
from stream.counting.columns import Ints
from stream.evaluate.contestant import Contestant
from stream.evaluate.guests import Readings, look_of, positions, readings
from stream.evaluate.judged import judged
from stream.evaluate.result import Calibrated
from stream.evaluate.table import Table, joined
from stream.evaluate.trial import Trial

WANTED = 10.0  # alarms that the budget should allow on the streams: their number is then known to about a third
STEPS = 10  # of a bisection: from four orders of magnitude down to one per cent
VALUES = 2_000_000  # that a guest is shown in one step, at most
PANES = 20_000  # that the urn is shown
STREAM = 7  # of random numbers, for this use of the seed

Told = Callable[[str], object]


@dataclass(frozen=True)
class Knob:
    """What sets a guest's false alarms, and where to look. `values` and `steps` bound what a slow one costs."""

    name: str
    quiet: float
    loud: float
    in_deviations: bool = False
    values: int = VALUES
    steps: int = STEPS


KNOBS: Mapping[str, Knob] = {
    "adwin": Knob("delta", 1e-12, 2.0),
    "page_hinkley": Knob("threshold", 3_000.0, 1.0, in_deviations=True),
    "kswin": Knob("alpha", 1e-10, 0.05, values=20_000, steps=6),  # 230 us a value, and some twenty levels
    "ddm": Knob("drift_threshold", 30.0, 0.5),
    "eddm": Knob("beta", 0.01, 0.99),
    "fhddm": Knob("confidence_level", 1e-15, 0.9),
    "hddm_a": Knob("drift_confidence", 1e-15, 1.0),
    "hddm_w": Knob("drift_confidence", 1e-15, 1.0),
}


@dataclass(frozen=True)
class Setting:
    """A guest as it was set, for every column that it looks at, and what it raised so on streams without change."""

    guests: Mapping[str, Guest]
    report: Mapping[str, Calibrated]


def calibrated(trial: Trial, contestant: Contestant, names: Sequence[str], told: Told) -> Setting:
    """The loudest setting of a guest that raises no more than the budget allows, on these columns."""
    assert contestant.guest is not None
    guest, knob = contestant.guest, KNOBS[contestant.guest.kind]
    streams = [
        {
            name: readings(guest, look_of(contestant, table[name]), table[name], trial.size, trial.reference)
            for name in names
        }
        for table in without_change(trial, names, knob.values)
    ]
    rows = sum(length_of(stream, trial.reference) for stream in streams)
    allowed = trial.allowed_per_row * rows
    units = {name: deviation(streams[0][name], trial.reference) if knob.in_deviations else 1.0 for name in names}
    quiet, loud = knob.quiet, knob.loud
    for step in range(knob.steps):
        told(f"{contestant.name}: calibration {step + 1} of {knob.steps}")
        middle = three_digits(exp((log(quiet) + log(loud)) / 2))
        if count(turned(guest, knob, middle, units), streams, trial.reference, allowed) <= allowed:
            quiet = middle
        else:
            loud = middle
    guests = turned(guest, knob, quiet, units)
    alarms = count(guests, streams, trial.reference, inf)
    report = {name: Calibrated(rows, allowed, alarms, knob.name, getattr(guests[name], knob.name)) for name in names}
    return Setting(guests, report)


def turned(guest: Guest, knob: Knob, value: float, units: Mapping[str, float]) -> dict[str, Guest]:
    """The guest with its knob at a value, for every column."""
    changed = {name: three_digits(value * unit) for name, unit in units.items()}
    return {name: replace(guest, **{knob.name: setting}) for name, setting in changed.items()}


def count(guests: Mapping[str, Guest], streams: Sequence[Mapping[str, Readings]], reference: int, most: float) -> int:
    """How many alarms there are after the reference, over all streams and columns; stops when there are too many."""
    alarms = 0
    for stream in streams:
        for name, found in stream.items():
            first = found.before(reference)
            for at in positions(guests[name], found.values):
                alarms += at >= first
                if alarms > most:
                    return alarms
    return alarms


def judge_report(trial: Trial, told: Told) -> Calibrated:
    """What the judge raises on the streams without change."""
    rows = alarms = 0
    for number, table in enumerate(without_change(trial, trial.table.names, PANES * len(trial.table.columns))):
        told(f"urn: stream {number + 1} without change")
        said = judged(replace(trial, table=table))
        rows += len(table) - trial.reference
        alarms += sum(map(len, (*said.alarms, said.together)))
    return Calibrated(rows, trial.allowed_per_row * rows, alarms)


# --- streams without change


def without_change(trial: Trial, names: Sequence[str], values: int) -> Iterator[Table]:
    """The reference and rows drawn from it, as many as the file has; `values` bounds what all streams come to."""
    reference = trial.table.only(names).rows(0, trial.reference)
    affordable = max(trial.size, values * trial.size // len(names))
    length = min(len(trial.table) - trial.reference, affordable)
    many = max(1, min(int(WANTED / (trial.allowed_per_row * length)) + 1, affordable // length))
    block = 1 if trial.independent else isqrt(trial.reference)
    for number in range(many):
        random = np.random.default_rng([trial.seed, STREAM, number])
        yield joined(reference, reference.at(drawn(random, trial.reference, length, block)))


def drawn(random: np.random.Generator, reference: int, length: int, block: int) -> Ints:
    """Rows of the reference, in blocks of neighbours.

    >>> drawn(np.random.default_rng(1), reference=100, length=6, block=3).tolist()
    [46, 47, 48, 50, 51, 52]
    """
    starts = random.integers(0, reference - block + 1, -(-length // block))
    return np.asarray((starts[:, None] + np.arange(block)).ravel()[:length], np.int64)


def length_of(stream: Mapping[str, Readings], reference: int) -> int:
    """How many rows of a stream come after the reference."""
    return max(int(found.rows[-1]) + 1 - reference for found in stream.values())


def deviation(found: Readings, reference: int) -> float:
    """The standard deviation of what a guest sees in the reference; 1 where nothing varies."""
    known = found.values[: found.before(reference)]
    return float(np.std(known)) or 1.0 if known else 1.0


def three_digits(value: float) -> float:
    """A setting that one can copy.

    >>> three_digits(0.00123456)
    0.00123
    """
    return float(f"{value:.3g}")
