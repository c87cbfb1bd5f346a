"""Records wait and nothing moves: then this process ends, and its supervisor starts a better one.

A stream library can stop consuming without an error. What counts as progress is what Kafka sees: positions and what was
acknowledged. Waiting for a Redis that is away is no standstill: it is known, logged, and a restart would not help.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

STANDSTILL_S = 60.0
LOOK_EVERY_S = 5.0


@dataclass
class Watchdog:
    """Fed with what was seen; says how long records have been waiting without any progress."""

    clock: Callable[[], float] = time.monotonic
    _progress: object = None
    _since: float = field(default=0.0)

    def standstill_s(self, waiting: Mapping[str, int], progress: object, excused: bool) -> float:
        """Seconds for which records have waited (topic -> how many) while `progress` stayed the same.

        >>> now = 0.0
        >>> dog = Watchdog(lambda: now)
        >>> dog.standstill_s({"leeway.anomalies": 3}, progress=7, excused=False)
        0.0
        >>> now = 61.0
        >>> dog.standstill_s({"leeway.anomalies": 3}, progress=7, excused=False)
        61.0
        >>> dog.standstill_s({"leeway.anomalies": 0}, progress=7, excused=False)
        0.0
        """
        now = self.clock()
        if excused or progress != self._progress or not any(waiting.values()):
            self._progress, self._since = progress, now
        return now - self._since
