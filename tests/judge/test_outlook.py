"""What quality a subject's scores let one expect, from its panes alone."""

from typing import Any

import numpy as np
import pytest

from detectors.binning import rebin
from detectors.budget import parse
from detectors.watch.fold import Watch
from detectors.watch.picture import pictures
from detectors.watch.state import WatchState
from schemas.pane import Pane
from tests.judge.panes import pane

WATCH = Watch(budget=parse("1 per 100000 events"), reference=1000, burn_in=300)
RANDOM = np.random.default_rng(1)
SCORES = [RANDOM.beta(5, 2, 100).tolist() for _ in range(60)]


def fold(panes: list[Pane]) -> WatchState:
    state = WATCH.start()
    for one in panes:
        state, _ = WATCH.step(WATCH.decode(WATCH.encode(state)), one)
    return state


def seen(panes: list[Pane]) -> Any:
    return pictures(WATCH, fold(panes))["subject"]["expected_quality"]


def test_scores_let_one_expect_a_quality_and_it_is_said_to_be_uncalibrated_and_blind() -> None:
    found = seen([pane({"prediction:score": scores}, at=at) for at, scores in enumerate(SCORES)])
    values = np.concatenate(SCORES[10:])
    assert found["accuracy"]["value"] == pytest.approx(np.maximum(values, 1 - values).mean(), abs=0.01)
    assert found["score_of"] == "positive"
    assert not found["calibrated"]
    assert found["reasons"][0].startswith("uncalibrated")
    assert "blind to concept drift" in found["blind"]
    assert sum(found["confusion"].values()) == pytest.approx(found["rows"], rel=0.01)


def test_a_score_beside_a_label_is_the_chance_that_the_label_is_right() -> None:
    found = seen(
        [pane({"prediction:score": s, "prediction:label": ["a", "b"] * 50}, at=at) for at, s in enumerate(SCORES)]
    )
    assert found["score_of"] == "answer"
    assert found["accuracy"]["value"] == pytest.approx(np.concatenate(SCORES[10:]).mean(), abs=0.01)
    assert "recall" not in found


@pytest.mark.slow
def test_a_value_is_a_probability_only_where_labels_tell_two_classes_apart() -> None:
    assert seen([pane({"prediction:value": scores}, at=at) for at, scores in enumerate(SCORES)]) is None
    truth = ["yes", "no"] * 50
    assert seen([pane({"prediction:value": s, "label:value": truth}, at=at) for at, s in enumerate(SCORES)]) is not None
    bits = [0.0, 1.0] * 50
    assert seen([pane({"prediction:value": s, "label:value": bits}, at=at) for at, s in enumerate(SCORES)]) is not None
    price = RANDOM.normal(100, 10, 100).tolist()
    assert seen([pane({"prediction:value": s, "label:value": price}, at=at) for at, s in enumerate(SCORES)]) is None


def test_a_score_that_is_no_probability_lets_one_expect_nothing() -> None:
    assert seen([pane({"prediction:score": (10 * np.array(s)).tolist()}, at=at) for at, s in enumerate(SCORES)]) is None


def test_a_few_scores_outside_are_left_out_and_said() -> None:
    panes = [pane({"prediction:score": scores}, at=at) for at, scores in enumerate(SCORES)]
    panes[50] = pane({"prediction:score": [*SCORES[50], 1.5]}, at=50)
    assert any("101 rows had a score that is not between 0 and 1" in reason for reason in seen(panes)["reasons"])


def test_scores_counted_by_bins_of_their_own_count_alike() -> None:
    state = fold([pane({"prediction:score": scores}, at=at) for at, scores in enumerate(SCORES)])
    track = state.tracks["prediction:score"]
    compact = []
    for at, scores in enumerate(SCORES):
        one = pane({"prediction:score": scores}, at=at)
        if at >= 10:
            column = one.columns["prediction:score"]
            edges = np.array(track.edges, np.int32)
            counts = rebin(np.array(column.at, np.int32), np.array(column.counts, np.int64), edges)
            column.at, column.counts = np.flatnonzero(counts).tolist(), counts[counts > 0].tolist()
            column.binning = track.id
        compact.append(one)
    assert WATCH.encode(fold(compact)) == WATCH.encode(state)
