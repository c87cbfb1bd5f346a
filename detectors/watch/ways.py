"""Ways: where the counts of a track go. Derived from a track when its rows change, and looked up with every pane.

>>> way = way_of(Track(column="feature:age", form="numbers", edges=[3, 5], rows={"nulls": 4, "values": 2}))
>>> way.nulls, way.values, way.errors
(('nulls', 4), ('numbers', 2), None)
>>> way.counted(Column(n=2, binning="d1be5497e29a", at=[0, 2], counts=[1, 1]))
([0, 2], [1, 1])
>>> way.counted(Column(n=4, at=[-7, 3, 4, 5], counts=[1, 1, 1, 1]))
([0, 1, 2], [1, 2, 1])
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from detectors.binning import UNIVERSAL, Categories
from detectors.watch.banks import name_of
from detectors.watch.finding import Part
from detectors.watch.track import Form, Track
from schemas.pane import Column

Place = tuple[str, int]  # a bank, and a row of it
Bins = tuple[list[int], list[int]]  # those that have counts, and these


@dataclass(frozen=True, slots=True)
class Way:
    """Of one track, for each of its parts, the place in which it is judged."""

    rows: dict[Part, int]  # those of the track: another dict, another way
    form: Form
    binning: str  # of its numbers; nothing if it has none
    edges: list[int]  # of its numbers
    categories: Categories  # of its texts
    nulls: Place | None
    values: Place | None
    errors: Place | None

    def counted(self, column: Column) -> Bins | None:
        """Bins of the track and the column's counts in them; None if there are none, or only of a binning long gone."""
        if self.form == "texts":
            return filled(self.categories, column) if column.texts else None
        if not column.n:
            return None
        if column.binning == self.binning:
            return (column.at, column.counts) if column.at[-1] <= len(self.edges) else None
        return rebinned(column.at, column.counts, self.edges) if column.binning == UNIVERSAL else None


def filled(categories: Categories, column: Column) -> Bins:
    """The bins of texts."""
    counts = categories.bin(column.values, column.other)
    bins = np.flatnonzero(counts)
    return bins.tolist(), counts[bins].tolist()


def rebinned(buckets: list[int], counts: list[int], edges: list[int]) -> Bins:
    """The bins of universal counts. The same as `detectors.binning.rebin`, for lists: of short ones arrays cost more
    than they save.
    """
    bins, sums, first, bin = [], [], 0, 0
    while first < len(buckets):
        bin = bisect_right(edges, buckets[first], bin)
        end = bisect_left(buckets, edges[bin], first) if bin < len(edges) else len(buckets)
        bins.append(bin)
        sums.append(sum(counts[first:end]))
        first = end
    return bins, sums


def way_of(track: Track) -> Way:
    """The way of a track."""
    numbers = track.form == "numbers"
    return Way(
        rows=track.rows,
        form=track.form,
        binning=track.id if numbers else "",
        edges=track.edges,
        categories=track.categories,
        nulls=place(track, "nulls"),
        values=place(track, "values"),
        errors=place(track, "errors"),
    )


def place(track: Track, part: Part) -> Place | None:
    """Where a part of a track is judged, if it is."""
    return (name_of(track, part), track.rows[part]) if part in track.rows else None
