"""ADWIN: the window is as long as its mean has not changed (Bifet and Gavalda, SDM 2007).

Operating point (`python -m benchmarks.guests`): on independent standard normal values `delta` .17 raises one false
alarm in 10,000 and sees a mean higher by half a standard deviation after 55 values (median; mean 64); .016 one in
100,000, after 87 (91); the default, .002, one in a million, after 119 (116). On errors of 5 % that become 10 %: .62
and 183 values (289), .12 and 327 (553). It looks at means only, and every `clock` values.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from msgspec import Meta

from detectors.guests.guest import Guest, Length, Memory, Wait


@dataclass(frozen=True)
class Adwin(Guest):
    """River's `drift.ADWIN`."""

    kind: ClassVar[str] = "adwin"
    source: ClassVar[str] = "Bifet and Gavalda, Learning from time-changing data with adaptive windowing, 2007"
    delta: Annotated[float, Meta(gt=0, le=2)] = 0.002  # above 1 no probability, but louder yet
    clock: Length = 32
    grace_period: Wait = 10

    def make(self) -> Any:
        from river.drift import ADWIN

        return ADWIN(delta=self.delta, clock=self.clock, grace_period=self.grace_period)

    def remember(self, detector: Any) -> Memory:
        return {"window": detector._helper.__getstate__()}

    def restore(self, detector: Any, memory: Memory) -> None:
        detector._helper.__setstate__(memory["window"])
