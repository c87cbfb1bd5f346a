"""What is believed of a variance factor is about the truth; blocks of every length are measured fairly."""

import numpy as np
import pytest

from benchmarks.quality import streams
from detectors import decay, dependence
from detectors.alternatives import NUMBERS, RATES
from detectors.decay import LEVELS
from detectors.urn import Phase, Urns


def blocks_of(values):
    """The average square of blocks of 1, 2, 4, ... values of variance 1, and how many there are: [runs, levels]."""
    runs, events = values.shape
    averages, numbers = np.ones((runs, LEVELS)), np.zeros((runs, LEVELS))
    for level in range(LEVELS):
        number = events >> level
        if number:
            sums = values[:, : number << level].reshape(runs, number, 1 << level).sum(axis=2)
            averages[:, level], numbers[:, level] = (sums**2).mean(axis=1) / (1 << level), number
    return averages, numbers


def belief(make, events, runs=200):
    return decay.believed(*blocks_of(streams.Tape(make, runs, (11, events)).take(events, False)))


@pytest.mark.parametrize("events", [1000, 4000])
@pytest.mark.parametrize(
    ("make", "truth"),
    [
        (streams.gaussian(), 1.0),
        (streams.autoregressive(0.3), 1.3 / 0.7),
        (streams.autoregressive(0.7), 1.7 / 0.3),
        (streams.entities(1), 14.2),
        (streams.entities(6), 14.2),
    ],
)
def test_the_truth_is_about_where_the_belief_says(make, truth, events):
    mean, doubt = belief(make, events)
    apart = np.abs(mean - np.log(truth))
    assert abs(np.median(mean) - np.log(truth)) <= 0.3
    assert (apart <= np.maximum(2.5 * doubt, np.log(2))).mean() >= 0.9


def test_more_events_leave_less_doubt():
    few, many = (np.median(belief(streams.autoregressive(0.7), events)[1]) for events in (500, 8000))
    assert many < few


def test_a_second_slower_kind_of_dependence_is_found():
    fast, slow = (streams.Tape(streams.autoregressive(phi), 100, (12, int(100 * phi))) for phi in (0.5, 0.99))
    values = np.sqrt(0.9) * fast.take(8000, False) + np.sqrt(0.1) * slow.take(8000, False)
    mean, _ = decay.believed(*blocks_of(values))
    assert 10 <= np.exp(np.median(mean)) <= 30  # .9 x 3 + .1 x 199 = 22.6; of the fast one alone it is 3


def test_every_curve_begins_at_one_and_never_falls():
    curves = 1 / decay.curves().inverse.T
    assert curves[:, 0] == pytest.approx(1)
    assert (np.diff(curves, axis=1) >= -1e-12).all()
    assert (curves[:, -1] <= np.exp(decay.curves().end) + 1e-9).all()
    assert np.exp(decay.curves().prior).sum() == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "truth"), [(streams.gaussian(), 1.0), (streams.autoregressive(0.5), 3.0)])
def test_long_blocks_are_measured_as_fairly_as_short_ones_while_the_reference_grows(make, truth):
    runs = streams.learnt(Urns(NUMBERS, 1000.0), make, 1, 60, seed=13)
    bank = runs.bank
    for _ in range(4000):
        bank, _ = runs.urns.step(bank, runs.pane(1, False), 1e30)
    average = bank.blocks.squares[:, :, 0].sum(axis=0) / bank.blocks.blocks.sum(axis=0)
    assert average[3:8] == pytest.approx(truth, rel=0.15)


def test_what_was_dismissed_raises_no_second_alarm_at_once_and_is_remembered_while_nothing_more_is_known():
    urns = Urns(RATES, 1000.0)
    bank = urns.add(urns.start(), [np.array([0, 1000])])
    bank.phase[:] = Phase.WATCHING
    null, other, alarms = [np.array([1, 0])], [np.array([0, 1])], 0
    for pane in [null] * 10 + [other] * 2000:
        bank, said = urns.step(bank, pane, 1e4)
        if said.drifted[0]:
            alarms += 1
            bank = urns.dismiss(bank, [0])
    assert alarms == 1
    assert bank.factor[0, 0] == pytest.approx(4.6)


def test_dismissing_does_not_touch_what_is_declared_independent():
    urns = Urns(RATES, 1000.0, independent=True)
    bank = urns.add(urns.start(), [np.array([0, 1000])])
    for _ in range(10):
        bank, _ = urns.step(bank, [np.array([1, 0])], 1e4)
    assert bank.phase[0] == Phase.FIRING
    assert urns.dismiss(bank, [0]).factor[0, 0] == 1


def test_a_belief_is_enough_when_it_would_be_even_if_the_factor_were_larger():
    one = np.ones((1, 1))
    sure = dependence.Belief(2 * one, 0 * one, one > 0)
    unsure = dependence.Belief(2 * one, 0.4 * one, one > 0)
    lost = dependence.Belief(2 * one, 0.8 * one, one > 0)
    events = np.array([700.0])
    assert [bool(x.enough(events, 300.0)[0]) for x in (sure, unsure, lost)] == [True, False, False]
    assert not lost.enough(1e6 * events, 300.0)[0]
