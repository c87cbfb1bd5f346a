"""What one pane has for one bank: counts by row and bin, gathered in a list and written into one array at once.

>>> found = Gathered()
>>> found.add(1, bins=[0, 2], counts=[5, 3], n=8, total=16.0)
>>> found.array((2, 3)).tolist()
[[0, 0, 0], [5, 0, 3]]
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

Entry = tuple[int, Sequence[int], Sequence[int], int, float]  # row, bins, counts, how many, their sum


@dataclass(slots=True)
class Gathered:
    """One entry a stream."""

    entries: list[Entry] = field(default_factory=list)

    def add(self, row: int, bins: Sequence[int], counts: Sequence[int], n: int, total: float) -> None:
        """The counts of one stream, and what its ledger is told: how many, and their sum."""
        self.entries.append((row, bins, counts, n, total))

    def told(self) -> tuple[list[int], list[int], list[float]]:
        """What ledgers are told: rows, how many, their sums."""
        return [entry[0] for entry in self.entries], [entry[3] for entry in self.entries], [e[4] for e in self.entries]

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint32]:
        """Everything, zeros where there is nothing."""
        rows, bins, counts, _, _ = zip(*self.entries, strict=True)
        widths = [len(one) for one in bins]
        many = sum(widths)
        array = np.zeros(shape, np.uint32)
        at = np.repeat(rows, widths), np.fromiter(chain.from_iterable(bins), np.intp, many)
        array[at] = np.fromiter(chain.from_iterable(counts), np.uint32, many)
        return array
