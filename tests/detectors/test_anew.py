"""Errors that became clearly fewer are learnt anew, without an alarm, and what comes after is seen as it would be by an
urn that had known nothing else."""

import numpy as np
import pytest

from benchmarks.quality import streams
from detectors.alternatives import RATES, RATES_UP
from detectors.urn import Phase, Turn, Urns

RUNS, THRESHOLD, REFERENCE = 20, 1e5, 500.0
ROWS = 2_000  # of a model that learns


def lived(urns, bank, random, rates, pane=1):
    """Return the bank after a pane of each of these error rates, the first alarm of each run, and all other turns."""
    first, others = np.full(len(bank), len(rates)), np.zeros(len(Turn))
    for at, rate in enumerate(rates):
        wrong = random.binomial(pane, rate, len(bank))
        bank, said = urns.step(bank, np.stack([wrong, pane - wrong], axis=1), THRESHOLD)
        others += np.bincount(said.turn, minlength=len(Turn))
        first = np.where(said.drifted, np.minimum(first, at), first)
        bank = urns.dismiss(bank, np.flatnonzero(said.drifted).tolist())
    return bank, first, others


@pytest.mark.slow
@pytest.mark.parametrize("independent", [True, False])
def test_a_model_that_learns_is_watched_soon_and_its_drift_is_seen(independent):
    """As of interchanging RBF: nine errors in ten at first, hardly any 200 rows later, and nine in ten again."""
    urns, random = Urns(RATES_UP, REFERENCE, independent), np.random.default_rng(41)
    bank = urns.add(urns.start(), [np.zeros(2, int)] * RUNS)
    learning = np.maximum(0.03, 0.9 * np.exp(-np.arange(ROWS) / 60))
    bank, first, _ = lived(urns, bank, random, learning)
    assert (first == ROWS).mean() >= 0.95
    assert (bank.phase == Phase.WATCHING).mean() >= 0.95
    _, first, _ = lived(urns, bank, random, np.full(200, 0.9))
    assert np.median(first) <= 20


def test_errors_that_fell_while_they_were_watched_are_learnt_anew_and_their_return_is_an_alarm():
    urns, random = Urns(RATES_UP, REFERENCE), np.random.default_rng(42)
    bank = urns.add(urns.start(), [np.zeros(2, int)] * RUNS)
    bank, _, turns = lived(urns, bank, random, np.full(150, 0.3), pane=20)
    assert turns[Turn.ALARM] == 0
    assert (bank.phase == Phase.WATCHING).all()
    bank, _, turns = lived(urns, bank, random, np.full(300, 0.01), pane=20)
    assert turns[Turn.ALARM] == 0
    assert turns[Turn.READY] >= RUNS  # again
    share = bank.urn[:, 0] / bank.urn.sum(axis=1)
    assert share == pytest.approx(np.full(RUNS, 0.01), abs=0.01)  # and not .09, which is that of all rows
    bank, first, turns = lived(urns, bank, random, np.full(20, 0.3), pane=20)
    assert (first <= 2).all()


def test_of_what_is_no_error_a_fall_is_an_alarm():
    urns, random = Urns(RATES, REFERENCE), np.random.default_rng(43)
    assert urns.law.silent.size == 0
    bank = urns.add(urns.start(), [np.zeros(2, int)] * RUNS)
    bank, _, _ = lived(urns, bank, random, np.full(150, 0.3), pane=20)
    bank, first, _ = lived(urns, bank, random, np.full(50, 0.01), pane=20)
    assert (first < 50).all()


def test_a_bet_without_a_stake_is_no_evidence():
    urns, random = Urns(RATES_UP, REFERENCE, independent=True), np.random.default_rng(44)
    assert RATES_UP.weight[RATES_UP.silent].sum() == 0
    bank = urns.add(urns.start(), [np.array([150, 350])] * RUNS)
    evidence = 0.0
    for _ in range(3):
        wrong = random.binomial(20, 0.1, RUNS)
        bank, said = urns.step(bank, np.stack([wrong, 20 - wrong], axis=1), THRESHOLD)
        evidence = max(evidence, float(said.evidence.max()))
    assert bank.evidence[:, RATES_UP.silent].max() > 1e3 > evidence


@pytest.mark.slow
@pytest.mark.parametrize(
    ("stream", "reference", "pane"),
    [(streams.rate(0.05), 500, 1), (streams.sticky((0.05, 0.95), 0.5), 500, 1), (streams.rate(0.01), 1000, 20)],
    ids=["5 %", "5 % in runs of two", "1 %"],
)
def test_the_budget_is_kept(stream, reference, pane):
    runs = streams.learnt(Urns(RATES_UP, float(reference)), stream, pane, 60, seed=45, burn_in=reference, threshold=1e4)
    assert runs.alarms.sum() / max(runs.watched.sum() / 1e4, 1) <= 2.0
    assert streams.spent(runs, pane, 10_000, 1e4) <= 1.0
