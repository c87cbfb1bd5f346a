"""A finding: what one stream of one subject does, as an edge. It is everything an anomaly is made of, but for names.

A stream is a *part* of a column, in the whole subject or in one slice of it: the values of `feature:age`, the nulls of
`feature:age` in region=eu, the volume of everything.
"""

import math
from dataclasses import dataclass, field
from itertools import accumulate
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

    def most_moved(self) -> tuple[str, float, float]:
        """Of numbers: the range of which the live share is the least likely one, with its share before and after (the
        scan statistic of Kulldorff, 1997).

        >>> Histogram(("below 0", "0 to 1", "1 to 5", "from 5"), (5, 90, 4, 1), (4, 76, 8, 12)).most_moved()
        ('from 5', 0.01, 0.12)
        """
        before, after = sum(self.reference), sum(self.live)
        if before <= 1 or after <= 0 or len(self.live) < 3:
            return "", 0.0, 0.0
        known, now, last = [0.0, *accumulate(self.reference)], [0.0, *accumulate(self.live)], len(self.live)
        shares: dict[tuple[int, int], tuple[float, float]] = {}
        for end in range(1, last + 1):
            for first in range(end):
                share, whole = (known[end] - known[first]) / before, first == 0 or end == last
                if not (whole and share > 0.5):  # what is below and what is above say the same: the rarer is told
                    shares[first, end] = share, (now[end] - now[first]) / after
        least = 1 / before
        best = max(shares, key=lambda one: surprise(min(max(shares[one][0], least), 1 - least), shares[one][1]))
        return self.between(*best), *shares[best]

    def between(self, first: int, end: int) -> str:
        """What people call the bins of numbers from one up to, and without, another."""
        low, high = self.labels[first].partition(" to ")[0], self.labels[end - 1].rpartition(" to ")[2]
        if first == 0:
            return "all" if end == len(self.labels) else f"below {high.removeprefix('below ')}"
        if end == len(self.labels):
            return low if first == end - 1 else f"from {low}"
        return low if low == high else f"{low} to {high}"


def surprise(expected: float, share: float) -> float:
    """How much a row tells, in nats, against its being in a range with the probability that is expected.

    >>> round(surprise(0.01, 0.12), 3)
    0.195
    """
    pairs = ((share, expected), (1 - share, 1 - expected))
    return sum(x * math.log(x / p) for x, p in pairs if x > 0)


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
    onset: int  # when the change is estimated to have begun: the beginning of a pane
    n: int  # rows since then
    segment: tuple[tuple[str, str], ...] = ()
    form: Literal["numbers", "texts", ""] = ""
    change: str = ""  # the kind of change the evidence is for, in words
    before: float = float("nan")  # mean, rate or volume in the reference
    after: float = float("nan")  # and since the onset
    spread: float = 0.0  # standard deviation of numbers, in the reference or since the onset: the larger
    smallest: float = 0.0  # the smallest change that would have been seen with this n
    reference_n: int = 0
    health: str = "ok"
    histogram: Histogram = field(default_factory=Histogram)
    share: float = 1.0  # of the subject's traffic that the stream makes up
    movement: float = 0.0  # of the subject's predictions, at the same time: the impact
    unseen: bool = False  # texts: what grew is what was never seen before
    stuck: bool = False  # numbers: nearly all rows have one value
    telling: bool = True  # numbers: the means say what most rows do; not so where a few very large ones make them
    returned: int = 0  # until when the reference was in use that it has gone back to; 0: it has not
    causes: tuple[tuple[str, str, float, str], ...] = ()  # kind, ref, score, why
    version: str = ""
    onset_until: int = 0  # and its end, as far as it is known; 0: nobody asked
    alarm: "Alarm | None" = None  # of later edges: what the first was called


@dataclass(frozen=True, slots=True)
class Alarm:
    """What an alarm that stands was called when it was raised; its later edges keep the name."""

    since: int
    kind: Class
    segment: tuple[tuple[str, str], ...] = ()
