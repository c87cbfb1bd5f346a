"""Detections, false alarms, delays and misses are told apart as the documentation says."""

import pytest

from stream.evaluate.score import Score, score

ALARM, MOVED = True, False


@pytest.mark.parametrize(
    ("notices", "changes", "expected"),
    [
        ([], [], Score(0, None, None)),
        ([(5, ALARM)], [], Score(1, None, None)),
        ([], [100], Score(0, None, 1)),
        ([(100, ALARM)], [100], Score(0, 0.0, 0)),
        ([(99, ALARM)], [100], Score(1, None, 1)),
        ([(110, ALARM), (120, ALARM)], [100], Score(1, 10.0, 0)),
        ([(110, ALARM), (230, ALARM)], [100, 200], Score(0, 20.0, 0)),
        ([(110, ALARM), (230, MOVED)], [100, 200], Score(0, 20.0, 0)),
        ([(110, ALARM), (150, MOVED)], [100, 200], Score(0, 10.0, 1)),
        ([(50, MOVED)], [100], Score(0, None, 1)),
    ],
)
def test_scores(notices: list[tuple[int, bool]], changes: list[int], expected: Score) -> None:
    assert score(notices, changes) == expected
