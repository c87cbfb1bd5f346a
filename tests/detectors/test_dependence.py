"""The variance factor is 1 where events are independent, and the truth where they are not."""

import numpy as np
import pytest

from benchmarks.quality import streams
from detectors import dependence
from detectors.alternatives import CATEGORIES, LOCATION, NUMBERS, RATES, SCALE
from detectors.dependence import HEALTH, LEVELS
from detectors.urn import Phase, Urns

SLOW = pytest.mark.slow


def measured(law, make, pane, panes=150, runs=30, seed=2):
    """The variance factors, [runs, groups], after so many panes without change."""
    runs = streams.learnt(Urns(law), make, pane, runs, seed)
    bank = runs.bank
    for _ in range(panes):
        bank, _ = runs.urns.step(bank, runs.pane(pane, False), 1e30)
    return bank.factor


@pytest.mark.parametrize("pane", [pytest.param(5, marks=SLOW), 50])
@pytest.mark.parametrize(
    ("law", "make"),
    [
        (NUMBERS, streams.gaussian()),
        (RATES, streams.rate(0.05)),
        (RATES, streams.rate(0.0005)),
        (CATEGORIES, streams.sticky([5, 3, 1, 1], 0.0)),
    ],
)
def test_independent_events_count_in_full(law, make, pane):
    assert np.median(measured(law, make, pane), axis=0) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize(
    ("phi", "truth"), [pytest.param(0.2, 1.5, marks=SLOW), (0.5, 3.0), pytest.param(0.8, 9.0, marks=SLOW)]
)
def test_the_long_run_variance_of_an_autoregression_is_found(phi, truth):
    found = np.median(measured(NUMBERS, streams.autoregressive(phi), 20)[:, 0])
    assert 0.75 * truth <= found <= 1.4 * truth


@pytest.mark.slow
@pytest.mark.parametrize(("law", "shares"), [(RATES, [0.2, 0.8]), (CATEGORIES, [4, 3, 2, 1])])
@pytest.mark.parametrize("stay", [0.5, 0.8])
def test_runs_of_a_category_are_found(law, shares, stay):
    truth = (1 + stay) / (1 - stay)
    found = np.median(measured(law, streams.sticky(shares, stay), 20))
    assert 0.8 * truth <= found <= 2.0 * truth  # with its reserve of 1.4


def test_the_first_null_ever_is_a_change_and_no_dependence():
    runs = streams.learnt(Urns(RATES), streams.rate(0.0, 0.3), pane=20, runs=20)
    bank = runs.bank
    for _ in range(3):
        bank, said = runs.urns.step(bank, runs.pane(20, True), 1e30)
    assert (bank.factor == 1).all()
    assert (said.evidence > 1e4).all()


@pytest.mark.slow
def test_shifts_in_a_stream_of_wild_and_quiet_times_are_weighed_as_its_swings_of_scale_are():
    """Its values are uncorrelated, so what location varies says nothing of how often large ones come together."""
    location, scale = np.median(measured(NUMBERS, streams.clustered(0.15, 0.8), 20), axis=0)[[LOCATION, SCALE]]
    assert scale > 3
    assert location > 0.3 * scale


def test_a_drift_does_not_pass_for_dependence():
    runs = streams.learnt(Urns(NUMBERS), streams.gaussian(0.4), pane=20, runs=40, seed=5)
    before = np.median(runs.bank.factor[:, 0])
    bank = runs.bank
    for _ in range(20):
        bank, _ = runs.urns.step(bank, runs.pane(20, True), 1e30)
    assert np.median(bank.factor[:, 0]) <= 1.6 * before


def test_learning_takes_longer_where_events_are_worth_less():
    def learning(phi):
        runs = streams.learnt(Urns(NUMBERS), streams.autoregressive(phi), pane=20, runs=20)
        return np.median(runs.bank.events)

    assert learning(0.8) > 2 * learning(0.0)


def test_levels_are_blocks_of_twice_as_many_panes():
    blocks = dependence.start(1, 1)
    rows, one = np.array([0]), np.ones((1, 1))
    for _ in range(1000):
        dependence.observe(blocks, rows, one, one, np.array([10.0]), np.array([1e9]), np.array([False]))
    assert blocks.blocks[0].tolist() == [1000 // 2**level for level in range(LEVELS)]
    assert blocks.events[0].tolist() == [10 * 2**level * (1000 // 2**level) for level in range(LEVELS)]
    assert blocks.squares[0, :, 0] / blocks.blocks[0] == pytest.approx(
        [2**level / 10 for level in range(LEVELS)], rel=1e-4
    )


def test_a_block_inside_the_reference_varies_less_than_a_fresh_one():
    rows, one = np.array([0]), np.ones((1, 1))
    inside, fresh = dependence.start(1, 1), dependence.start(1, 1)
    for blocks, part in ((inside, True), (fresh, False)):
        dependence.observe(blocks, rows, one, one, np.array([10.0]), np.array([100.0]), np.array([part]))
    assert inside.squares[0, 0, 0] == pytest.approx(1 / 9)
    assert fresh.squares[0, 0, 0] == pytest.approx(1 / 11)


def test_health_says_how_far_to_trust():
    assert [HEALTH[i] for i in dependence.health(np.array([1.0, 1.29, 1.31, 4.9, 5.1, 31.0]))] == [
        *("ok", "ok", "corrected for dependence", "corrected for dependence"),
        *("slow: dependent events", "too dependent to judge"),
    ]


def test_a_stream_of_one_entity_is_never_ready():
    urns = Urns(NUMBERS)
    bank = urns.add(urns.start(), [np.full(10, 50)])
    for at in range(300):  # two hundred events of one value, then of the next
        bank, said = urns.step(bank, [np.eye(10, dtype=int)[at // 10 % 10] * 20], 1e4)
    assert said.phase[0] == Phase.LEARNING
    assert HEALTH[said.health[0]] == "too dependent to judge"
