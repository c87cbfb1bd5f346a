"""What is put into a copy of the data is what was asked for, and nothing else."""

from typing import Any

import numpy as np
import pytest

from stream.evaluate.injection import injected, parse, targets
from stream.evaluate.refusal import Refusal
from stream.evaluate.table import Table, numbers
from tests.evaluate.tables import mixed

REFERENCE, ROW = 1_000, 1_500


def after(text: str, table: Table | None = None, seed: int = 1) -> tuple[Table, Table]:
    """The table before and after."""
    before = table or mixed(3_000)
    by_column = targets([parse(part) for part in text.split(",")], before, REFERENCE)
    return before, injected(before, by_column, REFERENCE, 0, seed)


def values(table: Table, name: str, first: int = ROW) -> Any:
    return table[name].values[first:]


@pytest.mark.parametrize(
    ("text", "law"),
    [
        ("shift:0.5sd@1500:age", lambda old, mean, sd: old + 0.5 * sd),
        ("shift:-3@1500:age", lambda old, mean, sd: old - 3),
        ("scale:2@1500:age", lambda old, mean, sd: mean + 2 * (old - mean)),
        ("unit:1000@1500:age", lambda old, mean, sd: 1000 * old),
    ],
)
def test_numbers_are_changed_from_the_row_on_by_the_mean_and_spread_of_the_reference(text: str, law: Any) -> None:
    before, changed = after(text)
    known = before["age"].values[:REFERENCE]
    expected = law(values(before, "age"), np.nanmean(known), np.nanstd(known))
    assert np.allclose(values(changed, "age"), expected, equal_nan=True)
    assert np.array_equal(changed["age"].values[:ROW], before["age"].values[:ROW], equal_nan=True)
    for other in ("plan", "wrong"):
        assert np.array_equal(changed[other].values, before[other].values)


def test_spikes_and_nulls_hit_their_share_of_the_rows_and_always_the_same_ones() -> None:
    before, changed = after("spikes:0.1@1500:wrong,nulls:0.3@1500:plan")
    moved = values(changed, "wrong") - values(before, "wrong")
    assert 0.07 < np.mean(moved > 0) < 0.13
    assert np.allclose(moved[moved > 0], 5 * before["wrong"].values[:REFERENCE].std())
    assert 0.3 < np.mean(values(changed, "plan") == -1) < 0.4  # some were missing before
    again = after("spikes:0.1@1500:wrong,nulls:0.3@1500:plan")[1]
    other = after("spikes:0.1@1500:wrong,nulls:0.3@1500:plan", seed=2)[1]
    assert np.array_equal(again["wrong"].values, changed["wrong"].values)
    assert not np.array_equal(other["wrong"].values, changed["wrong"].values)


def test_a_swap_changes_the_places_of_the_two_most_frequent_texts() -> None:
    before, changed = after("swap@1500")
    plan = before["plan"]
    assert plan.words is not None
    pro, free, none = (plan.words.index(word) for word in ("pro", "free", "none"))
    old, new = values(before, "plan"), values(changed, "plan")
    for one, other in ((pro, free), (free, pro), (none, none), (-1, -1)):
        assert np.array_equal(old == one, new == other)


def test_what_is_stuck_keeps_its_last_value() -> None:
    before, changed = after("stuck@1500")
    known = before["age"].values[:ROW]
    assert set(values(changed, "age")) == {known[~np.isnan(known)][-1]}
    assert len(set(values(changed, "plan"))) == 1


def test_without_a_column_a_change_goes_wherever_it_fits() -> None:
    table = mixed(3_000)
    found = targets([parse("shift:1sd@1500"), parse("nulls:0.1@1600")], table, REFERENCE)
    assert {name: [one.row for one in put] for name, put in found.items()} == {
        "age": [1500, 1600],
        "plan": [1600],
        "wrong": [1500, 1600],
    }


def test_without_a_column_what_cannot_be_measured_stays_as_it_is() -> None:
    still, empty = numbers("still", np.ones(3_000)), numbers("empty", np.full(3_000, np.nan))
    huge = numbers("huge", 1e308 * np.random.default_rng(1).uniform(-1, 1, 3_000))
    table = Table((*mixed(3_000).columns, still, empty, huge))
    found = targets([parse("shift:1sd@1500"), parse("swap@1600")], table, REFERENCE)
    assert [name for name, put in found.items() if put] == ["age", "plan", "wrong"]
    with pytest.raises(Refusal, match="too large to tell how far they spread"):
        after("shift:1sd@1500:huge", table)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("shift", "'shift' is not a change that can be put in; write it like shift:0.5sd@20000"),
        ("shift:0.5sd@", "is not a change that can be put in"),
        ("jump:1@1500", "there is no change 'jump'; there are shift, scale"),
        ("shift@1500", "shift wants a size, as in shift:2@20000"),
        ("swap:2@1500", "swap takes no size"),
        ("shift:x@1500", "'x' is not a number"),
        ("shift:inf@1500", "the size must be finite"),
        ("shift:0sd@1500", "changes nothing"),
        ("unit:1@1500", "changes nothing"),
        ("scale:-1@1500", "a scale is not negative"),
        ("nulls:1.5@1500", "the share must be above 0 and at most 1"),
        ("spikes:0@1500", "the share must be above 0 and at most 1"),
        ("scale:2sd@1500", "only a shift is given in standard deviations"),
        ("shift:1@1500:size", "column 'size' of --inject is not among those evaluated: age, plan, wrong"),
        ("swap@1500:age", "swap needs a column of texts, and there is none among: age"),
        ("shift:1@1500:plan", "shift needs a column of numbers, and there is none among: plan"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        after(text)
    assert sentence in str(refused.value)


def test_a_column_that_does_not_vary_has_no_standard_deviation_to_be_shifted_by() -> None:
    table = Table((numbers("x", np.ones(3_000)),))
    with pytest.raises(Refusal, match="'x' does not vary in the reference"):
        after("shift:1sd@1500", table)
    assert values(after("shift:1@1500", table)[1], "x").tolist() == [2.0] * 1_500


def test_an_empty_reference_has_nothing_to_measure_a_change_by() -> None:
    table = Table((numbers("x", np.where(np.arange(3_000) < 1_000, np.nan, 1.0)),))
    for text in ("shift:1sd@1500", "scale:2@1500", "spikes:0.1@1500"):
        with pytest.raises(Refusal, match="'x' has no values in the reference"):
            after(text, table)
