"""The fixed twin is silent within its margin and quick beyond it, and an alarm stands until it is back inside."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy.special import gammaln

from detectors import binning
from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP
from detectors.margin import Margin, Twins
from detectors.polya import log_law
from detectors.urn import Phase, Turn

A = 1e4
RUNS = 40


def counted(buckets: Any, edges: Any) -> Any:
    return np.bincount(np.searchsorted(edges, buckets, side="right"), minlength=len(edges) + 1)


class Watched:
    """Normal numbers and their twins, many runs at once; or the counts of a rate or a category."""

    def __init__(self, margin: Margin, seed: int, shares: Any = None) -> None:
        self.margin, self.random, self.edges = margin, np.random.default_rng(seed), []
        size = int(margin.least_reference)
        if shares is None:
            values = binning.universal(self.random.normal(0, 1, (RUNS, size)))
            self.edges = [binning.derive(*np.unique(row, return_counts=True)) for row in values]
            counts = [counted(row, edges) for row, edges in zip(values, self.edges, strict=True)]
        else:
            counts = list(self.random.multinomial(size, shares, RUNS))
        self.twins: Twins = margin.add(margin.start(), counts)
        self.said: Any = None

    def see(self, events: int, shift: float = 0.0, shares: Any = None, factor: float = 1.0, pane: int = 20) -> Any:
        """Return the turns that came, [panes, runs]."""
        turns = []
        for _ in range(events // pane):
            if shares is None:
                values = binning.universal(self.random.normal(shift, 1, (RUNS, pane)))
                counts = [counted(row, edges) for row, edges in zip(values, self.edges, strict=True)]
            else:
                counts = list(self.random.multinomial(pane, shares, RUNS))
            self.twins, self.said = self.margin.step(self.twins, counts, A, np.full(RUNS, factor))
            turns.append(self.said.turn)
        return np.array(turns)


@pytest.mark.parametrize("events", [1, 2, 5])
@pytest.mark.parametrize("law", [NUMBERS, RATES, RATES_UP, CATEGORIES], ids=lambda law: law.name)
def test_on_the_boundary_the_likelihood_ratio_is_one_on_average(law: Any, events: int) -> None:
    margin = Margin(law, least_reference=300)
    reference = np.array([40, 260]) if "rates" in law.name else np.array([40, 160, 70, 30])
    twins, _ = margin.step(margin.add(margin.start(), [reference]), [reference * 0], A)
    bins = len(reference)
    panes = np.array([d for d in product(range(events + 1), repeat=bins) if sum(d) == events], np.float64)
    rows = np.zeros(len(panes), np.intp)
    ratio = margin.ratio(replace(twins, tilts=margin.tilts(twins)), rows, panes, np.ones(len(panes)))
    orders = gammaln(events + 1) - gammaln(panes + 1).sum(axis=1)
    own = np.exp(log_law(np.repeat(twins.reference.astype(float), len(panes), axis=0), panes) + orders)
    for watched in range(ratio.shape[1]):
        for side in (0, 1):
            boundary = own * np.exp(ratio[:, watched, side])
            assert boundary.sum() == pytest.approx(1, abs=1e-4)
            for bet in range(2 + 4 * side, 6 + 4 * side):
                beyond = np.exp(ratio[:, watched, bet] - ratio[:, watched, side])
                assert boundary @ beyond == pytest.approx(1, abs=1e-4)
                assert own @ beyond < 1  # and less for everything inside


@pytest.mark.parametrize("reference", [500, pytest.param(5000, marks=pytest.mark.slow)])
def test_within_the_margin_the_budget_is_kept(reference: int) -> None:
    watched = Watched(Margin(NUMBERS, least_reference=reference), seed=1)
    alarms = watched.see(4000, 0.1) == Turn.ALARM
    assert alarms.sum() / (4000 * RUNS / A) <= 1


def test_beyond_the_margin_it_is_quick_and_says_which_way() -> None:
    margin = Margin(NUMBERS, least_reference=2000)
    watched = Watched(margin, seed=2)
    alarms = watched.see(600, -0.6) == Turn.ALARM
    assert alarms.any(axis=0).all()
    assert np.median(alarms.argmax(axis=0) * 20 + 20) <= 120
    assert "below" in margin.describe(int(watched.said.alternative[0]))


def test_an_alarm_stands_until_it_is_back_inside() -> None:
    watched = Watched(Margin(NUMBERS, least_reference=2000), seed=3)
    turns = [watched.see(1000, 0.6), watched.see(1000, 0.6), watched.see(4000, 0.0)]
    assert (watched.twins.phase == Phase.WATCHING).all()
    assert (turns[1] == Turn.NONE).all()
    assert (turns[2] == Turn.RECOVERED).any(axis=0).all()


def test_it_never_takes_what_stays_for_normal_until_a_reference_is_declared() -> None:
    watched = Watched(Margin(NUMBERS, least_reference=2000), seed=4)
    watched.see(20_000, 0.6, pane=200)
    assert (watched.twins.phase == Phase.FIRING).all()
    watched.twins = watched.margin.declare(watched.twins)
    turns = watched.see(4000, 0.6, pane=200)
    assert (turns == Turn.READY).sum() == RUNS
    assert (watched.twins.phase == Phase.WATCHING).all()
    assert (watched.see(1000, 0.0) == Turn.ALARM).any(axis=0).all()


def test_dependent_events_count_as_fewer() -> None:
    plain, slow = (Watched(Margin(NUMBERS, least_reference=2000), seed=5) for _ in range(2))
    delays = [(one.see(3000, 0.6, factor=v) == Turn.ALARM).argmax(axis=0) for one, v in ((plain, 1.0), (slow, 5.0))]
    assert 3 < np.median(delays[1]) / np.median(delays[0]) < 8


def test_a_reference_waits_until_the_dependence_is_known() -> None:
    watched = Watched(Margin(NUMBERS, least_reference=500), seed=6)
    watched.see(1000, factor=np.inf)
    assert (watched.twins.phase == Phase.LEARNING).all()
    watched.see(20, factor=1.0)
    assert (watched.twins.phase == Phase.WATCHING).all()


def test_rates_and_categories_have_a_margin_of_their_odds() -> None:
    rate = Watched(Margin(RATES, least_reference=5000), seed=7, shares=[0.05, 0.95])
    assert (rate.see(4000, shares=[0.058, 0.942]) == Turn.ALARM).sum() / (4000 * RUNS / A) <= 1
    assert (rate.see(4000, shares=[0.12, 0.88]) == Turn.ALARM).any(axis=0).mean() > 0.95
    plans = Watched(Margin(CATEGORIES, least_reference=5000), seed=8, shares=[0.6, 0.3, 0.1, 0])
    assert (plans.see(4000, shares=[0.58, 0.31, 0.11, 0]) == Turn.ALARM).sum() / (4000 * RUNS / A) <= 1
    assert (plans.see(2000, shares=[0.45, 0.3, 0.25, 0]) == Turn.ALARM).any(axis=0).all()
    words = {plans.margin.describe(int(a), ("free", "pro", "team")) for a in plans.said.alternative}
    assert words & {"odds of team above the margin", "odds of free below the margin"}


def test_what_tells_little_has_a_wide_margin_and_a_constant_says_nothing() -> None:
    nulls = Watched(Margin(RATES, least_reference=2000), seed=9, shares=[0.0, 1.0])
    assert (nulls.see(4000, shares=[0.0005, 0.9995]) == Turn.ALARM).sum() / (4000 * RUNS / A) <= 1
    assert (nulls.see(2000, shares=[0.05, 0.95]) == Turn.ALARM).any(axis=0).all()
    constant = Margin(NUMBERS, least_reference=300)
    twins = constant.add(constant.start(), [np.array([0, 400, 0])])
    for _ in range(50):
        twins, said = constant.step(twins, [np.array([0, 50, 0])], A)
        assert np.isfinite(said.evidence).all()
        assert not said.drifted.any()


def test_features_of_different_sizes_share_a_state_and_open_again() -> None:
    margin = Margin(CATEGORIES, least_reference=300)
    twins = margin.add(margin.start(), [np.array([300, 200])])
    twins = margin.add(twins, [np.array([100, 200, 300, 0])])
    for _ in range(10):
        twins, _ = margin.step(twins, [np.array([5, 5]), np.array([10, 1, 1, 1])], A)
    blob = margin.encode(twins)
    assert margin.encode(margin.decode(blob)) == blob
    assert len(blob) < 2 * 4096
    with pytest.raises(ValueError, match="not for numbers"):
        Margin(NUMBERS).decode(blob)
    with pytest.raises(ValueError, match="damaged"):
        margin.decode(b"\xc1")
