"""A tally becomes panes: per subject the counts of its columns, and of its outputs once more for each of its slices.

Everything is counted at once for all subjects (`columns.py`); here the counts are handed out. Numbers and texts of
a slice's outputs are counted by the same sort as all others: their groups lie behind those of the subjects.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
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

    def column(self, group: int, name: str, own: Own | None) -> Column | None:
        """What was counted in a group, or None if nothing was."""
        numbers, seen, null = self.numbers, self.seen[group], self.nulls[group]
        if not seen and not null:
            return None
        n = numbers.n[group]
        values, other = self.values(group, name, own) if seen > n else ({}, 0)
        if not n:
            return Column(nulls=null, values=values, other=other)
        gaps, counts = numbers.seen[group]
        return Column(
            n=n,
            sum=numbers.sum[group],
            min=numbers.min[group],
            max=numbers.max[group],
            binning=own.id if own is not None and own.edges.size else UNIVERSAL,
            gaps=gaps,
            counts=counts,
            values=values,
            other=other,
            nulls=null,
        )

    def versions(self, sheet: Sheet) -> dict[str, int]:
        """How many rows of a sheet each version of its model answered."""
        versions, rest = self.values(sheet.groups[FIXED[VERSION]], FIXED[VERSION], None)
        if rest:
            versions[REST] = versions.get(REST, 0) + rest
        return versions

    def values(self, group: int, name: str, own: Own | None) -> tuple[dict[str, int], int]:
        """The most frequent texts by name (ties in the order of the names), and how many rows the others make up."""
        codes, counts = self.texts.get(group, NOTHING)
        words = list(map(self.names[self.naming.is_public(name)].__getitem__, codes))
        if own is not None and own.categories is not None:
            words = [self.naming.counted_as(word, own.categories) for word in words]
        by_name = dict(zip(words, counts, strict=True))
        if len(by_name) < len(words):  # some are called alike
            by_name = dict.fromkeys(words, 0)
            for word, count in zip(words, counts, strict=True):
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
    counts = counted(tally, cells, slices, binnings, texts, bounds.distinct_values, ways)
    rows = rows_by_sheet(cells, sheet_of, len(tally.sheets), bounds)
    parts = slices_by_sheet(tally, cells, slices, counts, binnings)
    for sheet in tally.sheets:
        if not rows.n[sheet.id]:
            continue
        own = binnings.of(sheet.subject)
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
            versions=counts.versions(sheet),
            columns={
                name: column
                for name, group in sheet.groups.items()
                if name != FIXED[VERSION] and (column := counts.column(group, name, own.get(name))) is not None
            },
            slices=parts[sheet.id],
        )


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
    tally: Tally,
    cells: Cells,
    slices: Slices,
    binnings: Binnings,
    texts: Texts,
    distinct: int,
    ways: Ways,
) -> Counts:
    """Count all cells of all subjects and slices."""
    first = len(tally.names)
    many = first + len(slices.names) * len(OUTPUTS)
    null = [cells.null_groups, *slices.of_nulls(cells, np.array(tally.roles, np.int64))]
    own, seen_as = edges(tally, slices, binnings), partial(written, lists=ways.lists)
    numbers = count_numbers(tables(cells.numbers, slices, first), many, own, ways.buckets, seen_as)
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


def edges(tally: Tally, slices: Slices, binnings: Binnings) -> dict[int, Ints]:
    """The edges of every group that is not counted universally."""
    found = {
        sheet.groups[name]: own.edges
        for sheet in tally.sheets
        for name, own in binnings.of(sheet.subject).items()
        if own.edges.size and name in sheet.groups
    }
    for at, sheet in enumerate(slices.sheets):
        for role, name in enumerate(OUTPUTS):
            group = tally.sheets[sheet].groups[name]
            if group in found:
                found[len(tally.names) + at * len(OUTPUTS) + role] = found[group]
    return found


def slices_by_sheet(
    tally: Tally, cells: Cells, slices: Slices, counts: Counts, binnings: Binnings
) -> list[dict[str, Slice]]:
    """The slices of every sheet, by name."""
    parts: list[dict[str, Slice]] = [{} for _ in tally.sheets]
    outputs = [outputs_of(sheet, counts, binnings.of(sheet.subject)) if slices.names else [] for sheet in tally.sheets]
    first = len(tally.names)
    there = [seen > 0 or null > 0 for seen, null in zip(counts.seen[:first], counts.nulls[:first], strict=True)]
    for owner, name, rows, missing in zip(
        slices.sheets, slices.names, slices.rows, nulls(tally, cells, slices, there), strict=True
    ):
        part = parts[owner][name] = Slice(rows=rows, nulls=missing)
        for role, output, own in outputs[owner]:
            column = counts.column(first + role, output, own)
            if column is not None:
                part.columns[output] = column
            if without := rows - counts.seen[first + role]:
                part.nulls[output] = without
        first += len(OUTPUTS)
    return parts


def outputs_of(sheet: Sheet, counts: Counts, own: Mapping[str, Own]) -> list[tuple[int, str, Own | None]]:
    """The outputs that a subject has at all."""
    groups = [sheet.groups[name] for name in OUTPUTS]
    return [
        (role, name, own.get(name))
        for role, name in enumerate(OUTPUTS)
        if counts.seen[groups[role]] or counts.nulls[groups[role]]
    ]
