"""The guests on a table: each looks at one number of every pane of a column, as in the judge, from the first row on.

Of numbers that is the mean of the pane, of texts the share of missing values, unless `signal=` says otherwise. The
reference is what a guest may learn from: what it says there is no alarm.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from detectors.guests import Guest
from detectors.watch.signal import Signal
from schemas import pane
from stream.counting.columns import Ints
from stream.evaluate.contestant import Contestant, Look
from stream.evaluate.result import Alarm
from stream.evaluate.table import Column

RATES = ("ddm", "eddm", "fhddm", "hddm_a", "hddm_w")  # look at numbers from 0 to 1, above all at errors

Seen = Callable[[int], object]  # is told how many rows were seen


@dataclass(frozen=True, eq=False)
class Readings:
    """One number of every pane of a column that has one, and the last row of its pane."""

    values: list[float]
    rows: Ints

    def before(self, row: int) -> int:
        """How many of them end before a row."""
        return int(np.searchsorted(self.rows, row))


def look_of(contestant: Contestant, column: Column) -> Look:
    """What a guest looks at in a column."""
    return contestant.look or ("mean" if column.words is None else "null_rate")


def readings(guest: Guest, look: Look, column: Column, size: int, reference: int) -> Readings:
    """What a guest is given: panes of `size` rows, cut so that one begins where the reference ends."""
    early = -reference % size
    panes = (np.arange(len(column)) + early) // size
    there = ~column.nulls
    rows = np.bincount(panes)
    n = np.bincount(panes[there], minlength=rows.size)
    total = np.bincount(panes[there], column.values[there], rows.size)
    signal = Signal(guest, ("*",), look)
    values = [
        signal.of(pane.Column(n=seen, sum=added), many)
        for seen, added, many in zip(n.tolist(), total.tolist(), rows.tolist(), strict=True)
    ]
    last = np.cumsum(rows) - 1
    kept = [at for at, value in enumerate(values) if value is not None]
    return Readings([value for value in values if value is not None], last[kept])


def unfit(contestant: Contestant, column: Column) -> str:
    """Why a guest has nothing to look at in a column, or nothing."""
    look = look_of(contestant, column)
    if look == "mean" and column.words is not None:
        return f"{column.name} holds texts: there is no mean to look at"
    if look == "mean" and column.nulls.all():
        return f"{column.name} is empty"
    if look == "null_rate" and not column.nulls.any():
        return f"{column.name} has no missing values to look at"
    if contestant.guest is None or look != "mean" or contestant.guest.kind not in RATES:
        return ""
    if np.nanmin(column.values) < 0 or np.nanmax(column.values) > 1:
        return f"{contestant.guest.kind} looks at rates, and {column.name} is not between 0 and 1"
    return ""


def alarms(
    guest: Guest, look: Look, found: Readings, reference: int, seen: Seen = lambda rows: None
) -> Iterator[Alarm]:
    """The alarms of a guest, value by value as in the judge."""
    state = guest.start()
    for value, row in zip(found.values, found.rows.tolist(), strict=True):
        state, verdict = guest.step(state, value, 1.0)
        if verdict.drifted and row >= reference:
            effect = f"{guest.kind} on the {look.replace('_', ' ')} of a pane, now {value:.4g}"
            yield Alarm(row, None, None, verdict.evidence, verdict.threshold, effect, part=look)
        seen(row + 1)


def positions(guest: Guest, values: Iterable[float]) -> Iterator[int]:
    """Where a guest alarms, without taking its state out after each value: ten times as fast, for calibration."""
    detector = guest.make()
    for at, value in enumerate(values):
        detector.update(guest.given(value))
        if detector.drift_detected:
            yield at
            detector = guest.make()
