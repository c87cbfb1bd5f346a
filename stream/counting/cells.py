"""The cells of a tally: every value of every row, in tables of columns, with what role its column plays.

A *group* is a column of a subject, and a *lot* are the rows of one subject that have the same columns.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.loose_layout import ABSENT
from stream.counting.columns import Floats, Ints, Table, single

# Every subject (and every slice of it) has these columns at these distances from its first group.
OUTPUTS = ("prediction:value", "prediction:label", "prediction:score", "latency:ms", "status:status", "label:value")
VALUE, LABEL, SCORE, LATENCY, STATUS, TRUTH = range(len(OUTPUTS))
VERSION = len(OUTPUTS)  # counted like a text, shown as `versions`
FIXED = (*OUTPUTS, "version")
OTHER, SEGMENT = -1, -2  # roles of the groups that are neither an output nor the version

ANSWERED, UNVERSIONED = "ok", "unversioned"  # the status and the version of rows that do not say theirs
NULL_CODE, ABSENT_CODE = 0, 1  # null is a text here, and so is nothing at all

SMALL, FEW = 2_048, 4  # tables of fewer rows are made one if there are more than a few

INTS: Ints = np.empty(0, np.int64)
FLOATS: Floats = np.empty(0, np.float64)


class Places(dict[Any, int]):
    """A number for everything that is different, in the order of their coming."""

    def __missing__(self, thing: Any) -> int:
        place = self[thing] = len(self)
        return place


class Codes(Places):
    """A number for every distinct text."""

    def __init__(self) -> None:
        super().__init__({None: NULL_CODE, ABSENT: ABSENT_CODE})


class Lot:
    """Rows of one subject (its sheet) that have the same columns in the same order."""

    __slots__ = ("embedded", "first", "groups", "id", "sheet", "width")

    def __init__(self, id: int, sheet: int, groups: list[int], first: int) -> None:
        self.id = id
        self.sheet = sheet
        self.first = first  # group of the first output
        self.groups = np.array(groups, np.int64)
        self.width = len(groups)
        self.embedded: dict[str, int] = {}  # the first group of each embedding


class Columns(NamedTuple):
    """Columns of a table, the rows of the tally that its rows are, and the role of each column."""

    rows: Ints
    roles: Ints
    table: Table

    def of(self, chosen: NDArray[np.bool_]) -> "Columns":
        """Some of the columns."""
        place, groups, values = self.table.place, self.table.groups, self.table.values
        return Columns(self.rows, self.roles[chosen], Table(place, groups[:, chosen], values[chosen]))


class Cells(NamedTuple):
    """Rows, numbered from 0, and all their cells."""

    lot: Ints
    ts: Ints
    arrived: Ints
    weight: Floats
    numbers: list[Columns]
    texts: list[Columns]
    null_rows: Ints
    null_groups: Ints
    absent_rows: Ints  # of rows of a lot that do not all have its columns: what they lack
    absent_groups: Ints


def together(parts: list[Cells], groups: int) -> Cells:
    """The cells of several parts as those of one, whose rows follow upon one another. There are so many `groups`."""
    firsts = np.cumsum([0, *(part.lot.size for part in parts)]).tolist()

    def moved(name: str, none: float) -> list[Columns]:
        large: list[Columns] = []
        small: list[Columns] = []
        for part, first in zip(parts, firsts, strict=False):
            columns = [column._replace(rows=column.rows + first) for column in getattr(part, name)]
            (small if part.lot.size < SMALL else large).extend(columns)
        return large + (by_role(small, none, groups) if len(small) > FEW else small)

    def joined(name: str) -> Ints:
        return np.concatenate([INTS, *(getattr(part, name) for part in parts)])

    def of_row(name: str) -> Ints:
        return np.concatenate(
            [INTS, *(getattr(part, name) + first for part, first in zip(parts, firsts, strict=False))]
        )

    return Cells(
        lot=joined("lot"),
        ts=joined("ts"),
        arrived=joined("arrived"),
        weight=np.concatenate([FLOATS, *(part.weight for part in parts)]),
        numbers=moved("numbers", np.nan),
        texts=moved("texts", -1),
        null_rows=of_row("null_rows"),
        null_groups=joined("null_groups"),
        absent_rows=of_row("absent_rows"),
        absent_groups=joined("absent_groups"),
    )


def by_role(columns: list[Columns], none: float, groups: int) -> list[Columns]:
    """The same cells as one column for each role: a thousand small tables cost a thousand times as much as one."""
    found: dict[int, list[tuple[Ints, Ints, NDArray[Any]]]] = {}
    for column in columns:
        table = column.table
        for role in set(column.roles.tolist()):
            mine = column.of(column.roles == role).table
            there = (mine.values == mine.values) & (mine.values != none)
            rows = np.broadcast_to(column.rows, there.shape)[there]
            found.setdefault(role, []).append((rows, mine.groups[table.place].T[there], mine.values[there]))
    joined = {role: [np.concatenate(part) for part in zip(*cells, strict=True)] for role, cells in found.items()}
    return [
        Columns(rows, np.array([role]), single(whose, values, groups)) for role, (rows, whose, values) in joined.items()
    ]
