"""What was, and when, is told of the distant past as well: less exactly, and never as if it were the beginning."""

import numpy as np
import pytest

from detectors.watch import calendar
from detectors.watch.calendar import Calendar, turn, when
from detectors.watch.ledger import enter, mean_before, mean_since, open_ledgers

PANES = 5_000


def test_a_time_is_wrong_by_less_than_a_twelfth_of_its_age() -> None:
    random, days, rows, began = np.random.default_rng(5), Calendar(), 0, []
    for at in range(PANES):
        rows += int(random.choice([1, 20, 400]))
        began.append(rows)
        days = turn(days, rows, at)
    assert len(days.rows) <= calendar.MOST
    for at in range(0, PANES - 1, 7):
        told, age = when(days, began[at]), rows - began[at]
        assert told <= at
        assert began[at] - began[told] <= age / 12


def test_a_full_calendar_of_an_earlier_version_is_taken_over() -> None:
    full = Calendar(rows=list(range(256)), at=list(range(256)))
    days = turn(full, 256, 256)
    assert len(days.rows) < calendar.MOST
    assert when(days, 256) == 256
    assert when(days, 0) == 0


@pytest.mark.parametrize("ago", [60, 200, 1_000])
def test_a_mean_is_told_from_long_before_the_latest_panes(ago: int) -> None:
    book = enter(open_ledgers(2), [0, 1], [500, 500], [500.0, 500.0])  # what was learnt from
    for pane in range(3_000):
        value = 3.0 if pane >= 3_000 - ago else 1.0
        book = enter(book, [0, 1], [10, 7], [10 * value, 7.0])
    assert (mean_before(book, 0, 10 * ago), mean_since(book, 0, 10 * ago)) == (1.0, 3.0)
    assert (mean_before(book, 1, 7 * ago), mean_since(book, 1, 7 * ago)) == (1.0, 1.0)


def test_nothing_is_lost_when_stretches_are_joined() -> None:
    random, book = np.random.default_rng(6), open_ledgers(3)
    numbers, sums = random.integers(1, 1_000, (2, 400, 3))
    for n, total in zip(numbers.tolist(), sums.tolist(), strict=True):
        book = enter(book, [0, 1, 2], n, total)
    assert book.n.sum(axis=1).tolist() == numbers.sum(axis=0).tolist()
    assert book.total.sum(axis=1).tolist() == sums.sum(axis=0).tolist()
