"""What one detector said of one column."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any

from stream.evaluate.score import Score

ROUGH = 3.0  # alarms allowed; so few are known to no better than a factor of two


@dataclass(frozen=True)
class Edge:
    """What became of an alarm: it moved on, went away or was accepted, with a row of the file."""

    edge: str
    row: int


@dataclass(frozen=True)
class Alarm:
    """One alarm. Rows are those of the file, the first is 0."""

    row: int  # the last row of the pane with which it came
    onset_row: int | None  # the first row of the pane in which it began; guests do not say
    onset_until_row: int | None  # and its last one
    evidence: float
    threshold: float
    effect: str
    part: str = "values"  # of the column: values, nulls, or what a guest looked at
    later: tuple[Edge, ...] = ()

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "row": self.row,
            "onset_row": self.onset_row,
            "onset_until_row": self.onset_until_row,
            "evidence": finite(self.evidence),
            "threshold": finite(self.threshold),
            "effect": self.effect,
            "part": self.part,
            "later": [{"edge": edge.edge, "row": edge.row} for edge in self.later],
        }


@dataclass(frozen=True)
class Calibrated:
    """At what false-alarm rate a detector really is, on a stream without change."""

    rows: int  # of the stream
    allowed: float  # alarms that the budget allows so many rows
    alarms: int
    knob: str = ""  # what was turned; nothing for the urn, which needs no turning
    value: float = 0.0

    @property
    def rough(self) -> bool:
        """Whether the streams were too short for the budget to set anything finely."""
        return self.allowed < ROUGH

    def plain(self) -> dict[str, Any]:
        """For programs."""
        turned = {"parameter": self.knob, "value": self.value} if self.knob else {}
        return {**turned, "rows": self.rows, "allowed": finite(self.allowed), "alarms": self.alarms}


@dataclass(frozen=True)
class Result:
    """One detector on one column. `score` is None where nobody says where the changes are."""

    detector: str
    column: str
    alarms: tuple[Alarm, ...] = ()
    score: Score | None = None
    watching_from: int | None = None  # the first row that could raise an alarm; None if the reference was too short
    calibrated: Calibrated | None = None
    looked: bool = True  # False: the column has nothing that the detector could look at, and the note says why
    note: str = ""

    @property
    def notices(self) -> list[tuple[int, bool]]:
        """Rows at which a change was noticed, and whether by a new alarm or by one that moved on or recovered."""
        found = [(alarm.row, True) for alarm in self.alarms]
        found += [
            (edge.row, False) for alarm in self.alarms for edge in alarm.later if edge.edge in ("moved", "recovered")
        ]
        return sorted(found)

    def plain(self) -> dict[str, Any]:
        """For programs."""
        score = self.score
        found: dict[str, Any] = {
            "detector": self.detector,
            "column": self.column,
            "alarms": [alarm.plain() for alarm in self.alarms],
            "false_alarms": None if score is None else score.false_alarms,
            "delay": None if score is None else score.delay,
            "missed": None if score is None else score.missed,
            "watching_from": self.watching_from,
        }
        if self.calibrated is not None:
            found["calibrated"] = self.calibrated.plain()
        if self.note:
            found["note"] = self.note
        return found


def plain(results: Iterable[Result]) -> list[dict[str, Any]]:
    """All results, for programs."""
    return [result.plain() for result in results]


def finite(number: float) -> float | None:
    """The number, or None: JSON knows no infinities."""
    return number if isfinite(number) else None
