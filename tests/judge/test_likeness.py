"""The fixed twins beside the urns of a watch: one alert a cause, and what was accepted is still not like training."""

from typing import Any

import numpy as np
import pytest

from detectors.budget import parse
from detectors.watch import naming
from detectors.watch.finding import Finding
from detectors.watch.fold import Watch
from detectors.watch.state import WatchState
from schemas.deployment import Deployment
from schemas.pane import Deployed, Pane
from tests.judge.panes import SUBJECT, T0, pane

WATCH = Watch(budget=parse("1 per 100000 events"), reference=1200, burn_in=400, margin=0.1)
ROWS, QUIET = 200, 50


def panes(shift: Any, plan: float = 0.3, until: int = 120, seed: int = 3) -> list[Any]:
    """`shift` is that of the age, in standard deviations, at every pane."""
    random, made = np.random.default_rng(seed), []
    for at in range(until):
        ages = random.normal(41 + 12 * shift(at), 12, ROWS)
        plans = random.choice(["free", "pro"], ROWS, p=[1 - plan, plan])
        made.append(pane({"feature:age": ages.tolist(), "feature:plan": plans.tolist()}, at=at))
    return made


def watched(content: list[Any], by: Watch = WATCH) -> tuple[WatchState, list[Finding]]:
    state, findings = by.start(), []
    for one in content:
        state, news = by.step(state, one)
        findings += news.findings
    return state, findings


def said(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.detector, finding.edge) for finding in findings if finding.edge != "moved"]


def test_a_change_is_one_alert_until_it_is_accepted_and_then_it_is_not_like_the_reference() -> None:
    state, findings = watched(panes(lambda at: 0.5 * (at >= QUIET)))
    assert said(findings) == [("urn", "firing"), ("urn", "accepted"), ("margin", "firing")]
    skew = findings[-1]
    assert (naming.class_of(skew), skew.part, skew.column) == ("skew", "values", "feature:age")
    assert skew.before == pytest.approx(41, abs=1.5)
    assert skew.after == pytest.approx(47, abs=1.5)
    assert T0 + 1000 * (QUIET - 2) <= skew.onset <= T0 + 1000 * (QUIET + 8)
    assert naming.summary_of(skew).startswith("age is not like the reference: mean 4")
    assert naming.severity_of(skew) == "warning"
    assert (state.health, WATCH.drifting(state)) == ("drifting", ["feature:age margin"])


@pytest.mark.slow
def test_a_small_change_is_within_the_margin() -> None:
    _, findings = watched(panes(lambda at: 0.08 * (at >= QUIET), until=150))
    assert [finding for finding in findings if finding.detector == "margin"] == []


def test_what_recovers_leaves_nothing_behind() -> None:
    state, findings = watched(panes(lambda at: 0.6 * (QUIET <= at < QUIET + 10), until=120))
    assert said(findings) == [("urn", "firing"), ("urn", "recovered")]
    assert state.health == "quiet"


@pytest.mark.slow
def test_back_within_the_margin_is_a_recovery_of_its_own() -> None:
    _, findings = watched(panes(lambda at: 0.5 * (QUIET <= at < 140), until=260))
    assert [edge for detector, edge in said(findings) if detector == "margin"] == ["firing", "recovered"]
    last = [finding for finding in findings if finding.detector == "margin"][-1]
    assert naming.summary_of(last) == "age is again like its reference"
    assert naming.class_of(last) == "skew"


@pytest.mark.slow
def test_a_deployment_declares_a_new_reference() -> None:
    content = panes(lambda at: 0.5 * (at >= QUIET), until=160)
    content.insert(100, note("deployed", content[99]))
    state, findings = watched(content)
    assert [edge for detector, edge in said(findings) if detector == "margin"] == ["firing", "accepted"]
    assert state.health == "quiet"
    assert naming.summary_of(findings[-1]) == "age is compared with a new reference"


@pytest.mark.slow
def test_a_configuration_change_is_no_new_reference() -> None:
    content = panes(lambda at: 0.5 * (at >= QUIET), until=120)
    content.insert(100, note("config", content[99]))
    assert watched(content)[0].health == "drifting"


def note(action: Any, after: Pane) -> Deployed:
    return Deployed(subject=SUBJECT, at=after.at, event=Deployment(model="churn", action=action, version="8"))


def test_stopping_anywhere_changes_nothing_and_a_margin_may_come_and_go() -> None:
    state = watched(panes(lambda at: 0.5 * (at >= QUIET), until=50))[0]
    blob = WATCH.encode(state)
    assert WATCH.encode(WATCH.decode(blob)) == blob
    without = Watch(budget=WATCH.budget, reference=1200, burn_in=400)
    assert without.decode(blob).twins == {}
    later = WATCH.decode(without.encode(without.decode(blob)))
    after, _ = WATCH.step(later, panes(lambda at: 0.5, until=51)[50])
    assert len(after.twins["numbers"]) == 1


def test_twins_take_their_share_of_the_budget() -> None:
    without = Watch(budget=WATCH.budget, reference=1200, burn_in=400)
    content = panes(lambda at: 0.0, until=60)
    assert WATCH.threshold(watched(content)[0]) > without.threshold(watched(content, without)[0])
