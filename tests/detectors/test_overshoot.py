"""Evidence is raised by what it would win beyond an alarm, and never by more."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.special import gammaln

from benchmarks.quality import streams
from detectors import overshoot
from detectors.alternatives import CATEGORIES, RATES, RATES_UP
from detectors.polya import log_law
from detectors.urn import Phase, Urns

A = 1e4


def chances(urn, panes):
    orders = gammaln(panes[0].sum() + 1) - gammaln(panes + 1).sum(axis=1)
    return np.exp(log_law(np.repeat(urn[None], len(panes), axis=0), panes) + orders)


def panes_of(events, bins):
    if bins == 2:
        return np.array([(hits, events - hits) for hits in range(events + 1)], float)
    return np.array([d for d in product(range(events + 1), repeat=bins) if sum(d) == events], float)


def watching(law, urn, money, copies):
    """As many copies of a feature that watches independent events, with so much evidence for every alternative."""
    urns = Urns(law, 400.0, independent=True)
    bank = urns.add(urns.start(), [urn.astype(int)] * copies)
    bank.urn[:, : len(urn)] = urn
    bank.evidence[:] = money
    assert (bank.phase == Phase.WATCHING).all()
    return urns, bank


@pytest.mark.parametrize("evidence", [400.0, 2000.0, 8000.0])
@pytest.mark.parametrize("events", [1, 4, 20, 200])
@pytest.mark.parametrize("law", [RATES, RATES_UP], ids=lambda law: law.name)
@pytest.mark.parametrize("errors", [12.0, 25.0, 400.0])
def test_a_bet_that_is_cut_off_at_an_alarm_is_fair_and_nothing_is_left_over(law, evidence, events, errors):
    urn, panes = np.array([errors, 1000.0]), panes_of(events, 2)
    urns, bank = watching(law, urn, evidence, len(panes))
    before = urns.evidence(bank)[0] + events
    near, far = (urns.step(bank, panes.astype(int), threshold)[1].evidence for threshold in (A, 1e12))
    b, least = (near / far).max(), max(A, 50 * events)
    won = chances(urn, panes) @ np.minimum(near, least)
    assert won <= before * (1 + 1e-5)
    assert won >= 0.98 * before or before < overshoot.NEAR * least or b == pytest.approx(overshoot.MOST)
    assert 1 - 1e-6 <= b <= overshoot.MOST + 1e-6


@pytest.mark.parametrize("evidence", [400.0, 8000.0])
@pytest.mark.parametrize("events", [1, 4, 9])
def test_of_several_watched_bins_none_is_raised_too_much(evidence, events):
    urn, panes = np.array([0.5, 3.0, 60.0, 400.0]), panes_of(events, 4)
    urns, bank = watching(CATEGORIES, urn, evidence, len(panes))
    _, said = urns.step(bank, panes.astype(int), A)
    assert chances(urn, panes) @ np.minimum(said.evidence, A) <= (urns.evidence(bank)[0] + events) * (1 + 1e-5)


def test_a_return_to_a_retired_reference_is_evidence_as_well_and_the_sum_is_fair():
    urn, panes = np.array([50.0, 950.0]), panes_of(20, 2)
    urns, bank = watching(RATES_UP, urn, 4000.0, len(panes))
    bank = urns.shelved(bank, np.arange(len(bank)), np.repeat([[90.0, 910.0]], len(bank), axis=0))
    bank.retired_evidence[:, 0] = 3000.0
    before = urns.evidence(bank)[0] + 20
    _, said = urns.step(bank, panes.astype(int), A)
    assert 0.9 * before <= chances(urn, panes) @ np.minimum(said.evidence, A) <= before * (1 + 1e-5)


def test_what_is_far_from_an_alarm_is_not_raised():
    urn, panes = np.array([50.0, 950.0]), panes_of(20, 2)
    urns, bank = watching(RATES_UP, urn, 100.0, len(panes))
    assert urns.step(bank, panes.astype(int), A)[1].evidence.tolist() == pytest.approx(
        urns.step(bank, panes.astype(int), 1e9)[1].evidence.tolist(), rel=1e-9
    )


def test_the_largest_panes_are_not_raised():
    urns, bank = watching(RATES_UP, np.array([50.0, 950.0]), 2e5, 2)
    for events, same in ((5000, False), (5001, True)):
        pane = [np.array([250, events - 250])] * 2
        near, far = (urns.step(bank, pane, threshold)[1].evidence for threshold in (A, 1e12))
        assert (near == far).all() == same


def test_a_bin_that_was_hardly_seen_is_not_raised():
    for balls, same in ((9.5, True), (10.0, False)):
        urns, bank = watching(RATES_UP, np.array([balls, 5000.0]), 4000.0, 2)
        near, far = (urns.step(bank, [np.array([3, 17])] * 2, threshold)[1].evidence for threshold in (A, 1e12))
        assert (near == far).all() == same


def test_that_errors_became_fewer_is_not_raised_and_neither_is_what_fires():
    urn, panes = np.array([50.0, 950.0]), panes_of(20, 2)[:4]
    urns, bank = watching(RATES_UP, urn, 4000.0, len(panes))
    near, far = (urns.step(bank, panes.astype(int), threshold)[0] for threshold in (A, 1e9))
    silent = RATES_UP.silent
    assert (near.evidence[:, silent] == far.evidence[:, silent]).all()
    assert (near.evidence[:, 0] > 1.1 * far.evidence[:, 0]).all()
    firing = replace(bank, phase=np.full(len(bank), Phase.FIRING, np.uint8))
    near, far = (urns.step(firing, panes.astype(int), threshold)[0] for threshold in (A, 1e9))
    assert (near.evidence == far.evidence).all()


@pytest.mark.parametrize("pane", [20, 200])
def test_a_large_pane_costs_no_more_than_itself(pane):
    def delay(pane):
        urns = Urns(RATES_UP, 5000.0, independent=True)
        runs = streams.learnt(urns, streams.rate(0.05, 0.08), pane=50, runs=200, seed=5, burn_in=500)
        return np.nanmean(streams.first_alarms(runs, pane, A, 5000, 1000))

    assert delay(pane) <= 1.05 * (delay(1) + pane)  # 500 of other seeds: 428 and 603 events where one by one is 419
