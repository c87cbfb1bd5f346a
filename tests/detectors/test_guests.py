"""Guests agree with River to the value, whether or not they are written down and read back in between."""

from dataclasses import fields
from math import inf, nan

import numpy as np
import pytest

from detectors.guests import GUESTS, Guest, fhddm, invite
from detectors.guests.fhddm import Fhddm, alarms_on_a_fall


def stream(seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    parts = [random.random(700) < 0.2, random.random(700) < 0.9, random.random(700) < 0.3]
    return [float(x) for x in np.concatenate(parts)]


def river_alarms(guest: Guest, values: list[float]) -> list[int]:
    detector, alarms = guest.make(), []
    for i, value in enumerate(values):
        detector.update(guest.given(value))
        if detector.drift_detected:
            alarms.append(i)
    return alarms


def our_alarms(guest: Guest, values: list[float]) -> list[int]:
    state, alarms = guest.start(), []
    for i, value in enumerate(values):
        state, verdict = guest.step(guest.decode(guest.encode(state)), value, 1.0)
        if verdict.drifted:
            alarms.append(i)
    return alarms


@pytest.mark.parametrize("kind", sorted(set(GUESTS) - {"kswin"}))
@pytest.mark.parametrize("seed", [1, 2])
def test_a_guest_alarms_exactly_when_river_does(kind: str, seed: int) -> None:
    guest, values = GUESTS[kind](), stream(seed)
    if kind == "page_hinkley":
        guest = GUESTS[kind](threshold=20.0)  # type: ignore[call-arg]
    expected = river_alarms(guest, values)
    assert expected, "the stream changes twice: a detector that never alarms would prove nothing"
    assert our_alarms(guest, values) == expected


@pytest.mark.slow
def test_kswin_sees_both_changes_and_a_replay_draws_alike() -> None:
    guest, values = GUESTS["kswin"](), stream(3)
    alarms = our_alarms(guest, values)
    assert any(700 <= i < 800 for i in alarms)
    assert any(1400 <= i < 1500 for i in alarms)
    assert our_alarms(guest, values) == alarms


def test_a_state_of_another_river_starts_anew() -> None:
    guest = GUESTS["adwin"]()
    state, _ = guest.step(guest.start(), 1.0, 1.0)
    state.river = "0.1.0"
    assert guest.decode(guest.encode(state)) == guest.start()


def test_a_newer_state_is_refused_in_a_sentence() -> None:
    guest = GUESTS["adwin"]()
    state = guest.start()
    state.v = 2
    with pytest.raises(ValueError, match="upgrade Leeway"):
        guest.decode(guest.encode(state))


RISE = [0.0] * 20 + [1.0 if i % 10 == 0 else 0.0 for i in range(380)] + [1.0] * 60
FALL = [1.0] * 380 + [0.0] * 60


def test_the_installed_fhddm_alarms_when_the_mean_of_its_input_falls() -> None:
    def alarms(values: list[float]) -> bool:
        detector, found = Fhddm().make(), False
        for value in values:
            detector.update(value)
            found = found or detector.drift_detected
        return found

    assert alarms(FALL)
    assert not alarms([1.0 - value for value in FALL])
    assert alarms_on_a_fall()


@pytest.mark.parametrize("value", [0.0, -1.0, 0.5, 1.0, 2.0, 61.0, 1e9, 1e300, nan, inf, -inf])
@pytest.mark.parametrize(("kind", "name"), [(kind, field.name) for kind in GUESTS for field in fields(GUESTS[kind])])
def test_a_parameter_is_refused_in_a_sentence_or_can_be_lived_with(kind: str, name: str, value: float) -> None:
    guest, said = None, ""
    try:
        guest = invite(kind, {name: value})
    except ValueError as refused:
        said = str(refused)
    if guest is None:
        assert said.startswith(f"{kind}: ")
    else:
        our_alarms(guest, RISE[:200])


@pytest.mark.parametrize("kind", ["ddm", "eddm", "fhddm"])
def test_detectors_of_errors_alarm_when_errors_rise_and_never_when_they_fall(kind: str) -> None:
    guest = GUESTS[kind]()
    assert any(i >= 400 for i in our_alarms(guest, RISE))
    assert not our_alarms(guest, FALL)


def test_fhddm_turns_with_a_river_that_keeps_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    from river.drift.binary import FHDDM

    monkeypatch.setattr(fhddm, "alarms_on_a_fall", lambda: False)
    monkeypatch.setattr(FHDDM, "update", lambda self, x, before=FHDDM.update: before(self, 1 - x))
    assert any(i >= 400 for i in our_alarms(Fhddm(), RISE))
    assert not our_alarms(Fhddm(), FALL)


@pytest.mark.parametrize("kind", ["ddm", "eddm", "fhddm", "hddm_a"])
def test_rates_of_panes_raise_what_errors_one_by_one_would(kind: str) -> None:
    random = np.random.default_rng(8)
    rates = random.binomial(20, [0.1] * 800 + [0.6] * 200) / 20
    assert any(800 <= i < 1000 for i in our_alarms(GUESTS[kind](), rates.tolist()))


@pytest.mark.parametrize("kind", ["ddm", "eddm", "fhddm"])
def test_a_signal_that_is_no_rate_stops_nothing(kind: str) -> None:
    our_alarms(GUESTS[kind](), [250.0, -3.0, 1e300] * 40)
