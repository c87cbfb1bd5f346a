"""What one pane has for one bank: counts by row and bin, gathered in lists and written into one array at once.

>>> found = Gathered.of([(1, 8, 16.0, [0, 2], [5, 3])])
>>> found.array((2, 3)).tolist()
[[0, 0, 0], [5, 0, 3]]
>>> nulls = Gathered.of([(1, 8, 3)])
>>> nulls.array((2, 2)).tolist()
[[0, 0], [3, 5]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

# Of one stream: its row, what its ledger is told, how many and their sum, and unless it is a rate the bins and counts.
Entry = tuple[int, int, float] | tuple[int, int, float, Sequence[int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Gathered:
    """One entry a stream in each tuple; those of rates have no bins, for a rate is how many of how many."""

    rows: tuple[int, ...]
    n: tuple[int, ...]
    total: tuple[float, ...]
    bins: tuple[Sequence[int], ...] = ()
    counts: tuple[Sequence[int], ...] = ()

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Gathered:
        """The entries of all streams of a bank."""
        return cls(*zip(*entries, strict=True))

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint32]:
        """Everything, zeros where there is nothing."""
        array = np.zeros(shape, np.uint32)
        if self.bins:
            widths = list(map(len, self.bins))
            many = sum(widths)
            at = np.repeat(self.rows, widths), np.fromiter(chain.from_iterable(self.bins), np.intp, many)
            array[at] = np.fromiter(chain.from_iterable(self.counts), np.uint32, many)
        else:
            yes, rows = np.array(self.total, np.uint32), np.array(self.rows, np.intp)
            array[rows, 0] = yes
            array[rows, 1] = np.array(self.n, np.uint32) - yes
        return array
