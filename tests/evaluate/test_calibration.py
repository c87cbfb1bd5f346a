"""Calibrated guests raise what the budget allows where nothing changes; the streams without change have none."""

import numpy as np
import pytest

from detectors.budget import parse
from detectors.guests import GUESTS, invite
from stream.evaluate.calibration import KNOBS, calibrated, drawn, judge_report, without_change
from stream.evaluate.contestant import contestants
from stream.evaluate.table import Table, numbers
from stream.evaluate.trial import Trial


def trial(rows: int = 4_000, size: int = 20, budget: str = "1 per 2000 events", seed: int = 1) -> Trial:
    random = np.random.default_rng(4)
    table = Table((numbers("x", random.normal(0, 7, rows)), numbers("wrong", random.random(rows) < 0.2)))
    return Trial(table, 1_000, parse(budget), size, seed=seed)


def test_every_setting_that_a_knob_may_be_turned_to_can_be_asked_for() -> None:
    for kind, knob in KNOBS.items():
        for value in (knob.quiet, knob.loud):
            assert getattr(invite(kind, {knob.name: value}), knob.name) == value


def test_every_guest_has_a_knob_that_is_one_of_its_parameters() -> None:
    assert KNOBS.keys() == GUESTS.keys()
    for kind, knob in KNOBS.items():
        assert hasattr(GUESTS[kind](), knob.name)
        assert knob.quiet > 0 < knob.loud


@pytest.mark.parametrize(
    ("kind", "name"), [("adwin", "x"), ("page_hinkley", "x"), ("ddm", "wrong"), ("fhddm", "wrong")]
)
def test_a_calibrated_guest_raises_about_what_the_budget_allows_and_never_more(kind: str, name: str) -> None:
    [contestant] = contestants(kind)
    report = calibrated(trial(size=1), contestant, [name], lambda what: None).report[name]
    assert report.allowed >= 10
    assert 0.3 * report.allowed <= report.alarms <= report.allowed


def test_a_guest_has_one_setting_for_all_columns_and_page_hinkley_counts_in_their_own_deviations() -> None:
    [adwin, page_hinkley] = contestants("adwin,page_hinkley")
    same = calibrated(trial(), adwin, ["x", "wrong"], lambda what: None)
    assert same.guests["x"] == same.guests["wrong"]
    own = calibrated(trial(), page_hinkley, ["x", "wrong"], lambda what: None)
    ratio = own.report["x"].value / own.report["wrong"].value
    assert ratio == pytest.approx(7 / 0.4, rel=0.2)  # their standard deviations


def test_two_calibrations_are_the_same_and_another_seed_is_another_stream() -> None:
    [adwin] = contestants("adwin")
    reports = [calibrated(trial(seed=seed), adwin, ["x"], lambda what: None).report["x"] for seed in (1, 1, 2)]
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]


def test_streams_without_change_begin_with_the_reference_and_go_on_with_its_rows_as_long_as_the_file() -> None:
    one = trial()
    known = set(one.table["x"].values[:1_000].tolist())
    streams = list(without_change(one, ["x", "wrong"], 100_000))
    assert len(streams) >= 7  # of 3,000 rows each: ten alarms are allowed in 20,000
    for table in streams:
        assert len(table) == len(one.table)
        assert np.array_equal(table["x"].values[:1_000], one.table["x"].values[:1_000])
        assert set(table["x"].values[1_000:].tolist()) <= known
    assert len({table["x"].values[1_000:].tobytes() for table in streams}) == len(streams)


def test_blocks_keep_neighbours_together() -> None:
    rows = drawn(np.random.default_rng(1), reference=1_000, length=10_000, block=50)
    assert np.mean(np.diff(rows) == 1) > 0.97
    assert 0 <= rows.min() <= rows.max() < 1_000


@pytest.mark.slow
def test_what_the_urn_really_raises_is_counted() -> None:
    report = judge_report(trial(budget="1 per 1000 events"), lambda what: None)
    assert report.rows >= 9_000
    assert report.alarms <= report.allowed
    assert report.knob == ""
