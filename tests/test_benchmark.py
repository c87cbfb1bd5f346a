"""The benchmark of detection: its numbers come again, its yardsticks are right, its report is that of its results."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.quality import figures, oracle, q01_nulls, q08_small_references, report, streams
from benchmarks.quality.changes import mean_shift, rate, spikes
from benchmarks.quality.delay import LESS, Case, compare
from benchmarks.quality.opponents import Focus, Focus0, Looped, river
from benchmarks.quality.record import DELAY, SPENT, Record, Task, read, write
from benchmarks.quality.report import UNEXPLAINED, Result, document, results, unexplained, written
from benchmarks.quality.rows import Row, rows
from benchmarks.quality.running import run_all
from detectors.alternatives import NUMBERS, RATES_UP
from detectors.urn import Urns

ROOT = Path(__file__).parent.parent
TINY = 0.001


def same(one: list[Record], other: list[Record]) -> bool:
    """Whether all numbers are equal; nan is nan."""
    return [repr(record) for record in one] == [repr(record) for record in other]


@pytest.mark.slow
def test_two_runs_of_one_command_give_the_same_numbers():
    tasks = [q01_nulls.tasks(TINY, None)[4], q08_small_references.tasks(TINY, None)[-1]]
    here = [record for task in tasks for record in task.function(**task.arguments)]
    there = {at: records for at, records, _ in run_all(tasks, 2, Console(quiet=True))}
    assert same(here, [record for at in sorted(there) for record in there[at]])
    assert {record.row for record in here} == {"Q1", "Q8"}


def test_what_is_written_is_read_again(tmp_path):
    records = [
        Record(
            "Q1", "a, b", "urn", 20, 500, 1e4, SPENT, 0.5, low=0.25, high=1.0, n=100, seeds="1-2", bar=1.0, note="x"
        ),
        Record("Q2", "c", "ADWIN, default", 1, 5000, 1e6, DELAY, 123.456),
    ]
    write(tmp_path / "row.csv", ["Q1 title", "command: this"], records)
    head, again = read(tmp_path / "row.csv")
    assert head == ["Q1 title", "command: this"]
    assert same(again, records)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.file)
def test_every_row_says_what_it_measures(row: Row, tmp_path):
    assert (row.module.__doc__ or "").strip()
    assert row.title
    tasks = row.tasks(1.0, tmp_path)
    assert all(isinstance(task, Task) and task.row == row.id for task in tasks)
    assert tasks
    assert len({task.name for task in tasks}) == len(tasks)


# -- the yardsticks ----------------------------------------------------------------------------------------------------


def test_a_tape_plays_the_same_events_after_the_change_whatever_was_played_before():
    def after(reference: int) -> np.ndarray:
        tape = streams.Tape(streams.gaussian(0.5), 3, [7])
        tape.take(reference, False)
        tape.begin(streams.Part.AFTER)
        return tape.take(50, True)

    assert np.array_equal(after(500), after(5000))


def test_urns_of_every_pane_size_see_the_same_events():
    runs = [streams.begun(Urns(NUMBERS), streams.gaussian(), 5, 3, 500) for _ in range(2)]
    for each in runs:
        each.begin(streams.Part.BEFORE)
    one, many = sum(runs[0].pane(20, False) for _ in range(30)), runs[1].pane(600, False)
    assert np.array_equal(one, many)


@pytest.mark.slow
def test_who_looks_less_often_sees_a_change_when_it_looks():
    def found(every: int) -> np.ndarray:
        runs = streams.learnt(Urns(NUMBERS, 500.0, independent=True), streams.gaussian(1.0), 50, 20)
        return streams.first_alarms(runs, 1, 1e3, 400, 100, every)

    often, seldom = found(1), found(20)
    quiet = ~np.isnan(often)
    assert quiet.sum() > 10
    assert not (seldom[quiet] % 20).any()
    assert (seldom[quiet] >= often[quiet]).all()
    assert 5 < (seldom - often)[quiet].mean() < 20


@pytest.mark.slow
@pytest.mark.parametrize("change", [mean_shift(0.5), rate(RATES_UP, 0.05, 0.10)], ids=lambda change: change.name)
def test_the_oracle_keeps_its_mean_time_between_false_alarms(change):
    h = oracle.threshold(change.stream, change.ratio, 1000)
    fresh = replace(change.stream, make=lambda random, runs: change.stream.make(np.random.default_rng(5), runs))
    assert oracle.measured(fresh, change.ratio, h, 5000) == pytest.approx(1000, rel=0.1)


@pytest.mark.parametrize("change", [mean_shift(0.25), rate(RATES_UP, 0.05, 0.10)], ids=lambda change: change.name)
def test_the_simulated_divergence_is_the_formula(change):
    assert oracle.divergence(change.stream, change.ratio) == pytest.approx(change.divergence, rel=0.03)


@pytest.mark.slow
def test_a_spike_that_could_not_be_before_is_an_alarm_of_the_oracle():
    change = spikes(0.05)
    h = oracle.threshold(change.stream, change.ratio, 1e4)
    found = oracle.delays(change.stream, change.ratio, h, 200, [1], 2000, 1000)
    assert np.nanmean(found) == pytest.approx(20, rel=0.3)


@pytest.mark.parametrize("kind", [Focus0, Focus])
def test_focus_is_the_maximum_over_all_times_of_the_change(kind):
    random = np.random.default_rng(8)
    reference, values = random.normal(2, 3, (4, 400)), random.normal(2, 3, (4, 300))
    values[2, 150:] += 2
    values[3, 150:] -= 2
    focus = kind(reference, 0)
    found = np.array([focus.step(column) for column in values.T])
    sums = np.cumsum((values - focus.mean[:, None]) / focus.deviation[:, None], axis=1)
    sums = np.concatenate([np.zeros((4, 1)), sums], axis=1)
    for n in (1, 2, 17, 149, 150, 151, 300):
        tau = np.arange(n)
        brute = (sums[:, n, None] - sums[:, :n]) ** 2 / (n - tau)
        if kind is Focus:
            brute += sums[:, :n] ** 2 / (400 + tau) - sums[:, n, None] ** 2 / (400 + n)
        assert found[n - 1] == pytest.approx(brute.max(axis=1) / 2)


@pytest.mark.slow
def test_an_opponent_and_the_urn_are_compared_in_the_same_runs():
    adwin = Looped("ADWIN", river("ADWIN", "delta"), 0.002, 1e-6, 3.0, eager=True)
    case = Case("Q2", mean_shift(1.0), 500, 1e4, 40, (9,), (("urn, independent", 30.0),))
    records = compare(case, panes=(1,), opponents=(adwin, replace(adwin, package="no such package")))
    by = {(record.detector, record.measure): record for record in records[:-1]}
    urn, other, less = by["urn, independent", DELAY], by["ADWIN, default", DELAY], by["ADWIN, default", LESS]
    assert less.value == pytest.approx(urn.value - other.value, abs=5)
    assert records[-1].note == "not installed"
    assert by["oracle CUSUM", DELAY].value < urn.value < 40


# -- the report --------------------------------------------------------------------------------------------------------


def test_the_report_is_that_of_the_results():
    assert (ROOT / "docs" / "benchmark.md").read_text(encoding="utf-8") == written(results(report.RESULTS))


def test_it_is_measured_that_no_family_is_kept_quiet_by_an_urn_that_never_speaks():
    found = next(result.records for result in results(report.RESULTS) if result.row.file == "q01_nulls")
    asked = {record.case for record in found if record.measure == q01_nulls.UNSPENT and record.reached is not None}
    assert asked == set(q01_nulls.FAMILIES)


def test_every_loss_is_explained():
    assert unexplained(results(report.RESULTS)) == []


def test_a_missed_bar_and_an_opponent_ahead_are_losses_and_are_told():
    row = next(row for row in rows() if row.id == "Q2")
    kept = Record("Q2", "kept", "urn", 1, 5000, 1e4, DELAY, 10.0, bar=20.0, r1=0.5, r2=1.5)
    missed = replace(kept, case="missed", value=30.0)
    behind = Record("Q2", "mean +9 sd", "ADWIN, calibrated", 1, 5000, 1e4, LESS, 5.0, low=1.0, high=9.0, n=40)
    lucky = replace(behind, case="mean +7 sd", value=-3.0, low=-3.0, high=-3.0, n=1)
    result = Result(row, ["Q2", "date: 2026-01-01"], [kept, missed, behind, lucky])
    text = document([result], {})
    assert len(unexplained([result])) == 2
    assert text.count(UNEXPLAINED) == 1
    assert "missed, urn, pane 1: 30 where 20 was wanted" in text
    assert "behind ADWIN, calibrated by 5 events" in text
    assert "1 of 2" in text
    assert "| mean +7 sd | ADWIN, calibrated |  |  |  | 1 |" in text  # one run is no win


@pytest.mark.slow
def test_the_same_results_give_the_same_figures(tmp_path):
    pytest.importorskip("matplotlib")
    nothing = Record("Q2", "small", "urn", 1, 5000, 1e4, DELAY, 10.0, bar=20.0)
    delays = [replace(nothing, detector=name, value=10.0 + i) for i, name in enumerate(["urn", "ADWIN, default", "x"])]
    curve = [replace(record, threshold=threshold) for record in delays for threshold in (1e3, 1e4, 1e5)]
    nulls = [replace(nothing, measure=SPENT, value=value) for value in (0.0, 0.5)]
    found = {"q02_a": delays, "q21_b": curve, "q01_c": nulls, "q20_d": [replace(nothing, measure="ms / step")]}
    figures.draw(found, tmp_path / "one")
    figures.draw(found, tmp_path / "two")
    made = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert sorted(made) == ["q01_c.svg", "q02_a.svg", "q21_b.svg"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_budget_is_kept_in_a_quick_run(tmp_path):
    command = [sys.executable, "-m", "benchmarks.quality", "--quick", "--row", "Q1,Q9", "--csv", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert len(list(tmp_path.glob("*.csv"))) >= 3
