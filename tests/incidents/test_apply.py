"""The life of an incident: what opens it, what changes it, what ends it."""

import msgspec
import pytest

from schemas.anomaly import Anomaly
from schemas.incident import Command, Incident
from stream.incidents import instant
from stream.incidents.apply import STEPS_KEPT, Tick, due_ms, forgotten, home, place, places, refusal, step
from stream.settings import Incidents
from tests.incidents.anomalies import START_MS, anomaly, command

RULES = Incidents(owners={"churn": "team-growth"})
HOUR = 3600


def live(*happenings: Anomaly | Command | tuple[float, Tick], rules: Incidents = RULES) -> Incident:
    """One incident through all that happened to it."""
    incident = None
    for each in happenings:
        if isinstance(each, tuple):
            now_ms, what = START_MS + round(each[0] * 1000), each[1]
        else:
            now_ms, what = instant.ms(each.detected_at if isinstance(each, Anomaly) else each.at), each
        incident = step(incident, what, now_ms, rules).incident
    assert incident is not None
    return incident


def words(incident: Incident) -> list[str]:
    return [each.what for each in incident.steps]


def opened(**more: object) -> tuple[Anomaly, str]:
    first = anomaly(**more)  # type: ignore[arg-type]
    return first, live(first).id


def test_a_firing_anomaly_opens_an_incident_named_after_it():
    first = anomaly(id="leeway.panes/3-91230-0")
    incident = live(first)
    assert incident == live(first)
    assert incident.id.startswith("inc-")
    assert (incident.state, incident.severity, incident.owner) == ("open", "warning", "team-growth")
    assert words(incident) == ["opened"]
    assert incident.steps[0].anomaly == first.id


def test_an_incident_says_where_its_page_is_and_what_to_do():
    rules = Incidents(
        console_url="https://leeway.example.org", runbooks={"feature_drift": "https://wiki.example.org/x"}
    )
    incident = live(anomaly(), rules=rules)
    assert incident.console_url == f"https://leeway.example.org/incidents/{incident.id}"
    assert incident.runbook_url == "https://wiki.example.org/x"
    assert (live(anomaly()).console_url, live(anomaly()).runbook_url) == ("", "")


@pytest.mark.parametrize("status", ["recovered", "accepted"])
def test_an_end_without_a_beginning_opens_nothing(status):
    assert step(None, anomaly(status), START_MS, RULES) == (None, [], False)


def test_moved_without_an_incident_opens_one():
    assert live(anomaly("moved")).state == "open"


def test_moving_worsens_severity_and_evidence_and_never_softens_them():
    incident = live(
        anomaly(evidence=2e6),
        anomaly("moved", at_s=10, severity="critical", evidence=9e6),
        anomaly("moved", at_s=20, severity="info", evidence=3e6),
    )
    assert (incident.severity, incident.evidence, incident.anomalies) == ("critical", 9e6, 3)
    assert words(incident) == ["opened", "moved", "moved"]


@pytest.mark.parametrize("end", ["recovered", "accepted"])
def test_the_end_of_the_trouble_resolves(end):
    incident = live(anomaly(), anomaly(end, at_s=60))
    assert incident.state == "resolved"
    assert incident.resolved_at == instant.text(START_MS + 60_000)
    assert words(incident) == ["opened", end, "resolved"]


def test_firing_again_soon_reopens_and_later_opens_another():
    first = anomaly()
    soon = live(first, anomaly("recovered", at_s=60), anomaly(at_s=60 + RULES.reopen_within_s))
    late = live(first, anomaly("recovered", at_s=60), anomaly(at_s=61 + RULES.reopen_within_s))
    assert (soon.id, soon.state, soon.reopened, soon.resolved_at) == (live(first).id, "open", 1, "")
    assert words(soon)[-1] == "reopened"
    assert late.id != soon.id
    assert (late.reopened, late.anomalies) == (0, 1)


def test_a_second_end_of_a_resolved_incident_changes_no_state():
    incident = live(anomaly(), anomaly("recovered", at_s=60), anomaly("recovered", at_s=70))
    assert (incident.state, incident.resolved_at) == ("resolved", instant.text(START_MS + 60_000))


def test_acknowledging_stops_escalation():
    first, id = opened()
    incident = live(first, command("acknowledge", id, at_s=5), (HOUR * 9, Tick()))
    assert (incident.state, incident.acknowledged_by, incident.escalated) == ("acknowledged", "ada", False)
    assert due_ms(incident, RULES) is None


def test_nobody_comes_so_it_escalates_once():
    first, _ = opened()
    early = live(first, (RULES.escalate_after_s - 1, Tick()))
    late = live(first, (RULES.escalate_after_s, Tick()), (RULES.escalate_after_s * 9, Tick()))
    assert (early.severity, early.escalated) == ("warning", False)
    assert (late.severity, late.escalated, words(late)) == ("error", True, ["opened", "escalated"])


def test_a_silence_ends_by_itself_and_then_waits_for_somebody_anew():
    first, id = opened()
    silent = live(first, command("silence", id, at_s=5, until_s=HOUR * 9), anomaly("moved", at_s=HOUR))
    assert silent.state == "silenced"
    heard = live(first, command("silence", id, at_s=5, until_s=HOUR * 9), (HOUR * 9 - 1, Tick()), (HOUR * 9, Tick()))
    assert (heard.state, heard.silenced_until, words(heard)) == ("open", "", ["opened", "silence", "silence_ended"])
    assert due_ms(heard, RULES) == START_MS + (HOUR * 9 + RULES.escalate_after_s) * 1000


def test_a_silence_gives_back_what_was_acknowledged():
    first, id = opened()
    orders = (command("acknowledge", id, at_s=1), command("silence", id, at_s=2, until_s=60))
    assert live(first, *orders, command("unsilence", id, at_s=3)).state == "acknowledged"
    assert live(first, *orders, (60, Tick())).state == "acknowledged"


def test_a_silenced_incident_that_comes_back_stays_silenced():
    first, id = opened()
    silence = command("silence", id, at_s=1, until_s=HOUR)
    incident = live(first, silence, anomaly("recovered", at_s=10), anomaly(at_s=20))
    assert (incident.state, incident.reopened) == ("silenced", 1)


def test_people_resolve_and_call_false_alarms():
    first, id = opened()
    assert live(first, command("resolve", id, at_s=9)).resolved_at == instant.text(START_MS + 9_000)
    wrong = live(first, command("false_alarm", id, at_s=9))
    assert (wrong.state, wrong.false_alarm) == ("resolved", True)
    again = live(first, command("false_alarm", id, at_s=9), anomaly(at_s=20))
    assert (again.state, again.false_alarm) == ("open", False)


def test_a_comment_changes_nothing_but_the_log():
    first, id = opened()
    before, after = live(first), live(first, command("comment", id, at_s=3))
    assert (after.state, after.severity) == (before.state, before.severity)
    assert (after.steps[-1].actor, after.steps[-1].comment) == ("ada", "as agreed")


@pytest.mark.parametrize("action", ["acknowledge", "silence", "unsilence", "resolve"])
def test_what_is_resolved_stays_resolved_until_it_fires(action):
    first, id = opened()
    incident = live(first, anomaly("recovered", at_s=1), command(action, id, at_s=2, until_s=99))
    assert (incident.state, incident.resolved_at) == ("resolved", instant.text(START_MS + 1_000))


def test_commands_that_cannot_be_followed_say_why():
    first, id = opened()
    assert "no incident 'inc-1'" in refusal(None, command("comment", "inc-1")).message
    assert "not a time" in refusal(live(first), command("silence", id)).message
    assert refusal(live(first), command("silence", id, until_s=5)) is None


@pytest.mark.parametrize("fault", ["null_spike", "schema_change", "stuck_feature"])
def test_a_fault_of_a_feature_inhibits_the_drift_of_the_same_feature_only(fault):
    cause = live(anomaly(class_=fault, feature="age", segment={"region": "eu"}))
    drift, other = anomaly(feature="age", at_s=5), anomaly(feature="plan", at_s=5)
    assert home(drift, None, [cause]) == cause
    assert home(other, None, [cause]) is None
    after = step(cause, drift, START_MS + 5_000, RULES).incident
    assert (after.class_, words(after)) == (fault, ["opened", "inhibited"])
    half = step(after, anomaly("recovered", class_=fault, feature="age", segment={"region": "eu"}), START_MS, RULES)
    assert half.incident.state == "open", "the drift still stands"
    assert step(half.incident, anomaly("recovered", at_s=9), START_MS, RULES).incident.state == "resolved"


def test_a_resolved_fault_inhibits_nothing():
    cause = live(anomaly(class_="null_spike"), anomaly("recovered", class_="null_spike", at_s=1))
    assert home(anomaly(at_s=5), None, [cause]) is None


def test_a_slice_joins_the_whole_and_the_whole_joins_a_slice():
    whole, slice = anomaly(), anomaly(segment={"region": "eu"}, at_s=5)
    for first, second in ((whole, slice), (slice, whole)):
        incident = live(first)
        assert home(second, None, [incident]) == incident
        both = step(incident, second, START_MS + 5_000, RULES).incident
        assert words(both) == ["opened", "joined"]
        assert both.summary.count("region=eu") == 1


def test_two_slices_or_two_features_or_two_classes_are_not_one_trouble():
    incident = live(anomaly(segment={"region": "eu"}))
    assert home(anomaly(segment={"region": "us"}), None, [incident]) is None
    assert home(anomaly(class_="out_of_range"), None, [incident]) is None
    assert place(anomaly(feature="plan")) != place(incident) == place(anomaly())


def test_a_column_joins_what_the_columns_said_together_if_it_began_before():
    together = anomaly(feature="")
    incident = live(together)
    before, after = anomaly(at_s=9), anomaly(at_s=90)
    before.onset_at, after.onset_at = instant.text(START_MS - 5_000), instant.text(START_MS + 60_000)
    assert home(before, None, [incident]) == incident
    assert home(after, None, [incident]) is None
    assert place(incident) in places(before)
    handed_over = live(together, before, anomaly("accepted", feature="", at_s=10))
    assert (handed_over.state, words(handed_over)) == ("open", ["opened", "joined", "accepted"])


def test_a_column_does_not_join_the_volume():
    assert home(anomaly(), None, [live(anomaly(feature="", class_="volume_drop"))]) is None


def test_old_steps_give_way_and_the_first_one_stays():
    first, _ = opened()
    incident = live(first, *(anomaly("moved", at_s=n) for n in range(3 * STEPS_KEPT)))
    assert len(incident.steps) == STEPS_KEPT
    assert (words(incident)[0], incident.anomalies) == ("opened", 3 * STEPS_KEPT + 1)


def test_a_resolved_incident_is_forgotten_when_it_was_kept_long_enough():
    incident = live(anomaly(), anomaly("recovered", at_s=1))
    due = due_ms(incident, RULES)
    assert due == START_MS + 1_000 + RULES.keep_resolved_s * 1000
    assert not forgotten(incident, due - 1, RULES)
    assert forgotten(incident, due, RULES)


def test_the_input_is_never_changed():
    incident = live(anomaly())
    before = msgspec.json.encode(incident)
    for what in (anomaly("moved"), command("acknowledge", incident.id), Tick()):
        step(incident, what, START_MS + 10**9, RULES)
    assert msgspec.json.encode(incident) == before
