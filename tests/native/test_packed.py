"""Packed events in C++: the same rows as the pure decoder's, and whatever is odd is counted or refused as ever."""

from collections.abc import Iterator
from itertools import islice, repeat
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.layout import Alike, Layout
from schemas.packed_layout import PackedLayout, packed_form, packed_kinds
from schemas.prediction import Prediction
from stream.counting.block import block
from stream.counting.cells import Codes
from stream.counting.native import Natives
from stream.counting.rows import Rows
from tests.native.forms import maker, merged
from tests.native.test_alike import counted_blocks
from tests.native.test_same_rows import natively, purely
from tests.native.test_same_rows import same as same_block
from tests.profile.test_alike import fed, one_by_one
from tests.profile.test_counting import same
from tests.wire.test_packed import ODDITIES, stream
from tests.wire.writers import broken, packed

encode = msgspec.msgpack.encode
HEAD = encode({"model": "m", "number_names": "x", "numbers": bytes(8), "text_names": "t"})[1:]
PLAIN = {"model": "m", "number_names": "x", "numbers": bytes(8), "text_names": "t", "texts": ["a"], "prediction": 1.5}


def layout_of(kind: Alike, tree: dict[str, Any], full: dict[str, Any]) -> Layout | None:
    """The layout that the form of one packed event gets, with the kinds of another that has no nulls."""
    form = packed_form(tree, kind)
    return None if form is None else PackedLayout(form, packed_kinds(full, form))


def compare(layout: Layout, values: list[bytes]) -> int:
    """Decode messages both ways; how many of them the native one accepts."""
    alike, codes = Rows(layout), Codes()
    found, refused = natively(layout, values, alike, codes)
    accepted = [value for at, value in enumerate(values) if at not in set(refused)]
    rows, wrong = purely(layout, accepted)
    assert not wrong, [accepted[at] for at in wrong]
    assert not accepted or layout.unproved(accepted, rows) == []
    same_block(found, block(layout, rows, repeat(alike.identities(layout)), codes))
    return len(accepted)


def messages(seed: int, features: int, events: int) -> Iterator[tuple[Layout, list[bytes]]]:
    """Layouts that have a native decoder, each with messages of its form."""
    random = Random(seed)
    while True:
        kind, make = maker(random, features)
        trees = [make() for _ in range(events)]
        if "features" not in trees[0]:
            continue
        full = merged(trees)
        full["features"] = {name: full["features"].get(name) for name in trees[0]["features"]}
        numbers = [name for name, value in full["features"].items() if type(value) in (int, float)]
        good = [packed(tree, numbers) for tree in trees]
        tree = msgspec.msgpack.decode(good[0])
        layout = layout_of(kind, tree, msgspec.msgpack.decode(packed(full, numbers)))
        if layout is not None and Natives(wanted=True).of(layout):
            yield layout, good


@pytest.mark.slow
@pytest.mark.parametrize(("features", "layouts", "events"), [(3, 60, 8), (20, 20, 20), (200, 2, 20)])
@pytest.mark.parametrize("seed", range(3))
def test_packed_events_of_any_form_make_the_same_rows(seed: int, features: int, layouts: int, events: int) -> None:
    random, accepted, many = Random(seed), 0, 0
    for layout, good in islice(messages(seed, features, events), layouts):
        accepted += compare(layout, good)
        many += len(good)
        bad = [broken(random, good) for _ in range(4 * len(good))]
        compare(layout, bad)
        compare(layout, good[:1] + bad[:9] + good[1:] + bad[9:])
    assert accepted > many / 3  # the others have a column that has another type in every event


@pytest.mark.slow
def test_every_message_cut_anywhere_is_refused() -> None:
    for layout, good in islice(messages(7, 4, 3), 20):
        for value in good:
            cuts = [value[:at] for at in range(len(value))]
            assert len(natively(layout, cuts)[1]) == len(value)


@pytest.mark.slow
def test_every_bit_of_a_message_may_be_flipped() -> None:
    for layout, good in islice(messages(8, 4, 1), 8):
        value = good[0]
        compare(
            layout,
            [
                value[:at] + bytes([sign ^ 1 << bit]) + value[at + 1 :]
                for at, sign in enumerate(value)
                for bit in range(8)
            ],
        )


def plain_layout() -> Layout:
    layout = layout_of(Prediction, PLAIN, PLAIN)
    assert layout is not None
    return layout


def ending(texts: bytes, prediction: bytes) -> bytes:
    """The plain message with other bytes in the place of its texts and of its answer."""
    return b"\x86" + HEAD + encode("texts") + texts + encode("prediction") + prediction


def test_the_plain_message_is_accepted() -> None:
    assert ending(encode(["a"]), encode(1.5)) == encode(PLAIN)
    assert compare(plain_layout(), [encode(PLAIN)]) == 1


@given(st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)))
@example(2**64 - 1)
@example(2**53 + 1)
@example(-(2**63))
@example(-0.0)
def test_every_number_is_read_as_it_was_written(number: float) -> None:
    spelled = [encode(number)]
    if isinstance(number, int):
        sizes = [(sign, size) for sign, size in zip(range(0xD0, 0xD4), (1, 2, 4, 8), strict=True)]
        spelled += [
            bytes([sign]) + number.to_bytes(size, "big", signed=True)
            for sign, size in sizes
            if -(1 << (8 * size - 1)) <= number < 1 << (8 * size - 1)
        ]
        spelled += [
            bytes([sign - 4]) + number.to_bytes(size, "big") for sign, size in sizes if 0 <= number < 1 << (8 * size)
        ]
    assert compare(plain_layout(), [ending(encode(["a"]), each) for each in spelled]) == len(spelled)


@given(st.binary(max_size=12))
@example(b"\xca\x7f\x80\0\0")  # infinite
@example(b"\xcb\x7f\xf8\0\0\0\0\0\0")  # not a number
@example(b"\xca\x3f\x80\0\0")
@example(b"\xc0")
def test_what_looks_like_a_number_is_read_alike_or_refused(inside: bytes) -> None:
    compare(plain_layout(), [ending(encode(["a"]), inside)])


@given(st.binary(max_size=12))
@example(b"\xa3\xed\xa0\x80")
@example(b"\xa4\xf4\x90\x80\x80")
@example(b"\xa2\xe2\x82")
@example(b"\xd9\x01a")
@example(b"\xdb\0\0\0\x01a")
@example(b"\xdb\xff\xff\xff\xffa")
@example(b"\xc4\x01a")
@example(b"\xa1\0")
@example(b"\xa1\x1f")
def test_what_looks_like_a_text_is_read_alike_or_refused(inside: bytes) -> None:
    compare(plain_layout(), [ending(b"\x91" + inside, encode(1.5)), ending(inside, encode(1.5))])


@pytest.mark.parametrize("begin", [b"\xde\0\x06", b"\xdf\0\0\0\x06", b"\x85", b"\x87"])
def test_a_map_that_begins_otherwise_is_left_to_others(begin: bytes) -> None:
    layout = plain_layout()
    assert compare(layout, [begin + encode(PLAIN)[1:]]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_counted_or_refused_as_ever(oddity: str) -> None:
    compare_counts(stream(1, 0.2, oddity), subjects=12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [1, 200])
def test_all_oddities_together_change_nothing(seed: int, size: int) -> None:
    compare_counts(stream(seed, [0.02, 0.2, 1.0][seed]), size)


def compare_counts(fresh: list[Any], size: int = 200, subjects: int = 5_000) -> None:
    panes, letters, _ = fed(fresh, size, subjects, native="auto")
    with one_by_one():
        right, right_letters, _ = fed(fresh, size, subjects)
    same(panes, right)
    assert letters == right_letters


def test_nearly_all_packed_events_are_decoded_natively() -> None:
    with counted_blocks() as natively_taken:
        fed(stream(2, 0.0), 200, native="auto")
    assert sum(natively_taken) > 350


def test_a_class_called_by_an_integer_has_no_native_decoder() -> None:
    tree = {**PLAIN, "prediction": {"label": 3, "score": 0.5}}
    layout = layout_of(Prediction, tree, tree)
    assert layout is not None
    assert Natives(wanted=True).of(layout) is None
