"""Guests agree with River to the value, whether or not they are written down and read back in between."""

import numpy as np
import pytest

from detectors.guests import GUESTS, Guest


def stream(seed: int) -> list[float]:
    random = np.random.default_rng(seed)
    parts = [random.random(700) < 0.2, random.random(700) < 0.9, random.random(700) < 0.3]
    return [float(x) for x in np.concatenate(parts)]


def river_alarms(guest: Guest, values: list[float]) -> list[int]:
    detector, alarms = guest.make(), []
    for i, value in enumerate(values):
        detector.update(value)
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
