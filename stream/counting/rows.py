"""The rows of one layout in a tally: blocks until the cut, and then one column for all that a field ever held."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.layout import NUMBER, Layout
from schemas.loose_layout import ABSENT
from schemas.prediction import Prediction
from stream.counting.block import Block
from stream.counting.cells import (
    ABSENT_CODE,
    ANSWERED,
    INTS,
    LABEL,
    LATENCY,
    NULL_CODE,
    SCORE,
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
NO_LOT = -1
AT_ONCE = 512  # rows of a matrix that are turned into columns: they stay in the processor's cache


class Identities(dict[Any, int]):
    """What rows of one layout say of whose they are: the place of each among those of all layouts of its shape."""

    def __init__(self, layout: Layout, places: list[tuple[Layout, Any]]) -> None:
        super().__init__()
        self._layout = layout
        self._places = places

    def __missing__(self, who: Any) -> int:
        place = self[who] = len(self._places)
        self._places.append((self._layout, who))
        return place

    def of(self, said: Sequence[Any]) -> Ints:
        """The place of each of them."""
        return np.fromiter(map(self.__getitem__, said), np.int64, len(said))


class Rows:
    """Rows of layouts of one shape, and whose they are."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._places: list[tuple[Layout, Any]] = []
        self._identities: dict[Layout, Identities] = {}
        self._lots: dict[int, Lot] = {}
        self._numbers = np.empty((0, 2), np.int64)  # of each identity that was met: lot, and code of the version
        self._kept: list[tuple[Ints, Ints, Ints, Floats, Floats]] = []  # identities, times, arrivals, weights, cells

    def identities(self, layout: Layout) -> Identities:
        """Of rows of one layout."""
        return self._identities.get(layout) or self._identities.setdefault(layout, Identities(layout, self._places))

    def unmet(self) -> list[tuple[Layout, Any]]:
        """The identities that nothing is known of yet."""
        return self._places[len(self._numbers) :]

    def meet(self, found: Sequence[tuple[Lot, int] | None]) -> None:
        """Learn the lots of the unmet identities, and the codes of their versions; without a lot no row is kept."""
        self._lots |= {lot.id: lot for lot, _ in filter(None, found)}
        numbers = [(each[0].id, each[1]) if each else (NO_LOT, NULL_CODE) for each in found]
        self._numbers = np.concatenate([self._numbers, np.array(numbers, np.int64)])

    def refused(self, block: Block) -> NDArray[np.bool_]:
        """The rows of a block that have no lot."""
        return np.asarray(self._numbers[block.whose, 0] == NO_LOT)

    def add(self, block: Block, ts: Ints, arrived: Ints) -> None:
        """Keep the rows of a block, all of which have a lot."""
        weight = np.ones(len(block)) if block.weight is None else block.weight
        self._kept.append((block.whose, ts, arrived, weight, block.cells))

    @property
    def any(self) -> bool:
        """Whether there are rows."""
        return bool(self._kept)

    def cells(self, role_of: Ints, codes: Codes) -> Cells:
        """Everything that was added, by column. `role_of` is by group."""
        *columns, kept = zip(*self._kept, strict=True)
        whose, ts, arrived, weight = map(np.concatenate, columns)
        ids, (lot_of, version_of) = sorted(self._lots), self._numbers.T
        lots, places = [self._lots[id] for id in ids], np.zeros(ids[-1] + 1, np.int64)
        places[ids] = np.arange(len(ids))
        lot_id, version, rows = lot_of.take(whose), version_of.take(whose), np.arange(whose.size)
        lot = places[lot_id]
        groups = self._groups(lots)
        roles = role_of[groups[0]]
        numeric = np.array([*(kind == NUMBER for kind in self.layout.columns), *self._are_numbers()], np.bool_)
        constant = [version]
        if self._lacks_status():
            constant.append(np.full(lot.size, codes[ANSWERED]))
        numbers, texts = turned(kept, lot.size, numeric, constant)
        textual = np.append(~numeric, np.ones(len(constant), np.bool_))
        numeric = np.append(numeric, np.zeros(len(constant), np.bool_))

        def rows_and_groups(of_numbers: NDArray[np.bool_], of_texts: NDArray[np.bool_]) -> tuple[Ints, Ints]:
            found = marked(of_numbers, lot, groups[:, numeric]), marked(of_texts, lot, groups[:, textual])
            row, group = (np.concatenate(part) for part in zip(*found, strict=True))
            return row, group

        null = rows_and_groups(np.isnan(numbers), texts == NULL_CODE)
        absent = INTS, INTS
        if self.layout.loose:
            absent = rows_and_groups(numbers == ABSENT, texts == ABSENT_CODE)
            numbers[numbers == ABSENT] = np.nan
            texts[texts == ABSENT_CODE] = -1
        texts[texts == NULL_CODE] = -1
        return Cells(
            lot=lot_id,
            ts=ts,
            arrived=arrived,
            weight=weight,
            numbers=[Columns(rows, roles[numeric], Table(lot, groups[:, numeric], numbers))],
            texts=[Columns(rows, roles[textual], Table(lot, groups[:, textual], texts))],
            null_rows=null[0],
            null_groups=null[1],
            absent_rows=absent[0],
            absent_groups=absent[1],
        )

    def _groups(self, lots: list[Lot]) -> Ints:
        """The group of each column in each lot."""
        outputs = [*(ROLES[output.role] for output in self.layout.outputs), VERSION]
        if self._lacks_status():
            outputs.append(STATUS)
        return np.stack([np.concatenate([lot.groups, lot.first + np.array(outputs)]) for lot in lots])

    def _are_numbers(self) -> list[bool]:
        return [output.kind == NUMBER for output in self.layout.outputs]

    def _lacks_status(self) -> bool:
        return self.layout.kind is Prediction and all(output.role != "status" for output in self.layout.outputs)


def turned(kept: Sequence[Floats], many: int, numeric: NDArray[np.bool_], constant: list[Ints]) -> tuple[Floats, Ints]:
    """The columns of numbers, and those of texts with `constant` ones behind them, of so many rows."""
    numbers = np.empty((np.count_nonzero(numeric), many))
    texts = np.empty((np.count_nonzero(~numeric) + len(constant), many), np.int64)
    end = 0
    for cells in kept:
        for first in range(0, len(cells), AT_ONCE):
            part = cells[first : first + AT_ONCE]
            some = slice(end, end := end + len(part))
            numbers[:, some] = part[:, numeric].T
            texts[: -len(constant), some] = part[:, ~numeric].T
    texts[-len(constant) :] = constant
    return numbers, texts


def marked(marks: NDArray[np.bool_], lot: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Row and group of every cell with a mark."""
    column, row = np.divmod(np.flatnonzero(marks), lot.size)  # in one row they are found eight times as fast
    return row, groups[lot[row], column]
