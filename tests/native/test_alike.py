"""The short way of an event changes nothing, neither in C++: the oracle of `tests.profile.test_alike`, asked again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest

from stream.counting import native
from stream.counting.alike import AlikeRows
from stream.counting.native import Natives, Run
from stream.engine.role import Lane
from tests.profile.events import TOPICS, flushed, role
from tests.profile.test_alike import (
    ODDITIES,
    Message,
    compare,
    counted_reads,
    event,
    fed,
    of_several_models,
    stream,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_counted_or_refused_as_ever(oddity: str) -> None:
    compare(stream(1, 0.2, oddity), subjects=12, native="auto")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [1, 37, 500])
def test_all_oddities_together_change_nothing(seed: int, size: int) -> None:
    compare(stream(seed, [0.02, 0.1, 0.5, 1.0][seed]), size, native="auto")


@contextmanager
def counted_blocks() -> Iterator[list[int]]:
    """How many rows each native block of the meantime has."""
    natively: list[int] = []
    block = Natives.block

    def counted(self: Natives, runs: list[Run], values: list[bytes], *places: object) -> object:
        found, taken = block(self, runs, values, *places)  # type: ignore[arg-type]
        natively.append(taken.size)
        return found, taken

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Natives, "block", counted)
        yield natively


@pytest.mark.parametrize("size", [1, 100, 500])
def test_nearly_all_events_are_decoded_natively(size: int) -> None:
    with counted_blocks() as natively:
        fed(stream(2, 0.02), size, native="auto")
    assert sum(natively) > 800
    with counted_blocks() as natively:
        fed(stream(2, 0.02), size, native="off")
    assert natively == []


@pytest.mark.parametrize("waiting", [100, 1_000])
@pytest.mark.parametrize("size", [40, 500])
@pytest.mark.parametrize("usual", [0.0, 0.5, 0.95])
def test_models_whose_columns_differ_in_name_alone_are_told_apart(
    usual: float, size: int, waiting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.counting.alike.MANY", waiting)
    monkeypatch.setattr("stream.counting.alike.NATIVELY", min(waiting, 256))  # what waits until they are learnt is pure
    with counted_blocks() as natively:
        compare(of_several_models(usual, 4_000), size, native="auto")
    assert sum(natively) > 3_000


def test_models_that_become_one_are_decoded_as_one_and_apart_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.counting.alike.NATIVELY", 256)  # what waits when they change is read one by one
    several, one = of_several_models(0.0, 9_000), of_several_models(1.0, 9_000)
    messages = [replace(sent, number=number) for number, sent in enumerate(several + one + several)]
    with counted_blocks() as natively, counted_reads() as read:
        compare(messages, native="auto")
    assert sum(natively) > 0.9 * len(messages)
    assert len(read) < 1.1 * len(messages)  # the oracle reads each of them


@pytest.mark.parametrize("absent", [0.1, 0.5])
def test_models_with_forms_without_end_are_left_to_the_pure_way(absent: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside them one of a single form, which is decoded natively."""
    monkeypatch.setattr("stream.counting.alike.MANY", 500)
    random, messages = Random(8), []
    for number in range(6_000):
        own = number % 3
        features = {f"x{own}-{at}": number / 7 for at in range(8) if own == 0 or random.random() > absent}
        body = json.dumps(event(random, model=f"m{own}", features=features)).encode()
        messages.append(Message(body, number=number))
    with counted_blocks() as natively:
        compare(messages, native="auto")
    assert 500 < sum(natively) < 2_500


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
    assert native.ways(wanted=True) == native.ways(wanted=False)
    assert native.way("auto").endswith("which is for another version of Leeway")
