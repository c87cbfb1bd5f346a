"""Page-Hinkley: the cumulative distance from the running mean, less an allowance (Page, Biometrika 1954).

Operating point: `threshold` is in the signal's own units times values, so no default fits two signals; on standard
Gaussian values the default raises 63 false alarms in 100,000.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Memory, mean_from, mean_of


@dataclass(frozen=True)
class PageHinkley(Guest):
    """River's `drift.PageHinkley`, both directions."""

    kind: ClassVar[str] = "page_hinkley"
    source: ClassVar[str] = "Page, Continuous inspection schemes, 1954"
    min_instances: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 0.9999

    def make(self) -> Any:
        from river.drift import PageHinkley as River

        return River(self.min_instances, self.delta, self.threshold, self.alpha)

    def remember(self, detector: Any) -> Memory:
        sums = [detector._sum_increase, detector._sum_decrease, detector._min_increase, detector._max_decrease]
        return {"mean": mean_of(detector._x_mean), "sums": sums}

    def restore(self, detector: Any, memory: Memory) -> None:
        mean_from(detector._x_mean, memory["mean"])
        detector._sum_increase, detector._sum_decrease = memory["sums"][:2]
        detector._min_increase, detector._max_decrease = memory["sums"][2:]
