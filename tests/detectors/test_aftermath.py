"""A change that stays gives one alert; its end is called a recovery; and in time it is normal."""

import numpy as np
import pytest

from benchmarks.quality import streams
from detectors.aftermath import ACCEPTANCE
from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP
from detectors.urn import Phase, Turn, Urns

SWAPPED = [5, 3, 1, 1], [1, 3, 5, 1]

FAULTS = {
    "number + 1 sd": (NUMBERS, streams.gaussian(1.0)),
    "number half as wide": (NUMBERS, streams.gaussian(0.0, 0.5)),
    "dependent number + 1 sd": (NUMBERS, streams.autoregressive(0.5, 1.0)),
    "nulls .01 to .1": (RATES, streams.rate(0.01, 0.1)),
    "nulls end": (RATES, streams.rate(0.1, 0.01)),
    "errors 0 to .05": (RATES_UP, streams.rate(0.0, 0.05)),
    "categories": (CATEGORIES, streams.sticky(SWAPPED[0], 0.0, SWAPPED[1])),
    "dependent categories": (CATEGORIES, streams.sticky(SWAPPED[0], 0.5, SWAPPED[1])),
}
LONG = {"dependent number + 1 sd", "number half as wide", "dependent categories"}
RUNS, THRESHOLD = 30, 1e5


def lived(runs, bank, events, changed, pane=20):
    """Return the bank after so many events, how often each turn was taken, per run, and the last verdicts."""
    turns = np.zeros(len(Turn))
    for _ in range(events // pane):
        bank, said = runs.urns.step(bank, runs.pane(pane, changed), THRESHOLD)
        turns += np.bincount(said.turn, minlength=len(Turn))
    return bank, turns / len(bank), said


@pytest.mark.parametrize("fault", [pytest.param(f, marks=pytest.mark.slow) if f in LONG else f for f in FAULTS])
def test_a_fault_gives_one_alert_and_its_end_a_recovery(fault):
    law, make = FAULTS[fault]
    runs = streams.learnt(Urns(law), make, pane=20, runs=RUNS, seed=21)
    bank, during, _ = lived(runs, runs.bank, 3000, True)
    assert 1.0 <= during[Turn.ALARM] <= 1.1
    assert during[Turn.RECOVERED] <= 0.1
    assert (bank.phase == Phase.FIRING).mean() >= 0.9
    bank, after, _ = lived(runs, bank, 3000, False)
    assert after[Turn.RECOVERED] >= 0.85
    assert after[Turn.ALARM] <= 0.2
    assert (bank.phase == Phase.WATCHING).mean() >= 0.85


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["number + 1 sd", "nulls .01 to .1", "categories"])
def test_what_stays_is_accepted_and_its_end_is_news(fault):
    law, make = FAULTS[fault]
    runs = streams.learnt(Urns(law), make, pane=100, runs=RUNS, seed=22)
    bank, during, _ = lived(runs, runs.bank, int(ACCEPTANCE) + 3000, True, pane=100)
    assert during[Turn.ALARM] <= 1.1
    assert during[Turn.ACCEPTED] >= 0.9
    bank, after, _ = lived(runs, bank, 3000, False, pane=100)
    assert after[Turn.ALARM] == pytest.approx(1, abs=0.15)


@pytest.mark.slow
def test_a_change_that_goes_on_changing_is_an_update_and_no_second_alert():
    runs = streams.learnt(Urns(NUMBERS), streams.gaussian(1.0), pane=20, runs=RUNS, seed=23)
    bank, first, _ = lived(runs, runs.bank, 2000, True)
    further = streams.learnt(Urns(NUMBERS), streams.gaussian(2.5), pane=20, runs=RUNS, seed=23)
    bank, then, _ = lived(further, bank, 1000, True)
    assert first[Turn.ALARM] == 1
    assert then[Turn.ALARM] <= 0.05
    assert then[Turn.MOVED] >= 0.9


def test_the_reference_from_before_and_the_counts_since_are_at_hand():
    runs = streams.learnt(Urns(RATES), streams.rate(0.01, 0.3), pane=20, runs=RUNS, seed=24)
    bank, _, said = lived(runs, runs.bank, 2000, True)
    before = np.array([bank.reference(row) for row in range(RUNS)])
    since = np.array([bank.since_onset(row) for row in range(RUNS)])
    assert (before[:, 0] / before.sum(axis=1)).mean() == pytest.approx(0.01, abs=0.005)
    assert (since[:, 0] / since.sum(axis=1)).mean() == pytest.approx(0.3, abs=0.02)
    assert np.median(since.sum(axis=1)) == pytest.approx(2000, abs=100)
    assert said.n.tolist() == since.sum(axis=1).tolist()


def test_a_false_alarm_can_be_dismissed_and_a_new_normal_accepted_by_hand():
    runs = streams.learnt(Urns(NUMBERS), streams.gaussian(1.0), pane=20, runs=4, seed=25)
    bank, turns, _ = lived(runs, runs.bank, 400, True)
    assert turns[Turn.ALARM] == 1
    by_hand = runs.urns.accept(runs.urns.dismiss(bank, [0]), [1])
    assert by_hand.phase.tolist() == [Phase.WATCHING, Phase.LEARNING, Phase.FIRING, Phase.FIRING]
    old, new = by_hand.reference(0), by_hand.reference(1)
    assert old.sum() > new.sum()
    assert bank.phase.tolist() == [Phase.FIRING] * 4
    quiet, turns, _ = lived(runs, by_hand, 2000, True)
    assert turns[Turn.ALARM] == 0.25  # the dismissed one: it was no false alarm
    assert quiet.phase[1] == Phase.WATCHING


@pytest.mark.parametrize("pane", [20, 200])
def test_what_stays_where_it_went_has_moved_a_few_times_at_most(pane: int) -> None:
    urns = Urns(RATES)
    bank = urns.add(urns.start(), [np.array([0, 1_000])])
    turns = []
    for at in range(16_000 // pane):
        nulls = pane * (at * pane >= 8_000)
        bank, said = urns.step(bank, [np.array([nulls, pane - nulls])], 1e5)
        turns.append(int(said.turn[0]))
    assert turns.count(Turn.ALARM) == 1
    assert turns.count(Turn.MOVED) <= 6


def test_a_guess_that_was_wrong_is_no_part_of_what_is_accepted() -> None:
    """Where ratings of 1 to 5 become half-steps the guess is of values that never come again: their absence alarmed."""
    urns, random, pane, features = Urns(NUMBERS), np.random.default_rng(26), 20, 8
    ratings, before, after = np.array([0.1, 0.2, 0.4, 0.2, 0.1]), np.zeros(11), np.zeros(11)
    before[1::2], after[2::2] = ratings, ratings
    bank = urns.add(urns.start(), [random.multinomial(500, before) for _ in range(features)])
    turns = []
    for at in range(22_000 // pane):
        drawn = random.multinomial(pane, after if at * pane >= 5_000 else before, size=features)
        bank, said = urns.step(bank, drawn, 1e6)
        turns.append(said.turn)
    assert (np.array(turns) == Turn.ACCEPTED).sum(axis=0).tolist() == [1] * features
    assert (np.array(turns) == Turn.ALARM).sum(axis=0).tolist() == [1] * features
