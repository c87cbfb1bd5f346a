"""Columns of real tables: is the budget kept in every one, and how soon is a change of one seen?

Columns of UCI Adult, of a census of employment (the year 2015), and what a weekly profile and an autoregression of
order three leave of Elec2 (from row 17,424 on) and of UCI bike sharing: integers, atoms, heavy tails, mostly zeros,
2 to 42 categories. Events are independent draws from a column with replacement, so that only its law is real; the urns
are judged as generated streams are. Reference 2,000 events, A = 1e4.

Budget: alarms over the budget of every column, panes 1 and 20. Delay, pane 1, after a change of one column:

    +.5 sd                        every value plus half a standard deviation
    +.5 normal score              ranks move as a normal variable's do by half a standard deviation: the same values
                                  occur, with other frequencies
    odds x2                       of the category whose share is nearest to a tenth

R1 is the delay over log A / KL, KL that of the bins the column gets from all its rows; its bar is 1.1. Where whoever
knew the change would be sure within `FAST` events, it is 1.1 times those: no ratio to so few says anything.

At scale 1 (16 alarms of budget a cell, 100 runs) about 8 minutes on two cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from benchmarks.quality import readers
from benchmarks.quality.delay import ALLOWANCE, SETTINGS, Case, Change, urn_delays
from benchmarks.quality.nulls import null
from benchmarks.quality.readers import Floats, Table
from benchmarks.quality.record import DELAY, Record, Task, absent
from benchmarks.quality.streams import Draw, Stream, Values
from detectors import binning
from detectors.alternatives import CATEGORIES, NUMBERS

TITLE = "Columns of real tables: the budget in every one, and a change in one"
ROW = "Q15"
REFERENCE, THRESHOLD = 2000, 1e4
PANES = (1, 20)
RUNS, LEAST_RUNS = 100, 20
BUDGET_SCALE = 0.08  # of the events other rows have: there are many columns
SHIFT, ODDS, NEAR = 0.5, 2.0, 0.1
R1_BAR, FAST = 1.1, 10.0
QUICK_BELOW, EVERY = 0.1, 6  # below such a scale only every sixth column
ELEC2_START = 17_424  # before, three of its columns are constant
WEEK = {"elec2": 7 * 48, "bike_sharing": 7 * 24}  # rows
ORDER = 3

FOLDERS = ("adult", "employment_ma", "elec2", "bike_sharing")
NUMERIC = {
    "adult": ("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"),
    "employment_ma": ("AGEP", "predicted_probability"),
    "elec2": ("nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"),
    "bike_sharing": ("temp", "hum", "windspeed", "cnt"),
}
TEXTS = {
    "adult": ("workclass", "education", "marital-status", "occupation", "relationship", "race", "native-country"),
    "employment_ma": ("SCHL", "MAR", "RELP", "ESP", "CIT", "MIG", "ANC", "DREM", "RAC1P"),
}

SHAPES = (
    "R1 compares with somebody who knows the column's law before and after the change. Half a standard "
    "deviation added to a column is not a shift of normal scores there: integers change places, a mode at 40 "
    "hours moves to 46, and a limit that knows so is far below what any of the twenty-three shapes of change "
    "can tell. Where ranks move as a normal variable's do, on the same columns, the limit is reached. A "
    "column of few values has a bin for each, cut half-way to the next, so that a value that was never seen "
    "counts as its neighbour: if all zeros become a small number, as in capital-loss, that is seen only by "
    "what happens to the other values. Of categories every one is watched, so a change of one out of many "
    "costs the logarithm of their number, and twice the odds lies between two alternatives."
)
LOSSES: dict[str, str] = {DELAY: SHAPES}


@dataclass(frozen=True)
class Column:
    """One column of a table: its values, or the codes of its categories (the last is for unseen ones)."""

    name: str
    values: Values
    bins: int = 0  # 0: numbers


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each column."""
    found = []
    for folder in FOLDERS:
        if data is None or not (data / folder).is_dir():
            found.append(Task(ROW, f"data absent: {folder}", absent, {"row": ROW, "where": folder}))
            continue
        for name in names(folder)[:: 1 if scale >= QUICK_BELOW else EVERY]:
            arguments = {"data": data, "folder": folder, "name": name, "scale": scale}
            found.append(Task(ROW, f"{folder}: {name}", judged, arguments))
    return found


def judged(data: Path, folder: str, name: str, scale: float) -> list[Record]:
    """Return the records of one column: budget, then delays."""
    column = read(data, folder)[name]
    law = CATEGORIES if column.bins else NUMBERS
    case, seed = f"{folder}: {name}", (FOLDERS.index(folder), names(folder).index(name))
    records = []
    for setting in SETTINGS:
        for pane in PANES:
            still = stream(column, column.values)
            records += null(
                ROW, case, law, still, setting, pane, REFERENCE, THRESHOLD, BUDGET_SCALE * scale, (*seed, pane)
            )
    for change in changes(column, case):
        records += [delayed(change, setting, seed, scale) for setting in SETTINGS]
    return records


def delayed(change: Change, setting: str, seed: tuple[int, ...], scale: float) -> Record:
    """Return how soon a change is seen."""
    runs = max(LEAST_RUNS, round(RUNS * scale))
    case = Case(ROW, change, REFERENCE, THRESHOLD, runs, seed)
    found = urn_delays(change, SETTINGS[setting], 1, REFERENCE, THRESHOLD, runs, seed)
    limit = change.limit(THRESHOLD)
    wanted = R1_BAR * max(limit, FAST) * (1 if SETTINGS[setting] else ALLOWANCE)
    note = "" if limit >= FAST else f"log A / KL is {limit:.2g} events; the bar is for {FAST:g}"
    return case.record(setting, 1, found, np.zeros(0), wanted, note)


def names(folder: str) -> tuple[str, ...]:
    return (*NUMERIC[folder], *TEXTS.get(folder, ()))


# -- columns -----------------------------------------------------------------------------------------------------------


@cache
def read(data: Path, folder: str) -> dict[str, Column]:
    """Return the columns of a folder."""
    if folder == "adult":
        table = readers.adult(data)
    elif folder == "employment_ma":
        both = readers.employment(data)
        table = None if both is None else both[0]
    else:
        table = residuals(readers.elec2(data), readers.bike(data), folder)
    if table is None:
        raise FileNotFoundError(f"{data / folder} has not the files that benchmarks/quality/readers.py reads")
    found = {name: Column(name, table[name][np.isfinite(table[name])]) for name in NUMERIC[folder]}
    for name in TEXTS.get(folder, ()):
        kinds, codes = np.unique(table[name].astype(str), return_inverse=True)
        found[name] = Column(name, codes.astype(np.int64), len(kinds) + 1)
    return found


def residuals(elec2: Table | None, bike: Table | None, folder: str) -> Table | None:
    """Return what profile and autoregression leave of every column."""
    table = elec2 if folder == "elec2" else bike
    if table is None:
        return None
    first = ELEC2_START if folder == "elec2" else 0
    return {name: unexplained(table[name][first:], WEEK[folder]) for name in NUMERIC[folder]}


def unexplained(values: Floats, week: int) -> Floats:
    """Return the residuals of a weekly profile and of an autoregression of order three, both by least squares.

    >>> float(abs(unexplained(np.tile([1.0, 5.0, 2.0], 40), 3)).max())
    0.0
    """
    slot = np.arange(len(values)) % week
    profile = np.bincount(slot, values) / np.bincount(slot)
    rest = values - profile[slot]
    past = np.stack([rest[ORDER - lag : len(rest) - lag] for lag in range(1, ORDER + 1)], axis=1)
    weights = np.linalg.lstsq(past, rest[ORDER:], rcond=None)[0]
    return np.asarray(rest[ORDER:] - past @ weights)


def stream(column: Column, after: Values) -> Stream:
    """Return independent draws from the column, and after the change from `after`."""

    def make(random: np.random.Generator, runs: int) -> Draw:
        def draw(n: int, changed: bool) -> Values:
            source = after if changed else column.values
            return source[random.integers(0, len(source), (runs, n))]

        return draw

    return Stream(f"{column.name} of {len(column.values)} rows", make, column.bins)


# -- changes -----------------------------------------------------------------------------------------------------------


def changes(column: Column, case: str) -> list[Change]:
    """Return the changes a column is put through. Each is given as the values that occur after it, all alike likely."""
    if column.bins:
        return [changed(column, raised_odds(column.values), f"{case}, odds x{ODDS:g}")]
    moved = column.values + SHIFT * column.values.std()
    return [
        changed(column, moved, f"{case} +{SHIFT:g} sd"),
        changed(column, raised_ranks(column.values), f"{case} +{SHIFT:g} normal score"),
    ]


def changed(column: Column, after: Values, name: str) -> Change:
    """Return the change, and how much an event tells of it."""
    law = CATEGORIES if column.bins else NUMBERS
    now, then = shares(column, column.values), shares(column, after)
    return Change(name, law, stream(column, after), divergence=divergence(then, now))


def raised_ranks(values: Floats) -> Floats:
    """Return the values at ranks that have moved as those of a normal variable do.

    >>> raised_ranks(np.arange(8.0)).tolist()
    [1.0, 2.0, 4.0, 5.0, 5.0, 6.0, 7.0, 7.0]
    """
    number = len(values)
    ranks = ndtr(ndtri((np.arange(number) + 0.5) / number) + SHIFT)
    return np.asarray(np.sort(values)[np.minimum((ranks * number).astype(np.intp), number - 1)])


def raised_odds(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the codes with more of one category.

    >>> np.bincount(raised_odds(np.repeat([0, 1], [90, 10]))).tolist()
    [90, 20]
    """
    share = np.bincount(codes) / len(codes)
    of = int(np.abs(share - NEAR).argmin())
    more = codes[codes == of]
    return np.concatenate([codes, *[more] * round(ODDS - 1)])


def shares(column: Column, values: Values) -> Floats:
    """Return how often each bin occurs; numbers get the bins of all rows of the column. What a reference has not seen
    is not impossible: one event more is shared by all bins.
    """
    if column.bins:
        counts = np.bincount(values, minlength=column.bins)
    else:
        edges = binning.derive(*np.unique(binning.universal(column.values), return_counts=True))
        bins = np.searchsorted(edges, binning.universal(values), side="right")
        counts = np.bincount(bins, minlength=len(edges) + 1)
    return np.asarray((counts * REFERENCE / len(values) + 1 / len(counts)) / (REFERENCE + 1))


def divergence(then: Floats, now: Floats) -> float:
    """Return the Kullback-Leibler divergence in nats.

    >>> round(divergence(np.array([0.5, 0.5]), np.array([0.9, 0.1])), 3)
    0.511
    """
    return float((then * np.log(then / now)).sum())
