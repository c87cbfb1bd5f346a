"""How durations are spread: so many below each bound, and their sum, as Prometheus counts them in a histogram.

>>> spread = Spread()
>>> for seconds in (0.2, 0.3, 4.0, 10_000.0):
...     spread.add(seconds)
>>> spread.counts[0.25], spread.counts[0.5], spread.counts[5.0], spread.count, spread.sum
(1, 1, 1, 4, 10004.5)
>>> spread.below()[:3], spread.below()[-1]
([('0.1', 0), ('0.25', 1), ('0.5', 2)], ('+Inf', 4))
"""

from bisect import bisect_left
from dataclasses import dataclass, field

# From a transaction's few milliseconds to the hours after which what was waited for is history.
BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)


@dataclass
class Spread:
    """Counts only grow."""

    counts: dict[float, int] = field(default_factory=lambda: dict.fromkeys(BOUNDS_S, 0))  # by the first bound above
    count: int = 0
    sum: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        at = bisect_left(BOUNDS_S, seconds)
        if at < len(BOUNDS_S):
            self.counts[BOUNDS_S[at]] += 1
        self.count += 1
        self.sum += seconds

    def below(self) -> list[tuple[str, int]]:
        """How many there are up to each bound, and in all."""
        sums, total = [], 0
        for bound, many in self.counts.items():
            total += many
            sums.append((f"{bound:g}", total))
        return [*sums, ("+Inf", max(self.count, total))]
