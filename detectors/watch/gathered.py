"""What one pane has for one bank: counts by row and bin, gathered in lists and written into one array at once.

>>> found = Gathered()
>>> found.add(1, n=8, total=16.0, bins=[0, 2], counts=[5, 3])
>>> found.array((2, 3)).tolist()
[[0, 0, 0], [5, 0, 3]]
>>> nulls = Gathered()
>>> nulls.add(1, n=8, total=3)
>>> nulls.array((2, 2)).tolist()
[[0, 0], [3, 5]]
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Gathered:
    """One entry a stream in each list; those of rates have no bins, for a rate is how many of how many."""

    rows: list[int] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    bins: list[Sequence[int]] = field(default_factory=list)
    counts: list[Sequence[int]] = field(default_factory=list)

    def add(
        self, row: int, n: int, total: float, bins: Sequence[int] | None = None, counts: Sequence[int] = ()
    ) -> None:
        """One stream: what its ledger is told, how many and their sum, and unless it is a rate the counts by bin."""
        self.rows.append(row)
        self.n.append(n)
        self.total.append(total)
        if bins is not None:
            self.bins.append(bins)
            self.counts.append(counts)

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
