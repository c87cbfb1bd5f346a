"""The rows of one layout in a tally: blocks until the cut, and then one column for all that a field ever held."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.layout import NUMBER, Layout
from schemas.pane import family
from schemas.prediction import Prediction
from stream.counting.block import Block
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
    """Rows of one layout, and whose they are."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lots: dict[Any, tuple[Lot, int] | None] = {}  # by identity, with the code of the version; None: too many
        self._kept: list[tuple[Ints, Ints, Ints, Ints, Floats, Floats]] = []

    def add(self, block: Block, ts: Ints, arrived: Ints) -> None:
        """Keep the rows of a block, all of whose identities have a lot."""
        lot, version = np.array([self._numbers(who) for who in block.identities], np.int64).T
        weight = np.ones(len(block)) if block.weight is None else block.weight
        self._kept.append((lot[block.whose], version[block.whose], ts, arrived, weight, block.cells))

    @property
    def any(self) -> bool:
        """Whether there are rows."""
        return bool(self._kept)

    def _numbers(self, who: Any) -> tuple[int, int]:
        """The lot and the version of an identity; anything for one whose rows were not kept."""
        found = self.lots[who]
        return (found[0].id, found[1]) if found else (0, 0)

    def cells(self, codes: Codes) -> Cells:
        """Everything that was added, by column."""
        whose, version, ts, arrived, weight, kept = (np.concatenate(part) for part in zip(*self._kept, strict=True))
        lots = {lot.id: lot for lot, _ in filter(None, self.lots.values())}
        ids = np.array(sorted(lots), np.int64)
        lot, rows = np.searchsorted(ids, whose), np.arange(whose.size)
        roles, groups = self._groups([lots[id] for id in ids.tolist()])
        numeric = np.array([*(kind == NUMBER for kind in self.layout.columns), *self._are_numbers()], np.bool_)
        values = np.ascontiguousarray(kept.T)
        constant = [version]
        if self._lacks_status():
            constant.append(np.full(whose.size, codes[ANSWERED]))
        texts = np.vstack([values[~numeric].astype(np.int64), *constant])
        textual = np.append(~numeric, np.ones(len(constant), np.bool_))
        numeric = np.append(numeric, np.zeros(len(constant), np.bool_))
        null_numbers, null_texts = np.isnan(values[numeric[: len(values)]]), texts == NULL_CODE
        texts[null_texts] = -1
        null_rows, null_groups = zip(
            nulls(null_numbers, lot, groups[:, numeric]), nulls(null_texts, lot, groups[:, textual]), strict=True
        )
        return Cells(
            lot=whose,
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


def nulls(null: NDArray[np.bool_], lot: Ints, groups: Ints) -> tuple[Ints, Ints]:
    """Row and group of every null."""
    column, row = np.nonzero(null)
    return row, groups[lot[row], column]
