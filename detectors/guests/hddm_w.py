"""HDDM_W: McDiarmid's bound on weighted means that forget (Frias-Blanco et al., TKDE 2015).

For signals between 0 and 1. The fastest on large jumps (10 % to 90 %), blind to small ones.

Operating point (`python -m benchmarks.guests`): on independent errors of 5 % `drift_confidence` .083 raises one false
alarm in 10,000 values and sees them become 10 % after 732 values (median; mean 1,078); .063 one in 100,000, after 1,348
(1,864). The default, .001, raises none in two million and does not see them in 20,000.
"""

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Memory, Share

SAMPLES = ("_total", "_s1_decr", "_s1_incr", "_s2_decr", "_s2_incr")
FARTHEST = 1e300  # stands for the infinity of a cut point not yet set: states hold finite numbers only


@dataclass(frozen=True)
class HddmW(Guest):
    """River's `drift.binary.HDDMW`, both directions."""

    kind: ClassVar[str] = "hddm_w"
    source: ClassVar[str] = "Frias-Blanco et al., Online and non-parametric drift detection methods, 2015"
    drift_confidence: Share = 0.001
    warning_confidence: Share = 0.005
    lambda_val: Share = 0.05

    def make(self) -> Any:
        from river.drift.binary import HDDMW

        return HDDMW(self.drift_confidence, self.warning_confidence, self.lambda_val, two_sided_test=True)

    def remember(self, detector: Any) -> Memory:
        memory: Memory = {"cuts": [min(detector._incr_cutpoint, FARTHEST), max(detector._decr_cutpoint, -FARTHEST)]}
        for name in SAMPLES:
            sample = getattr(detector, name)
            memory[name] = [sample._ewma._ewmean.__getstate__(), sample._is_init, sample._ibc]
        return memory

    def restore(self, detector: Any, memory: Memory) -> None:
        increase, decrease = memory["cuts"]
        detector._incr_cutpoint = increase if increase < FARTHEST else inf
        detector._decr_cutpoint = decrease if decrease > -FARTHEST else -inf
        for name in SAMPLES:
            sample = getattr(detector, name)
            mean, sample._is_init, sample._ibc = memory[name]
            sample._ewma._ewmean.__setstate__(mean)
