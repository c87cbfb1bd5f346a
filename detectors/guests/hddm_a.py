"""HDDM_A: Hoeffding's bound on the mean so far against its best past cut (Frias-Blanco et al., TKDE 2015).

For signals between 0 and 1, error rates above all. Hoeffding's bound takes the variance for a quarter, which errors
that are rare do not have.

Operating point (`python -m benchmarks.guests`): on independent errors of 5 % `drift_confidence` .053 raises one false
alarm in 10,000 values and sees them become 10 % after 852 values (median; mean 1,730; 3 % are not seen within
20,000); .0094 one in 100,000, after 1,144 (1,646). The default, .001, raises one in two million, after 2,039 (1,994).
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Memory, Share, mean_from, mean_of

MEANS = ("_x_min", "_x_max", "_z")


@dataclass(frozen=True)
class HddmA(Guest):
    """River's `drift.binary.HDDMA`, both directions."""

    kind: ClassVar[str] = "hddm_a"
    source: ClassVar[str] = "Frias-Blanco et al., Online and non-parametric drift detection methods, 2015"
    drift_confidence: Share = 0.001
    warning_confidence: Share = 0.005

    def make(self) -> Any:
        from river.drift.binary import HDDMA

        return HDDMA(self.drift_confidence, self.warning_confidence, two_sided_test=True)

    def remember(self, detector: Any) -> Memory:
        return {name: mean_of(getattr(detector, name)) for name in MEANS}

    def restore(self, detector: Any, memory: Memory) -> None:
        for name in MEANS:
            mean_from(getattr(detector, name), memory[name])
