"""Page-Hinkley: the cumulative distance from the running mean, less an allowance (Page, Biometrika 1954).

Operating point (`python -m benchmarks.guests`): `threshold` is in the signal's own units times values, so no default
fits two signals; on standard normal values the default raises 64 false alarms in 100,000. There, with `delta` .125, a
quarter of the rise looked for, `threshold` 38 raises one in 10,000 and sees a mean higher by half a standard
deviation after 79 values (median); 214 one in 100,000, after 535: it alarms most when it is young, and must be deaf
to be quiet then. On errors of 5 % that become 10 %, with the default `delta`: 17.6 and 288 values, 50 and 1,098.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Amount, Guest, Memory, Share, Wait, mean_from, mean_of


@dataclass(frozen=True)
class PageHinkley(Guest):
    """River's `drift.PageHinkley`, both directions."""

    kind: ClassVar[str] = "page_hinkley"
    source: ClassVar[str] = "Page, Continuous inspection schemes, 1954"
    min_instances: Wait = 30
    delta: Amount = 0.005
    threshold: Amount = 50.0
    alpha: Share = 0.9999

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
