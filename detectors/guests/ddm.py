"""DDM: the error rate so far against its lowest point, in standard deviations of that point (Gama et al., SBIA 2004).

For errors, 1 a value that is wrong and 0 one that is right, or a pane's rate of errors; values are clipped to [0, 1].
It sees rises only. A stream that begins without any error raises a false alarm at its first one: its lowest point has
no spread.

Operating point (`python -m benchmarks.guests`): on independent errors of 5 % `drift_threshold` 2.43 raises one false
alarm in 10,000 values and sees them become 10 % after 362 values (median; mean 400); 3.21 one in 100,000, after 983
(2,072; 2 % are not seen within 20,000); the default, 3, is near the second. The longer it has been quiet, the later
it alarms.
"""

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from detectors.guests.guest import Amount, Guest, Memory, Wait, clipped, mean_from, mean_of


@dataclass(frozen=True)
class Ddm(Guest):
    """River's `drift.binary.DDM`."""

    kind: ClassVar[str] = "ddm"
    source: ClassVar[str] = "Gama, Medas, Castillo and Rodrigues, Learning with drift detection, 2004"
    warm_start: Wait = 30
    warning_threshold: Amount = 2.0
    drift_threshold: Amount = 3.0

    def make(self) -> Any:
        from river.drift.binary import DDM

        return DDM(self.warm_start, self.warning_threshold, self.drift_threshold)

    def given(self, value: float) -> float:
        return clipped(value)

    def remember(self, detector: Any) -> Memory:
        lowest = [] if detector._p_min is None else [detector._p_min, detector._s_min]
        return {"rate": mean_of(detector._p), "lowest": lowest}

    def restore(self, detector: Any, memory: Memory) -> None:
        mean_from(detector._p, memory["rate"])
        detector._p_min, detector._s_min = memory["lowest"] or (None, None)
        detector._ps_min = sum(memory["lowest"]) if memory["lowest"] else inf
