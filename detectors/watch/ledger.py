"""Ledgers: sums of many streams, so that the mean since a point in the past can be told in a stream's own units.

One row a stream: how many values, and their sum, pane after pane. The latest panes are kept one by one, older ones
added up in ever longer stretches (`detectors/watch/past.py`), in some two hundred bytes: single precision, since a
person reads four digits.

>>> book = open_ledgers(1)
>>> for i in range(200):
...     book = enter(book, [0], [10], [10.0 if i < 190 else 30.0])
>>> mean_before(book, 0, 100), mean_since(book, 0, 100)
(1.0, 3.0)
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.contract import refuse_newer
from detectors.watch.past import joined

MOST = 32  # entries
VERSION = 2  # 1 had running totals in double precision


@dataclass(frozen=True)
class Ledgers:
    """Rows of counts and sums, the latest last; `used` says how many entries each row has."""

    n: NDArray[np.float32]
    total: NDArray[np.float32]
    used: NDArray[np.int32]


def open_ledgers(streams: int) -> Ledgers:
    """Empty ledgers."""
    entries = np.zeros((streams, MOST), np.float32)
    return Ledgers(entries, entries.copy(), np.zeros(streams, np.int32))


def widen(ledgers: Ledgers, streams: int) -> Ledgers:
    """The ledgers with empty rows at the end."""
    new = open_ledgers(streams - len(ledgers.used))
    pairs = ((ledgers.n, new.n), (ledgers.total, new.total), (ledgers.used, new.used))
    return Ledgers(*(np.concatenate(pair) for pair in pairs))  # type: ignore[arg-type]


def enter(ledgers: Ledgers, rows: Sequence[int], n: Sequence[int], total: Sequence[float]) -> Ledgers:
    """One more pane of these streams. Of a full row some stretches are first added up. A sum beyond single precision is
    infinite, and no mean is told of it.
    """
    counts, sums, used, at = ledgers.n.copy(), ledgers.total.copy(), ledgers.used.copy(), np.asarray(rows, np.intp)
    full = at[used[at] == MOST]
    if full.size:
        began = np.cumsum(counts[full, ::-1], axis=1, dtype=np.float64)[:, ::-1]
        gone = joined(began)
        for entries in (counts, sums):
            whole = entries[full]
            with np.errstate(over="ignore", invalid="ignore"):
                whole[:, ::2] += np.where(gone[:, 1::2], whole[:, 1::2], 0)
            entries[full, : MOST - MOST // 4] = whole[~gone].reshape(len(full), -1)
        used[full] = MOST - MOST // 4
    place = used[at]
    counts[at, place], sums[at, place] = n, array("f", total)  # says nothing of a sum beyond it, as NumPy would
    used[at] += 1
    return Ledgers(counts, sums, used)


def parted(ledgers: Ledgers, row: int, ago: int) -> tuple[int, int]:
    """Where what lies before the last `ago` values ends, and where what lies within them begins: at least one entry. An
    entry that lies across is in neither, unless nothing else lies before.
    """
    last = int(ledgers.used[row])
    since = np.cumsum(ledgers.n[row, :last][::-1], dtype=np.float64)
    inside = int(np.searchsorted(since, ago, side="right"))
    first = max(0, last - max(1, inside))
    across = inside > 0 and since[inside - 1] < ago and first > 1
    return first - across, first


def mean_since(ledgers: Ledgers, row: int, ago: int) -> float:
    """The mean of about the last `ago` values; NaN if there are none."""
    return mean_between(ledgers, row, parted(ledgers, row, ago)[1], int(ledgers.used[row]))


def mean_before(ledgers: Ledgers, row: int, ago: int) -> float:
    """The mean of all values before them; NaN if there are none."""
    return mean_between(ledgers, row, 0, parted(ledgers, row, ago)[0])


def mean_between(ledgers: Ledgers, row: int, first: int, last: int) -> float:
    """The mean of what was entered from `first` up to, and without, `last`."""
    n = float(ledgers.n[row, first:last].sum(dtype=np.float64))
    with np.errstate(invalid="ignore"):  # of sums that overflowed both ways
        return float(ledgers.total[row, first:last].sum(dtype=np.float64)) / n if n else float("nan")


def forget(ledgers: Ledgers, row: int, ago: int) -> Ledgers:
    """Only about the last `ago` values of a stream: what came before is not what later ones are compared with."""
    at, used = parted(ledgers, row, ago)[1], int(ledgers.used[row])
    after = Ledgers(ledgers.n.copy(), ledgers.total.copy(), ledgers.used.copy())
    for entries in (after.n, after.total):
        entries[row, : used - at] = entries[row, at:used]
    after.used[row] = used - at
    return after


def encode(ledgers: Ledgers) -> bytes:
    """Little-endian, without what is not used."""
    there = np.arange(MOST) < ledgers.used[:, None]
    counts, sums = ledgers.n[there].astype("<f4").tobytes(), ledgers.total[there].astype("<f4").tobytes()
    return msgspec.msgpack.encode((VERSION, ledgers.used.astype("|u1").tobytes(), counts, sums))


def decode(blob: bytes) -> Ledgers:
    """What `encode` wrote, now or in version 1. Raises ValueError in a sentence for a newer version."""
    version, used, counts, sums = msgspec.msgpack.decode(blob, type=tuple[int, bytes, bytes, bytes])
    refuse_newer("a state of ledgers", version, VERSION)
    if version == 1:
        return decode_totals(used, counts, sums)
    entries = np.frombuffer(used, "|u1").astype(np.int32)
    ledgers = open_ledgers(entries.size)
    there = np.arange(MOST) < entries[:, None]
    ledgers.n[there], ledgers.total[there] = np.frombuffer(counts, "<f4"), np.frombuffer(sums, "<f4")
    ledgers.used[:] = entries
    return ledgers


def decode_totals(used: bytes, counts: bytes, sums: bytes) -> Ledgers:
    """Ledgers of version 1: running totals that begin at 0, of which the differences are the entries."""
    entries = np.frombuffer(used, "<i4").astype(np.int32)
    there = np.arange(MOST) < entries[:, None]
    running = np.zeros((2, entries.size, MOST))
    running[0][there], running[1][there] = np.frombuffer(counts, "<i8"), np.frombuffer(sums, "<f8")
    ledgers = open_ledgers(entries.size)
    between = np.arange(MOST - 1) < (entries - 1)[:, None]
    ledgers.n[:, :-1] = np.where(between, np.diff(running[0], axis=1), 0)
    ledgers.total[:, :-1] = np.where(between, np.diff(running[1], axis=1), 0)
    ledgers.used[:] = entries - 1
    return ledgers
