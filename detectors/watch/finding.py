"""A finding: what one stream of one subject does, as an edge. It is everything an anomaly is made of, but for names.

A stream is a *part* of a column, in the whole subject or in one slice of it: the values of `feature:age`, the nulls of
`feature:age` in region=eu, the volume of everything.
"""

from dataclasses import dataclass, field
from typing import Literal

from schemas.anomaly import Class

Part = Literal["values", "nulls", "errors", "volume", "guest", "margin", "model"]
Edge = Literal["firing", "moved", "recovered", "accepted"]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Reference and live counts over the same bins, one label a bin."""

    labels: tuple[str, ...] = ()
    reference: tuple[float, ...] = ()
    live: tuple[float, ...] = ()

    def movement(self) -> float:
        """Total variation distance between the two, 0 to 1: the share of rows that would have to move.

        >>> Histogram(("a", "b"), (50.0, 50.0), (10.0, 0.0)).movement()
        0.5
        """
        before, after = sum(self.reference), sum(self.live)
        if before <= 0 or after <= 0:
            return 0.0
        return sum(abs(r / before - x / after) for r, x in zip(self.reference, self.live, strict=True)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One edge of one stream. Times are milliseconds since 1970."""

    edge: Edge
    column: str  # "" for the volume of everything and for what the columns say together
    part: Part
    detector: str
    evidence: float
    threshold: float
    at: int
    onset: int  # when the change is estimated to have begun
    n: int  # rows since then
    segment: tuple[tuple[str, str], ...] = ()
    form: Literal["numbers", "texts", ""] = ""
    change: str = ""  # the kind of change the evidence is for, in words
    before: float = float("nan")  # mean, rate or volume in the reference
    after: float = float("nan")  # and since the onset
    spread: float = 0.0  # standard deviation in the reference
    smallest: float = 0.0  # the smallest change that would have been seen with this n
    reference_n: int = 0
    health: str = "ok"
    histogram: Histogram = field(default_factory=Histogram)
    share: float = 1.0  # of the subject's traffic that the stream makes up
    movement: float = 0.0  # of the subject's predictions, at the same time: the impact
    unseen: bool = False  # texts: what grew is what was never seen before
    stuck: bool = False  # numbers: nearly all rows have one value
    returned: int = 0  # until when the reference was in use that it has gone back to; 0: it has not
    causes: tuple[tuple[str, str, float, str], ...] = ()  # kind, ref, score, why
    version: str = ""
    alarm: "Alarm | None" = None  # of later edges: what the first was called


@dataclass(frozen=True, slots=True)
class Alarm:
    """What an alarm that stands was called when it was raised; its later edges keep the name."""

    since: int
    kind: Class
    segment: tuple[tuple[str, str], ...] = ()
