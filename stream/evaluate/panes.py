"""From a table to panes: so many rows each, counted by the very code by which the profile worker counts events.

Rows have no time, so they are given one: a pane a second, or a row a millisecond where panes are larger than that. What
the judge says about time can so be read back as a row.

>>> from stream.evaluate.table import Table, numbers
>>> table = Table((numbers("x", [1.0, 2.0, float("nan"), 4.0, 5.0]),))
>>> [(pane.rows, pane.columns["feature:0"].n) for pane in Panes(table, 2).of(0, 5)]
[(2, 2), (2, 1), (1, 1)]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from schemas.binning import Binning
from schemas.pane import Pane
from schemas.subject import Subject
from stream.counting.binnings import Binnings
from stream.counting.columns import Floats, Ints, count_numbers, count_texts, single
from stream.counting.panes import Counts, Names, edges_of
from stream.counting.texts import Texts
from stream.evaluate.table import Table
from stream.settings import Profile

SUBJECT = Subject(model="file", deployment="file")
FIRST_MS = 1_000_000_000_000  # any time will do
PANE_MS = 1_000
NO_INTS: list[Ints] = [np.zeros(0, np.int64)]  # what pieces are joined to
NO_FLOATS: list[Floats] = [np.zeros(0, np.float64)]
CELLS = 100_000  # counted at once: enough to hide what a call of numpy costs


@dataclass(frozen=True)
class Panes:
    """The panes of a table. What the judge says about bins is learnt, as profile learns it."""

    table: Table
    size: int
    binnings: Binnings = field(default_factory=Binnings)
    naming: Texts = field(default_factory=lambda: Texts(key=b"", public=("*",)))

    @property
    def row_ms(self) -> int:
        """How long a row takes."""
        return max(1, PANE_MS // self.size)

    def when(self, row: int) -> int:
        """The time of a row."""
        return FIRST_MS + row * self.row_ms

    def row(self, time: int) -> int:
        """The row of a time."""
        return (time - FIRST_MS) // self.row_ms

    def learn(self, binning: Binning) -> None:
        """Count a column in its own bins from now on."""
        self.binnings.learn(binning)

    def of(self, first: int, end: int, size: int | None = None) -> Iterator[Pane]:
        """The panes of the rows from `first` up to `end`, of `size` rows (else the usual number); the last may be
        smaller."""
        rows = size or self.size
        at_once = rows * max(1, CELLS // (rows * len(self.table.columns)))
        for start in range(first, end, at_once):
            yield from self._counted(start, min(start + at_once, end), rows)

    def _counted(self, first: int, end: int, size: int) -> Iterator[Pane]:
        names, many = [name_of(at) for at in range(len(self.table.columns))], -(-(end - first) // size)
        binnings = self.binnings.of(SUBJECT)  # as they are now: more may be learnt while these panes are looked at
        own = {group: binnings[name] for group, name in enumerate(names * many) if name in binnings}
        columns = self._counts(first, end, size, edges_of(own)).columns(names * many, own)
        for number in range(many):
            begins, ends = first + number * size, min(first + (number + 1) * size, end)
            found = zip(names, columns[number * len(names) : (number + 1) * len(names)], strict=True)
            pane = Pane(
                subject=SUBJECT,
                at=self.when(ends),
                worker="file",
                rows=ends - begins,
                volume=float(ends - begins),
                since=self.when(begins),
                until=self.when(ends - 1),
                columns={name: column for name, column in found if column is not None},
            )
            pane.spell_out()
            yield pane

    @cached_property
    def _words(self) -> tuple[list[str | bool], list[Ints]]:
        """Every text of the table, and for each column where its own texts are among them."""
        words: dict[str | bool, int] = {}
        places = [
            np.array([words.setdefault(word, len(words)) for word in column.words or ()], np.int64)
            for column in self.table.columns
        ]
        return list(words), places

    def _counts(self, first: int, end: int, size: int, edges: Mapping[int, Ints]) -> Counts:
        """All cells of all panes at once; a group is a column of a pane."""
        wide = len(self.table.columns)
        many = wide * -(-(end - first) // size)
        rows = np.arange(end - first) // size * wide
        words, places = self._words
        number_groups, numbers, text_groups, codes, null_groups = NO_INTS, NO_FLOATS, NO_INTS, NO_INTS, NO_INTS
        for at, column in enumerate(self.table.rows(first, end).columns):
            missing = column.nulls
            groups, values = rows[~missing] + at, column.values[~missing]
            null_groups = [*null_groups, rows[missing] + at]
            if column.words is None:
                number_groups, numbers = [*number_groups, groups], [*numbers, values]
            else:
                text_groups, codes = [*text_groups, groups], [*codes, places[at][values]]
        numeric, textual = np.concatenate(number_groups), np.concatenate(text_groups)
        return Counts(
            numbers=count_numbers([single(numeric, np.concatenate(numbers), many)], many, edges),
            texts=count_texts([single(textual, np.concatenate(codes), many)]).lists(),
            seen=(np.bincount(numeric, minlength=many) + np.bincount(textual, minlength=many)).tolist(),
            nulls=np.bincount(np.concatenate(null_groups), minlength=many).tolist(),
            naming=self.naming,
            names=(Names(words, self.naming, False), Names(words, self.naming, True)),
            distinct=Profile().distinct_values,
        )


def name_of(place: int) -> str:
    """What panes call a column: by its place, for names in files may hold anything."""
    return f"feature:{place}"
