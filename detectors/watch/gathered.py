"""What one pane has for one bank: counts by row and bin, gathered flat and written into one array at once.

>>> found = Gathered()
>>> found.add(1, bins=[0, 2], counts=[5, 3], n=8, total=16.0)
>>> found.array((2, 3)).tolist()
[[0, 0, 0], [5, 0, 3]]
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Gathered:
    """Lists that belong together: one entry a stream, and one a bin of a stream."""

    rows: list[int] = field(default_factory=list)
    n: list[int] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    bins: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def add(self, row: int, bins: Sequence[int], counts: Sequence[int], n: int, total: float) -> None:
        """The counts of one stream, and what its ledger is told: how many, and their sum."""
        self.rows.append(row)
        self.n.append(n)
        self.total.append(total)
        self.widths.append(len(bins))
        self.bins += bins
        self.counts += counts

    def array(self, shape: tuple[int, ...]) -> NDArray[np.uint32]:
        """Everything, zeros where there is nothing."""
        array = np.zeros(shape, np.uint32)
        array[np.repeat(self.rows, self.widths), self.bins] = self.counts
        return array
