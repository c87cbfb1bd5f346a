"""A signal: one number of a pane, for detectors that look at numbers one by one.

>>> from detectors.guests import invite
>>> adwin = Signal(guest=invite("adwin", {}), columns=("prediction:*",), signal="mean")
>>> matches(adwin, "prediction:score"), adwin.of(Column(n=4, sum=2.0), rows=5)
(True, 0.5)
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from detectors.guests import Guest
from schemas.pane import Column


@dataclass(frozen=True)
class Signal:
    """Which guest looks at which number of which columns."""

    guest: Guest
    columns: tuple[str, ...]
    signal: Literal["mean", "null_rate", "error_rate", "volume"]

    def of(self, column: Column, rows: int) -> float | None:
        """The number, or None where the pane has none."""
        if self.signal == "volume":
            return float(rows)
        if self.signal == "mean":
            return column.sum / column.n if column.n else None
        if self.signal == "null_rate":
            return (rows - column.n - column.texts) / rows if rows else None
        wrong = sum(count for status, count in column.values.items() if status != "ok")
        return wrong / column.texts if column.texts else None


def matches(signal: Signal, column: str) -> bool:
    """Whether the signal is wanted of this column."""
    return any(fnmatchcase(column, pattern) for pattern in signal.columns)
