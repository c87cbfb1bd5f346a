"""Cells become counts: many small groups at once, by one sort, as a radix would, instead of one numpy call a group.

A *cell* is one value of one row; its *group* is the column of the subject (or of the slice) that it counts for. Groups
are small consecutive integers. The key of a number is its group above the 22 bits of its universal bucket, so that one
sort orders a whole transaction, and runs of equal keys are the counts; bins of a feature's own are found for all
groups by one binary search.

>>> groups, values = np.array([0, 1, 0, 0]), np.array([37.0, 0.24, 37.0, -999.0])
>>> counted = count_numbers(groups, values, 2, {0: np.array([-5, 5])})
>>> counted.n, counted.runs.of(0), counted.sum
([3, 1], ([0, 2], [1, 2]), [-925.0, 0.24])
"""

from collections.abc import Mapping
from dataclasses import dataclass
from sys import float_info

import numpy as np
from numpy.typing import NDArray

from detectors.binning import KEPT_BITS, universal

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIDDLE = 1 << (KEPT_BITS - 1)  # added to a signed bucket it gives a number that fits below a group
WITHIN = (1 << KEPT_BITS) - 1
NARROW = 1 << (32 - KEPT_BITS)  # so few groups fit into 32-bit keys, which sort almost twice as fast
CODE_BITS = 32


@dataclass(frozen=True, slots=True)
class Runs:
    """Counts of what was seen, group by group: those of group g lie from `starts[g]` to `starts[g + 1]`."""

    starts: list[int]
    at: list[int]
    counts: list[int]

    def of(self, group: int) -> tuple[list[int], list[int]]:
        """What was seen in a group, ascending, and how often."""
        first, last = self.starts[group], self.starts[group + 1]
        return self.at[first:last], self.counts[first:last]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of every group: how many, their sum and extremes, and their counts by bucket or bin."""

    n: list[int]
    sum: list[float]
    min: list[float]
    max: list[float]
    runs: Runs


def count_numbers(groups: Ints, values: Floats, many: int, edges: Mapping[int, Ints]) -> Numbers:
    """Count finite `values` of `many` groups: by universal bucket, or by bin where a group has `edges` of its own."""
    with np.errstate(over="ignore"):
        total = np.bincount(groups, values, many)
    low, high = np.full(many, np.inf), np.full(many, -np.inf)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    keys = groups << KEPT_BITS
    keys += universal(values)
    keys += MIDDLE
    distinct, counts = runs(sorted_keys(keys, many))
    whose, at = distinct >> KEPT_BITS, (distinct & WITHIN) - MIDDLE
    if edges:
        into_bins(distinct, whose, at, many, edges)
        counts = np.add.reduceat(counts, first := starts_of_runs((whose << KEPT_BITS) + at)) if counts.size else counts
        whose, at = (whose[first], at[first]) if counts.size else (whose, at)
    return Numbers(
        n=np.bincount(groups, minlength=many).tolist(),
        sum=np.clip(total, -float_info.max, float_info.max).tolist(),
        min=low.tolist(),
        max=high.tolist(),
        runs=by_group(whose, at, counts, many),
    )


def into_bins(keys: Ints, whose: Ints, at: Ints, many: int, edges: Mapping[int, Ints]) -> None:
    """Replace in `at` the buckets of the groups that have edges by their bins: one search finds them all."""
    owners = np.array(sorted(edges), np.int64)
    lengths = np.array([len(edges[int(group)]) for group in owners], np.int64)
    cuts = np.concatenate([edges[int(group)] for group in owners]) + MIDDLE + np.repeat(owners << KEPT_BITS, lengths)
    before, binned = np.zeros(many, np.int64), np.zeros(many, np.bool_)
    before[owners], binned[owners] = np.cumsum(lengths) - lengths, True
    own = binned[whose]
    at[own] = np.searchsorted(cuts, keys[own], side="right") - before[whose[own]]


def count_texts(groups: Ints, codes: Ints, many: int) -> Runs:
    """Count the codes of texts, group by group."""
    distinct, counts = runs(np.sort((groups << CODE_BITS) + codes))
    return by_group(distinct >> CODE_BITS, distinct & ((1 << CODE_BITS) - 1), counts, many)


def sorted_keys(keys: Ints, many: int) -> Ints:
    """The keys in ascending order."""
    if many <= NARROW:
        return np.sort(keys.astype(np.uint32)).astype(np.int64)
    return np.sort(keys)


def runs(keys: Ints) -> tuple[Ints, Ints]:
    """The distinct keys among sorted ones, and how often each occurs."""
    first = starts_of_runs(keys)
    return keys[first], np.diff(first, append=keys.size)


def starts_of_runs(keys: Ints) -> Ints:
    """Where in a row of keys a new one begins."""
    changes = np.ones(keys.size, np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=changes[1:])
    return np.flatnonzero(changes)


def by_group(whose: Ints, at: Ints, counts: Ints, many: int) -> Runs:
    """Lists, because the rest is written out one column at a time."""
    starts = np.searchsorted(whose, np.arange(many + 1))
    return Runs(starts.tolist(), at.tolist(), counts.tolist())
