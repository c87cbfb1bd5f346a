"""What the columns of a subject say together, on panes as the profile worker makes them."""

import zlib
from functools import cache

import msgspec
import numpy as np

from detectors.budget import parse
from detectors.watch import crowds, naming
from detectors.watch.finding import Finding
from detectors.watch.fold import Watch
from detectors.watch.state import WatchState
from schemas.pane import Pane
from stream.counting.parts import only
from tests.judge.panes import pane

FEATURES, ROWS = 12, 40
WATCH = Watch(budget=parse("1 per 1000000 events"), reference=600, burn_in=200)
CHANGE = 260  # panes: learning takes some 200
T0 = 1_760_000_000_000


def panes(moved: int, shift: float, first: int = 0, until: int = CHANGE, seed: int = 4) -> list[Pane]:
    random = np.random.default_rng([seed, first])
    return [
        pane(
            {f"feature:f{j}": random.normal(shift * (j < moved), 1, ROWS).tolist() for j in range(FEATURES)},
            at=at,
        )
        for at in range(first, until)
    ]


def watched(state: WatchState, content: list[Pane], by: Watch = WATCH) -> tuple[WatchState, list[Finding]]:
    findings: list[Finding] = []
    for one in content:
        state, news = by.step(state, one)
        findings += news.findings
    return state, findings


@cache
def learnt() -> WatchState:
    """After panes without change, of which nothing was said."""
    state, findings = watched(WATCH.start(), panes(0, 0.0))
    assert findings == []
    return state


def test_nothing_is_said_while_nothing_changes() -> None:
    assert [len(crowd.rows) for crowd in learnt().together.crowds] == [FEATURES]


def test_many_small_shifts_are_one_alert_and_it_names_columns() -> None:
    state, findings = watched(learnt(), panes(10, 0.15, CHANGE, CHANGE + 10))
    assert [(finding.edge, finding.part, finding.column) for finding in findings] == [("firing", "model", "")]
    (alarm,) = findings
    assert naming.class_of(alarm) == "feature_drift"
    assert naming.severity_of(alarm) == "warning"
    assert "the columns together shifted" in naming.summary_of(alarm)
    assert abs(alarm.onset - (T0 + 1000 * CHANGE)) <= 8_000
    assert {ref for kind, ref, _, _ in alarm.causes if kind == "feature"} <= {f"f{j}" for j in range(10)}
    assert state.health == "drifting"
    assert WATCH.drifting(state) == ["together"]


def test_it_recovers() -> None:
    state, _ = watched(learnt(), panes(10, 0.15, CHANGE, CHANGE + 8))
    state, findings = watched(state, panes(0, 0.0, CHANGE + 8, CHANGE + 60))
    assert [(finding.edge, finding.part) for finding in findings] == [("recovered", "model")]
    assert naming.summary_of(findings[0]) == "the columns together: back to what they were"
    assert state.health == "quiet"


def test_a_column_that_can_tell_by_itself_takes_the_alarm_over() -> None:
    state, first = watched(learnt(), panes(10, 0.15, CHANGE, CHANGE + 8))
    state, then = watched(state, panes(1, 3.0, CHANGE + 8, CHANGE + 12))
    assert [finding.part for finding in first] == ["model"]
    assert [(finding.edge, finding.part) for finding in then[:2]] == [("firing", "values"), ("accepted", "model")]
    assert "an alarm of its own" in naming.summary_of(then[1])


def test_while_a_column_has_an_alarm_the_model_keeps_quiet() -> None:
    state, findings = watched(learnt(), panes(2, 3.0, CHANGE, CHANGE + 40))
    assert {finding.part for finding in findings} == {"values"}
    assert state.together.alarm is None


def test_stopping_anywhere_changes_nothing() -> None:
    content = panes(10, 0.15, CHANGE, CHANGE + 10)
    straight, findings = watched(learnt(), content)
    state, found = learnt(), []
    for one in content:
        state, more = watched(WATCH.decode(WATCH.encode(state)), [one])
        found += more
    assert WATCH.encode(state) == WATCH.encode(straight)
    assert found == findings


def test_a_state_from_before_is_read_and_begins_to_listen() -> None:
    old = msgspec.msgpack.decode(zlib.decompress(WATCH.encode(learnt())))
    del old["together"]
    state = WATCH.decode(msgspec.msgpack.encode(old))
    assert state.together.crowds == []
    state, _ = watched(state, panes(0, 0.0, CHANGE, CHANGE + 60))
    assert len(state.together.crowds) == 1


def test_a_pane_cut_into_parts_is_one_block() -> None:
    content = panes(10, 0.15, CHANGE, CHANGE + 10)
    halves: list[Pane] = []
    for one in content:
        for part in range(2):
            chosen = {name: counts for i, (name, counts) in enumerate(one.columns.items()) if i % 2 == part}
            half = only(one, chosen)
            half.part, half.parts = part, 2
            halves.append(half)
    _, findings = watched(learnt(), halves)
    assert [(finding.edge, finding.part) for finding in findings] == [("firing", "model")]


def test_what_is_left_out_takes_no_share_of_the_budget() -> None:
    without = Watch(WATCH.budget, reference=600, burn_in=200, parts=("values",))
    with_model = Watch(WATCH.budget, reference=600, burn_in=200, parts=("values", "model"))
    _, findings = watched(learnt(), panes(10, 0.15, CHANGE, CHANGE + 5), without)
    assert findings == []
    assert with_model.threshold(learnt()) > 1.5 * without.threshold(learnt())


def test_how_dependent_a_crowd_is_is_the_quantile_that_numpy_finds() -> None:
    random = np.random.default_rng(5)
    for many in (1, 2, 3, 11, 20, 128):
        factors = 1 + random.exponential(2.0, many) * (random.random(many) < 0.7)
        assert crowds.dependent(factors.tolist()) == np.quantile(factors, crowds.MOST_DEPENDENT)
