"""What a judge does with a model of too many columns: the first ones learn, and once they have, the next ones."""

import numpy as np
import pytest

from detectors.budget import parse
from detectors.watch import fold
from detectors.watch.fold import Watch
from stream.roles.judge import unwatched
from tests.judge.panes import pane

WATCH = Watch(budget=parse("1 per model per week"), reference=300, burn_in=200)
ROWS, COLUMNS = 100, 30


def test_columns_take_turns_until_all_have_learnt_their_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MOST_LEARNING", 10)
    state, random, beyond = WATCH.start(), np.random.default_rng(1), []
    for at in range(20):
        content = pane({f"feature:f{number}": random.normal(0, 1, ROWS) for number in range(COLUMNS)}, at)
        state, _ = WATCH.step(state, content)
        beyond.append(unwatched(state, content))
    assert beyond[0] == (20, 0)
    assert beyond[-1] == (0, 0)
    assert sum(track.form == "numbers" for track in state.tracks.values()) == COLUMNS


def test_names_that_come_once_take_the_place_of_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MOST_LEARNING", 10)
    state = WATCH.start()
    for at in range(40):
        content = pane({"feature:age": [41.0], f"feature:user-{at}": [1.0]}, at=at)
        state, _ = WATCH.step(state, content)
    assert len(state.columns) == 10
    assert unwatched(state, content) == (1, 0)
