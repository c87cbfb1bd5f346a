"""What is expected without labels is what labels then say, as long as scores mean what they meant; and it says so
where they may not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.expected_quality import (
    BINS,
    BLIND,
    CENTRES,
    LEAST_LABELS,
    ExpectedQuality,
    QualityState,
    Scored,
    binned,
    calibrated,
    estimate,
)

Floats = NDArray[np.float64]


def truth(scores: Floats, labels: NDArray[np.bool_]) -> dict[str, float]:
    """The quality of the rows themselves, ties in the order of the histogram's bins."""
    called = scores >= 0.5
    hits, bins = int((called & labels).sum()), np.minimum((scores * BINS).astype(int), BINS - 1)
    positive, negative = np.bincount(bins[labels], minlength=BINS), np.bincount(bins[~labels], minlength=BINS)
    wins = positive @ (np.cumsum(negative) - negative / 2)
    return {
        "accuracy": float((called == labels).mean()),
        "precision": hits / called.sum(),
        "recall": hits / labels.sum(),
        "f1": 2 * hits / (called.sum() + labels.sum()),
        "auc": float(wins / (positive.sum() * negative.sum())),
    }


def scored(scores: Floats, labels: NDArray[np.bool_] | None = None) -> Scored:
    if labels is None:
        return Scored(binned(scores))
    return Scored(binned(scores), binned(scores[labels]).sum(axis=0), binned(scores).sum(axis=0))


def overconfident(scores: Floats) -> Floats:
    """What scores really mean: a model that is too sure of itself."""
    return np.asarray(0.2 + 0.6 * scores)


def trained(random: np.random.Generator, rows: int = 10_000) -> tuple[ExpectedQuality, QualityState]:
    """A model's state once its labels have matured."""
    scores = random.beta(1, 1, rows)
    labels = random.random(rows) < overconfident(scores)
    detector = ExpectedQuality(reference=2_000)
    return detector, detector.count(detector.start(), scored(scores, labels))


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (5, 2), (1, 4)])
def test_under_covariate_shift_the_truth_lies_in_the_band(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    inside, runs = 0, 40
    for _ in range(runs):
        detector, state = trained(random)
        scores = random.beta(*shape, 3_000)
        real = truth(scores, random.random(scores.size) < overconfident(scores))
        found = detector.expected(state, binned(scores))
        assert found.reasons == ()
        for name, value in real.items():
            band = getattr(found, name)
            assert band.low <= band.value <= band.high
            assert abs(band.value - value) < 0.06 or name not in ("accuracy", "auc")
            inside += band.low <= value <= band.high
    assert inside >= 0.9 * 5 * runs


def test_without_labels_scores_are_taken_at_their_word_and_that_is_said() -> None:
    random = np.random.default_rng(2)
    scores = random.beta(2, 1, 5_000)
    detector = ExpectedQuality()
    found = detector.expected(detector.count(detector.start(), scored(scores)))
    assert found.accuracy.value == pytest.approx(np.maximum(scores, 1 - scores).mean(), abs=0.005)
    assert found.reasons[0].startswith("uncalibrated: 0 labels, 500 are needed")


def test_concept_drift_is_not_seen_and_the_estimate_says_that_it_could_not_be() -> None:
    random = np.random.default_rng(3)
    detector, state = trained(random)
    scores = random.beta(1, 1, 5_000)
    before = detector.expected(state, binned(scores))
    real = truth(scores, random.random(scores.size) < 1 - overconfident(scores))
    assert real["accuracy"] < 0.4 < 0.6 < before.accuracy.low
    assert before.blind == BLIND


def test_scores_where_no_labels_came_make_the_estimate_invalid() -> None:
    random = np.random.default_rng(4)
    narrow = random.uniform(0.4, 0.6, 3_000)
    detector = ExpectedQuality()
    state = detector.count(detector.start(), scored(narrow, random.random(3_000) < narrow))
    assert detector.expected(state, binned(narrow)).reasons == ()
    assert "fewer than 20 labels" in detector.expected(state, binned(random.uniform(0.7, 1.0, 500))).reasons[0]


def test_a_calibration_never_falls_and_is_the_mean_of_each_pool() -> None:
    random = np.random.default_rng(5)
    labelled = random.integers(0, 200, BINS).astype(float)
    positives = random.binomial(labelled.astype(int), random.random(BINS)).astype(float)
    found = calibrated(positives, labelled)
    assert (np.diff(found.chance) >= 0).all()
    for pool in np.unique(found.pool):
        inside = found.pool == pool
        expected = (positives + CENTRES)[inside].sum() / (labelled + 1)[inside].sum()
        assert found.chance[inside] == pytest.approx(expected)


def test_few_labels_leave_the_scores_as_they_are() -> None:
    labelled = np.full(BINS, (LEAST_LABELS - 1) / BINS)
    np.testing.assert_array_equal(calibrated(labelled, labelled).chance, CENTRES)


def test_the_confusion_matrix_adds_up_to_the_rows() -> None:
    counts = np.random.default_rng(6).integers(0, 50, (2, BINS)).astype(float)
    found = estimate(counts, calibrated(np.zeros(BINS), np.zeros(BINS)))
    assert sum(found.confusion) == pytest.approx(counts.sum())


def test_a_score_of_the_answer_tells_the_accuracy_alone() -> None:
    counts = binned(np.array([0.9] * 100))
    found = estimate(counts, calibrated(np.zeros(BINS), np.zeros(BINS)), of="answer")
    assert found.accuracy.value == pytest.approx(0.9, abs=0.01)
    assert np.isnan(found.recall.value)


def test_counts_of_two_workers_add_up() -> None:
    random = np.random.default_rng(7)
    detector = ExpectedQuality(reference=100_000)
    parts = []
    for _ in range(4):
        scores = random.beta(1, 2, 1_000)
        parts.append(scored(scores, random.random(1_000) < scores))
    whole = detector.count(detector.start(), parts[0] + parts[1] + parts[2] + parts[3])
    merged = detector.merged([detector.count(detector.start(), part) for part in parts])
    assert detector.expected(merged) == detector.expected(whole)
    np.testing.assert_array_equal(merged.usual, whole.usual)


def test_nothing_seen_is_no_estimate() -> None:
    detector = ExpectedQuality()
    assert detector.expected(detector.start()).reasons == ("no rows yet",)


def test_a_newer_state_is_refused_in_a_sentence() -> None:
    detector = ExpectedQuality()
    blob = detector.encode(detector.start()).replace(b"\xa1v\x01", b"\xa1v\x02")
    with pytest.raises(ValueError, match="upgrade Leeway"):
        detector.decode(blob)
