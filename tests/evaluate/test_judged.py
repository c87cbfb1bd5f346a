"""A file is judged as the same rows would be as events: the same panes, the same fold, the same findings."""

from typing import Any

import numpy as np
import pytest

from detectors.budget import parse
from stream.evaluate.judged import LEAST_PANES, judged, watch_over
from stream.evaluate.panes import Panes
from stream.evaluate.table import Table, numbers, texts
from stream.evaluate.trial import Trial
from tests.evaluate.tables import cells, mixed
from tests.judge import panes as hand_made

BUDGET = parse("1 per 10000 events")


def by_hand(table: Table, first: int, end: int, at: int) -> Any:
    """A pane as the tests of the judge make them, value by value."""
    made = {f"feature:{place}": cells(table, name, first, end) for place, name in enumerate(table.names)}
    return hand_made.pane(made, at, rows=end - first)


def test_panes_count_what_the_rows_hold() -> None:
    table = mixed(1_000)
    made = list(Panes(table, 30).of(100, 1_000))
    assert [pane.rows for pane in made] == [30] * 30
    for number, pane in enumerate(made):
        first = 100 + 30 * number
        columns = by_hand(table, first, first + 30, number).columns
        assert pane.columns.keys() == columns.keys()
        for name, column in columns.items():
            own = pane.columns[name]
            assert own.sum == pytest.approx(column.sum)
            own.sum = column.sum
            assert own.values == column.values
            own.values = column.values
            assert own == column


@pytest.mark.slow
@pytest.mark.parametrize("size", [pytest.param(13, marks=pytest.mark.slow), 40])
def test_the_alarms_are_the_findings_of_the_watch_on_panes_made_by_hand(size: int) -> None:
    table = mixed(3_000)
    table["age"].values[1_800:] += 10
    table["plan"].values[2_200:] = np.random.default_rng(3).permutation(table["plan"].values[2_200:])
    table["wrong"].values[2_000:] = np.nan
    trial = Trial(table, 1_000, BUDGET, size)
    found, watch = judged(trial), watch_over(trial)
    state, at, expected = watch.start(), 0, []
    learning = min(size, 500 // LEAST_PANES)
    learning = -(-1_000 // (1_000 // learning))
    for first, end, rows in ((0, 1_000, learning), (1_000, 3_000, size)):
        for begin in range(first, end, rows):
            until = min(begin + rows, end)
            state, news = watch.step(state, by_hand(table, begin, until, at := at + 1))
            expected += [
                (one.column, one.part, until - 1, one.evidence) for one in news.findings if one.edge == "firing"
            ]
    alarms = [
        (f"feature:{at}", one.part, one.row, one.evidence) for at, said in enumerate(found.alarms) for one in said
    ]
    assert sorted(alarms) == sorted(expected)
    assert {column for column, *_ in alarms} >= {"feature:0", "feature:2"}


@pytest.mark.slow
def test_bins_of_its_own_change_nothing_but_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = mixed(3_000)
    table["age"].values[2_000:] *= 1.5
    with_bins = judged(Trial(table, 1_000, BUDGET, 20))
    monkeypatch.setattr(Panes, "learn", lambda panes, binning: None)
    assert judged(Trial(table, 1_000, BUDGET, 20)) == with_bins


def test_what_cannot_happen_takes_no_share_of_the_budget_and_texts_take_that_of_numbers() -> None:
    whole = Table((numbers("x", np.random.default_rng(1).normal(size=4_000)),))
    gaps = Table((numbers("x", np.where(np.arange(4_000) % 50 == 7, np.nan, whole["x"].values)),))
    drawn = np.random.default_rng(2).choice(["fr", "de", "it"], (3, 4_000))
    words = Table(tuple(texts(f"country {at}", row.tolist()) for at, row in enumerate(drawn)))
    both = Table((*whole.columns, *words.columns))
    for table, detectors in ((whole, 1), (gaps, 2), (words, 3), (both, 4)):
        trial = Trial(table, 1_000, BUDGET, 20)
        seen: list[float] = []
        watch = watch_over(trial)
        judged(trial, lambda state, rows, watch=watch, seen=seen: seen.append(watch.threshold(state)))  # type: ignore[misc]
        assert seen[-1] == detectors * 10_000


def test_volume_says_nothing_about_a_file_however_ragged_its_end() -> None:
    table = Table((numbers("x", np.random.default_rng(1).normal(size=60_003)),))
    seen = []
    judged(
        Trial(table, 1_000, parse("1 per 1000 events"), 1_000, independent=True), lambda state, rows: seen.append(state)
    )
    assert not any(state.volume_since or state.volume.buckets for state in seen)


def test_what_columns_say_together_takes_a_share_of_the_budget_where_it_is_asked_for() -> None:
    random = np.random.default_rng(5)
    table = Table(tuple(numbers(f"x{at}", random.normal(size=1_500)) for at in range(5)))
    thresholds = []
    for together in (False, True):
        trial = Trial(table, 1_000, BUDGET, 20, together=together)
        watch, seen = watch_over(trial), list[float]()
        judged(trial, lambda state, rows, watch=watch, seen=seen: seen.append(watch.threshold(state)))  # type: ignore[misc]
        thresholds.append(seen[-1])
    assert thresholds[0] < thresholds[1] <= 2 * thresholds[0]


def test_a_short_reference_comes_in_panes_small_enough_to_be_trusted_at_its_end() -> None:
    table = Table((numbers("x", np.random.default_rng(2).normal(size=1_500)),))
    for size in (1, 20, 500):
        [since] = judged(Trial(table, 1_000, BUDGET, size)).watching_from
        assert since is not None
        assert 1_000 <= since <= 1_020


def test_a_column_that_gets_its_bins_later_than_others_is_counted_in_those_it_had() -> None:
    random = np.random.default_rng(3)
    late = np.where(np.arange(2_400) < 1_200, np.nan, random.normal(size=2_400))
    table = Table((numbers("early", random.normal(size=2_400)), numbers("late", late)))
    states = []
    judged(Trial(table, 1_000, BUDGET, 1), lambda state, rows: states.append(state))
    bank, row = states[-1].place(states[-1].tracks["feature:1"], "values")
    assert bank.events[row] + 500 == 1_200
    assert bank.urn[row].sum() == pytest.approx(1_200, abs=2)


def test_numbers_beyond_single_precision_are_judged_without_a_warning() -> None:
    values = 1e308 * np.random.default_rng(4).uniform(-1, 1, 2_000)
    values[1_500:] = np.abs(values[1_500:])
    found = judged(Trial(Table((numbers("x", values),)), 1_000, BUDGET, 20))
    assert found.alarms[0][0].row >= 1_500


@pytest.mark.parametrize("size", [50, 100, 500])
@pytest.mark.parametrize("independent", [True, False])
def test_a_constant_that_becomes_another_one_began_in_its_pane(size: int, independent: bool) -> None:
    values = np.ones(6_000)
    values[3_000:] = 2
    table = Table((numbers("always", values),))
    found = judged(Trial(table, 1_000, parse("1 per 100000 events"), size, independent=independent))
    [(alarm, *_)] = [alarms for alarms in found.alarms if alarms]
    assert (alarm.onset_row, alarm.onset_until_row, alarm.row) == (3_000, 3_000 + size - 1, 3_000 + size - 1)


@pytest.mark.parametrize("size", [20, 100])
def test_an_onset_is_known_to_a_pane(size: int) -> None:
    random = np.random.default_rng(size)
    values = random.normal(size=6_000)
    values[3_000:] += 0.5
    found = judged(Trial(Table((numbers("x", values),)), 1_000, parse("1 per 100000 events"), size))
    [(alarm, *_)] = [alarms for alarms in found.alarms if alarms]
    assert alarm.onset_row is not None
    assert alarm.onset_until_row == alarm.onset_row + size - 1 <= alarm.row
    assert abs(alarm.onset_row - 3_000) <= 100 < alarm.row - 2_950
