"""What a judge has published since it started, counted as it leaves: what a replay only says to itself is not in it.

The alarm budget, "at most k false alarms per model per week", grows with time (or with events); the alarms that were
published, divided by what it has grown by, say whether it is kept. Heartbeats say how much time that was, for each
model that is watched.

>>> from detectors.budget import parse
>>> from schemas.moment import rfc3339
>>> from schemas.subject import Subject
>>> said = Said(parse("1 per model per week"))
>>> beat = Heartbeat(subject=Subject(model="churn", deployment="churn"), state="quiet", at="", since="", watching=3)
>>> for minute in range(3):
...     said.heartbeat(msgspec.structs.replace(beat, at=rfc3339(60_000 * minute)))
>>> round(said.allowed * 7 * 24 * 60)
2
"""

from collections import Counter
from datetime import datetime

import msgspec

from detectors.budget import PERIODS_A_WEEK, Budget
from schemas.anomaly import Class, Status
from schemas.heartbeat import Heartbeat

WEEK_S = 7 * 86_400.0
FURTHEST_S = 600.0  # between two heartbeats of one model: after a longer silence nothing was watched


class Named(msgspec.Struct):
    """The part of an anomaly that is counted."""

    class_: Class = msgspec.field(name="class")
    status: Status


class Said:
    """Counts by the values of their labels."""

    def __init__(self, budget: Budget) -> None:
        self.anomalies: Counter[tuple[str, ...]] = Counter()  # by class and status
        self.allowed = 0.0  # alarms for nothing
        self._budget = budget
        self._before: dict[str, tuple[float, int]] = {}  # subject -> time and rows of its last heartbeat
        self._beyond: dict[str, tuple[int, int]] = {}  # subject -> columns and slices that are not watched

    @property
    def unwatched(self) -> dict[tuple[str, ...], float]:
        """Columns and slices beyond the quota, of all subjects."""
        beyond = list(self._beyond.values())
        columns, slices = (sum(each[at] for each in beyond) for at in (0, 1))
        return {("columns",): columns, ("slices",): slices}

    def beyond(self, subject: str) -> tuple[int, int]:
        """Columns and slices of one subject that are not watched."""
        return self._beyond.get(subject, (0, 0))

    def anomaly(self, body: bytes) -> None:
        """An anomaly was sent."""
        named = msgspec.json.decode(body, type=Named)
        self.anomalies[named.class_, named.status] += 1

    def heartbeat(self, beat: Heartbeat) -> None:
        """A heartbeat was sent."""
        key, at_s = beat.subject.key, datetime.fromisoformat(beat.at).timestamp()
        before_s, rows = self._before.get(key, (at_s, beat.rows))
        self._before[key] = at_s, beat.rows
        if beat.watching and 0 <= at_s - before_s <= FURTHEST_S:
            self.allowed += self._share(at_s - before_s, beat.rows - rows)
        self._beyond.pop(key, None)
        if beat.unwatched_columns or beat.unwatched_slices:
            self._beyond[key] = beat.unwatched_columns, beat.unwatched_slices

    def _share(self, seconds: float, rows: int) -> float:
        """Of the budget, of so much time and so many events."""
        if self._budget.events is not None:
            return self._budget.alerts * rows / self._budget.events
        return self._budget.alerts * PERIODS_A_WEEK[self._budget.period or "week"] * seconds / WEEK_S
