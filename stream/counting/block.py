"""Rows of one layout in columns: what every fast way from bytes to counts leads to.

Texts stand in the matrix as codes, null among them; a number that is null is NaN.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import getitem
from typing import Any

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from schemas.layout import NUMBER, Layout
from schemas.loose_layout import ABSENT
from stream.counting.cells import ABSENT_CODE, Codes
from stream.counting.columns import Floats, Ints


@dataclass(frozen=True, slots=True)
class Block:
    """Rows; every array is as long as there are rows."""

    whose: Ints  # of each row the place of what it says of whose it is (`Layout.identity`)
    times: dict[str, Any]  # by field: milliseconds, or texts
    weight: Floats | None
    cells: Floats  # [rows, columns of the layout and then its outputs]

    def __len__(self) -> int:
        return self.whose.size

    def only(self, chosen: NDArray[np.bool_]) -> "Block":
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[chosen]
        return Block(self.whose[chosen], {}, weight, self.cells[chosen])


def block(layout: Layout, rows: Sequence[Any], whose: Iterable[Mapping[Any, int]], codes: Codes) -> Block:
    """The columns of rows (`Layout.rows`) of layouts like this one, one conversion for all of them. `whose` has the
    places for each row."""
    return Block(
        whose=np.fromiter(map(getitem, whose, map(layout.identity, rows)), np.int64, len(rows)),
        times={name: list(values(rows)) for name, values in layout.times.items()},
        weight=None if layout.weight is None else np.fromiter(layout.weight(rows), np.float64, len(rows)),
        cells=matrix(layout, rows, codes),
    )


def matrix(layout: Layout, rows: Sequence[Any], codes: Codes) -> Floats:
    """All cells of some rows, [rows, columns and outputs]."""
    parts: list[Any] = []
    code, first = codes.__getitem__, 0
    if layout.packed is not None:
        values, first = layout.packed
        parts.append(np.frombuffer(b"".join(values(rows)), "<f8").reshape(len(rows), first))
    for values, wide in layout.families:
        flat, kinds = flattened(map(astuple, values(rows))), layout.columns[first : first + wide]
        if NUMBER not in kinds:
            flat = list(map(code, flat))
        else:
            for at in (at for at, kind in enumerate(kinds) if kind != NUMBER):
                flat[at::wide] = list(map(code, flat[at::wide]))
        parts.append(np.fromiter(flat, np.float64, len(flat)).reshape(len(rows), wide))
        first += wide
    for output in layout.outputs:
        if output.kind == NUMBER:
            parts.append(np.fromiter(output.values(rows), np.float64, len(rows))[:, None])
        else:
            parts.append(np.fromiter(map(code, output.values(rows)), np.float64, len(rows))[:, None])
    return np.hstack(parts) if parts else np.empty((len(rows), 0))


def lacking(layout: Layout, cells: Floats) -> list[int]:
    """How many of its columns each row of a loose layout lacks. Others lack none."""
    if not layout.loose:
        return []
    mark = np.array([ABSENT if kind == NUMBER else ABSENT_CODE for kind in layout.columns])
    found: list[int] = np.count_nonzero(cells[:, : mark.size] == mark, axis=1).tolist()
    return found


def flattened(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """All values row by row: a list copies a whole row at a time, where `chain` would hand over value by value."""
    flat: list[Any] = []
    deque(map(flat.extend, rows), maxlen=0)
    return flat
