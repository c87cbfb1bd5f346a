"""A column that cannot be judged as it is has a note that says why, and what to do."""

from datetime import date, timedelta

import numpy as np
import pytest

from detectors.budget import parse
from stream.evaluate.contestant import contestants
from stream.evaluate.evaluation import ALL_UNLIKE, STILL_LEARNING, TOO_FINE, evaluate
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


def test_texts_that_may_have_been_meant_otherwise_have_a_note() -> None:
    decimals = RANDOM.normal(40, 10, ROWS).round(3)
    days = [date(2026, 1, 1) + timedelta(days=row // 20) for row in range(ROWS)]
    columns = {
        "age": [*map(str, decimals[:-1]), "unknown"],
        "price": [str(value).replace(".", ",") for value in decimals],
        "code": [f"{code:03}" for code in RANDOM.integers(0, 200, ROWS)],
        "version": RANDOM.choice(["1.2.0", "1.10", "2"], ROWS, p=[0.6, 0.3, 0.1]).tolist(),
        "day": map(str, days),
        "name": [f"user-{user}" for user in RANDOM.integers(0, 1_000, ROWS)],
    }
    table = Table(tuple(texts(name, values) for name, values in columns.items()))
    trial = Trial(table, 2_000, parse("1 per 100000 events"), 20)
    said = {result.column: result.note for result in evaluate(trial, contestants("urn"))}
    assert said["age"] == (
        "judged as texts, though 4,999 of its 5,000 values are numbers: one that is none is 'unknown'"
    )
    assert said["price"] == ALL_UNLIKE
    assert {name for name, note in said.items() if not note} >= {"code", "version", "name"}
    assert said["day"].startswith("not judged: each row is so much like")


def test_what_is_watched_long_after_the_reference_is_said_to_be() -> None:
    random = np.random.default_rng(5)
    values = random.normal(0, 1, (ROWS, 2))
    values[random.random(ROWS) < 0.7, 0] = np.nan
    table = Table((numbers("gaps", values[:, 0]), numbers("full", values[:, 1])))
    trial = Trial(table, 1_000, parse("1 per 100000 events"), 20, before=200)
    gaps, full = evaluate(trial, contestants("urn"))
    assert gaps.watching_from is not None
    assert gaps.watching_from > 1_000
    assert gaps.note.startswith(f"watched from row {gaps.watching_from:,} only: many values are missing")
    assert full.note == ""
