"""Columns become counts: many small groups at once, by counting or sorting, instead of a few numpy calls a group.

A value is in a *column* of a table and belongs to a *place* (the subject, or the slice, that its row is of); both
together are the *group* that it counts for. Groups are small consecutive integers. Rows are put in the order of their
places, once for all columns; a number is counted by its universal bucket, or by the bin of its feature's own that the
bucket lies in.

>>> table = single(np.array([0, 1, 0, 0]), np.array([37.0, 0.24, 37.0, -999.0]), 2)
>>> counted = count_numbers([table], 2, {0: np.array([-5, 5])})
>>> counted.n, counted.seen[0], counted.sum
([3, 1], ([0, 2], [1, 2]), [-925.0, 0.24])
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.binning import KEPT_BITS, universal

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIDDLE = 1 << (KEPT_BITS - 1)  # added to a signed bucket it gives a number that fits below a group
WITHIN = (1 << KEPT_BITS) - 1
NONE = np.int32(np.iinfo(np.int32).max)  # above every bucket
CODE_BITS = 32
WORD = 64
CODE = (1 << CODE_BITS) - 1
SHORT = 1 << 16  # so few places are ordered by a radix sort
AT_ONCE = 1 << 20  # values are counted at once: what is needed besides them is eight times as much
DENSE = 4  # as long as there are not many more possible keys than rows, counting them all is faster than sorting

NOTHING: Ints = np.empty(0, np.int64)
Tallied = tuple[Ints, Ints]  # distinct keys, and how often each occurs
Seen = dict[int, tuple[list[int], list[int]]]  # by group: what was seen in it, ascending, and how often


@dataclass(frozen=True, slots=True)
class Runs:
    """Counts of what was seen, group by group."""

    groups: Ints
    lengths: Ints  # how many different ones were seen in each group
    at: Ints  # what was seen, ascending in each group; or gaps
    counts: Ints

    def lists(self) -> Seen:
        """The same by group."""
        at, counts, ends = self.at.tolist(), self.counts.tolist(), np.cumsum(self.lengths).tolist()
        bounds = pairwise([0, *ends])
        return {group: (at[a:b], counts[a:b]) for group, (a, b) in zip(self.groups.tolist(), bounds, strict=True)}

    def gaps(self) -> "Runs":
        """The same with the first of each group, and of every other how far it is from the one before."""
        gaps, firsts = np.diff(self.at, prepend=0), (np.cumsum(self.lengths) - self.lengths)[self.lengths > 0]
        gaps[firsts] = self.at[firsts]
        return Runs(self.groups, self.lengths, gaps, self.counts)

    def of(self, chosen: NDArray[np.bool_]) -> "Runs":
        """Some of the groups."""
        inside = np.repeat(chosen, self.lengths)
        return Runs(self.groups[chosen], self.lengths[chosen], self.at[inside], self.counts[inside])

    def totals(self, many: int) -> Ints:
        """How many were seen in each of so many groups."""
        found, upto = np.zeros(many, np.int64), np.append(0, np.cumsum(self.counts))
        ends = np.cumsum(self.lengths)
        found[self.groups] = upto[ends] - upto[ends - self.lengths]
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equally many rows. The value of row i in column c counts for the group `groups[place[i], c]`, which
    may be that of other places, too: one subject has rows of several lots."""

    place: Ints  # [rows]
    groups: Ints  # [places, columns]
    values: NDArray[Any]  # [columns, rows]: numbers (NaN: there is none) or codes of texts (-1: there is none)

    def in_order(self) -> "Iterator[tuple[Table, Ints]]":
        """The same table, a few columns at a time, with its rows in the order of their places, and where in it each
        place begins that has any."""
        order = ascending(self.place, len(self.groups))
        moved = bool(np.any(order[1:] < order[:-1]))
        place = self.place[order] if moved else self.place
        starts, many = starts_of_runs(place), max(1, AT_ONCE // place.size)
        for first in range(0, len(self.values), many):
            values = self.values[first : first + many]
            if moved:
                values = np.take(values, order, axis=1)  # unlike `values[:, order]`: column by column
            yield Table(place, self.groups[:, first : first + many], values), starts


Buckets = Callable[[Table, Ints, Mapping[int, Ints]], list[Runs]]


def single(groups: Ints, values: NDArray[Any], many: int) -> Table:
    """Values that each say their group: a table of one column."""
    return Table(groups, np.arange(many)[:, None], values[None, :])


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of every group: how many, their sum and extremes (0 of none), and how many are in which bucket or
    bin."""

    n: list[int]
    sum: list[float]
    min: list[float]
    max: list[float]
    seen: Seen  # by gaps


def add_up(table: Table, starts: Ints, n: Ints, total: Floats, low: Floats, high: Floats) -> None:
    """Add how many numbers there are, their sum and their extremes to those of their groups."""
    values, groups = table.values, table.groups[table.place[starts]].T
    there = ~np.isnan(values)
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(n, groups, np.add.reduceat(there, starts, axis=1, dtype=np.int64))
        np.add.at(total, groups, np.add.reduceat(np.where(there, values, 0.0), starts, axis=1))
        np.fmin.at(low, groups, np.fmin.reduceat(values, starts, axis=1))
        np.fmax.at(high, groups, np.fmax.reduceat(values, starts, axis=1))


def buckets(table: Table, starts: Ints, edges: Mapping[int, Ints]) -> list[Runs]:
    """The counts of a table's numbers, by bucket or bin."""
    at, there = universal(table.values), ~np.isnan(table.values)
    rank = np.repeat(np.arange(starts.size), np.diff(starts, append=table.place.size))
    low = np.where(there, at, MIDDLE).min(axis=1).astype(np.int64)
    wide = np.where(there, at, -MIDDLE).max(axis=1) - low + 1
    narrow = wide * starts.size <= DENSE * rank.size
    groups = table.groups[table.place[starts]]
    found: list[Runs] = []
    for column in np.flatnonzero(narrow & (wide > 0)):
        mine, whose = there[column], groups[:, column]
        found.append(by_counting(at[column][mine], rank[mine], low[column], int(wide[column]), whose))
    if not narrow.all():
        found.append(by_sorting(at[~narrow], there[~narrow], starts, groups[:, ~narrow].T.ravel()))
    return [runs for each in found for runs in in_bins(each, edges)]


def by_counting(at: Ints, rank: Ints, low: Ints, wide: int, groups: Ints) -> Runs:
    """Numbers of one column whose buckets lie close together, so many of them from the lowest: each is counted."""
    counts = np.bincount(rank * wide + (at - low) if groups.size > 1 else at - low)
    distinct = np.flatnonzero(counts)
    rank, at = np.divmod(distinct, wide)
    return Runs(groups, np.bincount(rank, minlength=groups.size), at + low, counts[distinct])


def by_sorting(at: NDArray[np.int32], there: NDArray[np.bool_], starts: Ints, groups: Ints) -> Runs:
    """Numbers of columns with buckets far apart: they are sorted, and runs are counted. Place by place: many short
    sorts are ten times as fast as a long one."""
    keys = np.where(there, at, NONE)
    for first, end in pairwise([*starts.tolist(), keys.shape[1]]):
        keys[:, first:end].sort(axis=1)
    changes = np.ones(keys.shape, np.bool_)
    np.not_equal(keys[:, 1:], keys[:, :-1], out=changes[:, 1:])
    changes[:, starts] = True  # a run ends with its place
    first = np.flatnonzero(changes)
    counts, distinct = np.diff(first, append=keys.size), np.take(keys, first)
    begins = np.arange(len(keys))[:, None] * keys.shape[1] + starts
    runs = lengths_of_runs(first, begins.ravel())
    kept = distinct != NONE
    return Runs(groups, runs - ~kept[np.cumsum(runs) - 1], distinct[kept].astype(np.int64), counts[kept])


def in_bins(runs: Runs, edges: Mapping[int, Ints]) -> list[Runs]:
    """The same by bin where a group has edges of its own."""
    own = [edges.get(group, NOTHING) for group in runs.groups.tolist()] if edges else []
    binned = np.array([cuts.size > 0 for cuts in own], np.bool_)
    if not binned.any():
        return [runs]
    if binned.all():
        return [into_bins(runs, own)]
    return [into_bins(runs.of(binned), list(compress(own, binned))), runs.of(~binned)]


def count_numbers(
    tables: Sequence[Table],
    many: int,
    edges: Mapping[int, Ints],
    count: Buckets = buckets,
    seen_as: Callable[[Runs], Seen] = Runs.lists,
) -> Numbers:
    """Count the numbers of `many` groups: by universal bucket, or by bin where a group has `edges` of its own. What was
    seen leaves its arrays a million values at a time; but groups that are in several pieces wait for all of them."""
    n, total = np.zeros(many, np.int64), np.zeros(many)
    low, high = np.full(many, np.inf), np.full(many, -np.inf)
    seen: Seen = {}
    apart, waiting = in_several_pieces(tables, many), list[Tallied]()
    for table in tables:
        if not table.values.size:
            continue
        for ordered, starts in table.in_order():
            add_up(ordered, starts, n, total, low, high)
            for runs in count(ordered, starts, edges):
                waits = apart[runs.groups]
                if waits.any():
                    waiting.append(keyed(runs.of(waits)))
                    runs = runs.of(~waits)
                seen |= seen_as(runs.gaps())
    if waiting:
        keys, counts = merged(waiting)
        seen |= seen_as(by_group(keys >> KEPT_BITS, (keys & WITHIN) - MIDDLE, counts).gaps())
    low[n == 0] = high[n == 0] = 0
    return Numbers(
        n=n.tolist(),
        sum=np.nan_to_num(total).tolist(),  # the largest number there is, or 0 if it overflowed both ways
        min=low.tolist(),
        max=high.tolist(),
        seen=seen,
    )


def keyed(runs: Runs) -> Tallied:
    """The same with one key for group and bucket."""
    return np.repeat(runs.groups << KEPT_BITS, runs.lengths) + (runs.at + MIDDLE), runs.counts


def into_bins(runs: Runs, edges: Sequence[Ints]) -> Runs:
    """Bins instead of buckets, by the edges of each group. The few edges are looked up among the many buckets, by one
    search for all groups; what lies between two of them is in one bin."""
    lengths, turns = np.fromiter(map(len, edges), np.int64, len(edges)), np.arange(len(edges)) << KEPT_BITS
    cuts = np.searchsorted(np.repeat(turns, runs.lengths) + runs.at, np.repeat(turns, lengths) + np.concatenate(edges))
    firsts, upto = np.cumsum(lengths) - lengths, np.append(0, np.cumsum(runs.counts))
    bounds = np.append(np.insert(cuts, firsts, np.cumsum(runs.lengths) - runs.lengths), runs.at.size)
    many, firsts = np.diff(upto[bounds]), firsts + np.arange(len(edges))  # a group has a bin more than edges
    seen = np.flatnonzero(many)
    bins = seen - np.repeat(firsts, lengths + 1)[seen]
    return Runs(runs.groups, lengths_of_runs(seen, firsts), bins, many[seen])


def merged(found: Sequence[Tallied]) -> Tallied:
    """Keys and their counts as one ascending row of keys, each once."""
    keys, counts = (np.concatenate(part) for part in zip(*found, strict=True))
    if not keys.size:
        return keys, counts
    bits = int(counts.max()).bit_length()
    if int(keys.max()).bit_length() + bits < WORD:  # one sort of both is faster than finding an order
        both = np.sort(keys << bits | counts, kind="stable")  # they are a few ascending rows: this sort sees that
        keys, counts = both >> bits, both & ((1 << bits) - 1)
    else:
        order = np.argsort(keys, kind="stable")
        keys, counts = keys[order], counts[order]
    first = starts_of_runs(keys)
    return keys[first], np.add.reduceat(counts, first)


def in_several_pieces(tables: Sequence[Table], many: int) -> NDArray[np.bool_]:
    """Which groups have rows of more than one column of a table, or of one place of it."""
    pieces = np.zeros(many, np.int64)
    for table in tables:
        there = np.flatnonzero(np.bincount(table.place, minlength=len(table.groups)))
        np.add.at(pieces, table.groups[there], 1)
    return pieces > 1


def count_texts(tables: Sequence[Table]) -> Runs:
    """Count the codes of texts, group by group."""
    found = [codes(table) for table in tables if table.values.size]
    keys, counts = merged(found) if found else (NOTHING, NOTHING)
    return by_group(keys >> CODE_BITS, keys & CODE, counts)


def codes(table: Table) -> Tallied:
    """The distinct keys of a table's texts, group above code, and how often each occurs."""
    wide, rows = table.values.shape
    vocabulary = int(table.values.max()) + 2  # and one for none
    key = table.values + (table.place * vocabulary + 1)
    size = len(table.groups) * vocabulary
    if size <= DENSE * rows:
        counts = np.concatenate([np.bincount(column, minlength=size) for column in key])
        distinct = np.flatnonzero(counts)
        counts, column = counts[distinct], distinct // size
        distinct -= column * size
    else:
        alone = [np.unique(column, return_counts=True) for column in key]
        column = np.repeat(np.arange(wide), [each.size for each, _ in alone])
        distinct, counts = (np.concatenate(part) for part in zip(*alone, strict=True))
    code = distinct % vocabulary - 1
    there = code >= 0
    groups = table.groups[distinct[there] // vocabulary, column[there]]
    return (groups << CODE_BITS) + code[there], counts[there]


def ascending(place: Ints, many: int) -> Ints:
    """The order of rows by their place, of which there are so many; rows of one place stay as they are."""
    return np.argsort(place.astype(np.uint16) if many <= SHORT else place, kind="stable")


def starts_of_runs(keys: Ints) -> Ints:
    """Where in a row of keys a new one begins."""
    changes = np.ones(keys.size, np.bool_)
    np.not_equal(keys[1:], keys[:-1], out=changes[1:])
    return np.flatnonzero(changes)


def lengths_of_runs(places: Ints, begins: Ints) -> Ints:
    """How many of some ascending places there are from each beginning to the next."""
    return np.diff(np.searchsorted(places, begins), append=places.size)


def by_group(whose: Ints, at: Ints, counts: Ints) -> Runs:
    """Counts of groups that each lie together."""
    first = starts_of_runs(whose)
    return Runs(whose[first], np.diff(first, append=whose.size), at, counts)
