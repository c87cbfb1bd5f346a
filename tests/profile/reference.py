"""Counting as anybody would write it down, one value at a time: what all cleverness must agree with."""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import pack, unpack
from typing import Any

from schemas.pane import Column, Pane


@dataclass
class Tallied:
    """A column. `own` are the counts of panes that were counted in published bins, by the id of the binning."""

    n: int = 0
    total: float = 0.0
    low: float = math.inf
    high: float = -math.inf
    bins: Counter[int] = field(default_factory=Counter)
    own: defaultdict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    values: Counter[str] = field(default_factory=Counter)
    other: int = 0
    nulls: int = 0

    def add(self, value: Any) -> None:
        if isinstance(value, bool):
            self.values["true" if value else "false"] += 1
        elif isinstance(value, str):
            self.values[value] += 1
        elif value is None or not finite(value):
            self.nulls += 1
        else:
            number = float(value)
            self.n += 1
            self.total += number
            self.low, self.high = min(self.low, number), max(self.high, number)
            self.bins[bucket(number)] += 1


def bucket(number: float) -> int:
    """The universal bucket: sign, exponent and ten bits of the mantissa, ascending with the numbers.

    >>> [bucket(number) for number in (-1.0, -0.0, 0.0, 1.0, 1.001)]
    [-1047553, 0, 0, 1047552, 1047553]
    """
    (bits,) = unpack("<q", pack("<d", number + 0.0))
    return (bits if bits >= 0 else bits ^ 0x7FFF_FFFF_FFFF_FFFF) >> 42


def finite(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


@dataclass
class Part:
    """A slice."""

    rows: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    columns: defaultdict[str, Tallied] = field(default_factory=lambda: defaultdict(Tallied))


@dataclass
class Whole:
    """A subject."""

    rows: int = 0
    volume: float = 0.0
    since: float = math.inf
    until: float = -math.inf
    late: int = 0
    future: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    columns: defaultdict[str, Tallied] = field(default_factory=lambda: defaultdict(Tallied))
    slices: defaultdict[str, Part] = field(default_factory=lambda: defaultdict(Part))


OUTPUTS = ("prediction:", "latency:", "status:", "label:")


def cells(event: dict[str, Any]) -> list[tuple[str, Any]]:
    """Column and value of everything in an event."""
    named = [
        (f"{kind}:{name}", value)
        for kind in ("feature", "signal", "segment")
        for name, value in event.get(kind + "s", {}).items()
    ]
    if event["kind"] == "label":
        return named + ([("label:value", event["label"])] if "label" in event and event.get("op") != "retract" else [])
    if event["kind"] in ("feature", "deployment"):
        return named
    named.append(("status:status", event.get("status", "ok")))
    if "latency_ms" in event:
        named.append(("latency:ms", event["latency_ms"]))
    answer = event.get("prediction", ...)
    if isinstance(answer, dict):
        label = answer.get("label")
        given = {
            "value": answer.get("value"),
            "label": str(label) if isinstance(label, int) and not isinstance(label, bool) else label,
            "score": answer.get("score"),
        }
        named += [(f"prediction:{name}", value) for name, value in given.items() if value is not None]
    elif answer is not ...:
        named.append(("prediction:label" if isinstance(answer, str | bool) else "prediction:value", answer))
    return named


def key_of(event: dict[str, Any]) -> str:
    """The key of the subject that an event speaks of."""
    deployment = event.get("feature_set") or event.get("deployment") or event["model"]
    return f"/{event.get('environment', '')}/{event['model']}/{deployment}/{event['kind']}"


def counted(events: list[dict[str, Any]], arrived: int | Sequence[int]) -> dict[str, Whole]:
    """Every subject by its key. The events arrived at the same time, or each at its own."""
    subjects: dict[str, Whole] = {}
    for event, at in zip(events, [arrived] * len(events) if isinstance(arrived, int) else arrived, strict=True):
        whole, ts = subjects.setdefault(key_of(event), Whole()), event.get("ts", at)
        whole.rows += 1
        whole.volume += event.get("sample_rate", 1.0)
        whole.since, whole.until = min(whole.since, ts), max(whole.until, ts)
        whole.late += at - ts > 600_000
        whole.future += ts - at > 60_000
        whole.versions[event.get("version", "unversioned")] += 1
        for column, value in cells(event):
            whole.columns[column].add(value)
    for event in events:  # all columns are known now, so that what is absent can be counted
        for segment, value in event.get("segments", {}).items():
            add_slice(subjects[key_of(event)], f"{segment}={value}", dict(cells(event)))
    return subjects


def add_slice(whole: Whole, name: str, row: dict[str, Any]) -> None:
    part = whole.slices[name]
    part.rows += 1
    for column in whole.columns:
        value = row.get(column)
        if value is None or (not isinstance(value, str) and not finite(value)):
            part.missing[column] += 1
    for column, value in row.items():
        if column.startswith(OUTPUTS):
            part.columns[column].add(value)


def merged(panes: list[Pane]) -> dict[str, Whole]:
    """The panes of all transactions added up, as a reader of the topic would. None is cut into parts."""
    subjects: dict[str, Whole] = {}
    names: defaultdict[str, set[str]] = defaultdict(set)
    for pane in panes:
        names[pane.subject.key].update(pane.columns)
    for pane in panes:
        whole = subjects.setdefault(pane.subject.key, Whole())
        whole.rows += pane.rows
        whole.volume += pane.volume
        if pane.rows:
            whole.since, whole.until = min(whole.since, pane.since), max(whole.until, pane.until)
        whole.late += pane.late
        whole.future += pane.future
        whole.versions.update(pane.versions)
        for name, column in pane.columns.items():
            merge(whole.columns[name], column)
        for name, slice_ in pane.slices.items():
            part = whole.slices[name]
            part.rows += slice_.rows
            part.missing.update(slice_.nulls)
            for column_name in names[pane.subject.key] - set(pane.columns):
                part.missing[column_name] += slice_.rows  # a column that a pane does not have was absent in all of it
            for column_name, column in slice_.columns.items():
                merge(part.columns[column_name], column)
    return subjects


def merge(into: Tallied, column: Column) -> None:
    bins = into.bins if column.binning == "u" else into.own[column.binning]
    bins.update(dict(zip(column.at, column.counts, strict=True)))
    into.values.update(column.values)
    into.other += column.other
    into.nulls += column.nulls
    if column.n:
        into.n += column.n
        into.total += column.sum
        into.low, into.high = min(into.low, column.min), max(into.high, column.max)
