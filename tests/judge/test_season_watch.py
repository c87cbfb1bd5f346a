"""A column with a season, watched: its mornings are no drift, its drift is one, and its state opens again."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from detectors.budget import parse
from detectors.season import Season
from detectors.watch import naming
from detectors.watch.finding import Finding
from detectors.watch.fold import Watch
from detectors.watch.picture import pictures
from detectors.watch.state import WatchState
from stream.roles.judge import watch
from stream.settings import Judge, Settings
from tests.judge.panes import T0, pane

HOUR = 3600
PLAIN = Watch(budget=parse("1 per 100000 events"), reference=1000, burn_in=400, parts=("values",), margin=0.3)
SEASONAL = replace(PLAIN, season=(("latency:*", "day"), ("feature:*", "day")))


def panes(days: int, drift_from: int = 10_000, seed: int = 2) -> list[Any]:
    """Forty rows an hour: latency and plans swing with the day."""
    random, made = np.random.default_rng(seed), []
    for hour in range(24 * days):
        noon = np.sin(2 * np.pi * hour / 24)
        worse = 0.9 * (hour >= drift_from)
        latency = np.exp(4 + 0.3 * (random.normal(0, 1, 40) + noon + worse))
        plans = random.choice(["free", "pro"], 40, p=[0.5 + 0.3 * noon, 0.5 - 0.3 * noon])
        made.append(pane({"latency:ms": latency.tolist(), "feature:plan": plans.tolist()}, at=hour * HOUR))
    return made


def watched(content: list[Any], by: Watch) -> tuple[WatchState, list[Finding]]:
    state, findings = by.start(), []
    for one in content:
        state, news = by.step(state, one)
        findings += news.findings
    return state, findings


@pytest.fixture(scope="module")
def learnt() -> WatchState:
    state, findings = watched(panes(9), SEASONAL)
    assert findings == []
    return state


def test_every_morning_is_no_drift(learnt: WatchState) -> None:
    assert learnt.health == "quiet"
    assert set(learnt.banks) == {"numbers/day", "texts/day"}
    assert all(learnt.banks[bank].slotted.all() for bank in learnt.banks)
    assert learnt.banks["numbers/day"].bank.factor.max() < 2
    without, _ = watched(panes(9), PLAIN)  # its panes are hours, so that it sees that they depend on each other
    assert without.banks["numbers"].factor.max() > 4


def test_a_drift_is_found_at_its_hour_and_named(learnt: WatchState) -> None:
    state, findings = learnt, []
    for one in panes(11, drift_from=24 * 9 + 6)[24 * 9 :]:
        state, news = SEASONAL.step(state, one)
        findings += news.findings
    first = findings[0]
    assert (first.edge, first.column, first.detector) == ("firing", "latency:ms", Season.kind)
    assert naming.class_of(first) == "latency_regression"
    begin = T0 + 1000 * HOUR * (24 * 9 + 6)
    assert begin - 3_600_000 <= first.onset <= begin + 4 * 3_600_000
    assert first.at - begin <= 8 * 3_600_000
    assert state.health == "drifting"
    assert pictures(SEASONAL, state)["column|latency:ms"]["state"] == "drifting"


def test_stopping_anywhere_changes_nothing(learnt: WatchState) -> None:
    blob = SEASONAL.encode(learnt)
    state, again = learnt, SEASONAL.decode(blob)
    assert SEASONAL.encode(again) == blob
    for one in panes(10, drift_from=24 * 9 + 2)[24 * 9 : 24 * 9 + 12]:
        state, _ = SEASONAL.step(state, one)
        again, _ = SEASONAL.step(SEASONAL.decode(SEASONAL.encode(again)), one)
    assert SEASONAL.encode(again) == SEASONAL.encode(state)


def test_a_season_taken_from_the_settings_later_leaves_columns_where_they_are(learnt: WatchState) -> None:
    state = PLAIN.decode(SEASONAL.encode(learnt))
    after, _ = PLAIN.step(state, panes(10)[24 * 9])
    assert set(after.banks) == {"numbers/day", "texts/day"}


def test_the_settings_say_which_columns_have_a_season() -> None:
    settings = Settings(judge=Judge(season={"latency:ms": "day", "feature:*": "week"}))
    assert watch(settings).season == (("latency:ms", "day"), ("feature:*", "week"))
