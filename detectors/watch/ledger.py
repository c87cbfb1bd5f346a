"""Ledgers: sums of many streams, so that the mean since a point in the past can be told in a stream's own units.

One row a stream: cumulative counts and sums after each pane. The latest are kept one by one, older ones ever more
sparsely, in a few hundred bytes.

>>> book = open_ledgers(1)
>>> for i in range(200):
...     book = enter(book, [0], [10], [10.0 if i < 190 else 30.0])
>>> mean_before(book, 0, 100), mean_since(book, 0, 100)
(1.0, 3.0)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.contract import refuse_newer

MOST = 32


@dataclass(frozen=True)
class Ledgers:
    """Rows of cumulative counts and sums that begin at 0; `used` says how many entries each row has."""

    n: NDArray[np.int64]
    total: NDArray[np.float64]
    used: NDArray[np.int32]


def open_ledgers(streams: int) -> Ledgers:
    """Empty ledgers."""
    return Ledgers(np.zeros((streams, MOST), np.int64), np.zeros((streams, MOST)), np.ones(streams, np.int32))


def widen(ledgers: Ledgers, streams: int) -> Ledgers:
    """The ledgers with empty rows at the end."""
    new = open_ledgers(streams - len(ledgers.used))
    pairs = ((ledgers.n, new.n), (ledgers.total, new.total), (ledgers.used, new.used))
    return Ledgers(*(np.concatenate(pair) for pair in pairs))  # type: ignore[arg-type]


def enter(ledgers: Ledgers, rows: Sequence[int], n: Sequence[int], total: Sequence[float]) -> Ledgers:
    """One more pane of these streams. A full row first loses every second entry of its older half."""
    counts, sums, used, at = ledgers.n.copy(), ledgers.total.copy(), ledgers.used.copy(), np.asarray(rows, np.intp)
    full = at[used[at] == MOST]
    if full.size:
        kept = np.r_[0 : MOST // 2 : 2, MOST // 2 : MOST]
        counts[full, : kept.size], sums[full, : kept.size] = counts[full][:, kept], sums[full][:, kept]
        used[full] = kept.size
    counts[at, used[at]] = counts[at, used[at] - 1] + np.asarray(n, np.int64)
    sums[at, used[at]] = sums[at, used[at] - 1] + np.asarray(total, np.float64)
    used[at] += 1
    return Ledgers(counts, sums, used)


def cut(ledgers: Ledgers, row: int, ago: int) -> int:
    """The entry after which the last `ago` values came; at least one pane lies behind it."""
    last = int(ledgers.used[row]) - 1
    at = int(np.searchsorted(ledgers.n[row, : last + 1], ledgers.n[row, last] - ago, side="right")) - 1
    return max(0, min(at, last - 1))


def mean_since(ledgers: Ledgers, row: int, ago: int) -> float:
    """The mean of about the last `ago` values; NaN if there are none."""
    return mean_between(ledgers, row, cut(ledgers, row, ago), int(ledgers.used[row]) - 1)


def mean_before(ledgers: Ledgers, row: int, ago: int) -> float:
    """The mean of all values before them; NaN if there are none."""
    return mean_between(ledgers, row, 0, cut(ledgers, row, ago))


def mean_between(ledgers: Ledgers, row: int, first: int, last: int) -> float:
    """The mean of what was entered after `first` up to `last`."""
    n = int(ledgers.n[row, last] - ledgers.n[row, first])
    return float(ledgers.total[row, last] - ledgers.total[row, first]) / n if n else float("nan")


def forget(ledgers: Ledgers, row: int, ago: int) -> Ledgers:
    """Only about the last `ago` values of a stream: what came before is not what later ones are compared with."""
    at, used = cut(ledgers, row, ago), int(ledgers.used[row])
    after = Ledgers(ledgers.n.copy(), ledgers.total.copy(), ledgers.used.copy())
    for array in (after.n, after.total):
        array[row, : used - at] = array[row, at:used]
    after.used[row] = used - at
    return after


def encode(ledgers: Ledgers) -> bytes:
    """Little-endian, without what is not used."""
    there = np.arange(MOST) < ledgers.used[:, None]
    counts, sums = ledgers.n[there].astype("<i8").tobytes(), ledgers.total[there].astype("<f8").tobytes()
    return msgspec.msgpack.encode((1, ledgers.used.astype("<i4").tobytes(), counts, sums))


def decode(blob: bytes) -> Ledgers:
    """What `encode` wrote. Raises ValueError in a sentence for a newer version."""
    version, used, counts, sums = msgspec.msgpack.decode(blob, type=tuple[int, bytes, bytes, bytes])
    refuse_newer("a state of ledgers", version)
    entries = np.frombuffer(used, "<i4").astype(np.int32)
    ledgers = open_ledgers(entries.size)
    there = np.arange(MOST) < entries[:, None]
    ledgers.n[there], ledgers.total[there] = np.frombuffer(counts, "<i8"), np.frombuffer(sums, "<f8")
    ledgers.used[:] = entries
    return ledgers
