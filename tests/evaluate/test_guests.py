"""Guests in a file see and say what they see and say in the judge."""

import numpy as np
import pytest

from detectors.guests import GUESTS, invite
from detectors.watch.signal import Signal
from stream.evaluate.contestant import Contestant, Look, contestants
from stream.evaluate.guests import alarms, positions, readings, unfit
from stream.evaluate.panes import Panes
from stream.evaluate.refusal import Refusal
from tests.evaluate.tables import mixed


@pytest.mark.parametrize(("name", "look"), [("age", "mean"), ("age", "null_rate"), ("plan", "null_rate")])
def test_a_guest_is_given_the_numbers_that_its_signal_takes_from_panes(name: str, look: Look) -> None:
    table, guest = mixed(1_010).only([name]), invite("adwin", {})
    signal = Signal(guest, ("*",), look)
    panes = [*Panes(table, 30).of(0, 10), *Panes(table, 30).of(10, 1_010)]  # the reference, 400, ends with a pane
    expected = [signal.of(pane.columns["feature:0"], pane.rows) for pane in panes]
    found = readings(guest, look, table[name], 30, reference=400)
    assert found.values == pytest.approx(expected)
    assert found.rows.tolist()[:2] == [9, 39]
    assert found.rows.tolist()[-1] == 1_009


def test_at_pane_1_the_values_are_given_one_by_one_and_gaps_are_left_out() -> None:
    column = mixed(500)["age"]
    found = readings(invite("adwin", {}), "mean", column, 1, 100)
    assert found.values == column.values[~column.nulls].tolist()
    assert found.rows.tolist() == np.flatnonzero(~column.nulls).tolist()


@pytest.mark.parametrize("kind", sorted(set(GUESTS) - {"kswin"}))
def test_the_fast_way_alarms_where_the_judge_s_way_does(kind: str) -> None:
    """KSWIN draws: there the two ways are alike in law only."""
    random = np.random.default_rng(2)
    values = (random.random(3_000) < np.where(np.arange(3_000) % 1_000 < 500, 0.1, 0.6)).astype(float).tolist()
    guest, column = invite(kind, {}), mixed(3_000)["wrong"]
    column.values[:] = values
    stepped = [alarm.row for alarm in alarms(guest, "mean", readings(guest, "mean", column, 1, 0), 0)]
    assert stepped == list(positions(guest, values))
    assert stepped


def test_what_a_guest_says_in_the_reference_is_no_alarm() -> None:
    column = mixed(2_000)["age"]
    column.values[500:] += 50
    guest = invite("page_hinkley", {})
    found = readings(guest, "mean", column, 1, 1_000)
    assert next(alarm.row for alarm in alarms(guest, "mean", found, 0)) < 1_000
    assert all(alarm.row >= 1_000 for alarm in alarms(guest, "mean", found, 1_000))


def test_a_guest_with_nothing_to_look_at_says_so() -> None:
    table = mixed(100)
    adwin, ddm = contestants("adwin,ddm")
    assert unfit(adwin, table["age"]) == unfit(ddm, table["wrong"]) == unfit(adwin, table["plan"]) == ""
    assert unfit(ddm, table["age"]) == "ddm looks at rates, and age is not between 0 and 1"
    [means] = contestants("adwin(signal=mean)")
    assert unfit(means, table["plan"]) == "plan holds texts: there is no mean to look at"
    [nulls] = contestants("adwin(signal=null_rate)")
    assert unfit(nulls, table["wrong"]) == "wrong has no missing values to look at"


def test_detectors_are_named_with_their_parameters() -> None:
    found = contestants("urn,adwin(delta=0.01, clock=8),kswin(signal=null_rate)")
    assert found == [
        Contestant("urn"),
        Contestant("adwin(delta=0.01,clock=8)", invite("adwin", {"delta": 0.01, "clock": 8})),
        Contestant("kswin(signal=null_rate)", invite("kswin", {}), "null_rate"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("adwinn", "no detector 'adwinn'; there are urn, model, adwin, ddm"),
        ("adwin(dela=1)", "adwin has no parameter 'dela'; there are delta"),
        ("adwin(delta)", "'delta' is not a parameter of adwin; write it like"),
        ("adwin(delta=x)", "delta=x is not a number"),
        ("adwin(signal=median)", "signal=median is not among mean, null_rate"),
        ("urn(delta=1)", "urn has no parameters"),
        ("adwin,adwin", "the detector adwin is named twice"),
        ("adwin kswin", "is not a list of detectors"),
        ("adwin(delta=1", "is not a list of detectors"),
        ("", "no detector is named"),
    ],
)
def test_detectors_that_make_no_sense_are_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(Refusal) as refused:
        contestants(text)
    assert sentence in str(refused.value)
