"""The slices of a tally: which rows each value of each segment makes up, and what was null or absent in them.

A row belongs to as many slices as it has segments. `lanes` holds, for the first segment of every row, the second and so
on, the slice it leads to, or -1: so that a cell finds its slices by its row.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schemas.pane import family
from stream.counting.cells import INTS, OUTPUTS, SEGMENT, VERSION, Cells, Columns
from stream.counting.columns import DENSE, Ints, Table, starts_of_runs
from stream.counting.tally import Sheet, Tally
from stream.counting.texts import Texts

REST = "other"  # the value of all rows whose own value is beyond the bound


@dataclass(frozen=True, slots=True)
class Slices:
    """Slices are numbered; `names[s]` looks like "region=eu", `sheets[s]` says whose it is."""

    names: list[str]
    sheets: list[int]
    rows: list[int]
    lanes: list[Ints]

    def outputs(self, columns: list[Columns], first: int) -> list[Table]:
        """The outputs among some columns once more for the slices that their rows are in, whose groups begin at
        `first`."""
        found: list[Table] = []
        for column in columns:
            chosen = column.of((column.roles >= 0) & (column.roles < VERSION))
            if not chosen.roles.size:
                continue
            groups = first + np.arange(len(self.names))[:, None] * len(OUTPUTS) + chosen.roles
            for lane in self.lanes:
                slices = lane[chosen.rows]
                inside = slices >= 0
                found.append(Table(slices[inside], groups, chosen.table.values[:, inside]))
        return found

    def of_nulls(self, cells: Cells, roles: Ints) -> list[Ints]:
        """The groups, in the slices, of outputs that were null."""
        role = roles[cells.null_groups]
        wanted = (role >= 0) & (role < VERSION)
        rows, role, found = cells.null_rows[wanted], role[wanted], []
        for lane in self.lanes:
            slices = lane[rows]
            inside = slices >= 0
            found.append(roles.size + slices[inside] * len(OUTPUTS) + role[inside])
        return found


def sliced(tally: Tally, cells: Cells, sheet: Ints, texts: Texts, most: int) -> Slices:
    """Find the slices; of each segment the `most` frequent values have one of their own."""
    words = list(tally.codes)
    rows, groups, codes = segments(cells)
    if not rows.size:
        return Slices([], [], [], [])
    alone, rank = np.flatnonzero(np.bincount(groups)), np.empty(len(tally.names), np.int64)
    rank[alone] = np.arange(alone.size)
    keys, whose = ranked(rank[groups] * len(words) + codes)
    counts, owner_of = np.bincount(whose).tolist(), np.empty(keys.size, np.int64)
    owner_of[whose] = sheet[rows]
    by_group: defaultdict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    of_group, spelled = np.divmod(keys, len(words))
    for at, (group, code) in enumerate(zip(alone[of_group].tolist(), spelled.tolist(), strict=True)):
        by_group[group][texts.called(words[code], public=True)].append(at)
    names: list[str] = []
    sheets: list[int] = []
    into = np.empty(keys.size, np.int64)
    owners = owner_of.tolist()
    for group, values in by_group.items():
        key = tally.names[group].partition(":")[2]
        for value, parts in bounded(values, counts, most).items():
            into[parts] = len(names)
            names.append(f"{key}={value}")
            sheets.append(owners[parts[0]])
    slices = into[whose]
    return Slices(names, sheets, np.bincount(slices, minlength=len(names)).tolist(), lanes(rows, slices, sheet.size))


def segments(cells: Cells) -> tuple[Ints, Ints, Ints]:
    """Row (ascending), group and code of every segment of every row."""
    found = [(INTS, INTS, INTS)]
    for column in cells.texts:
        mine = column.of(column.roles == SEGMENT)
        for at, codes in enumerate(mine.table.values):
            there = codes >= 0
            found.append((mine.rows[there], mine.table.groups[mine.table.place[there], at], codes[there]))
    rows, groups, codes = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(rows, kind="stable")
    return rows[order], groups[order], codes[order]


def bounded(values: dict[str, list[int]], counts: list[int], most: int) -> dict[str, list[int]]:
    """The `most` frequent values (ties in their order), and all others as one. Values are lists of places in `counts`.

    >>> bounded({"eu": [0], "us": [1, 2], "uk": [3]}, [5, 4, 4, 1], 1)
    {'us': [1, 2], 'other': [0, 3]}
    """
    ranked = sorted(values, key=lambda value: (-sum(counts[at] for at in values[value]), value))
    kept = {value: values[value] for value in ranked[:most]}
    for value in ranked[most:]:
        kept.setdefault(REST, []).extend(values[value])
    return kept


def lanes(rows: Ints, slices: Ints, many: int) -> list[Ints]:
    """Spread pairs of row (ascending) and slice over as many arrays as a row has slices at most."""
    starts = starts_of_runs(rows)
    turn = np.arange(rows.size) - np.repeat(starts, np.diff(starts, append=rows.size))
    spread = []
    for lane in range(int(turn.max()) + 1):
        chosen = turn == lane
        of_row = np.full(many, -1, np.int64)
        of_row[rows[chosen]] = slices[chosen]
        spread.append(of_row)
    return spread


def nulls(tally: Tally, cells: Cells, slices: Slices, there: Sequence[bool]) -> list[dict[str, int]]:
    """Of every slice, how often each column but the outputs was null or absent, where that happened at all. Columns
    that are not `there` (by group) nobody sent, so nobody misses them."""
    found: list[dict[str, int]] = [{} for _ in slices.names]
    many = len(tally.names)
    rows, groups = (np.concatenate(part) for part in zip(*missing(cells), strict=True))
    for slice_, group, count in pairs(slices, rows, groups, many):
        if tally.roles[group] < 0 and there[group]:
            found[slice_][tally.names[group]] = count
    varied = {sheet.id for sheet in tally.sheets if len(sheet.lots) > 1}
    if varied:
        add_absent(tally, cells, slices, varied, there, found)
    return found


def missing(cells: Cells) -> list[tuple[Ints, Ints]]:
    """Row and group of what is null, and of what is absent from rows whose lot has such a column."""
    return [(cells.null_rows, cells.null_groups), (cells.absent_rows, cells.absent_groups)]


def pairs(slices: Slices, rows: Ints, members: Ints, many: int) -> list[tuple[int, int, int]]:
    """How often each member (below `many`) occurs in each slice, given the rows it occurs in."""
    keys = [lane[rows] * many + members for lane in slices.lanes]
    inside = [lane[rows] >= 0 for lane in slices.lanes]
    if not keys:
        return []
    distinct, counts = occurring(np.concatenate([k[i] for k, i in zip(keys, inside, strict=True)]))
    return list(zip((distinct // many).tolist(), (distinct % many).tolist(), counts.tolist(), strict=True))


def occurring(keys: Ints) -> tuple[Ints, Ints]:
    """The distinct ones among some keys, and how often each occurs."""
    if keys.size * DENSE < int(keys.max(initial=0)):
        return np.unique(keys, return_counts=True)
    counts = np.bincount(keys)
    distinct = np.flatnonzero(counts)
    return distinct, counts[distinct]


def ranked(keys: Ints) -> tuple[Ints, Ints]:
    """The distinct ones among some keys, ascending, and of each key which of them it is."""
    if keys.size * DENSE < int(keys.max(initial=0)):
        return np.unique(keys, return_inverse=True)
    there = np.bincount(keys) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[keys]


def add_absent(
    tally: Tally, cells: Cells, slices: Slices, varied: set[int], there: Sequence[bool], found: list[dict[str, int]]
) -> None:
    """Count what is missing from rows of subjects whose rows do not all have the same columns."""
    columns: dict[int, list[str]] = {}
    present: dict[int, NDArray[np.int64]] = {}
    where: dict[int, Ints] = {}
    for sheet in tally.sheets:
        if sheet.id in varied:
            columns[sheet.id], where[sheet.id] = named_columns(sheet, there)
    for slice_, lot, count in pairs(slices, np.arange(cells.lot.size), cells.lot, len(tally.lots)):
        owner = slices.sheets[slice_]
        if owner in varied:
            if slice_ not in present:
                present[slice_] = np.zeros(len(columns[owner]) + 1, np.int64)
            present[slice_][where[owner][tally.lots[lot].groups]] += count
    for slice_, seen in present.items():
        absent = slices.rows[slice_] - seen[:-1]
        for at in np.flatnonzero(absent).tolist():
            name = columns[slices.sheets[slice_]][at]
            found[slice_][name] = found[slice_].get(name, 0) + int(absent[at])


def named_columns(sheet: Sheet, there: Sequence[bool]) -> tuple[list[str], Ints]:
    """The columns of a sheet that are features, signals or segments, and of each group its position among them; of any
    other one that behind the last."""
    named = [
        (name, group)
        for name, group in list(sheet.groups.items())[VERSION + 1 :]
        if family(name) != "embedding" and there[group]
    ]
    where = np.full(len(there), len(named), np.int64)
    where[[group for _, group in named]] = np.arange(len(named))
    return [name for name, _ in named], where
