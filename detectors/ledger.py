"""Ledger: sums of a column, so that the mean since a point in the past can be told in the column's own units.

Cumulative counts and sums after each pane; the latest are kept one by one, older ones ever more sparsely.

>>> book = Ledger()
>>> for i in range(200):
...     book = enter(book, n=10, total=10.0 if i < 150 else 30.0)
>>> mean_before(book, 500), mean_since(book, 500)
(1.0, 3.0)
"""

from bisect import bisect_right

import msgspec

MOST = 64


class Ledger(msgspec.Struct, frozen=True, kw_only=True):
    """Two lists that begin at (0, 0): how many, and their sum, after each pane."""

    n: list[int] = msgspec.field(default_factory=lambda: [0])
    total: list[float] = msgspec.field(default_factory=lambda: [0.0])


def enter(ledger: Ledger, n: int, total: float) -> Ledger:
    """The ledger with one more pane."""
    counts, sums = [*ledger.n, ledger.n[-1] + n], [*ledger.total, ledger.total[-1] + total]
    if len(counts) > MOST:
        half = MOST // 2
        counts, sums = counts[:half:2] + counts[half:], sums[:half:2] + sums[half:]
    return Ledger(n=counts, total=sums)


def cut(ledger: Ledger, ago: int) -> int:
    """The entry after which the last `ago` values came; at least one pane lies behind it."""
    return max(0, min(bisect_right(ledger.n, ledger.n[-1] - ago) - 1, len(ledger.n) - 2))


def mean_since(ledger: Ledger, ago: int) -> float:
    """The mean of about the last `ago` values; NaN if there are none."""
    at = cut(ledger, ago)
    n = ledger.n[-1] - ledger.n[at]
    return (ledger.total[-1] - ledger.total[at]) / n if n else float("nan")


def mean_before(ledger: Ledger, ago: int) -> float:
    """The mean of all values before them; NaN if there are none."""
    at = cut(ledger, ago)
    n = ledger.n[at] - ledger.n[0]
    return (ledger.total[at] - ledger.total[0]) / n if n else float("nan")


def forget(ledger: Ledger, ago: int) -> Ledger:
    """Only about the last `ago` values: what came before is no longer what later ones are compared with."""
    at = cut(ledger, ago)
    return Ledger(n=ledger.n[at:], total=ledger.total[at:])
