"""The traffic does what the story says, where it says so, and nothing else."""

from collections import Counter
from itertools import pairwise

import orjson
import pytest

from schemas.dead_letter import Reason
from schemas.decode import Reader
from schemas.prediction import Prediction
from stream.demo.borders import really_changed
from stream.demo.census import FILE, census
from stream.demo.story import REGIONS, STORY, Outage
from stream.demo.traffic import GARBAGE, Event, Traffic

SEED = 20_260_101
NOW_MS = 1_800_000_000_000


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return Traffic(STORY, SEED)


def during(traffic: Traffic, name: str) -> tuple[Outage, list[Event | None]]:
    outage = next(outage for outage in STORY.outages if outage.name == name)
    return outage, list(traffic.events(outage.begin, outage.end))


def before(traffic: Traffic, outage: Outage) -> list[Event]:
    """As many events as during the outage, from before it."""
    events = list(traffic.events(outage.begin - 4_000, outage.begin))
    return [event for event in events if event is not None]


def test_the_same_seed_sends_the_same_events(traffic: Traffic) -> None:
    again = Traffic(STORY, SEED)
    assert list(traffic.events(40_000, 40_500)) == list(again.events(40_000, 40_500))
    assert list(traffic.events(40_000, 40_500)) != list(Traffic(STORY, SEED + 1).events(40_000, 40_500))


def test_how_the_traffic_is_cut_changes_nothing(traffic: Traffic) -> None:
    whole = list(traffic.events(81_900, 82_100))
    assert whole == [event for place in range(81_900, 82_100) for event in traffic.events(place, place + 1)]


def test_every_event_can_be_read_and_no_garbage_can(traffic: Traffic) -> None:
    reader = Reader()
    for outage in STORY.outages:
        for event in traffic.events(outage.begin - 5, outage.begin + 50):
            if event is not None:
                said = reader.event(orjson.dumps(event | {"ts": NOW_MS}), None, "prediction", NOW_MS)
                assert isinstance(said, Prediction), said
    reasons = [reader.event(garbage, None, "prediction", NOW_MS) for garbage in GARBAGE]
    assert all(isinstance(reason, Reason) for reason in reasons), reasons
    assert not reader.unknown


def test_outages_do_not_overlap_and_the_first_year_is_healthy() -> None:
    spans = sorted((outage.begin, outage.end) for outage in STORY.outages)
    assert all(end < begin for (_, end), (begin, _) in pairwise(spans))
    assert spans[0][0] > STORY.year_begins(2016)
    assert spans[-1][1] < STORY.length


def test_a_feature_goes_null_in_one_region_only(traffic: Traffic) -> None:
    _, events = during(traffic, "null")
    nulls = Counter(event["segments"]["region"] for event in events if event and event["features"]["SCHL"] is None)
    rows = Counter(event["segments"]["region"] for event in events if event)
    assert set(nulls) == {"cape-cod"}
    assert nulls["cape-cod"] / rows["cape-cod"] == pytest.approx(0.6, abs=0.05)


def test_a_feature_changes_its_unit_in_a_part_of_the_traffic(traffic: Traffic) -> None:
    outage, events = during(traffic, "unit")
    changed = sum(event["features"]["AGEP"] > 100 for event in events if event)
    assert 0.15 < changed / len(events) < 0.26  # infants stay below 100 months
    assert not any(event["features"]["AGEP"] > 100 for event in before(traffic, outage))


def test_a_new_category_was_never_there_before(traffic: Traffic) -> None:
    _, events = during(traffic, "category")
    assert sum(event["features"]["CIT"] == "6" for event in events if event) / len(events) == pytest.approx(
        0.03, abs=0.01
    )
    codes = dict(zip(traffic.census.features, traffic.census.codes, strict=True))
    assert "6" not in (codes["CIT"] or ())


def test_the_new_version_answers_lower_and_is_announced_and_rolled_back(traffic: Traffic) -> None:
    outage, events = during(traffic, "deployment")
    after = [event["prediction"]["score"] for event in events if event]
    usual = [event["prediction"]["score"] for event in before(traffic, outage)]
    shift = sum(after) / len(after) - sum(usual) / len(usual)
    assert -0.15 < shift < -0.05
    assert {event["version"] for event in events if event} == {"2"}
    announced, back = traffic.deployment(outage.begin), traffic.deployment(outage.end)
    assert announced is not None
    assert back is not None
    assert (announced["action"], announced["version"]) == ("deployed", "2")
    assert (back["action"], back["version"]) == ("rolled_back", "1")
    assert traffic.deployment(outage.begin + 1) is None


def test_latency_creeps(traffic: Traffic) -> None:
    _, events = during(traffic, "latency")
    latency = [event["latency_ms"] for event in events if event]
    first, last = latency[:2_000], latency[-2_000:]
    progress = 1_000 / len(latency)  # half-way through the first 2,000
    assert sum(last) / sum(first) == pytest.approx((1 + 0.6 * (1 - progress)) / (1 + 0.6 * progress), abs=0.08)


def test_a_feed_that_stops_sends_nothing(traffic: Traffic) -> None:
    _, events = during(traffic, "feed")
    assert {event["segments"]["region"] for event in events if event} == set(REGIONS) - {"lowell"}
    assert sum(event is None for event in events) / len(events) == pytest.approx(0.15, abs=0.02)


def test_within_a_year_nothing_drifts_and_at_a_border_what_really_changed_does() -> None:
    changed = really_changed(census(SEED))
    assert "ANC" in changed[2016]
    assert "AGEP" in changed[2017]
    assert "SCHL" in changed[2018]
    assert not any("score" in columns for columns in changed.values())


def test_the_shipped_file_is_small_and_its_licence_lies_beside_it() -> None:
    from importlib.resources import files

    folder = files("stream.demo")
    assert len(folder.joinpath(FILE).read_bytes()) <= 2_000_000
    assert "Apache License 2.0" in folder.joinpath("employment_ma.LICENSE.md").read_text(encoding="utf-8")


def test_more_rows_than_there_are_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="rows of 2015, not 70,000"):
        census(SEED, {2015: 70_000})
