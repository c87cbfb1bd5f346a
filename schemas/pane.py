"""A pane: the mergeable counts of one model over about a second of one worker. Counts, not values.

What flows from `profile` to `judge`, keyed by model. Where panes are cut is up to the clock of the worker that counted;
what they add up to is not. A pane without rows is a heartbeat of the pipeline: time has passed and nothing came.

Columns are named `feature:age`, `prediction:value`, `prediction:label`, `prediction:score`, `latency:ms`,
`status:status`, `signal:cost`, `label:value`, `segment:region`, `embedding:text.0` and `embedding:text.norm`.

>>> column = Column(n=3, sum=6.0, min=1.0, max=3.0, at=[2043904, 2044928], counts=[1, 2])
>>> column.binning, column.nulls
('u', 0)
"""

from itertools import accumulate, chain
from typing import Literal, get_args

from msgspec import Struct

from schemas.deployment import Deployment
from schemas.subject import Subject

Family = Literal["feature", "prediction", "latency", "status", "signal", "label", "segment", "embedding"]
FAMILIES: tuple[Family, ...] = get_args(Family)


class Column(Struct, omit_defaults=True, gc=False):
    """What was seen of one column: numbers by bucket, texts and booleans by value, nulls by count.

    A column that is missing from a row is counted nowhere: absent = rows - n - nulls - texts.
    """

    n: int = 0  # numbers
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0
    binning: str = "u"  # how the numbers are counted: "u" universal, else the identity of a published binning
    at: list[int] = []  # buckets (universal) or bins (compact), ascending
    gaps: list[int] = []  # or the same in half as many digits: the first, and how far it is from each to the next
    counts: list[int] = []  # how many numbers fell into each
    values: dict[str, int] = {}  # texts and booleans by value (or by keyed hash), the most frequent ones
    other: int = 0  # texts beyond the bound on distinct values in one pane
    nulls: int = 0  # null, NaN and infinities

    @property
    def texts(self) -> int:
        """How many texts and booleans were seen."""
        return sum(self.values.values()) + self.other


class Slice(Struct, kw_only=True, omit_defaults=True, gc=False):
    """The part of a pane that one value of one segment key makes up: rates of everything, counts of the outputs."""

    rows: int = 0
    nulls: dict[str, int] = {}  # column -> null or absent
    columns: dict[str, Column] = {}  # outputs only: prediction, latency, status


class Pane(Struct, tag_field="kind", tag="pane", kw_only=True, omit_defaults=True):
    """Everything that one transaction of one profile worker saw of one subject. Times are milliseconds since 1970."""

    subject: Subject
    at: int  # the worker's wall clock when the pane was cut
    worker: str
    rows: int = 0
    volume: float = 0.0  # rows weighted by sample_rate
    since: int = 0  # earliest and latest event time inside (0: none)
    until: int = 0
    late: int = 0  # events older than the lateness bound when they arrived
    future: int = 0  # events ahead of the clock of their broker
    lag_ms: int = 0  # how long the oldest row waited in Kafka
    versions: dict[str, int] = {}
    columns: dict[str, Column] = {}
    slices: dict[str, Slice] = {}  # "region=eu" -> its part
    part: int = 0  # a pane too large for one message is cut by columns; every part says rows, part 0 counts them
    parts: int = 1
    v: int = 1

    def spell_out(self) -> None:
        """Say buckets and bins, as readers rely on, where a column says gaps.

        >>> column = Column(n=3, sum=6.0, min=1.0, max=3.0, gaps=[2043904, 1024], counts=[1, 2])
        >>> subject = Subject(model="churn", deployment="churn")
        >>> pane = Pane(subject=subject, at=0, worker="0", columns={"feature:age": column})
        >>> pane.spell_out()
        >>> column.at, column.gaps
        ([2043904, 2044928], [])
        """
        for column in chain(self.columns.values(), *(part.columns.values() for part in self.slices.values())):
            if column.gaps and not column.at:
                column.at, column.gaps = list(accumulate(column.gaps)), []


class Deployed(Struct, tag_field="kind", tag="deployed", kw_only=True, omit_defaults=True):
    """A deployment event on its way to the judge, in the order in which the counts go."""

    subject: Subject
    at: int
    event: Deployment
    v: int = 1


PaneTopic = Pane | Deployed


def family(column: str) -> Family:
    """The family of a column's name: `feature:age` is a feature."""
    head = column.partition(":")[0]
    for known in FAMILIES:
        if head == known:
            return known
    raise ValueError(f"column '{column}' has no family; names look like 'feature:age' or 'prediction:value'")
