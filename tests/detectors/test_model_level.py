"""What is said at the level of the model: the mean of e-detectors, bets on many features, and the names in an alert."""

import numpy as np
import pytest

from detectors import model_level
from detectors.aftermath import Turn
from detectors.dense import Dense, DenseState, Scores, moved, normal_scores, scorable

A = 1e3
PANE = 20
DENSE = Dense()


def crowd(features: int) -> DenseState:
    return DENSE.add(DENSE.start(), np.full((features, 50), 200.0), np.full(features, 50))


class Rows:
    """Panes of scores of features that share a part `rho` of their variance."""

    def __init__(self, features: int, rho: float = 0.0, seed: int = 1) -> None:
        self.random, self.features, self.rho = np.random.default_rng(seed), features, rho

    def pane(self, shift: float = 0.0, many: int = 0, pane: int = PANE) -> Scores:
        common, own = self.random.normal(), self.random.normal(size=self.features)
        total = np.sqrt(pane) * (np.sqrt(self.rho) * common + np.sqrt(1 - self.rho) * own)
        total[:many] += pane * shift
        return Scores(np.full(self.features, float(pane)), total)


def learnt(rows: Rows) -> DenseState:
    state = crowd(rows.features)
    for _ in range(4 * rows.features + 160):
        state, _ = DENSE.step(state, rows.pane(), 1e30)
    return DENSE.restart(state)


def until_alarm(
    state: DenseState, rows: Rows, shift: float, many: int, most: int = 200, threshold: float = 1e4
) -> tuple[DenseState, int]:
    for pane in range(1, most + 1):
        state, verdict = DENSE.step(state, rows.pane(shift, many), threshold)
        if verdict.drifted:
            return state, pane
    raise AssertionError(f"no alarm in {most} panes")


# -- the mean and the names --------------------------------------------------------------------------------------------


def test_the_shares_of_the_budget_add_up() -> None:
    assert sum((model_level.COLUMNS, model_level.MEAN, model_level.DENSE)) == pytest.approx(1)
    assert sum((model_level.VALUES, model_level.NULLS, model_level.ERRORS)) == pytest.approx(1)


def test_a_feature_that_joins_never_raises_the_mean() -> None:
    random = np.random.default_rng(3)
    for _ in range(50):
        values, nulls = random.lognormal(0, 3, 8), random.lognormal(0, 3, 4)
        before = model_level.mean([(0.7, values), (0.3, nulls)])
        assert model_level.mean([(0.7, np.append(values, 0.0)), (0.3, nulls)]) <= before


@pytest.mark.slow
def test_alarms_of_a_mean_that_is_not_restarted_keep_its_budget() -> None:
    random, threshold, events, runs = np.random.default_rng(5), 200.0, 4000, 60
    line, alarms = model_level.raised(threshold), 0
    for _ in range(runs):
        evidence, stands = np.zeros(10), False
        for gain in np.exp(random.normal(-0.02, 0.2, (events, 10))):  # E = 1: exp(m + s^2 / 2)
            evidence = (evidence + 1) * gain
            stood, stands = stands, model_level.standing(stands, model_level.mean([(1.0, evidence)]), line)
            alarms += stands and not stood
    assert 0 < alarms <= runs * (events / threshold + model_level.BACK / (1 - model_level.BACK))


def test_e_d_bh_names_as_many_as_their_evidence_carries() -> None:
    evidence = np.array([1.0, 900.0, 5.0, 400.0, 260.0, 10.0, 1.0, 1.0, 1.0, 1.0])  # 10 * 80 / 3 = 267 is missed
    assert model_level.e_d_bh(evidence, 80.0).tolist() == [1, 3]
    assert model_level.e_d_bh(evidence, 70.0).tolist() == [1, 3, 4]
    assert model_level.e_d_bh(evidence, 1e5).size == 0
    assert model_level.named(evidence, 1e5).tolist() == [1]


# -- bets on many features ---------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_the_budget_is_kept_although_what_varies_together_is_only_learnt(rho: float) -> None:
    alarms, panes = 0, 1500
    for seed in range(3):
        rows = Rows(20, rho, seed)
        state = learnt(rows)
        for _ in range(panes):
            state, verdict = DENSE.step(state, rows.pane(pane=1), A)
            if verdict.drifted:
                alarms += 1
                state = DENSE.restart(state)
    assert alarms <= 3 * panes / A + 4


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_many_small_shifts_are_seen_long_before_any_single_one(rho: float) -> None:
    rows = Rows(60, rho)
    _, panes = until_alarm(learnt(rows), rows, 0.25, 12)
    assert panes * PANE <= 140  # one feature alone needs some 400 rows for as much evidence


def test_the_names_are_of_features_that_moved() -> None:
    wrong = told = 0
    for seed in range(6):
        rows = Rows(40, seed=seed)
        state, _ = until_alarm(learnt(rows), rows, 0.35, 4)
        names = model_level.believed(moved(state))
        wrong, told = wrong + int((names >= 4).sum()), told + len(names)
    assert told >= 12
    assert wrong <= 0.15 * told


def test_an_alarm_ends_when_the_features_are_back_and_the_next_change_is_a_new_one() -> None:
    rows = Rows(30)
    state, _ = until_alarm(learnt(rows), rows, 0.3, 15, threshold=1e6)
    turns = []
    for _ in range(300):
        state, _ = DENSE.step(state, rows.pane(), 1e6)
        turns.append(state.turn)
    assert turns.count(Turn.RECOVERED) == 1
    assert turns.count(Turn.ALARM) == 0
    assert until_alarm(state, rows, 0.3, 15)[1] <= 20


def test_what_stays_becomes_normal_and_then_going_back_is_the_change() -> None:
    rows = Rows(10)
    state, _ = until_alarm(learnt(rows), rows, 0.5, 10)
    turns = []
    for _ in range(700):
        state, _ = DENSE.step(state, rows.pane(0.5, 10), 1e4)
        turns.append(state.turn)
    assert [turn for turn in turns if turn] == [Turn.ACCEPTED]
    assert until_alarm(state, rows, 0.0, 0)[1] <= 20


def test_a_feature_that_stays_away_is_no_change() -> None:
    rows = Rows(20)
    state = learnt(rows)
    for _ in range(300):
        pane = rows.pane()
        pane.n[:7] = pane.total[:7] = 0
        state, verdict = DENSE.step(state, pane, 1e6)
        assert not verdict.drifted


def test_dependent_rows_are_noticed_and_paid_for() -> None:
    random, rows = np.random.default_rng(2), Rows(15)
    state, level = crowd(15), np.zeros(15)
    for _ in range(600):
        level = 0.9 * level + np.sqrt(1 - 0.9**2) * random.normal(size=15)
        state, _ = DENSE.step(state, Scores(np.full(15, 1.0), level), 1e30)
    assert DENSE.encode(state) != DENSE.encode(learnt(rows))
    excess = (state.squares / np.maximum(state.counted, 1))[:5]
    assert (np.diff(excess) > 0).all()  # the longer the blocks, the more variable they are


def test_the_score_of_a_constant_or_a_rare_value_is_not_used() -> None:
    references = np.array([[5000.0, 0.0, 0.0], [4950.0, 50.0, 0.0], [1500.0, 2000.0, 1500.0]])
    assert scorable(references, np.array([3, 3, 3])).tolist() == [False, False, True]
    assert np.isfinite(normal_scores(references, np.array([3, 3, 3]))).all()
