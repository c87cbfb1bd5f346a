"""Changes put into a copy of the data, to see who notices: `shift:0.5sd@20000:age`.

    shift:0.5sd   every number so many standard deviations higher (or `shift:3`: by so much)
    scale:2       every number so many times as far from the mean
    unit:1000     every number so many times as large
    spikes:0.05   such a share of the numbers five standard deviations higher
    nulls:0.05    such a share of the values missing
    swap          the two most frequent texts change places
    stuck         every value is what the last one before was

Mean, standard deviation and frequency are those of the reference. Without a column a change is put into every column
that it fits.

>>> parse("shift:0.5sd@20000:age")
Injection(kind='shift', size=0.5, row=20000, column='age', relative=True)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.refusal import Refusal
from stream.evaluate.table import NULL, Column, Table

FORM = re.compile(r"(?P<kind>[a-z]+)(?::(?P<size>[^@:]+?)(?P<relative>\s*sd)?)?@(?P<row>[\d_]+)(?::(?P<column>.+))?")
EXAMPLE = "shift:0.5sd@20000 or nulls:0.05@20000:age"
SPIKE_SDS = 5.0  # how far a spike is: the benchmark's
NUMERIC = ("shift", "scale", "unit", "spikes")
SIZED = (*NUMERIC, "nulls")
KINDS = (*SIZED, "swap", "stuck")


@dataclass(frozen=True)
class Injection:
    """One change: what, how much, from which row of the file on, in which column (nothing: wherever it fits)."""

    kind: str
    size: float
    row: int
    column: str = ""
    relative: bool = False  # the size is in standard deviations


def parse(text: str) -> Injection:
    """Read one change. Raises `Refusal`."""
    match = FORM.fullmatch(text.strip())
    if match is None:
        raise Refusal(f"'{text}' is not a change that can be put in; write it like {EXAMPLE}")
    kind, relative = match["kind"], match["relative"] is not None
    if kind not in KINDS:
        raise Refusal(f"'{text}': there is no change '{kind}'; there are {', '.join(KINDS)}")
    if (match["size"] is not None) != (kind in SIZED):
        wrong = f"{kind} wants a size, as in {kind}:2@20000" if kind in SIZED else f"{kind} takes no size"
        raise Refusal(f"'{text}': {wrong}")
    if relative and kind != "shift":
        raise Refusal(f"'{text}': only a shift is given in standard deviations")
    return Injection(
        kind, size_of(text, kind, match["size"] or "0"), int(match["row"]), match["column"] or "", relative
    )


def size_of(text: str, kind: str, digits: str) -> float:
    """How much, refusing what makes no sense."""
    try:
        size = float(digits)
    except ValueError:
        raise Refusal(f"'{text}': '{digits}' is not a number") from None
    if not isfinite(size):
        raise Refusal(f"'{text}': the size must be finite")
    if kind in ("nulls", "spikes") and not 0 < size <= 1:
        raise Refusal(f"'{text}': the share must be above 0 and at most 1")
    if (kind == "shift" and size == 0) or (kind in ("scale", "unit") and size == 1):
        raise Refusal(f"'{text}' changes nothing")
    if kind == "scale" and size < 0:
        raise Refusal(f"'{text}': a scale is not negative")
    return size


def fits(injection: Injection, column: Column) -> bool:
    """Whether a change can be put into a column."""
    if injection.kind in NUMERIC:
        return column.words is None
    return injection.kind != "swap" or column.words is not None


def measured(injection: Injection, column: Column, reference: int) -> bool:
    """Whether the reference of a column tells how large the change is."""
    try:
        if injection.kind == "scale":
            known(column, reference)
        elif injection.kind == "swap":
            two_most_frequent(column, reference)
        elif injection.kind == "spikes" or injection.relative:
            deviation(column, reference)
    except Refusal:
        return False
    return True


def targets(injections: Sequence[Injection], table: Table, reference: int) -> dict[str, list[Injection]]:
    """For every column the changes that go into it: of those without a column's name, into every column that they fit,
    if its reference tells how large they are. Raises `Refusal` for a change that goes nowhere.
    """
    found: dict[str, list[Injection]] = {name: [] for name in table.names}
    for injection in injections:
        if injection.column and injection.column not in table.names:
            raise Refusal(f"column '{injection.column}' of --inject is not among those evaluated: {', '.join(found)}")
        names = [injection.column] if injection.column else list(table.names)
        fitting = [name for name in names if fits(injection, table[name])]
        if not fitting:
            needs = "numbers" if injection.kind in NUMERIC else "texts"
            raise Refusal(f"{injection.kind} needs a column of {needs}, and there is none among: {', '.join(names)}")
        if not injection.column:  # if it is in none, what is said of the first is why
            fitting = [name for name in fitting if measured(injection, table[name], reference)] or fitting
        for name in fitting:
            found[name].append(injection)
    return found


def injected(
    table: Table, by_column: Mapping[str, Sequence[Injection]], reference: int, before: int, seed: int
) -> Table:
    """A copy of the table with the changes in it. `before` rows of the table come before row 0 of the file."""
    columns = []
    for at, column in enumerate(table.columns):
        for order, injection in enumerate(by_column[column.name]):
            random = np.random.default_rng([seed, at, order])
            with np.errstate(over="ignore", invalid="ignore"):  # what becomes too large a number is missing
                column = replace(column, values=changed(column, injection, reference, injection.row + before, random))
        columns.append(column)
    return Table(tuple(columns))


def changed(
    column: Column, injection: Injection, reference: int, row: int, random: np.random.Generator
) -> NDArray[Any]:
    """The values of a column with a change from a row on."""
    values = column.values.copy()
    after = values[row:]
    chosen = random.random(len(after)) < injection.size  # a share of the rows, for those that change a share
    if injection.kind == "nulls":
        after[chosen] = np.nan if column.words is None else NULL
    elif injection.kind == "stuck":
        there = np.flatnonzero(~column.rows(0, row).nulls)
        after[:] = values[there[-1]] if there.size else values[row]
    elif injection.kind == "swap":
        one, other = two_most_frequent(column, reference)
        after[:] = np.where(after == one, other, np.where(after == other, one, after))
    elif injection.kind == "unit":
        after *= injection.size
    elif injection.kind == "scale":
        mean = known(column, reference).mean()
        after[:] = mean + injection.size * (after - mean)
    elif injection.kind == "spikes":
        after[chosen] += SPIKE_SDS * deviation(column, reference)
    else:
        after += injection.size * (deviation(column, reference) if injection.relative else 1.0)
    return values


def deviation(column: Column, reference: int) -> float:
    """The standard deviation of the reference."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = float(known(column, reference).std())
    if not isfinite(found):
        raise Refusal(f"column '{column.name}' has numbers too large to tell how far they spread: give a plain size")
    if found == 0:
        raise Refusal(f"column '{column.name}' does not vary in the reference: it has no standard deviation to move by")
    return found


def known(column: Column, reference: int) -> NDArray[Any]:
    """The values of the reference."""
    values: NDArray[Any] = column.values[:reference][~column.nulls[:reference]]
    if not values.size:
        raise Refusal(f"column '{column.name}' has no values in the reference: there is nothing to measure a change by")
    return values


def two_most_frequent(column: Column, reference: int) -> tuple[int, int]:
    """The two most frequent texts of the reference."""
    words = column.words or ()
    counts = np.bincount(known(column, reference), minlength=len(words))
    if np.count_nonzero(counts) < 2:
        raise Refusal(f"column '{column.name}' has fewer than two values in the reference: there is nothing to swap")
    first, second = np.argsort(-counts, kind="stable")[:2]
    return int(first), int(second)
