"""Readings are the distances they are called, and chance alone exceeds them as often as they say."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial import distance

from detectors.budget import parse
from detectors.chi_square import exceeded, quantile
from detectors.readings import again, cells, hellinger, jensen_shannon, normals, psi, readings
from detectors.watch.fold import Watch
from detectors.watch.picture import pictures
from tests.judge.panes import pane

REFERENCE = 5_000
SHAPES = {
    "fifty bins": np.array([0.003, 0.007, 0.01] + [0.02] * 48 + [0.01, 0.01]),
    "an atom": np.array([0.6] + [0.04] * 10),
    "two bins": np.array([0.9, 0.1]),
}


@pytest.mark.parametrize("degrees", [1, 2, 3, 9, 19, 200, 1000])
def test_the_chi_square_law_agrees_with_scipy(degrees: int) -> None:
    values = degrees * np.array([1e-3, 0.1, 0.5, 0.9, 1.0, 1.1, 2.0, 5.0])
    ours = [exceeded(float(value), degrees) for value in values]
    np.testing.assert_allclose(ours, stats.chi2.sf(values, degrees), rtol=1e-9, atol=1e-13)
    for level in (0.5, 0.95, 0.999):
        assert quantile(level, degrees) == pytest.approx(stats.chi2.ppf(level, degrees), rel=1e-9)


def test_distances_agree_with_scipy() -> None:
    random = np.random.default_rng(1)
    p, q = random.dirichlet([2.0] * 10, 2)
    assert float(psi(p, q)) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))
    assert float(jensen_shannon(p, q)) == pytest.approx(distance.jensenshannon(p, q, base=2))
    assert float(hellinger(p, q)) == pytest.approx(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2))


def test_ks_and_wasserstein_agree_with_scipy() -> None:
    random = np.random.default_rng(2)
    at = np.sort(random.normal(0, 3, 12))
    before, now = random.integers(20, 90, 12), random.integers(20, 90, 12)
    found = {reading.name: reading.value for reading in readings(before.astype(float), now, ordered=True, at=at)}
    assert found["wasserstein"] == pytest.approx(stats.wasserstein_distance(at, at, before, now))
    assert found["ks"] == pytest.approx(stats.ks_2samp(np.repeat(at, before), np.repeat(at, now)).statistic)


def nulls(shape: NDArray[np.float64], n: int, runs: int, factor: float = 1.0) -> dict[str, list[tuple[float, float]]]:
    """p and multiples of readings of streams without change."""
    random, found = np.random.default_rng(n), dict[str, list[tuple[float, float]]]()
    for _ in range(runs):
        before = random.multinomial(REFERENCE, shape / shape.sum()).astype(np.float64)
        now = random.multinomial(n, shape / shape.sum())
        for reading in readings(before * factor, (now * factor).astype(np.int64), ordered=True, factor=factor):
            found.setdefault(reading.name, []).append((reading.p, reading.times))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [60, 500, 5_000])
def test_chance_alone_gives_p_below_a_twentieth_once_in_twenty_times(shape: str, n: int) -> None:
    runs = 300
    found = nulls(SHAPES[shape], n, runs)
    assert len(found) == 5
    for name, said in found.items():
        small, loud = sum(p <= 0.05 for p, _ in said), sum(times > 1 for _, times in said)
        assert small <= stats.binom.ppf(0.9999, runs, 0.05), name
        assert loud <= stats.binom.ppf(0.9999, runs, 0.001), name
        if shape == "fifty bins":  # few bins give few values: p goes in steps
            assert small >= stats.binom.ppf(0.0001, runs, 0.05), name


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 500])
def test_the_value_that_chance_exceeds_once_in_a_thousand_times(n: int) -> None:
    runs = 4_000
    found = nulls(SHAPES["fifty bins"], n, runs)
    for name, said in found.items():
        loud = sum(times > 1 for _, times in said)
        assert stats.binom.ppf(0.001, runs, 0.0005) <= loud <= stats.binom.ppf(0.999, runs, 0.0018), (name, loud)


def test_events_in_twos_are_half_as_many_events() -> None:
    assert nulls(SHAPES["fifty bins"], 500, 20, 2.0) == nulls(SHAPES["fifty bins"], 500, 20)


def test_a_quarter_of_a_standard_deviation_is_far_beyond_chance_though_psi_is_small() -> None:
    random = np.random.default_rng(3)
    edges = stats.norm.ppf(np.linspace(0, 1, 51)[1:-1])
    before = np.bincount(np.searchsorted(edges, random.normal(0, 1, REFERENCE)), minlength=50).astype(np.float64)
    now = np.bincount(np.searchsorted(edges, random.normal(0.25, 1, 1_000)), minlength=50)
    found = {reading.name: reading for reading in readings(before, now, ordered=True)}
    assert found["psi"].value < 0.2
    assert all(reading.times > 1 and reading.p < 0.001 for reading in found.values())


def test_the_same_counts_give_the_same_readings() -> None:
    before, now = np.array([500.0, 400, 80, 20]), np.array([20, 18, 8, 1])
    first = readings(before, now, ordered=True)
    again.cache_clear()
    normals.cache_clear()
    assert readings(before, now, ordered=True) == first


def test_categories_have_no_order_and_their_long_tail_is_one_cell() -> None:
    before, now = np.arange(60, 0, -1) * 10.0, np.arange(60, 0, -1)
    assert [reading.name for reading in readings(before, now, ordered=False)] == ["psi", "jensen_shannon", "hellinger"]
    assert cells(before, ordered=False).max() == 9


def test_too_few_events_have_no_readings() -> None:
    before = np.array([500.0, 500])
    assert readings(before, np.array([10, 10]), ordered=True) == ()
    assert readings(before, np.array([60, 60]), ordered=True, factor=5.0) == ()


def test_a_bin_that_nothing_was_ever_in_is_no_trouble() -> None:
    found = readings(np.array([500.0, 500, 0]), np.array([0, 0, 200]), ordered=False)
    assert all(np.isfinite(reading.value) and reading.times > 1 for reading in found)
    assert readings(np.array([500.0, 0]), np.array([500, 0]), ordered=True)[0].value == 0


def test_a_picture_shows_readings_of_what_drifts_and_of_nothing_quiet() -> None:
    watch = Watch(budget=parse("1 per 100000 events"), reference=1000, burn_in=300)
    random, state = np.random.default_rng(4), watch.start()
    for at in range(70):
        shift, plan = (3.0, "pro") if at >= 60 else (0.0, "free")
        columns = {
            "feature:age": random.normal(shift, 1, 100).tolist(),
            "feature:plan": [plan] * 60 + ["free", "pro"] * 20,
            "feature:height": random.normal(0, 1, 100).tolist(),
        }
        state, _ = watch.step(state, pane(columns, at=at))
    found = pictures(watch, state)
    assert "readings" not in found["column|feature:height"]
    names = [reading["name"] for reading in found["column|feature:plan"]["readings"]]
    assert names == ["psi", "jensen_shannon", "hellinger"]
    age = {reading["name"]: reading for reading in found["column|feature:age"]["readings"]}
    assert set(age) == {"ks", "wasserstein", *names}
    assert all(reading["times_chance"] > 5 for reading in age.values())
    assert 2 < age["wasserstein"]["value"] < 3.2  # in the feature's own units
