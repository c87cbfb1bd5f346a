"""KSWIN: a Kolmogorov-Smirnov test of the newest values against a draw from the older ones (Raab, Heusinger and
Schleif, Neurocomputing 2020).

One test a value at `alpha`, so about 134 false alarms in 100,000 at the default. The draw is seeded by the number of
values seen, so that a replay draws alike.

Operating point (`python -m benchmarks.guests --quick kswin`, two streams and five changes only: a value takes 0.2 ms):
on independent standard normal values `alpha` .00027 raises one false alarm in about 10,000, and misses two of five
changes of the mean by half a standard deviation for 20,000 values. At one in 100,000 it was not measured.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Length, Memory, Share


@dataclass(frozen=True)
class Kswin(Guest):
    """River's `drift.KSWIN`."""

    kind: ClassVar[str] = "kswin"
    source: ClassVar[str] = "Raab, Heusinger and Schleif, Reactive soft prototype computing for concept drift, 2020"
    alpha: Share = 0.005
    window_size: Length = 100
    stat_size: Length = 30

    def __post_init__(self) -> None:
        if 2 * self.stat_size > self.window_size:  # as many are drawn from the older ones
            raise ValueError(f"stat_size={self.stat_size} is more than half of window_size={self.window_size}")

    def make(self) -> Any:
        from river.drift import KSWIN

        return KSWIN(self.alpha, self.window_size, self.stat_size, seed=0)

    def remember(self, detector: Any) -> Memory:
        return {"window": list(detector.window), "n": detector.n}

    def restore(self, detector: Any, memory: Memory) -> None:
        detector.window.extend(memory["window"])
        detector.n = memory["n"]
        detector._rng.seed(memory["n"])
