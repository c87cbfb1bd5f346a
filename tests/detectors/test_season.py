"""Seasons: a day's shape is no drift, a drift is one at any hour, and days that differ are not a thousand draws."""

from typing import Any

import numpy as np
import pytest

from detectors import binning
from detectors.alternatives import CATEGORIES, NUMBERS, RATES
from detectors.season import HOUR_MS, Season
from detectors.urn import Phase, Turn

A = 1e4
RUNS = 16
MIDNIGHT = 1_759_968_000_000


def counted(buckets: Any, edges: Any) -> Any:
    return np.bincount(np.searchsorted(edges, buckets, side="right"), minlength=len(edges) + 1)


class Days:
    """Normal numbers with a daily swing, many runs at once, each with its own hour of noon."""

    def __init__(
        self, season: Season, swing: float = 1.0, noise: float = 0.0, an_hour: int = 20, seed: int = 1, runs: int = RUNS
    ) -> None:
        self.season, self.swing, self.noise, self.an_hour = season, swing, noise, an_hour
        self.random, self.runs = np.random.default_rng(seed), runs
        self.noon, self.hour, self.turns = self.random.random(runs) * 24, 0, np.zeros((0, runs))
        first = self.random.normal(0, 1 + 0.4 * swing, (runs, 500))
        universal = binning.universal(first)
        self.edges = [binning.derive(*np.unique(row, return_counts=True)) for row in universal]
        bins = [np.zeros(len(edges) + 1, np.int64) for edges in self.edges]
        self.slots = season.add(season.start(), bins)
        self.level = np.zeros(runs)

    def live(self, hours: int, shift: float = 0.0, dismiss: bool = True) -> Any:
        """So many hours in panes of 20; returns the turns, [panes, runs]."""
        turns = []
        for _ in range(hours):
            if self.hour % 24 == 0:
                self.level = self.random.normal(0, self.noise, self.runs)
            centre = self.swing * np.sin(2 * np.pi * (self.hour - self.noon) / 24) + self.level + shift
            for pane in range(self.an_hour // 20):
                values = binning.universal(self.random.normal(centre[:, None], 1, (self.runs, 20)))
                counts = [counted(row, edges) for row, edges in zip(values, self.edges, strict=True)]
                at = MIDNIGHT + self.hour * HOUR_MS + pane * HOUR_MS * 20 // self.an_hour
                self.slots, said = self.season.step(self.slots, (at, counts), A)
                turns.append(said.turn)
                if dismiss and said.drifted.any():
                    self.slots = self.season.dismiss(self.slots, np.flatnonzero(said.drifted).tolist())
            self.hour += 1
        return np.array(turns)


def spent(turns: Any) -> float:
    return float((turns == Turn.ALARM).sum() / (turns.size * 20 / A))


@pytest.mark.slow
def test_a_daily_swing_is_no_drift_and_a_drift_is_quick() -> None:
    days = Days(Season(NUMBERS, least_reference=1000), swing=1.0)
    days.live(24 * 8)
    assert days.slots.slotted.all()
    assert (days.slots.bank.phase == Phase.WATCHING).all()
    assert spent(days.live(24 * 4)) <= 2  # of 3 alarms; one urn for all hours would raise some 400
    alarms = days.live(24, shift=0.7, dismiss=False) == Turn.ALARM
    assert alarms.any(axis=0).all()
    assert np.median(alarms.argmax(axis=0)) <= 5  # panes of twenty


@pytest.mark.slow
@pytest.mark.parametrize(("swing", "noise", "an_hour"), [(0.5, 0.0, 20), (1.0, 0.2, 20), (1.0, 0.2, 100)])
def test_the_budget_is_kept_also_where_days_differ(swing: float, noise: float, an_hour: int) -> None:
    days = Days(Season(NUMBERS, least_reference=1000), swing, noise, an_hour, runs=30)
    days.live(24 * 7)
    assert spent(days.live(24 * 10)) <= 1


@pytest.mark.slow
def test_a_season_that_was_imagined_is_one_urn() -> None:
    days = Days(Season(NUMBERS, least_reference=1000), swing=0.0)
    days.live(24 * 5)
    assert (days.slots.bank.phase == Phase.WATCHING).mean() > 0.8
    days.live(24 * 4)
    assert (days.slots.bank.phase == Phase.WATCHING).all()
    assert days.slots.slotted.mean() < 0.3


def test_until_the_slots_are_known_nothing_is_judged_that_would_alarm_every_morning() -> None:
    days = Days(Season(NUMBERS, least_reference=1000), swing=1.0)
    turns = days.live(24 * 6)
    assert spent(turns) <= 1
    assert not days.slots.slotted.any()


@pytest.mark.slow
def test_a_drift_ends_where_its_own_slots_fit_again() -> None:
    days = Days(Season(NUMBERS, least_reference=1000), swing=1.0)
    days.live(24 * 8)
    fell = days.live(24 * 2, shift=0.7, dismiss=False)
    rose = days.live(24 * 3, dismiss=False)
    assert ((fell == Turn.ALARM).sum(axis=0) >= 1).all()
    assert (fell == Turn.RECOVERED).mean(axis=0).sum() * 96 <= 2  # of 16 runs
    assert (rose == Turn.RECOVERED).any(axis=0).mean() >= 0.8
    assert (rose == Turn.ALARM).sum() <= 3


@pytest.mark.slow
def test_what_stays_is_accepted_after_a_whole_period_and_its_slots_are_learnt_anew() -> None:
    days = Days(Season(NUMBERS, least_reference=1000), swing=1.0, an_hour=600, runs=4)
    days.live(24 * 5)
    assert days.slots.slotted.all()
    turns = days.live(30, shift=1.0, dismiss=False)
    alarm, accepted = (turns == Turn.ALARM).argmax(axis=0), (turns == Turn.ACCEPTED).argmax(axis=0)
    assert (turns == Turn.ALARM).any(axis=0).all()
    assert ((accepted - alarm) * 20 >= 24 * 600).all()
    assert (turns == Turn.RECOVERED).sum() == 0
    days.live(24, shift=1.0)
    assert spent(days.live(24, shift=1.0)) <= 1
    assert days.slots.slotted.all()
    assert (days.live(6, dismiss=False) == Turn.ALARM).any(axis=0).all()  # what was normal once is a drift now


def test_a_pane_that_would_be_accepted_at_once_waits_for_its_period_too() -> None:
    season, random = Season(NUMBERS, least_reference=1000), np.random.default_rng(6)
    slots, turns = season.add(season.start(), [np.zeros(4, np.int64)]), []
    for hour in range(24 * 7):
        shares = [0.4, 0.3, 0.2, 0.1] if hour < 24 * 5 else [0.1, 0.2, 0.3, 0.4]
        pane = [random.multinomial(30_000, shares)]
        slots, said = season.step(slots, (MIDNIGHT + hour * HOUR_MS, pane), A)
        turns += [(hour - 24 * 5, Turn(said.turn[0]).name)] if said.turn[0] else []
    assert [turn for _, turn in turns if turn != "MOVED"][:3] == ["READY", "ALARM", "ACCEPTED"]
    assert dict((turn, hour) for hour, turn in turns)["ACCEPTED"] == 24


@pytest.mark.slow
@pytest.mark.parametrize("law", [RATES, CATEGORIES], ids=lambda law: law.name)
def test_rates_and_categories_have_seasons_too(law: Any) -> None:
    random, season = np.random.default_rng(3), Season(law, least_reference=1000)
    bins = 2 if law is RATES else 4
    slots = season.add(season.start(), [np.zeros(bins, np.int64)] * RUNS)
    alarms = []
    for hour in range(24 * 10):
        night = 0.3 if hour % 24 < 12 else 0.05
        worse = 0.25 if hour >= 24 * 9 + 12 else 0.0
        shares = [night + worse, *([(1 - night - worse) / (bins - 1)] * (bins - 1))]
        slots, said = season.step(slots, (MIDNIGHT + hour * HOUR_MS, list(random.multinomial(40, shares, RUNS))), A)
        alarms.append(said.drifted)
    assert slots.slotted.mean() > 0.9
    assert np.array(alarms)[: 24 * 9 + 12].sum() <= RUNS * 24 * 9 * 40 / A
    assert (slots.bank.phase == Phase.FIRING).mean() > 0.9


@pytest.mark.slow
def test_a_week_has_a_weekend() -> None:
    season, random = Season(NUMBERS, "week", least_reference=1000), np.random.default_rng(4)
    slots = season.add(season.start(), [np.zeros(4, np.int64)])
    for hour in range(24 * 7 * 5):
        shares = [0.1, 0.2, 0.3, 0.4] if season.of(MIDNIGHT + hour * HOUR_MS) >= 120 else [0.4, 0.3, 0.2, 0.1]
        slots, said = season.step(slots, (MIDNIGHT + hour * HOUR_MS, [random.multinomial(60, shares)]), 1e5)
        assert not said.drifted.any()
    assert slots.slotted.all()


def test_features_join_and_states_open_again_with_the_same_bytes() -> None:
    season, random = Season(CATEGORIES, least_reference=500), np.random.default_rng(5)
    slots = season.add(season.start(), [np.zeros(2, np.int64)])
    for hour in range(30):
        if hour == 10:
            slots = season.add(slots, [np.zeros(4, np.int64)])
        panes = [random.multinomial(30, [0.5, 0.5]), random.multinomial(30, [0.1, 0.2, 0.3, 0.4])][: len(slots)]
        slots, _ = season.step(slots, (MIDNIGHT + hour * HOUR_MS, panes), A)
        blob = season.encode(slots)
        slots = season.decode(blob)
        assert season.encode(slots) == blob
    with pytest.raises(ValueError, match="of a day, not of a week"):
        Season(CATEGORIES, "week").decode(blob)
    with pytest.raises(ValueError, match="damaged"):
        season.decode(b"\xc1")
