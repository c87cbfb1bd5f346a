"""Records as cells of a table, on the terminal and in the report: numbers with three digits, no empty columns."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmarks.quality.record import Record

LEFT = ("case", "detector", "measure", "note")


def number(value: float) -> str:
    """Return a number with three digits, nothing for nan.

    >>> number(1234.5), number(0.0123), number(5e6), number(float("nan"))
    ('1,234', '0.0123', '5e6', '')
    """
    if math.isnan(value):
        return ""
    if abs(value) >= 1e6 and math.isfinite(value):
        digits, _, exponent = f"{value:.2e}".partition("e")
        return f"{float(digits):g}e{int(exponent)}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(record: Record) -> str:
    """Return what is said of a record's bar.

    >>> verdict(Record("Q2", "", "", 1, 1, 1.0, "delay", 2.0, bar=1.0))
    'missed'
    """
    return {None: "", True: "reached", False: "missed"}[record.reached]


def cells(r: Record) -> dict[str, str]:
    """Return everything that a record says, by the name of its column."""
    return {
        "case": r.case,
        "detector": r.detector,
        "pane": str(r.pane or ""),
        "reference": number(r.reference) if r.reference else "",
        "A": number(r.threshold),
        "measure": r.measure,
        "value": number(r.value),
        "95 %": "" if math.isnan(r.low) else f"{number(r.low)} .. {number(r.high)}",
        "median": number(r.median),
        "p90": number(r.p90),
        "missed": number(r.missed) if r.missed else "",
        "R1": number(r.r1),
        "R2": number(r.r2),
        "n": number(r.n) if r.n else "",
        "bar": number(r.bar),
        "": verdict(r),
        "note": r.note,
    }


def table_of(records: Sequence[Record]) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns that have anything in them, and the lines."""
    lines = [cells(record) for record in records]
    names = [name for name in (lines[0] if lines else {}) if any(line[name] for line in lines)]
    return names, [[line[name] for name in names] for line in lines]
