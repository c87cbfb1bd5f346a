"""A table: columns of numbers or of texts, as arrays, so that whole files can be counted at once.

>>> age = numbers("age", [41.0, float("nan")])
>>> plan = texts("plan", ["pro", "free", None, "pro"])
>>> age.nulls.tolist(), plan.values.tolist(), plan.words
([False, True], [0, 1, -1, 0], ('pro', 'free'))
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.evaluate.refusal import Refusal

NULL = -1  # the code of a text that is missing


@dataclass(frozen=True, eq=False)
class Column:
    """One column. Numbers: doubles, NaN where there is none. Texts: positions in `words`, -1 where there is none."""

    name: str
    values: NDArray[Any]
    words: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def nulls(self) -> NDArray[np.bool_]:
        """Where there is no value."""
        missing = np.isnan(self.values) if self.words is None else self.values == NULL
        return np.asarray(missing)

    def rows(self, first: int, end: int | None = None) -> "Column":
        """The column from one row up to another."""
        return replace(self, values=self.values[first:end])


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of equal length."""

    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(column.name for column in self.columns)

    def __getitem__(self, name: str) -> Column:
        return self.columns[self.names.index(name)]

    def rows(self, first: int, end: int | None = None) -> "Table":
        """The rows from one up to another."""
        return Table(tuple(column.rows(first, end) for column in self.columns))

    def at(self, rows: NDArray[np.int64]) -> "Table":
        """These rows, in this order."""
        return Table(tuple(replace(column, values=column.values[rows]) for column in self.columns))

    def only(self, names: Sequence[str]) -> "Table":
        """The table with these columns only."""
        return Table(tuple(self[name] for name in names))


def numbers(name: str, values: Iterable[float]) -> Column:
    """A column of numbers. What is not finite is missing: so it is in events, too."""
    held = np.array(values if isinstance(values, np.ndarray) else list(values), np.float64)
    held[~np.isfinite(held)] = np.nan
    return Column(name, held)


def texts(name: str, values: Iterable[str | None]) -> Column:
    """A column of texts."""
    codes: dict[str, int] = {}
    held = [NULL if value is None else codes.setdefault(value, len(codes)) for value in values]
    return Column(name, np.array(held, np.int64), tuple(codes))


def joined(before: Table, after: Table) -> Table:
    """Two tables with the same columns, one below the other."""
    return Table(tuple(_joined(before[name], after[name]) for name in after.names))


def _joined(before: Column, after: Column) -> Column:
    if before.words is None and after.words is None:
        return Column(after.name, np.concatenate([before.values, after.values]))
    if before.words is None or after.words is None:
        if before.nulls.all():
            before = replace(before, values=np.full(len(before), NULL, np.int64), words=())
            return _joined(before, after)
        form = {True: "numbers", False: "texts"}
        raise Refusal(
            f"column '{after.name}' holds {form[before.words is None]} in the reference and "
            f"{form[after.words is None]} in the file: what is compared must be of one kind"
        )
    codes = {word: code for code, word in enumerate(before.words)}
    moved = np.array([*(codes.setdefault(word, len(codes)) for word in after.words), NULL], np.int64)
    return Column(after.name, np.concatenate([before.values, moved[after.values]]), tuple(codes))
