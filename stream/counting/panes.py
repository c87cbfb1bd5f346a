"""A tally becomes panes: per subject the counts of its columns, and of its outputs once more for each of its slices.

Everything is counted at once for all subjects (`columns.py`); here the counts are handed out. Numbers and texts of
a slice's outputs are counted by the same sort as all others: their groups lie behind those of the subjects.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from operator import or_
from sys import float_info

import numpy as np

from detectors.binning import UNIVERSAL
from schemas.pane import Column, Pane, Slice
from stream.counting.binnings import Binnings, Own
from stream.counting.cells import FIXED, OUTPUTS, VERSION, Cells, Columns
from stream.counting.columns import Ints, Numbers, Seen, Table, count_numbers, count_texts
from stream.counting.native import Ways
from stream.counting.slices import REST, Slices, nulls, sliced
from stream.counting.tally import Sheet, Tally
from stream.counting.texts import Texts
from stream.counting.written import written
from stream.settings import Profile

NOTHING: tuple[list[int], list[int]] = ([], [])
NO_VALUES: dict[str, int] = {}


class Names(dict[int, str]):
    """The names of texts by their code, each found when it is first needed."""

    def __init__(self, words: list[str | bool], naming: Texts, public: bool) -> None:
        super().__init__()
        self._words, self._naming, self._public = words, naming, public

    def __missing__(self, code: int) -> str:
        name = self[code] = self._naming.called(self._words[code], public=self._public)
        return name


@dataclass(frozen=True, slots=True)
class Counts:
    """All counts of a tally, by group, and what is needed to write them out."""

    numbers: Numbers
    texts: Seen
    seen: list[int]  # numbers and texts
    nulls: list[int]
    naming: Texts
    names: tuple[Names, Names]  # private ones, public ones
    distinct: int

    def columns(self, called: Sequence[str], own: Mapping[int, Own]) -> list[Column | None]:
        """What was counted in each group, None where nothing was. `called` is how their columns are called; those that
        are not counted universally have their `own` way. Parts that are empty are one and the same object."""
        numbers, many = self.numbers, len(called)
        values, other, binning = [NO_VALUES] * many, [0] * many, [UNIVERSAL] * many
        for group, (codes, times) in self.texts.items():
            values[group], other[group] = self.values(called[group], codes, times, own.get(group))
        for group, kept in own.items():
            if kept.edges.size and numbers.n[group]:
                binning[group] = kept.id
        buckets = map(numbers.seen.get, range(many), repeat(NOTHING))
        gaps, counts = zip(*buckets, strict=True) if many else ((), ())
        of_numbers = numbers.n, numbers.sum, numbers.min, numbers.max, binning, repeat(NOTHING[0]), gaps, counts
        every = map(Column, *of_numbers, values, other, self.nulls)
        there = map(or_, self.seen, self.nulls)
        return [column if seen else None for column, seen in zip(every, there, strict=True)]

    def values(
        self, name: str, codes: Sequence[int], times: Sequence[int], own: Own | None
    ) -> tuple[dict[str, int], int]:
        """The most frequent texts by name (ties in the order of the names), and how many rows the others make up."""
        words = list(map(self.names[self.naming.is_public(name)].__getitem__, codes))
        if own is not None and own.categories is not None:
            words = [self.naming.counted_as(word, own.categories) for word in words]
        by_name = dict(zip(words, times, strict=True))
        if len(by_name) < len(words):  # some are called alike
            by_name = dict.fromkeys(words, 0)
            for word, count in zip(words, times, strict=True):
                by_name[word] += count
        if len(by_name) <= self.distinct:
            return by_name, 0
        kept = dict(sorted(by_name.items(), key=lambda item: (-item[1], item[0]))[: self.distinct])
        return kept, sum(by_name.values()) - sum(kept.values())


@dataclass(frozen=True, slots=True)
class Rows:
    """Of every sheet: how many rows, what they stand for, their first and last time, and when the first arrived."""

    n: list[int]
    volume: list[float]
    since: list[int]
    until: list[int]
    late: list[int]
    future: list[int]
    arrived: list[int]


def panes(
    tally: Tally, binnings: Binnings, texts: Texts, bounds: Profile, now_ms: int, worker: str, ways: Ways
) -> Iterator[Pane]:
    """One pane for every subject that was seen, to be written and not to be read."""
    cells = tally.cells()
    sheet_of = np.array([lot.sheet for lot in tally.lots], np.int64)[cells.lot]
    slices = sliced(tally, cells, sheet_of, texts, bounds.segment_values)
    own = owned(tally, slices, binnings)
    counts = counted(tally, cells, slices, own, texts, bounds.distinct_values, ways)
    columns = counts.columns([*tally.names, *OUTPUTS * len(slices.names)], own)
    rows = rows_by_sheet(cells, sheet_of, len(tally.sheets), bounds)
    parts = slices_by_sheet(tally, cells, slices, counts, columns)
    for sheet in tally.sheets:
        if not rows.n[sheet.id]:
            continue
        found = {name: column for name, group in sheet.groups.items() if (column := columns[group]) is not None}
        yield Pane(
            subject=sheet.subject,
            at=now_ms,
            worker=worker,
            rows=rows.n[sheet.id],
            volume=rows.volume[sheet.id],
            since=rows.since[sheet.id],
            until=rows.until[sheet.id],
            late=rows.late[sheet.id],
            future=rows.future[sheet.id],
            lag_ms=max(0, now_ms - rows.arrived[sheet.id]),
            versions=versions(found.pop(FIXED[VERSION], None)),
            columns=found,
            slices=parts[sheet.id],
        )


def versions(column: Column | None) -> dict[str, int]:
    """How many rows each version of a model answered, if any did."""
    if column is None:
        return {}
    return column.values | {REST: column.values.get(REST, 0) + column.other} if column.other else column.values


def rows_by_sheet(cells: Cells, sheet: Ints, sheets: int, bounds: Profile) -> Rows:
    """Add up what rows have besides their cells."""
    since, arrived = np.full((2, sheets), np.iinfo(np.int64).max)
    until = np.full(sheets, np.iinfo(np.int64).min)
    np.minimum.at(since, sheet, cells.ts)
    np.maximum.at(until, sheet, cells.ts)
    np.minimum.at(arrived, sheet, cells.arrived)
    behind = cells.arrived - cells.ts
    with np.errstate(over="ignore"):
        volume = np.bincount(sheet, cells.weight, sheets)
    return Rows(
        n=np.bincount(sheet, minlength=sheets).tolist(),
        volume=np.minimum(volume, float_info.max).tolist(),
        since=since.tolist(),
        until=until.tolist(),
        late=np.bincount(sheet[behind > bounds.late_ms], minlength=sheets).tolist(),
        future=np.bincount(sheet[-behind > bounds.future_ms], minlength=sheets).tolist(),
        arrived=arrived.tolist(),
    )


def counted(
    tally: Tally, cells: Cells, slices: Slices, own: Mapping[int, Own], texts: Texts, distinct: int, ways: Ways
) -> Counts:
    """Count all cells of all subjects and slices."""
    first = len(tally.names)
    many = first + len(slices.names) * len(OUTPUTS)
    null = [cells.null_groups, *slices.of_nulls(cells, np.array(tally.roles, np.int64))]
    edges, seen_as = edges_of(own), partial(written, lists=ways.lists)
    numbers = count_numbers(tables(cells.numbers, slices, first), many, edges, ways.buckets, seen_as)
    words, spelled = count_texts(tables(cells.texts, slices, first)), list(tally.codes)
    return Counts(
        numbers=numbers,
        seen=(np.array(numbers.n) + words.totals(many)).tolist(),
        texts=words.lists(),
        nulls=np.bincount(np.concatenate(null), minlength=many).tolist(),
        naming=texts,
        names=(Names(spelled, texts, False), Names(spelled, texts, True)),
        distinct=distinct,
    )


def tables(columns: list[Columns], slices: Slices, first: int) -> list[Table]:
    """All columns, and the outputs among them once more for the slices."""
    return [*(column.table for column in columns), *slices.outputs(columns, first)]


def owned(tally: Tally, slices: Slices, binnings: Binnings) -> dict[int, Own]:
    """The groups that are not counted universally."""
    found = {
        sheet.groups[name]: own
        for sheet in tally.sheets
        for name, own in binnings.of(sheet.subject).items()
        if name in sheet.groups
    }
    for at, sheet in enumerate(slices.sheets):
        for role, name in enumerate(OUTPUTS):
            group = tally.sheets[sheet].groups[name]
            if group in found:
                found[len(tally.names) + at * len(OUTPUTS) + role] = found[group]
    return found


def edges_of(own: Mapping[int, Own]) -> dict[int, Ints]:
    """The edges of those that have any."""
    return {group: kept.edges for group, kept in own.items() if kept.edges.size}


def slices_by_sheet(
    tally: Tally, cells: Cells, slices: Slices, counts: Counts, columns: Sequence[Column | None]
) -> list[dict[str, Slice]]:
    """The slices of every sheet, by name."""
    parts: list[dict[str, Slice]] = [{} for _ in tally.sheets]
    outputs = [outputs_of(sheet, columns) if slices.names else [] for sheet in tally.sheets]
    first = len(tally.names)
    there = [column is not None for column in columns[:first]]
    for owner, name, rows, missing in zip(
        slices.sheets, slices.names, slices.rows, nulls(tally, cells, slices, there), strict=True
    ):
        part = parts[owner][name] = Slice(rows=rows, nulls=missing)
        for role, output in outputs[owner]:
            column = columns[first + role]
            if column is not None:
                part.columns[output] = column
            if without := rows - counts.seen[first + role]:
                part.nulls[output] = without
        first += len(OUTPUTS)
    return parts


def outputs_of(sheet: Sheet, columns: Sequence[Column | None]) -> list[tuple[int, str]]:
    """The outputs that a subject has at all."""
    return [(role, name) for role, name in enumerate(OUTPUTS) if columns[sheet.groups[name]] is not None]
