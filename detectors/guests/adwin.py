"""ADWIN: the window is as long as its mean has not changed (Bifet and Gavalda, SDM 2007).

Operating point: with `delta` .002 it raises 0.02 false alarms in 100,000 independent Gaussian values, 2 to 35 in
heavy-tailed, skewed or autocorrelated ones. It looks at means only, and every `clock` values.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Memory


@dataclass(frozen=True)
class Adwin(Guest):
    """River's `drift.ADWIN`."""

    kind: ClassVar[str] = "adwin"
    source: ClassVar[str] = "Bifet and Gavalda, Learning from time-changing data with adaptive windowing, 2007"
    delta: float = 0.002
    clock: int = 32
    grace_period: int = 10

    def make(self) -> Any:
        from river.drift import ADWIN

        return ADWIN(delta=self.delta, clock=self.clock, grace_period=self.grace_period)

    def remember(self, detector: Any) -> Memory:
        return {"window": detector._helper.__getstate__()}

    def restore(self, detector: Any, memory: Memory) -> None:
        detector._helper.__setstate__(memory["window"])
