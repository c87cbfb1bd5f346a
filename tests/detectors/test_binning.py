"""The universal binning keeps order and 0.1 %; a feature's own bins lose nothing."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.alternatives import CATEGORIES, NUMBERS
from detectors.binning import Categories, derive, derive_categories, identity, rebin, representative, universal
from detectors.budget import most_by_chance
from detectors.urn import Urns
from detectors.watch.burn_in import BurnIn, text_bins

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@given(FINITE, FINITE)
def test_larger_values_never_have_smaller_buckets(one, other):
    low, high = universal(np.array(sorted((one, other))))
    assert low <= high


@given(FINITE)
def test_the_representative_lies_in_its_bucket_and_within_a_thousandth(value):
    bucket = int(universal(np.array([value]))[0])
    shown = representative(bucket)
    assert universal(np.array([shown]))[0] == bucket
    if abs(value) > 1e-300:
        assert abs(shown - value) <= abs(value) / 1000


@pytest.mark.parametrize("value", [0.24, 37.0, -999.0, 0.0, 1.0, 1234.0, 1e9, -0.5, 0.1, 1e-5])
def test_short_decimals_represent_themselves(value):
    shown = representative(int(universal(np.array([value]))[0]))
    assert shown == value


def test_minus_zero_is_zero():
    assert universal(np.array([-0.0]))[0] == universal(np.array([0.0]))[0] == 0


def test_the_largest_doubles_have_buckets():
    buckets = universal(np.array([-1.7976931348623157e308, 1.7976931348623157e308, 5e-324, -5e-324]))
    assert [representative(int(b)) < 0 for b in buckets] == [True, False, False, True]


FAMILIES = {
    "gaussian": lambda rng: rng.normal(0, 1, 1000),
    "large": lambda rng: rng.normal(1e6, 3e5, 1000),
    "heavy": lambda rng: rng.standard_t(2, 1000),
    "lognormal": lambda rng: rng.lognormal(3, 1, 1000),
    "poisson": lambda rng: rng.poisson(3, 1000).astype(float),
    "zero-inflated": lambda rng: rng.lognormal(0, 1, 1000) * (rng.random(1000) < 0.4),
    "constant": lambda rng: np.full(1000, 7.0),
    "binary": lambda rng: (rng.random(1000) < 0.3).astype(float),
    "narrow": lambda rng: rng.normal(1e6, 1, 1000),
    "huge": lambda rng: rng.choice([-1e308, 1e308], 1000) * rng.random(1000),
    "with a sentinel": lambda rng: np.where(rng.random(1000) < 0.1, -999.0, rng.normal(5, 1, 1000)),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_own_bins_are_few_ascending_and_lose_nothing(family):
    values = FAMILIES[family](np.random.default_rng(7))
    buckets, counts = np.unique(universal(values), return_counts=True)
    edges = derive(buckets, counts)
    assert edges.dtype == np.int32
    assert 2 <= len(edges) <= 90
    assert (np.diff(edges) > 0).all()
    assert rebin(buckets, counts, edges).sum() == 1000
    assert identity(edges) == identity(derive(buckets[::-1], counts[::-1]))


def test_a_constant_has_room_below_and_above():
    bucket = universal(np.array([7.0]))
    edges = derive(bucket, np.array([500]))
    assert rebin(universal(np.array([6.9, 7.0, 7.1])), np.ones(3, np.int64), edges).tolist() == [1, 1, 1]


def test_few_values_have_a_bin_each_and_the_unseen_falls_to_its_nearest():
    values = np.array([0.0, 1.0, 5.0, 100.0])
    edges = derive(universal(values), np.array([3, 3, 3, 991]))
    buckets = universal(np.array([-1.0, 0.0, 0.4, 0.6, 1.0, 2.9, 3.1, 5.0, 99.0, 100.0, 101.0]))
    bins = np.searchsorted(edges, buckets, side="right")
    assert bins.tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 4, 5]


def test_what_comes_close_to_a_value_that_repeats_is_not_the_same():
    edges = derive(universal(np.array([0.0, 1400.0])), np.array([950, 50]))
    bins = np.searchsorted(edges, universal(np.array([-1.0, 0.0, 201.5, 1400.0, 1601.5])), side="right")
    assert bins.tolist() == [0, 1, 2, 3, 4]


def test_a_value_that_repeats_has_a_bin_of_its_own():
    values = FAMILIES["zero-inflated"](np.random.default_rng(1))
    edges = derive(*np.unique(universal(values), return_counts=True))
    at_zero, tiny, below = np.searchsorted(edges, universal(np.array([0.0, 1e-9, -1e-9])), side="right")
    assert below < at_zero < tiny


@pytest.mark.parametrize("sign", [1, -1])
def test_between_zero_and_the_least_of_all_prices_there_is_room(sign):
    prices = sign * np.random.default_rng(4).lognormal(3, 0.5, 500)
    edges = derive(*np.unique(universal(prices), return_counts=True))
    least = prices[np.abs(prices).argmin()]
    inner = np.searchsorted(edges, universal(np.array([least, least / 1.1, least / 1000])), side="right")
    assert len(set(inner.tolist())) == 3
    assert np.count_nonzero(edges > universal(np.array([0.0]))[0]) in (0, len(edges))


def test_a_tenth_of_the_smallest_doubles_is_no_obstacle():
    values = np.linspace(1, 2, 200) * 1e-307
    edges = derive(*np.unique(universal(values), return_counts=True))
    assert (np.diff(edges) > 0).all()


@pytest.mark.parametrize("sign", [1, -1])
def test_of_a_skewed_column_there_is_room_beyond_the_largest(sign):
    prices = sign * np.random.default_rng(4).lognormal(3, 1, 500)
    edges = derive(*np.unique(universal(prices), return_counts=True))
    largest = prices[np.abs(prices).argmax()]
    outer = np.searchsorted(edges, universal(np.array([largest, 30 * largest, 1000 * largest])), side="right")
    assert len(set(outer.tolist())) == 3


@pytest.mark.parametrize(("unit", "spread"), [(1e-3, 0.5), (1e3, 1.0)])
def test_a_few_in_a_unit_a_thousand_times_larger_or_smaller_are_seen_within_the_second_hundred(unit, spread):
    random = np.random.default_rng(12)
    buckets = universal(random.lognormal(3, spread, 5000))
    edges = derive(*np.unique(buckets[:500], return_counts=True))
    urns = Urns(NUMBERS, independent=True)
    bank = urns.add(urns.start(), [rebin(buckets, np.ones(5000, np.int64), edges)])
    delays = []
    for _ in range(8):
        held, said, events = bank, None, 0
        while said is None or not said.drifted[0]:
            prices = random.lognormal(3, spread, 20) * np.where(random.random(20) < 0.02, unit, 1.0)
            held, said = urns.step(held, [rebin(universal(prices), np.ones(20, np.int64), edges)], 1e4)
            events += 20
        delays.append(events)
    assert np.mean(delays) < 200


def test_nothing_seen_still_gives_bins():
    assert len(derive(np.array([], np.int32), np.array([], np.int64))) == 2


def test_categories_by_name_then_unseen():
    own = derive_categories({"b": 5, "a": 5, "c": 9, "never": 0})
    assert own == Categories(("c", "a", "b"))
    assert own.bin({"a": 2, "z": 3}, other=4).tolist() == [0, 2, 0, 7]
    assert [own.label(i) for i in range(own.bins)] == ["c", "a", "b", "unseen"]


def test_a_long_tail_is_hashed_alike_everywhere():
    own = derive_categories({f"user-{i}": 1000 - i for i in range(100)})
    assert (len(own.names), own.tails, own.bins) == (48, 16, 64)
    assert own.of("user-99") == 54  # golden: a change of the hash would mix two counts up
    assert own.bin({"user-99": 2, "user-0": 1}).sum() == 3


def test_of_a_long_tail_nothing_that_came_once_has_a_bin_of_its_own():
    own = derive_categories({"a": 9, "b": 2, **{f"once-{i}": 1 for i in range(60)}})
    assert (own.names, own.tails) == (("a", "b"), 16)


def test_what_was_never_seen_is_expected_as_often_as_names_came_once():
    categories, counts = text_bins(BurnIn(names={"a": 90, "b": 7, "c": 1, "d": 1, "e": 1}))
    assert categories.names == ("a", "b", "c", "d", "e")
    assert counts.tolist() == [90, 7, 1, 1, 1, 3]
    assert text_bins(BurnIn(names={"a": 90, "b": 7}))[1].tolist() == [90, 7, 0]


def test_new_names_that_come_as_often_as_ever_are_no_alarm():
    """One event in twenty has a name of its own: 100 columns, 200,000 events, a budget of 20 alarms."""
    random, urns, alarms, columns = np.random.default_rng(7), Urns(CATEGORIES, 200.0, independent=True), 0, 100
    names = np.where(random.random((columns, 200)) < 0.05, 5 + np.arange(200), random.integers(0, 5, (columns, 200)))
    found = [text_bins(BurnIn(names=dict(Counter(map(str, row))))) for row in names.tolist()]
    unseen = np.array([categories.bins - 1 for categories, _ in found])
    bank = urns.add(urns.start(), [counts for _, counts in found])
    for _ in range(100):
        panes = random.multinomial(20, [0.19] * 5 + [0.05], columns)
        counts = np.zeros((columns, int(bank.bins.max())), np.int64)
        for row, (categories, _) in enumerate(found):
            counts[row, [categories.of(str(name)) for name in range(5)]] = panes[row, :5]
        counts[np.arange(columns), unseen] = panes[:, 5]
        bank, said = urns.step(bank, counts, 1e4)
        alarms += int(said.drifted.sum())
        bank = urns.dismiss(bank, np.flatnonzero(said.drifted).tolist())
    assert alarms <= most_by_chance(20)


def test_the_id_tells_binnings_apart():
    assert derive_categories({"a": 1}).id != derive_categories({"b": 1}).id
    assert Categories(("a",), 16).id != Categories(("a",)).id
