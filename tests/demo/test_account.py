"""The account must neither flatter (an outage is found only by its right name) nor slander (consequences are no false
alarms)."""

from typing import Any

import pytest

from schemas.anomaly import Anomaly, DetectorRef, Statistic, Window
from stream.demo.account import Account, Alarm, Span, settle
from stream.demo.diary import Diary
from stream.demo.outages import lost_feed, lost_join
from stream.demo.story import Outage, Story
from stream.incidents.instant import text

START_MS = 1_800_000_000_000
PER_MS = 3  # requests
CHANGED = {2016: ("ANC",), 2017: ("ANC", "AGEP")}

NULLS = Outage(
    name="null",
    what="a feature is null",
    begin=3_000,
    end=12_000,
    disturb=lost_join("SCHL", "lowell", 0.5),
    classes=frozenset({"null_spike"}),
    columns=frozenset({"SCHL"}),
)
FEED = Outage(
    name="feed",
    what="a feed stops",
    begin=21_000,
    end=27_000,
    disturb=lost_feed("lowell"),
    classes=frozenset({"volume_drop"}),
    columns=frozenset({"", "segment:region"}),
    segment={"region": "lowell"},
)
STORY = Story(counts={2015: 1_500, 2016: 13_500, 2017: 15_000}, outages=(NULLS, FEED), garbage=())


@pytest.fixture(scope="module")
def diary() -> Diary:
    """Everything was sent, but for every sixth request while the feed was lost."""
    written = Diary(STORY.length)
    for place in range(STORY.length):
        written.note(at(place), sent=not (FEED.begin <= place < FEED.end and place % 6 == 0))
    return written


def at(place: int) -> int:
    """When the request of a place came."""
    return START_MS + place // PER_MS


def alarm(feature: str, kind: Any, onset: int, detected: int, **more: Any) -> Alarm:
    """An alarm whose onset and detection are given as places."""
    name = f"panes/0-{detected}-{feature}-{kind}"
    window = Window(start=text(at(onset)), end=text(at(detected)), n=100)
    said = Anomaly(
        id=name,
        fingerprint=name,
        status=more.pop("status", "firing"),
        severity="warning",
        model="employment",
        version="1",
        deployment="employment",
        class_=kind,
        detector=DetectorRef(kind="urn"),
        window=window,
        statistic=Statistic(name="evidence", value=1e7, threshold=1e6),
        onset_at=window.start,
        detected_at=window.end,
        summary="something moved",
        feature=feature,
        **more,
    )
    return Alarm(said, readable_ms=at(detected) + 250)


def account(diary: Diary, *alarms: Alarm, panes: dict[int, Span] | None = None) -> Account:
    return settle(STORY, CHANGED, diary, alarms, panes or {})


def test_an_outage_called_by_its_name_is_found_and_the_delay_counts_events_and_seconds(diary: Diary) -> None:
    done = account(diary, alarm("SCHL", "null_spike", onset=3_050, detected=4_200))
    truth = next(truth for truth in done.truths if truth.what == NULLS.what)
    assert (truth.at_event, truth.until_event, truth.delay_events) == (3_000, 12_000, 1_203)  # to the end of that ms
    assert truth.delay_seconds == pytest.approx(0.65)
    assert [missed.what for missed in done.missed] == [FEED.what]
    assert done.false_alarms == ()


def test_another_name_for_an_outage_is_no_false_alarm_but_does_not_find_it(diary: Diary) -> None:
    done = account(diary, alarm("SCHL", "feature_drift", onset=3_050, detected=4_200))
    assert [truth.what for truth in done.missed] == [NULLS.what, FEED.what]
    assert done.false_alarms == ()


def test_the_right_answer_names_the_segment_where_the_story_has_one(diary: Diary) -> None:
    elsewhere = alarm("segment:region", "volume_drop", 21_100, 22_000, segment={"region": "boston"})
    assert len(account(diary, elsewhere).missed) == 2
    right = alarm("segment:region", "volume_drop", 21_100, 22_000, segment={"region": "lowell"})
    assert [truth.what for truth in account(diary, right).missed] == [NULLS.what]


def test_unsent_requests_are_not_counted_as_delay(diary: Diary) -> None:
    right = alarm("segment:region", "volume_drop", 21_100, 23_400, segment={"region": "lowell"})
    truth = next(truth for truth in account(diary, right).truths if truth.what == FEED.what)
    assert truth.at_event == 21_000
    assert truth.delay_events == pytest.approx(2_400 * 5 / 6, abs=3)


def test_an_alarm_on_another_column_or_at_another_time_is_false(diary: Diary) -> None:
    other = alarm("MAR", "feature_drift", 3_050, 4_200)
    early = alarm("SCHL", "null_spike", onset=1_000, detected=2_400)
    assert account(diary, other, early).false_alarms == (early, other)


def test_an_alarm_raised_on_rows_of_the_outage_belongs_to_it_however_early_its_onset(diary: Diary) -> None:
    early = alarm("SCHL", "null_spike", onset=0, detected=11_500)
    late = STORY.length - 1
    assert account(diary, early, panes={at(11_500): Span(at(11_000), at(11_500), 200)}).false_alarms == ()
    other = alarm("SCHL", "null_spike", onset=late, detected=late)
    assert account(diary, other, panes={at(late): Span(at(late - 500), at(late), 200)}).false_alarms == (other,)


def test_times_are_blurred_by_as_much_as_the_pipeline_is_behind(diary: Diary) -> None:
    back = alarm("SCHL", "null_spike", onset=18_000, detected=18_600)
    caught_up = {at(18_600): Span(at(18_000), at(18_600), 300)}
    behind = {at(18_600): Span(at(18_000), at(18_600), 4_000)}
    assert account(diary, back, panes=caught_up).false_alarms == (back,)
    assert account(diary, back, panes=behind).false_alarms == ()


def test_what_really_changed_is_neither_required_nor_false(diary: Diary) -> None:
    quiet = account(diary)
    assert [truth.detected for truth in quiet.truths if truth.kind == "real"] == [False, False]
    assert {truth.kind for truth in quiet.missed} == {"injected"}
    aged = alarm("AGEP", "feature_drift", onset=16_000, detected=19_000)
    done = account(diary, aged)
    assert done.false_alarms == ()
    assert [truth.at_event for truth in done.truths if truth.detected] == [15_000]


def test_a_real_change_does_not_excuse_alarms_before_it(diary: Diary) -> None:
    too_early = alarm("AGEP", "feature_drift", onset=5_000, detected=9_000)
    assert account(diary, too_early).false_alarms == (too_early,)


def test_only_firing_counts_as_an_alarm(diary: Diary) -> None:
    edges = [
        alarm("MAR", "feature_drift", 3_050, 4_200, status=status) for status in ("moved", "recovered", "accepted")
    ]
    assert account(diary, *edges).false_alarms == ()


def test_saying_that_the_traffic_ended_is_true(diary: Diary) -> None:
    last = STORY.length - 1
    assert account(diary, alarm("", "volume_drop", last, last)).false_alarms == ()
    assert len(account(diary, alarm("MAR", "feature_drift", last, last)).false_alarms) == 1


def test_before_its_time_nothing_is_on_the_account() -> None:
    young = Diary(STORY.length)
    young.note(START_MS, sent=True)
    assert settle(STORY, CHANGED, young, [], {}).truths == ()
