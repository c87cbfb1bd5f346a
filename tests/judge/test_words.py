"""What an alarm says is what happened: a mean where the mean moved, a range where something else did."""

import math

import numpy as np
import pytest

from detectors.watch import naming
from detectors.watch.finding import Finding, Histogram
from detectors.watch.fold import Watch
from tests.judge.panes import pane
from tests.judge.test_watch import QUIET_PANES, WATCH, Columns, panes, watch


def told(findings: list[Finding]) -> list[str]:
    return [naming.effect_of(finding) for finding in findings]


def test_where_the_spread_doubles_the_mean_is_not_spoken_of() -> None:
    def wider(columns: Columns, random: np.random.Generator) -> None:
        columns["feature:age"] = [41 + 2 * (age - 41) for age in columns["feature:age"]]

    _, findings = watch(panes(wider))
    assert findings[0].change.startswith("scale")
    assert told(findings)[0].endswith("% of rows")
    assert "mean" not in told(findings)[0]


def test_a_few_that_are_far_out_are_told_by_how_many_there_are() -> None:
    def unknown(columns: Columns, random: np.random.Generator) -> None:
        columns["feature:age"] = [999.0 if random.random() < 0.05 else age for age in columns["feature:age"]]

    _, findings = watch(panes(unknown))
    place, shares = told(findings)[0].rsplit("; ", 1)[-1].split(": ")
    was, now = (float(share.split(" %")[0]) for share in shares.split(" -> "))
    assert place.startswith("from ")
    assert was < 0.5 < now < 12


def test_a_mean_that_a_few_values_make_is_not_spoken_of() -> None:
    def heavier(columns: Columns, random: np.random.Generator) -> None:
        columns["feature:age"] = [1e9 if at == 0 else age + 8 for at, age in enumerate(columns["feature:age"])]

    _, findings = watch(panes(heavier, until=QUIET_PANES + 3))
    assert findings
    assert not [effect for effect in told(findings) if "mean" in effect]


def test_a_drift_that_goes_on_is_told_against_the_reference_and_never_as_nan() -> None:
    def rising(columns: Columns, random: np.random.Generator) -> None:
        rising.by += 1.0  # type: ignore[attr-defined]
        columns["feature:age"] = [age + rising.by for age in columns["feature:age"]]  # type: ignore[attr-defined]
        columns["feature:nps"] = [7.0 if score is None else score for score in columns["feature:nps"]]

    rising.by = 0.0  # type: ignore[attr-defined]
    _, findings = watch(panes(rising, until=QUIET_PANES + 80))
    ages = [finding for finding in findings if finding.column == "feature:age" and finding.edge in ("firing", "moved")]
    nulls = [finding for finding in findings if finding.part == "nulls"]
    assert len(ages) > 3
    assert all(finding.after > finding.before + 5 for finding in ages)
    assert nulls
    assert not [effect for effect in told(findings) if "nan" in effect or effect == ""]
    assert all(math.isfinite(naming.impact(finding)) for finding in findings)


@pytest.mark.parametrize("rows", [1, 20])
def test_a_sensor_that_is_stuck_is_called_stuck_at_any_size_of_panes(rows: int) -> None:
    random, by = np.random.default_rng(3), Watch(WATCH.budget, reference=600, burn_in=200, parts=("values",))
    readings = [*random.normal(10, 2, 1000), *np.full(300, 12.0)]
    content = [pane({"feature:probe": readings[at : at + rows]}, at=at // rows) for at in range(0, len(readings), rows)]
    _, findings = watch(content, by)
    assert [naming.class_of(finding) for finding in findings if finding.edge == "firing"] == ["stuck_feature"]


def test_of_two_that_say_the_same_the_rarer_is_told() -> None:
    histogram = Histogram(("below 18", "18 to 90", "90 to 400", "from 400"), (1, 997, 1, 1), (0, 93, 0, 7))
    assert histogram.most_moved() == ("from 400", 0.001, 0.07)


def test_what_is_above_zero_is_called_so() -> None:
    random = np.random.default_rng(5)
    by = Watch(WATCH.budget, reference=1200, burn_in=400, parts=("values",))
    flags = [*np.zeros(2000), *(random.random(600) < 0.05).astype(float)]
    _, findings = watch([pane({"feature:flag": flags[at : at + 20]}, at=at) for at in range(0, 2600, 20)], by)
    assert findings[0].histogram.labels == ("below 0", "0", "above 0")
    assert told(findings)[0].split("; ")[-1].startswith("above 0: ")
