"""Burn-in: the first few hundred values of a column, at universal resolution, from which its own bins are derived.

What a column holds, numbers or texts, is what most of its first values are; the rest are type errors from then on.

>>> first = add(BurnIn(), Column(n=3, sum=6.0, min=1.0, max=3.0, at=[2096128, 2097152], counts=[2, 1]))
>>> first.numbers, first.texts
(3, 0)
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.binning import UNIVERSAL, Categories, derive, derive_categories, rebin
from schemas.pane import Column

MOST_NAMES = 2_000  # a column with more distinct texts than this has a long tail: which ones are kept no longer matters


class BurnIn(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of everything seen so far."""

    buckets: dict[int, int] = {}
    names: dict[str, int] = {}
    other: int = 0
    sum: float = 0.0  # of the numbers

    @property
    def numbers(self) -> int:
        """How many numbers were seen."""
        return sum(self.buckets.values())

    @property
    def texts(self) -> int:
        """How many texts were seen."""
        return sum(self.names.values()) + self.other


def add(burn_in: BurnIn, column: Column) -> BurnIn:
    """The counts with those of one more pane. Compact counts of an older binning cannot be read back: left out."""
    if not column.n and not column.values and not column.other:  # a name that came once is absent for ever
        return burn_in
    buckets, names, other = dict(burn_in.buckets), dict(burn_in.names), burn_in.other + column.other
    total = burn_in.sum
    if column.binning == UNIVERSAL:
        total += column.sum
        for bucket, count in zip(column.at, column.counts, strict=True):
            buckets[bucket] = buckets.get(bucket, 0) + count
    for name, count in column.values.items():
        if name in names or len(names) < MOST_NAMES:
            names[name] = names.get(name, 0) + count
        else:
            other += count
    return BurnIn(buckets=buckets, names=names, other=other, sum=total)


def number_bins(burn_in: BurnIn) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Edges of the column's own bins, and the counts of the burn-in between them."""
    buckets = np.fromiter(burn_in.buckets.keys(), np.int32, len(burn_in.buckets))
    counts = np.fromiter(burn_in.buckets.values(), np.int64, len(burn_in.buckets))
    edges = derive(buckets, counts)
    return edges, rebin(buckets, counts, edges)


def text_bins(burn_in: BurnIn) -> tuple[Categories, NDArray[np.int64]]:
    """The column's categories, and the counts of the burn-in in them.

    What was seen has a bin because it was seen, so the bin of the unseen is empty by construction, however often new
    names come. It counts as many events as there are names that came once, which is how many of as many further
    events are expected to bring a new name (Turing's estimate: Good, "The population frequencies of species", 1953).
    """
    categories = derive_categories(burn_in.names)
    counts = categories.bin(burn_in.names, burn_in.other)
    if not categories.tails:
        counts[-1] += sum(1 for count in burn_in.names.values() if count == 1)
    return categories, counts
