"""The bars: what must be reached, as a ratio within one run or a time, and whether it was.

>>> bar = Bar("profile against merely reading", 4.2)
>>> print(bar.verdict(3.9)["verdict"], bar.verdict(4.3)["verdict"])
reached missed
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bar:
    """At most `bar`, or at least."""

    what: str
    bar: float
    at_least: bool = False
    unit: str = "x"

    def verdict(self, found: float | None, spread: str = "") -> dict[str, Any]:
        """A row of the table. None: it could not be measured."""
        sign = ">=" if self.at_least else "<="
        reached = found is not None and (found >= self.bar if self.at_least else found <= self.bar)
        return {
            "bar": self.what,
            "wanted": f"{sign} {self.bar:g} {self.unit}",
            "found": None if found is None else round(found, 3),
            "spread": spread,
            "verdict": "not measured" if found is None else "reached" if reached else "missed",
        }
