"""Rows of one layout as a matrix: one conversion for hundreds of rows, one column for all that a field ever held.

Texts stand in the matrix as codes, null among them; a number that is null is NaN.
"""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from schemas.layout import NUMBER, Layout
from schemas.pane import family
from schemas.prediction import Prediction
from stream.counting.cells import (
    ANSWERED,
    LABEL,
    LATENCY,
    NULL_CODE,
    OTHER,
    SCORE,
    SEGMENT,
    STATUS,
    TRUTH,
    VALUE,
    VERSION,
    Cells,
    Codes,
    Columns,
    Lot,
)
from stream.counting.columns import Floats, Ints, Table

ROLES = {"value": VALUE, "label": LABEL, "score": SCORE, "latency": LATENCY, "status": STATUS, "truth": TRUTH}


class Rows:
    """Rows of one layout. A *place* are those that say the same of whose they are."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.places: dict[Any, int] = {}  # by identity
        self._lots: list[Lot] = []  # of each place
        self._versions: list[int] = []  # of each place the code of its version
        self._kept: list[tuple[Ints, Ints, Ints, Floats, Floats]] = []
        self._weight = layout.field("sample_rate")

    def new_place(self, lot: Lot, version: int) -> int:
        """Number a place."""
        self._lots.append(lot)
        self._versions.append(version)
        return len(self._lots) - 1

    def add(self, rows: Sequence[Any], places: Sequence[int], ts: Ints, arrived: Ints, codes: Codes) -> None:
        """Keep rows as numbers; they may be let go then."""
        weight = np.ones(len(rows)) if self._weight is None else numbers(self._weight, rows)
        self._kept.append((np.array(places, np.int64), ts, arrived, weight, matrix(self.layout, rows, codes)))

    def cells(self, codes: Codes) -> Cells:
        """Everything that was added, by column."""
        place, ts, arrived, weight, kept = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        lots, of_place = np.unique([lot.id for lot in self._lots], return_inverse=True)
        whose = {lot.id: lot for lot in self._lots}
        roles, groups = self._groups([whose[lot] for lot in lots.tolist()])
        lot, rows = of_place[place], np.arange(place.size)
        numeric = np.array([*(kind == NUMBER for kind in self.layout.columns), *self._are_numbers()], np.bool_)
        values = np.ascontiguousarray(kept.T)
        constant = [np.array(self._versions, np.int64)[place]]
        if self._lacks_status():
            constant.append(np.full(place.size, codes[ANSWERED]))
        texts = np.vstack([values[~numeric].astype(np.int64), *constant])
        textual = np.append(~numeric, np.ones(len(constant), np.bool_))
        numeric = np.append(numeric, np.zeros(len(constant), np.bool_))
        null_numbers, null_texts = np.isnan(values[numeric[: len(values)]]), texts == NULL_CODE
        texts[null_texts] = -1
        null_rows, null_groups = zip(
            nulls(null_numbers, lot, groups[:, numeric]), nulls(null_texts, lot, groups[:, textual]), strict=True
        )
        return Cells(
            lot=lots[lot],
            ts=ts,
            arrived=arrived,
            weight=weight,
            numbers=[Columns(rows, roles[numeric], Table(lot, groups[:, numeric], values[numeric[: len(values)]]))],
            texts=[Columns(rows, roles[textual], Table(lot, groups[:, textual], texts))],
            null_rows=np.concatenate(null_rows),
            null_groups=np.concatenate(null_groups),
        )

    def _groups(self, lots: list[Lot]) -> tuple[Ints, Ints]:
        """The role of each column, and its group in each lot."""
        outputs = [*(ROLES[output.role] for output in self.layout.outputs), VERSION]
        if self._lacks_status():
            outputs.append(STATUS)
        named = [SEGMENT if family(name) == "segment" else OTHER for name in lots[0].columns]
        groups = [np.concatenate([lot.groups, lot.first + np.array(outputs)]) for lot in lots]
        return np.array([*named, *outputs]), np.stack(groups)

    def _are_numbers(self) -> list[bool]:
        return [output.kind == NUMBER for output in self.layout.outputs]

    def _lacks_status(self) -> bool:
        return self.layout.kind is Prediction and all(output.role != "status" for output in self.layout.outputs)


def matrix(layout: Layout, rows: Sequence[Any], codes: Codes) -> Floats:
    """All cells of some rows, [rows, columns and outputs]."""
    parts: list[Any] = []
    code, first = codes.__getitem__, 0
    for get, wide in layout.families:
        flat = list(chain.from_iterable(map(astuple, map(get, rows))))
        for at, kind in enumerate(layout.columns[first : first + wide]):
            if kind != NUMBER:
                flat[at::wide] = list(map(code, flat[at::wide]))
        parts.append(np.fromiter(flat, np.float64, len(flat)).reshape(len(rows), wide))
        first += wide
    for output in layout.outputs:
        if output.kind == NUMBER:
            parts.append(numbers(output.get, rows)[:, None])
        else:
            parts.append(np.fromiter(map(code, map(output.get, rows)), np.float64, len(rows))[:, None])
    return np.hstack(parts) if parts else np.empty((len(rows), 0))


def numbers(get: Any, rows: Sequence[Any]) -> Floats:
    """One field of each row."""
    return np.fromiter(map(get, rows), np.float64, len(rows))


def nulls(null: NDArray[np.bool_], lot: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Row and group of every null."""
    column, row = np.nonzero(null)
    return row, groups[lot[row], column]
