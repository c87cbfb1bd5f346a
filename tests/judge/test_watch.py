"""The watch over one subject, on panes as the profile worker makes them."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

from detectors.budget import parse
from detectors.guests import invite
from detectors.watch import naming
from detectors.watch.finding import Finding
from detectors.watch.fold import Watch
from detectors.watch.signal import Signal
from detectors.watch.state import WatchState
from schemas.deployment import Deployment
from schemas.pane import Column, Deployed, Pane
from tests.judge.panes import SUBJECT, T0, pane

Columns = dict[str, Any]
Change = Callable[[Columns, np.random.Generator], None]
WATCH = Watch(budget=parse("1 per 100000 events"), reference=1200, burn_in=400)
ROWS, QUIET_PANES, PANES = 100, 50, 75


def usual(random: np.random.Generator) -> Columns:
    """A hundred rows of ordinary traffic."""
    return {
        "feature:age": random.normal(41, 12, ROWS).tolist(),
        "feature:plan": random.choice(["free", "pro", "team"], ROWS, p=[0.6, 0.3, 0.1]).tolist(),
        "feature:nps": [
            None if u < 0.05 else x for u, x in zip(random.random(ROWS), random.normal(7, 2, ROWS), strict=True)
        ],
        "prediction:value": random.beta(2, 5, ROWS).tolist(),
        "latency:ms": random.lognormal(3, 0.4, ROWS).tolist(),
        "status:status": random.choice(["ok", "error"], ROWS, p=[0.98, 0.02]).tolist(),
        "region": random.choice(["eu", "us", "ap"], ROWS, p=[0.5, 0.3, 0.2]).tolist(),
    }


def panes(
    change: Change | None = None, seed: int = 7, until: int = PANES, slices: bool = False, **more: Any
) -> list[Pane]:
    """Ordinary panes, and from QUIET_PANES on changed ones; with slices only where a test looks at them."""
    random, made = np.random.default_rng(seed), []
    for at in range(until):
        columns = usual(random)
        if change is not None and at >= QUIET_PANES:
            change(columns, random)
        regions = columns.pop("region")
        if not slices:
            columns["segment:region"] = regions
        made.append(pane(columns, at=at, regions=regions if slices else None, **more))
    return made


def watch(content: list[Any], by: Watch = WATCH) -> tuple[WatchState, list[Finding]]:
    """Where it begins as most do, from what is known of that beginning."""
    first, state, findings = begun()
    if by is WATCH and content[: len(first)] == first:
        return folded(content[len(first) :], by, state, findings)
    return folded(content, by, by.start(), [])


@cache
def begun() -> tuple[list[Pane], WatchState, list[Finding]]:
    first = panes(until=QUIET_PANES)
    return first, *folded(first, WATCH, WATCH.start(), [])


def folded(
    content: list[Any], by: Watch, state: WatchState, findings: list[Finding]
) -> tuple[WatchState, list[Finding]]:
    findings = list(findings)
    for one in content:
        state, news = by.step(state, one)
        findings += news.findings
    return state, findings


def older(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [12 * x for x in columns["feature:age"]]


def fewer_answers(columns: Columns, random: np.random.Generator) -> None:
    pairs = zip(columns["feature:nps"], columns["region"], random.random(ROWS), strict=True)
    columns["feature:nps"] = [None if region == "eu" and u < 0.6 else x for x, region, u in pairs]


def new_plan(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:plan"] = [
        "enterprise" if u < 0.1 else x for x, u in zip(columns["feature:plan"], random.random(ROWS), strict=True)
    ]


def surer(columns: Columns, random: np.random.Generator) -> None:
    columns["prediction:value"] = [min(1.0, x + 0.2) for x in columns["prediction:value"]]


def slower(columns: Columns, random: np.random.Generator) -> None:
    columns["latency:ms"] = [1.6 * x for x in columns["latency:ms"]]


def failing(columns: Columns, random: np.random.Generator) -> None:
    columns["status:status"] = random.choice(["ok", "error"], ROWS, p=[0.85, 0.15]).tolist()


def as_text(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [
        str(x) if u < 0.2 else x for x, u in zip(columns["feature:age"], random.random(ROWS), strict=True)
    ]


def stuck(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [37.0] * ROWS


def left_out(columns: Columns, random: np.random.Generator) -> None:
    del columns["feature:age"]


def no_ap(columns: Columns, random: np.random.Generator) -> None:
    columns["region"] = ["eu" if region == "ap" else region for region in columns["region"]]


FAULTS: dict[str, tuple[Change, str, str]] = {
    "a changed unit": (older, "feature_drift", "feature:age"),
    "nulls in one region": (fewer_answers, "null_spike", "feature:nps"),
    "a new category": (new_plan, "new_category", "feature:plan"),
    "shifted predictions": (surer, "prediction_drift", "prediction:value"),
    "latency": (slower, "latency_regression", "latency:ms"),
    "errors": (failing, "error_rate", "status:status"),
    "texts for numbers": (as_text, "schema_change", "feature:age"),
    "one value for all": (stuck, "stuck_feature", "feature:age"),
    "a feature left out": (left_out, "null_spike", "feature:age"),
    "a region that stops": (no_ap, "volume_drop", "segment:region"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_and_called_by_its_name(name: str) -> None:
    change, kind, column = FAULTS[name]
    _, findings = watch(panes(change))
    first = next(finding for finding in findings if finding.edge == "firing")
    assert (naming.class_of(first), first.column) == (kind, column)
    assert T0 + 1000 * (QUIET_PANES - 3) <= first.onset <= T0 + 1000 * (QUIET_PANES + 10)
    assert naming.summary_of(first)


def test_ordinary_traffic_raises_nothing_and_ends_up_quiet() -> None:
    state, findings = watch(panes(slices=True))
    assert findings == []
    assert state.health == "quiet"


def test_the_end_of_an_outage_is_a_recovery_under_the_same_name_and_no_second_alarm() -> None:
    broken = panes(new_plan, until=QUIET_PANES + 20)
    mended = panes(seed=11, until=60)
    for i, one in enumerate(mended):
        one.at = broken[-1].at + 1000 * (i + 1)
        one.since = one.at - 900
    state, findings = watch(broken + mended)
    edges = [finding for finding in findings if finding.column == "feature:plan"]
    assert [finding.edge for finding in edges if finding.edge != "moved"] == ["firing", "recovered"]
    assert {naming.class_of(finding) for finding in edges} == {"new_category"}
    assert state.health == "quiet"


@pytest.mark.slow
def test_a_change_that_stays_is_accepted_in_the_end() -> None:
    _, findings = watch(panes(surer, until=QUIET_PANES + 130))
    edges = [finding.edge for finding in findings if finding.column == "prediction:value" and finding.edge != "moved"]
    assert edges == ["firing", "accepted"]


def test_the_region_that_makes_up_the_change_is_named() -> None:
    _, findings = watch(panes(fewer_answers, slices=True))
    causes = [cause for finding in findings for cause in finding.causes if cause[0] == "segment"]
    assert causes
    assert {cause[1] for cause in causes} == {"region=eu"}


def test_a_deployment_before_the_onset_is_named() -> None:
    content: list[Any] = panes(surer)
    event = Deployment(model="churn", action="deployed", version="8", previous_version="7")
    content.insert(QUIET_PANES, Deployed(subject=SUBJECT, at=T0 + 1000 * QUIET_PANES, event=event))
    _, findings = watch(content)
    assert any(cause[:2] == ("deployment", "deployed 8 after 7") for finding in findings for cause in finding.causes)


def test_heartbeats_tell_no_data_and_lagging_from_quiet() -> None:
    state, _ = watch(panes())
    silent = Pane(subject=SUBJECT, at=state.at + 70_000, worker="profile-0")
    after, news = WATCH.step(state, silent)
    assert (after.health, news.heartbeat) == ("no data", True)
    late = panes()[-1]
    late.at, late.lag_ms = state.at + 1000, 120_000
    after, news = WATCH.step(state, late)
    assert (after.health, news.heartbeat) == ("lagging", True)


def test_silence_of_a_busy_model_is_a_volume_drop_and_its_return_a_recovery() -> None:
    by = Watch(budget=parse("1 per 100000 events"), reference=1200, bucket_ms=1000)
    content: list[Any] = panes()
    end = content[-1].at
    content += [Pane(subject=SUBJECT, at=end + 1000 * i, worker="profile-0") for i in range(1, 10)]
    back = panes(seed=13, until=20)
    for i, one in enumerate(back):
        one.at = end + 1000 * (10 + i)
    _, findings = watch(content + back, by)
    volume = [(finding.edge, naming.class_of(finding)) for finding in findings if finding.part == "volume"]
    assert volume[0] == ("firing", "volume_drop")
    assert volume[1][0] == "recovered"


def test_an_absence_of_the_pipeline_is_not_taken_for_silence() -> None:
    by = Watch(budget=parse("1 per 100000 events"), reference=1200, bucket_ms=1000)
    content, back = panes(), panes(seed=13, until=20)
    for i, one in enumerate(back):
        one.at = content[-1].at + 300_000 + 1000 * i
    _, findings = watch([*content, *back], by)
    assert [finding for finding in findings if finding.part == "volume"] == []


def test_counts_of_a_binning_long_gone_are_left_out_and_not_misread() -> None:
    state, _ = watch(panes())
    stale = Pane(
        subject=SUBJECT, at=state.at + 1000, worker="profile-0", rows=50,
        columns={"feature:age": Column(n=50, sum=50.0, min=1, max=1, binning="0123456789ab", at=[3], counts=[50])},
    )  # fmt: skip
    after, _ = WATCH.step(state, stale)
    bank, row = after.place(after.tracks["feature:age"], "values")
    before, _ = state.place(state.tracks["feature:age"], "values")
    assert (bank.urn[row] == before.urn[row]).all()
    assert (bank.pending[row] == before.pending[row]).all()


def test_panes_in_the_columns_own_bins_give_the_same_state_as_universal_ones() -> None:
    universal = panes()
    state, told = WATCH.start(), {}
    compact = WATCH.start()
    for one in universal:
        columns = {}
        for name, column in one.columns.items():
            binning = told.get(name)
            if binning is None or not column.n:
                columns[name] = column
                continue
            bins = np.searchsorted(binning.edges, column.at, side="right")
            at = sorted(set(bins.tolist()))
            counts = [int(np.array(column.counts)[bins == b].sum()) for b in at]
            columns[name] = Column(
                n=column.n, sum=column.sum, min=column.min, max=column.max, nulls=column.nulls,
                binning=binning.id, at=at, counts=counts,
            )  # fmt: skip
        state, news = WATCH.step(state, one)
        told |= {binning.column: binning for binning in news.binnings if binning.form == "numbers"}
        same = Pane(**{name: getattr(one, name) for name in one.__struct_fields__} | {"columns": columns})
        compact, _ = WATCH.step(compact, same)
    assert set(told) == {"feature:age", "feature:nps", "prediction:value", "latency:ms"}
    assert WATCH.encode(compact) == WATCH.encode(state)


@pytest.mark.slow
def test_a_guest_speaks_and_falls_silent_again() -> None:
    adwin = Signal(invite("adwin", {"delta": 0.01, "clock": 1}), ("prediction:*",), "mean")
    by = Watch(budget=parse("1 per 100000 events"), reference=1200, signals=(adwin,))
    random = np.random.default_rng(7)
    scores = [random.beta(2, 5, ROWS) + (0.3 if at >= QUIET_PANES else 0) for at in range(QUIET_PANES + 160)]
    _, findings = watch([pane({"prediction:value": row.tolist()}, at=at) for at, row in enumerate(scores)], by)
    guests = [finding.edge for finding in findings if finding.part == "guest"]
    assert guests[0] == "firing"
    assert "accepted" in guests


@pytest.mark.slow
def test_the_threshold_grows_with_what_the_detectors_see_together() -> None:
    few, _ = watch(panes())
    alone, _ = watch([pane({"feature:age": [float(i) for i in range(ROWS)]}, at=at) for at in range(PANES)])
    assert WATCH.threshold(few) > 3 * WATCH.threshold(alone) > 0


@pytest.mark.slow
def test_when_it_began_in_a_slice_that_came_late_is_told_right() -> None:
    random, state, findings = np.random.default_rng(10), WATCH.start(), []
    for at in range(420):
        regions = random.choice(["eu", "us"], ROWS, p=[0.3, 0.7]) if at >= 300 else np.full(ROWS, "us")
        values = random.normal(0, 1, ROWS) + 0.7 * ((regions == "eu") & (at >= 400))
        state, news = WATCH.step(state, pane({"prediction:value": values.tolist()}, at=at, regions=regions.tolist()))
        findings += news.findings
    [found] = [one for one in findings if one.segment == (("region", "eu"),) and one.part == "values"]
    assert abs(found.onset - (T0 + 400_000)) <= 3_000
    assert found.share == pytest.approx(0.3, abs=0.05)  # what it burnt in with counts among the rows only


@pytest.mark.slow
def test_a_slice_that_kept_quiet_has_the_new_normal_as_the_whole_has_it() -> None:
    random, state, findings = np.random.default_rng(9), WATCH.start(), []
    for at in range(200):
        regions = random.choice(["eu", "us"], 500, p=[0.2, 0.8])
        move = 0.0 if at < 40 else 3.0 + 0.8 * ((regions == "eu") & (at >= 190))
        values = random.normal(0, 1, 500) + move
        state, news = WATCH.step(state, pane({"prediction:value": values.tolist()}, at=at, regions=regions.tolist()))
        findings += news.findings
    [slice_] = [one for one in findings if one.segment and one.edge == "firing"]
    assert slice_.before == pytest.approx(3.0, abs=0.1)


def test_columns_that_come_later_count_as_those_that_were_always_there() -> None:
    by = Watch(budget=parse("1 per 100000 events"), reference=1200, parts=("values", "nulls", "errors"))
    random, names = np.random.default_rng(8), [f"feature:f{i}" for i in range(9)]
    drawn = [{name: random.normal(0, 1, ROWS).tolist() for name in names} for _ in range(260)]
    always, _ = watch([pane(columns, at=at) for at, columns in enumerate(drawn[:120])], by)
    later, _ = watch(
        [pane(columns if at >= 200 else {names[0]: columns[names[0]]}, at=at) for at, columns in enumerate(drawn)], by
    )
    assert by.threshold(later) == by.threshold(always) == 27e5


def test_traffic_that_has_grown_has_the_budget_of_what_it_is_now() -> None:
    by = Watch(budget=parse("1 per model per week"), parts=("values",))
    state, hour = by.start(), 3600
    for at in range(30 * 24):
        rows = 1_000 if at < 28 * 24 else 10_000
        state, _ = by.step(state, pane({}, at=at * hour, rows=rows))
    assert by.sole_threshold(state) == pytest.approx(10_000 * 24 * 7, rel=0.1)


def test_names_that_change_with_every_event_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.watch.fold.MOST_COLUMNS", 20)
    content = [pane({"feature:age": [41.0], f"feature:user-{at}": [1.0]}, at=at) for at in range(40)]
    state, _ = watch(content)
    assert len(state.columns) == 20
    assert "feature:age" in state.columns


def test_a_newer_state_is_refused_in_a_sentence() -> None:
    state = WATCH.start()
    state.v = 2
    with pytest.raises(ValueError, match="upgrade Leeway"):
        WATCH.decode(WATCH.encode(state))
