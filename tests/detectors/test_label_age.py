"""Labels of different ages are strata of one test: a change of their mix is nothing, a change within them is seen as
soon as if they had no ages."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.alternatives import RATES_UP
from detectors.label_age import BOUNDS, DAY, MINUTE, LabelAge
from detectors.urn import Turn, Urns

GOLDEN = Path(__file__).parent.parent / "golden" / "label_age" / "v1.bin"
AGES = len(BOUNDS) + 1
RATES = np.linspace(0.02, 0.2, AGES)
A = 1e6  # the tests have ten thousand labels without change


def labels(random: np.random.Generator, n: int, shares: NDArray[np.float64], times: float = 1.0) -> NDArray[np.int64]:
    many = random.multinomial(n, shares / shares.sum())
    wrong = random.binomial(many, np.minimum(RATES * times, 1))
    return np.stack([wrong, many - wrong], axis=1)


def test_an_age_is_found_by_how_long_a_label_took() -> None:
    detector = LabelAge()
    assert [detector.age_of(x) for x in (0, MINUTE - 1, MINUTE, 29 * DAY, 400 * DAY)] == [0, 0, 1, AGES - 2, AGES - 1]
    assert len(detector.ages) == AGES


@pytest.mark.slow
@pytest.mark.parametrize("independent", [True, False])
def test_another_mix_of_ages_is_no_alarm_though_the_rate_of_all_labels_doubles(independent: bool) -> None:
    random, detector = np.random.default_rng(1), LabelAge(reference=300, independent=independent)
    quick, slow = np.linspace(3, 0.5, AGES), np.linspace(0.5, 3, AGES)
    assert (slow @ RATES) / slow.sum() > 1.5 * (quick @ RATES) / quick.sum()
    state = detector.start()
    together = Urns(RATES_UP, 300.0, independent)
    bank, alarms = together.add(together.start(), [np.zeros(2, np.int64)]), 0
    for at in range(300):
        pane = labels(random, 50, quick if at < 200 else slow)
        state, said = detector.step(state, pane, A)
        assert not said.drifted
        bank, verdicts = together.step(bank, [pane.sum(axis=0)], A)
        alarms += int(verdicts.turn[0] == Turn.ALARM)
    assert alarms, "one urn for all labels takes the mix for a change: the test has teeth"


def delays(detector: LabelAge | Urns, spread: bool) -> list[int]:
    """Labels from a doubling of the errors to the alarm, with labels of one age or of four."""
    found = []
    for seed in range(8):
        random, state = np.random.default_rng(seed), detector.start()
        if isinstance(detector, Urns):
            state = detector.add(state, [np.zeros(2, np.int64)])
        for at in range(1_000):
            many = random.multinomial(20, [0.25] * 4 if spread else [1, 0, 0, 0])
            wrong = random.binomial(many, 0.05 if at < 300 else 0.1)
            pane = np.zeros((AGES, 2), np.int64)
            pane[:4] = np.stack([wrong, many - wrong], axis=1)
            threshold = 1e300 if at < 300 else A
            if isinstance(detector, Urns):
                state, verdicts = detector.step(state, [pane.sum(axis=0)], threshold)
                drifted = bool(verdicts.turn[0] == Turn.ALARM)
            else:
                state, said = detector.step(state, pane, threshold)
                drifted = said.drifted
            if drifted:
                found.append(20 * (at - 299))
                break
    return found


@pytest.mark.slow
def test_a_change_at_every_age_is_seen_as_soon_as_if_labels_had_no_ages() -> None:
    alone = delays(Urns(RATES_UP, 300.0, independent=True), spread=False)
    by_age = delays(LabelAge(reference=300, independent=True), spread=True)
    assert len(alone) == len(by_age) == 8
    assert np.mean(by_age) <= 1.5 * np.mean(alone)


def test_an_alarm_says_when_and_how_much_and_the_detector_begins_anew() -> None:
    random, detector, state = np.random.default_rng(3), LabelAge(reference=300, independent=True), None
    state = detector.start()
    for at in range(400):
        state, said = detector.step(state, labels(random, 50, np.ones(AGES), 1.0 if at < 200 else 3.0), A)
        if said.drifted:
            break
    assert 200 <= at < 220
    assert said.effect.startswith("errors: odds x")
    assert 0 <= said.onset_events <= 50 * (at - 190)
    assert detector.encode(state) == detector.encode(detector.start())


def test_dismissed_evidence_is_gone_and_the_urns_stay() -> None:
    random, detector = np.random.default_rng(4), LabelAge(reference=300, independent=True)
    state = detector.start()
    for _ in range(150):
        state, _ = detector.step(state, labels(random, 50, np.ones(AGES)), A)
    after = detector.dismiss(state)
    assert not after.evidence.any()
    np.testing.assert_array_equal(after.bank.urn, state.bank.urn)


def test_a_state_of_the_first_version_goes_on() -> None:
    detector = LabelAge(reference=100)
    state = detector.decode(GOLDEN.read_bytes())
    assert state.n == 3_600
    assert len(state.evidence) == len(RATES_UP.weight)
    assert not state.evidence[RATES_UP.silent].any()
    state, said = detector.step(state, np.array([[2, 18]] * 3 + [[0, 0]] * (AGES - 3)), A)
    assert said.n == 3_660
