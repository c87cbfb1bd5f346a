"""What people see: everything that matters, with and without a terminal, and in the report."""

import io
from dataclasses import replace
from typing import Any

from msgspec import json, structs
from rich.console import Console

from detectors.budget import parse
from schemas.incident import Incident
from stream.demo.account import settle
from stream.demo.diary import Diary
from stream.demo.gauges import Gauge, Gauges
from stream.demo.lines import Lines
from stream.demo.report import Report
from stream.demo.scene import Chapter, Scene
from stream.demo.screen import Screen
from tests.demo.test_account import CHANGED, STORY, alarm, at

INCIDENT = Incident(
    id="i1",
    fingerprint="f",
    state="open",
    severity="warning",
    model="employment",
    deployment="employment",
    class_="null_spike",
    summary="SCHL is missing more often",
    opened_at="2027-01-15T08:00:00.000Z",
    updated_at="2027-01-15T08:00:00.000Z",
    feature="SCHL",
    anomalies=1,
)
GAUGES = Gauges(
    state="drifting",
    rows=9_000,
    columns=(Gauge("feature:SCHL", "drifting", 1.0), Gauge("feature:AGEP", "watching", 0.0)),
)


def whole_diary() -> Diary:
    diary = Diary(STORY.length)
    for place in range(STORY.length):
        diary.note(at(place), sent=True)
    return diary


def report(*alarms: Any) -> Report:
    return Report(
        events=STORY.length,
        seconds=10.0,
        account=settle(STORY, CHANGED, whole_diary(), alarms, {}),
        allowed=0.3,
        budget=parse("1 per 100000 events"),
        incidents=(INCIDENT, structs.replace(INCIDENT, id="i2", state="resolved", resolved_at=INCIDENT.updated_at)),
        garbage=2,
        dead=2,
    )


FOUND = (
    alarm("SCHL", "null_spike", 3_050, 4_200),
    alarm("segment:region", "volume_drop", 21_100, 22_000, segment={"region": "lowell"}),
)


def scene() -> Scene:
    account = report(*FOUND).account
    truth = {truth.what: truth for truth in account.truths}
    return Scene(
        where="librdkafka (embedded) and redis-server",
        phase="traffic flows",
        seconds=12.0,
        sent=10_000,
        total=STORY.length,
        counted=9_500,
        per_second=833.0,
        gauges=GAUGES,
        chapters=tuple(Chapter(outage.what, "going on", truth[outage.what]) for outage in STORY.outages),
        incidents=(INCIDENT,),
        garbage=2,
        dead=1,
        false_alarms=0,
    )


def test_a_terminal_shows_progress_story_evidence_and_incidents() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=140, height=50, color_system=None)
    with Screen(console) as screen:
        screen.say("the judge was started again", "!")
        screen.show(scene())
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    for text in ("9,500 of 30,000", "null_spike after 1,203 events", "AGEP", "SCHL is missing", "started again"):
        assert text in shown


def test_without_a_terminal_there_is_a_line_every_few_seconds_and_no_control_characters() -> None:
    out = io.StringIO()
    with Lines(out) as lines:
        lines.say("a feature is null", "▶")
        for seconds in (0.0, 1.0, 2.0, 6.0):
            lines.show(replace(scene(), seconds=seconds))
    said = out.getvalue().splitlines()
    assert len(said) == 3
    assert all(line.isprintable() for line in said)


def test_the_report_is_good_only_if_all_was_found_within_the_budget() -> None:
    assert report(*FOUND).good
    assert not report(FOUND[0]).good
    false = [alarm("MAR", "feature_drift", at, at + 1_000) for at in (5_000, 7_000)]
    assert report(*FOUND, *false[:1]).good
    assert not report(*FOUND, *false).good


def test_the_report_for_programs_has_the_fields_that_were_promised() -> None:
    plain = json.decode(json.encode(report(*FOUND).plain()))
    assert {"events", "events_per_second", "truth", "false_alarms", "budget", "incidents", "dlq"} <= set(plain)
    injected = [truth for truth in plain["truth"] if truth["kind"] == "injected"]
    assert {"what", "at_event", "detected", "class", "delay_events", "delay_seconds"} <= set(injected[0])
    assert [truth["class"] for truth in injected] == ["null_spike", "volume_drop"]
    assert plain["dlq"] == 2


def test_the_report_for_people_says_what_was_missed() -> None:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    report(FOUND[0]).print(console)
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    assert "missed" in said
    assert "null_spike of SCHL" in said
