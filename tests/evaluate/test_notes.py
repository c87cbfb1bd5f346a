"""A column that cannot be judged as it is has a note that says why, and what to do."""

import numpy as np
import pytest

from detectors.budget import parse
from stream.evaluate.contestant import contestants
from stream.evaluate.evaluation import STILL_LEARNING, TOO_FINE, evaluate
from stream.evaluate.table import Table, numbers, texts
from stream.evaluate.trial import Trial

ROWS = 5_000
RANDOM = np.random.default_rng(11)


def notes(**columns: np.ndarray) -> dict[str, str]:
    table = Table(tuple(numbers(name, values) for name, values in columns.items()))
    return {
        result.column: result.note
        for result in evaluate(Trial(table, 2_000, parse("1 per 100000 events"), 20), contestants("urn"))
    }


def test_what_grows_by_nature_is_said_to_be_no_matter_of_a_longer_reference() -> None:
    said = notes(
        counter=np.arange(ROWS) + 1.0,
        walk=np.cumsum(RANDOM.normal(0, 1, ROWS)),
        steps=np.diff(np.arange(ROWS + 1.0)) + RANDOM.normal(0, 1, ROWS),
    )
    assert all(said[name].startswith("not judged: each row is so much like") for name in ("counter", "walk"))
    assert said["steps"] == ""


def test_what_varies_less_than_a_thousandth_of_itself_has_a_note() -> None:
    said = notes(
        time=1.7e9 + np.arange(ROWS),
        large=1e6 + RANDOM.normal(0, 100, ROWS),
        pressure=101_325 + RANDOM.normal(0, 300, ROWS),
        constant=np.full(ROWS, 5.0),
        mostly_zero=RANDOM.lognormal(0, 1, ROWS) * (RANDOM.random(ROWS) < 0.2),
        ratings=RANDOM.integers(1, 6, ROWS).astype(float),
    )
    assert {name for name, note in said.items() if note == TOO_FINE} == {"time", "large"}
    assert {note for name, note in said.items() if name not in ("time", "large")} == {""}


@pytest.mark.parametrize("rows", [2_005])
def test_a_reference_that_is_only_short_is_said_to_be_short(rows: int) -> None:
    table = Table((texts("plan", [["free", "pro"][i] for i in RANDOM.integers(0, 2, rows)]),))
    empty = numbers("gap", np.where(np.arange(rows) % 100 == 0, RANDOM.normal(0, 1, rows), np.nan))
    trial = Trial(Table((*table.columns, empty)), 2_000, parse("1 per 100000 events"), 20)
    said = {result.column: result.note for result in evaluate(trial, contestants("urn"))}
    assert said == {"plan": "", "gap": STILL_LEARNING}
