"""A budget says what it means, and refuses what it cannot mean."""

import pytest

from detectors.budget import LEAST_THRESHOLD, Budget, parse, threshold


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("1 per model per week", Budget(1, period="week")),
        ("  0.5  PER model per Day ", Budget(0.5, period="day")),
        ("1 per 100000 events", Budget(1, events=100_000)),
        ("2 per 1,000,000 events", Budget(2, events=1_000_000)),
        ("1 per 1e6 events", Budget(1, events=1_000_000)),
    ],
)
def test_budgets_are_read_as_people_write_them(text, budget):
    assert parse(text) == budget
    assert parse(str(budget)) == budget


WRONG = ["", "1", "one per week", "1 per model per fortnight", "0 per model per week", "1 per 0 events", "-1 per 10"]


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_budget_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="alert"):
        parse(text)


def test_the_threshold_is_events_times_detectors_over_alerts():
    assert threshold(parse("1 per model per week"), 100, 1e6) == 1e8
    assert threshold(parse("4 per model per week"), 100, 1e6) == 2.5e7
    assert threshold(parse("1 per model per day"), 7, 7e6) == 7e6
    assert threshold(parse("1 per 100000 events"), 20, None) == 2e6


def test_a_slow_model_still_needs_evidence():
    assert threshold(parse("1 per model per week"), 1, 10.0) == LEAST_THRESHOLD


def test_an_unknown_rate_is_taken_to_be_high():
    assert threshold(parse("1 per model per week"), 1, None) > threshold(parse("1 per model per week"), 1, 1e6)
