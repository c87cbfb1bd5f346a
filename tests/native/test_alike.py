"""The short way of an event changes nothing, neither in C++: the oracle of `tests.profile.test_alike`, asked again."""

import pytest

from stream.counting import native
from stream.counting.alike import AlikeRows
from stream.counting.native import NativeLayout, Natives
from stream.engine.role import Lane
from tests.profile.events import TOPICS, flushed, role
from tests.profile.test_alike import ODDITIES, Message, compare, fed, stream

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_counted_or_refused_as_ever(oddity: str) -> None:
    compare(stream(1, 0.2, oddity), subjects=12, native="auto")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [1, 37, 500])
def test_all_oddities_together_change_nothing(seed: int, size: int) -> None:
    compare(stream(seed, [0.02, 0.1, 0.5, 1.0][seed]), size, native="auto")


@pytest.mark.parametrize("size", [1, 100, 500])
def test_nearly_all_events_are_decoded_natively(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    natively: list[int] = []
    block = NativeLayout.block

    def counted(self: NativeLayout, values: list[bytes], *places: object) -> object:
        found, refused = block(self, values, *places)  # type: ignore[arg-type]
        natively.append(len(values) - len(refused))
        return found, refused

    monkeypatch.setattr(NativeLayout, "block", counted)
    fed(stream(2, 0.02), size, native="auto")
    assert sum(natively) > 800
    before = len(natively)
    fed(stream(2, 0.02), size, native="off")
    assert len(natively) == before


def test_a_topic_full_of_escapes_goes_the_usual_way() -> None:
    messages = [
        Message(str(one.body, "utf-8").replace('"eu"', '"e\\u0075"').encode(), number=one.number)
        for one in stream(3, 0.0)
    ]
    compare(messages, native="auto")


def test_what_waits_undecoded_is_dropped_with_its_lanes() -> None:
    counting = role(profile={"native": "auto"})
    messages = stream(4, 0.0)
    for first in range(0, 420, 60):
        counting.count(Lane(TOPICS["prediction"], 0), messages[first : first + 60])
    assert isinstance(counting._alike, AlikeRows)
    assert counting._alike.rows > 0
    counting.forget()
    assert counting._alike.rows == 0
    assert [pane for pane in flushed(counting) if pane.rows] == []


def test_switched_off_it_is_not_used() -> None:
    assert Natives(wanted=True).used
    assert not Natives(wanted=False).used


def test_a_decoder_for_another_leeway_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert native.way("auto") == f"by {native.installed()} where it can"
    monkeypatch.setattr(native, "INTERFACE", native.INTERFACE + 1)
    assert not Natives(wanted=True).used
    assert native.way("auto").endswith("which is for another version of Leeway")
