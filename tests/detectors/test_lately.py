"""A change of any shape is seen by what it does to the events of late, and the bet on it is fair."""

from itertools import product

import numpy as np
import pytest
from scipy.special import gammaln

from benchmarks.quality import streams
from detectors import heaps, lately
from detectors.alternatives import ANY_SHAPE, CATEGORIES, NUMBERS
from detectors.polya import log_law, tilted_numbers
from detectors.urn import Phase, Turn, Urns

UNIFORM = 3**0.5  # half the width of a uniform distribution of variance 1


def rounded(step):
    return streams.independent("normal", lambda random, shape, c: grid(random.normal(0, 1, shape), step if c else 0.0))


def grid(values, step):
    return np.round(values / step) * step if step else values


def flattened(random, shape, c):
    return random.uniform(-UNIFORM, UNIFORM, shape) if c else random.normal(0, 1, shape)


def divided(random, shape, c):
    modes = np.where(random.random(shape) < 0.5, -0.8, 0.8) + random.normal(0, 0.6, shape)
    return modes if c else random.normal(0, 1, shape)


def moved(random, shape, c):
    ratings = random.choice(11, shape, p=np.array([8, 2, 2, 2, 3, 6, 6, 10, 18, 16, 27]) / 100).astype(float)
    return np.where(c & (ratings == 7), 8.0, ratings)


CHANGES = {  # the most events to the end of the pane in which the alarm is, on average, at a threshold of 1e4
    "rounded to half a standard deviation": (rounded(0.5), 90),
    "rounded to a third": (rounded(1 / 3), 120),
    "normal to uniform": (streams.independent("normal", flattened), 270),
    "one mode to two": (streams.independent("normal", divided), 800),
    "all ratings of 7 to 8": (streams.independent("ratings", moved), 270),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_that_keeps_ranks_is_seen(change):
    stream, most = CHANGES[change]
    runs = streams.learnt(Urns(NUMBERS, 5000.0, independent=True), stream, pane=50, runs=60, seed=7)
    assert np.nanmean(streams.first_alarms(runs, 20, 1e4, 4000, 1000)) <= most


@pytest.mark.parametrize("events", [1, 2, 6])
def test_the_bet_is_fair_whatever_came_of_late(events):
    urn, late = np.array([0.3, 4.3, 11.3, 2.3]), np.array([0, 9, 2.5, 0.1], np.float32)
    panes = np.array([d for d in product(range(events + 1), repeat=4) if sum(d) == events], float)
    urns, factor = np.repeat(urn[None], len(panes), axis=0), np.ones((len(panes), 3))
    chance = np.exp(log_law(urns, panes) + gammaln(events + 1) - gammaln(panes + 1).sum(axis=1))
    late, size = np.repeat(late[None], len(panes), axis=0), urns.sum(axis=1)
    also = [law.foretold(late, urns, size, factor[:, 0]) for law in (lately, heaps)]
    tilt = NUMBERS.tilt(urns)
    first = (panes[:, None, :] @ np.log(tilt))[:, 0]
    ratio = tilted_numbers(tilt, urns, panes, factor, NUMBERS.groups, first, also=also)
    assert ratio.shape[1] == len(NUMBERS.weight)
    assert chance @ np.exp(ratio) == pytest.approx(1, abs=1e-5)
    assert (urns * also[1].tilt).sum(axis=1) == pytest.approx(size)


NULLS = {
    "normal": (streams.gaussian(), True),
    "Poisson": (streams.poisson(3.0), True),
    "entities that take turns": (streams.entities(10), False),
}


@pytest.mark.parametrize(
    "stream", ["normal", "Poisson", pytest.param("entities that take turns", marks=pytest.mark.slow)]
)
def test_it_is_fair_on_streams_with_the_reference_learnt_and_growing(stream):
    """A bet holds a stake for each event on average, and so ten times as much in one run of ten at most."""
    make, independent = NULLS[stream]
    runs = streams.learnt(Urns(NUMBERS, 500.0, independent), make, pane=20, runs=200, seed=8)
    tables = len(NUMBERS.shapes)
    bank, before = runs.bank, runs.bank.evidence[:, tables:].astype(float)
    for _ in range(150):
        bank, _ = runs.urns.step(bank, runs.pane(20, False), 1e30)
    won = bank.evidence[:, tables:] - before
    assert (np.median(won, axis=0) <= 3000 * 1.2).all()
    assert (np.mean(won >= 10 * 3000, axis=0) <= 0.1).all()


def test_the_verdict_says_that_the_shape_is_another():
    runs = streams.learnt(Urns(NUMBERS, 5000.0, independent=True), rounded(0.5), pane=50, runs=20, seed=9)
    bank, words = runs.bank, []
    for _ in range(15):
        bank, said = runs.urns.step(bank, runs.pane(20, True), 1e4)
        words += [NUMBERS.describe(int(said.alternative[row])) for row in np.flatnonzero(said.drifted)]
    assert words.count(ANY_SHAPE) >= 0.9 * len(words) > 0


def test_what_came_of_late_fades_and_an_alarm_ends_it():
    urns = Urns(NUMBERS, independent=True)
    bank = urns.add(urns.start(), [np.full(40, 50)])
    for _ in range(60):
        bank, _ = urns.step(bank, [np.full(40, 1)], 1e4)
    assert bank.late.sum() == pytest.approx(40 / (1 - np.exp(-40 / lately.MEMORY)), rel=1e-3)
    while bank.phase[0] != Phase.FIRING:
        bank, said = urns.step(bank, [np.tile([2, 0], 20)], 1e4)
    assert said.turn[0] == Turn.ALARM
    assert not bank.late.any()


def test_texts_and_rates_have_no_such_bet():
    urns = Urns(CATEGORIES)
    assert urns.add(urns.start(), [np.ones(7, int)]).late.shape == (1, 0)
