"""When what goes wrong: the plot of the demo, in places of the traffic, and what a right answer to it is.

A *place* counts the requests that people make; while a feed is lost, some of them never become events.

>>> [outage.name for outage in STORY.outages]
['null', 'unit', 'category', 'deployment', 'latency', 'feed']
>>> STORY.length, STORY.year_begins(2016)
(192000, 54000)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.anomaly import Class
from stream.demo.outages import Disturb, creeping_latency, lost_feed, lost_join, new_code, other_model, other_unit

MODEL = "employment"
REGIONS: Mapping[str, float] = {
    "boston": 0.35,
    "worcester": 0.20,
    "springfield": 0.15,
    "lowell": 0.15,
    "cape-cod": 0.15,
}
OUTPUTS = frozenset({"prediction:score", "prediction:label", "prediction:value"})


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Something done to the traffic from place `begin` to `end`, after which it is mended.

    It lasts fewer than the 10,000 events after which the judge accepts a change as the new normal.
    """

    name: str
    what: str
    begin: int
    end: int
    disturb: Disturb
    classes: frozenset[Class]  # what may rightly be called its name
    columns: frozenset[str]  # where it must be found, as `Anomaly.feature` names it
    segment: Mapping[str, str] = field(
        default_factory=dict
    )  # what the right answer must name besides, as its place or in words
    deploys: tuple[str, str] | None = None  # the version that is deployed at `begin`, and the one it is rolled back to


@dataclass(frozen=True)
class Story:
    """The whole plot: how many rows of each year, and what happens on the way."""

    counts: Mapping[int, int]
    outages: tuple[Outage, ...]
    garbage: tuple[int, ...]  # places at which a malformed event is sent as well

    @property
    def length(self) -> int:
        return sum(self.counts.values())

    def year_begins(self, year: int) -> int:
        """The place of the first row of a year."""
        return sum(count for other, count in self.counts.items() if other < year)


def _outages() -> tuple[Outage, ...]:
    return (
        Outage(
            name="null",
            what="SCHL is null in 60 % of cape-cod's requests: a look-up times out",
            begin=62_000,
            end=70_500,
            disturb=lost_join("SCHL", "cape-cod", 0.6),
            classes=frozenset({"null_spike"}),
            columns=frozenset({"SCHL"}),
        ),
        Outage(
            name="unit",
            what="AGEP comes in months from a client's new release (25 % of all)",
            begin=82_000,
            end=90_500,
            disturb=other_unit("AGEP", 12, 0.25),
            classes=frozenset({"feature_drift", "out_of_range"}),
            columns=frozenset({"AGEP"}),
        ),
        Outage(
            name="category",
            what="CIT has a new code '6' in 3 % of requests: the form has changed",
            begin=110_000,
            end=118_500,
            disturb=new_code("CIT", "6", 0.03),
            classes=frozenset({"new_category", "feature_drift"}),
            columns=frozenset({"CIT"}),
        ),
        Outage(
            name="deployment",
            what="version 2 is deployed, less sure that people are employed",
            begin=129_000,
            end=137_500,
            disturb=other_model("2", 0.7),
            classes=frozenset({"prediction_drift", "calibration_shift"}),
            columns=OUTPUTS,
            deploys=("2", "1"),
        ),
        Outage(
            name="latency",
            what="latency creeps up to 1.6 times what it was: a leak",
            begin=154_000,
            end=163_000,
            disturb=creeping_latency(1.6),
            classes=frozenset({"latency_regression"}),
            columns=frozenset({"latency:ms"}),
        ),
        Outage(
            name="feed",
            what="the feed of lowell stops",
            begin=176_000,
            end=184_500,
            disturb=lost_feed("lowell"),
            classes=frozenset({"volume_drop", "segment_drift"}),
            columns=frozenset({"", "segment:region"}),
            segment={"region": "lowell"},
        ),
    )


COUNTS: Mapping[int, int] = {2015: 54_000, 2016: 46_000, 2017: 46_000, 2018: 46_000}
STORY = Story(counts=COUNTS, outages=_outages(), garbage=tuple(range(12_500, 192_000, 12_500)))
