"""HDDM_A: Hoeffding's bound on the mean so far against its best past cut (Frias-Blanco et al., TKDE 2015).

For signals between 0 and 1, error rates above all. Operating point: no false alarm in 100,000 at the default, and
1,900 values to see 5 % errors become 10 %: Hoeffding's bound takes the variance for a quarter.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Memory, mean_from, mean_of

MEANS = ("_x_min", "_x_max", "_z")


@dataclass(frozen=True)
class HddmA(Guest):
    """River's `drift.binary.HDDMA`, both directions."""

    kind: ClassVar[str] = "hddm_a"
    source: ClassVar[str] = "Frias-Blanco et al., Online and non-parametric drift detection methods, 2015"
    drift_confidence: float = 0.001
    warning_confidence: float = 0.005

    def make(self) -> Any:
        from river.drift.binary import HDDMA

        return HDDMA(self.drift_confidence, self.warning_confidence, two_sided_test=True)

    def remember(self, detector: Any) -> Memory:
        return {name: mean_of(getattr(detector, name)) for name in MEANS}

    def restore(self, detector: Any, memory: Memory) -> None:
        for name in MEANS:
            mean_from(getattr(detector, name), memory[name])
