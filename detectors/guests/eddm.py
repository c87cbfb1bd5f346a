"""EDDM: the distances between errors against the longest they ever were (Baena-Garcia et al., IWKDDS 2006).

For errors, 1 a value that is wrong and 0 one that is right. A pane's rate of errors is a fraction, and River counts
only values that are exactly 1: rates are therefore added up, and each time they come to a whole error it is given one.
It sees rises only.

Operating point (`python -m benchmarks.guests`): on independent errors of 5 % `beta` .86 raises one false alarm in
10,000 values and sees them become 10 % after 266 values (median; mean 425); .73 one in 100,000, after 1,728 (2,002).
The default, .9, raises 42 in 100,000.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from detectors.guests.guest import Guest, Memory, Share, Wait, clipped, mean_from, mean_of

PLAIN = ("_n", "_last_error", "_n_errors", "_p2s_prime_max")


@dataclass(frozen=True)
class Eddm(Guest):
    """River's `drift.binary.EDDM`."""

    kind: ClassVar[str] = "eddm"
    source: ClassVar[str] = "Baena-Garcia et al., Early drift detection method, 2006"
    warm_start: Wait = 30
    alpha: Share = 0.95
    beta: Share = 0.9

    def make(self) -> Any:
        from river.drift.binary import EDDM

        return WholeErrors(EDDM(self.warm_start, max(self.alpha, self.beta), self.beta))

    def remember(self, detector: Any) -> Memory:
        river = detector.river
        distances = [*mean_of(river._error_distances.mean), river._error_distances._S]
        return {"part": detector.part, "distances": distances, "plain": [getattr(river, name) for name in PLAIN]}

    def restore(self, detector: Any, memory: Memory) -> None:
        detector.part, river = memory["part"], detector.river
        mean_from(river._error_distances.mean, memory["distances"][:2])
        river._error_distances._S = memory["distances"][2]
        for name, value in zip(PLAIN, memory["plain"], strict=True):
            setattr(river, name, value)


class WholeErrors:
    """River's EDDM, shown a whole error each time the rates add up to one."""

    def __init__(self, river: Any) -> None:
        self.river, self.part = river, 0.0

    def update(self, rate: float) -> None:
        self.part += clipped(rate)
        error = int(self.part >= 1)
        self.part -= error
        self.river.update(error)

    @property
    def drift_detected(self) -> bool:
        return bool(self.river.drift_detected)
