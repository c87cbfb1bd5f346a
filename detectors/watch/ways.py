"""Ways: where the counts of a track go. Derived from a track when its rows change, and looked up with every pane.

>>> way = way_of(Track(column="feature:age", form="numbers", edges=[3, 5], rows={"nulls": 4, "values": 2}))
>>> way.nulls, way.values, way.errors
(('nulls', 4), ('numbers', 2), None)
>>> way.compact(Column(n=2, binning="d1be5497e29a", at=[0, 2], counts=[1, 1]))
True
"""

from dataclasses import dataclass

from detectors.watch.banks import name_of
from detectors.watch.finding import Part
from detectors.watch.track import Form, Track
from schemas.pane import Column

Place = tuple[str, int]  # a bank, and a row of it


@dataclass(frozen=True, slots=True)
class Way:
    """Of one track, for each of its parts, the place in which it is judged."""

    rows: dict[Part, int]  # those of the track: another dict, another way
    form: Form
    binning: str  # of its numbers; nothing if it has none
    last: int  # bin of numbers
    nulls: Place | None
    values: Place | None
    errors: Place | None

    def compact(self, column: Column) -> bool:
        """Whether numbers are counted in the track's own bins: as they should be, and need no conversion."""
        return column.binning == self.binning and column.n > 0 and column.at[-1] <= self.last


def way_of(track: Track) -> Way:
    """The way of a track."""
    numbers = track.form == "numbers"
    return Way(
        rows=track.rows,
        form=track.form,
        binning=track.id if numbers else "",
        last=len(track.edges),
        nulls=place(track, "nulls"),
        values=place(track, "values"),
        errors=place(track, "errors"),
    )


def place(track: Track, part: Part) -> Place | None:
    """Where a part of a track is judged, if it is."""
    return (name_of(track, part), track.rows[part]) if part in track.rows else None
