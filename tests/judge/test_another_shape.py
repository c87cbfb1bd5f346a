"""A change that leaves the mean where it is, is told by the values that became more and less frequent; a heap by its
place.
"""

import numpy as np

from detectors.watch import naming
from tests.judge.test_watch import QUIET_PANES, ROWS, Columns, panes, watch


def in_tens(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [10.0 * round(age / 10) for age in columns["feature:age"]]


def test_ages_in_tens_are_another_shape_and_one_alert() -> None:
    _, findings = watch(panes(in_tens, until=QUIET_PANES + 40))
    assert [(finding.edge, finding.column) for finding in findings] == [("firing", "feature:age")]
    [alert] = findings
    assert naming.class_of(alert) == "feature_drift"
    assert alert.n <= 5 * ROWS
    words = naming.summary_of(alert)
    assert words.startswith("age has another shape: ")
    assert "mean" not in words
    more = [float(part.split(" to ")[1].split(" ")[0]) for part in words.split(": ")[1].split(", ")[:3]]
    assert sorted(10 * (bound // 10) for bound in more) == [30, 40, 50]


def imputed(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [41.0 if random.random() < 0.05 else age for age in columns["feature:age"]]


def test_a_twentieth_of_the_ages_that_become_one_are_a_heap_and_one_alert() -> None:
    _, findings = watch(panes(imputed))
    assert [(finding.edge, finding.column) for finding in findings] == [("firing", "feature:age")]
    words = naming.summary_of(findings[0])
    assert words.startswith("age has a heap: ")
    low, high = words.split(": ")[1].split(" to ")
    assert float(low) <= 41 < float(high)
    assert "mean" not in words
    assert words.split(": ")[2].endswith(f"n={findings[0].n}")


def older(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [age + 12 for age in columns["feature:age"]]


def test_a_mean_that_moved_is_told_as_a_mean() -> None:
    _, findings = watch(panes(older))
    assert naming.summary_of(findings[0]).startswith("age shifted: mean 4")


def in_cents(columns: Columns, random: np.random.Generator) -> None:
    columns["feature:age"] = [100 * age for age in columns["feature:age"]]


def test_another_unit_is_told_as_a_mean_whichever_bet_won() -> None:
    _, findings = watch(panes(in_cents))
    assert naming.summary_of(findings[0]).startswith("age shifted: mean 4")
    assert findings[0].after > 90 * findings[0].before
