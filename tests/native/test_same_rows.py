"""What the native decoder accepts, the pure one accepts, and both make the same rows of it."""

from collections.abc import Iterable
from itertools import islice, repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.json_text import twice
from schemas.layout import NUMBER, TEXT, Layout, form_of
from schemas.loose_layout import ABSENT
from schemas.prediction import Prediction
from schemas.unreadable import UNREADABLE
from stream.counting.block import Block, block
from stream.counting.cells import Codes
from stream.counting.native import NativeLayout, Natives
from stream.counting.rows import Identities
from tests.native.forms import texts

MODEL = b'{"model":"m","features":{"x":'
FORM = form_of({"model": "m", "features": {"x": 1}}, Prediction)
assert FORM is not None
LAYOUT = Layout(FORM, {("features", "x"): NUMBER})


def natively(layout: Layout) -> NativeLayout:
    """The native decoder of a layout: there is one for every layout of JSON."""
    found = Natives(wanted=True).of(layout)
    assert found is not None
    return found


def purely(layout: Layout, values: Iterable[bytes]) -> tuple[list[Any], set[int]]:
    """The rows of the texts that the pure decoder of a layout accepts, and the places of the others."""
    rows, refused = [], set()
    for at, value in enumerate(values):
        try:
            rows += layout.rows([value])
        except UNREADABLE:
            refused.add(at)
    return rows, refused


def same(native: Block, pure: Block) -> None:
    """Bit by bit."""
    assert native.whose.tolist() == pure.whose.tolist()
    assert native.cells.shape == pure.cells.shape
    assert native.cells.astype("<f8").tobytes() == pure.cells.astype("<f8").tobytes()
    assert (native.weight is None) == (pure.weight is None)
    if native.weight is not None and pure.weight is not None:
        assert native.weight.tobytes() == pure.weight.tobytes()
    assert list(native.times) == list(pure.times)
    for name, said in pure.times.items():
        assert list(native.times[name]) == list(said)


def compare(layout: Layout, values: list[bytes]) -> int:
    """Decode texts both ways; how many of them the native one accepts."""
    identities, codes = Identities(layout, []), Codes()
    found, refused = natively(layout).block(values, identities, codes)
    assert refused == sorted(set(refused))
    accepted = [value for at, value in enumerate(values) if at not in set(refused)]
    rows, wrong = purely(layout, accepted)
    assert not wrong, [accepted[at] for at in wrong]
    assert not any(map(twice, accepted))
    same(found, block(layout, rows, repeat(identities), codes))
    return len(accepted)


@pytest.mark.slow
@pytest.mark.parametrize(("features", "layouts", "events"), [(3, 60, 8), (20, 20, 20), (200, 2, 20)])
@pytest.mark.parametrize("seed", range(3))
def test_events_of_any_form_make_the_same_rows(seed: int, features: int, layouts: int, events: int) -> None:
    accepted, many = 0, 0
    for layout, good, bad in islice(texts(seed, features, events), layouts):
        accepted += compare(layout, good)
        many += len(good)
        compare(layout, bad)
        compare(layout, good[:1] + bad[:9] + good[1:] + bad[9:])
    assert accepted > many / 3  # the others have escapes, or a column that has another type in every event


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 104))
def test_events_of_any_form_make_the_same_rows_for_long(seed: int) -> None:
    for layout, good, bad in islice(texts(seed, 5, 20), 150):
        compare(layout, good)
        compare(layout, bad)


@pytest.mark.slow
def test_every_text_cut_anywhere_is_refused() -> None:
    for layout, good, _ in islice(texts(7, 4, 3), 20):
        native = natively(layout)
        for value in good:
            whole = value.rstrip()
            cuts = [whole[:at] for at in range(len(whole))]
            assert len(native.block(cuts, Identities(layout, []), Codes())[1]) == len(whole)


@pytest.mark.slow
def test_every_bit_of_a_text_may_be_flipped() -> None:
    for layout, good, _ in islice(texts(8, 4, 1), 8):
        value = good[0]
        flipped = [
            value[:at] + bytes([sign ^ 1 << bit]) + value[at + 1 :] for at, sign in enumerate(value) for bit in range(8)
        ]
        compare(layout, flipped)


@pytest.mark.slow
@given(st.floats(allow_nan=False, allow_infinity=False))
@example(5e-324)
@example(2.2250738585072011e-308)  # a number that decoders have hung on
@example(1.7976931348623157e308)
@example(9007199254740993.0)
def test_every_number_is_read_as_it_was_written(number: float) -> None:
    spellings = [repr(number), f"{number:.17e}", f"{number:.25g}", f"{number:.0f}", f"{number:f}"]
    values = [MODEL + spelling.encode() + b"}}" for spelling in spellings]
    assert compare(LAYOUT, values) == len(values)


@pytest.mark.slow
@given(st.from_regex(r"\A-?[0-9]{0,30}\.?[0-9]{0,30}([eE][+-]?[0-9]{0,6})?\Z"))
@example("-0")
@example("-0e0")
@example("0.0e-999")
@example("9007199254740992.9999999999999999999999999999999999999")
@example("18446744073709551616")
@example("00")
def test_what_looks_like_a_number_is_read_alike_or_refused(spelling: str) -> None:
    compare(LAYOUT, [MODEL + spelling.encode() + b"}}"])


@pytest.mark.slow
@given(st.binary(max_size=40))
@example("\ud800".encode("utf-8", "surrogatepass"))
@example(b"\xf4\x8f\xbf\xbf\xf4\x90\x80\x80")
@example(b"\xe2\x82")
@example(b"\xf0\x9f\x99\x82")
@example(b"\x7f\x1f")
def test_what_looks_like_a_text_is_read_alike_or_refused(inside: bytes) -> None:
    layout = Layout(FORM, {("features", "x"): TEXT})
    compare(layout, [MODEL + b'"' + inside + b'"}}', MODEL + inside + b"}}"])


@pytest.mark.slow
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=60))
def test_every_text_without_escapes_is_accepted(text: str) -> None:
    layout = Layout(FORM, {("features", "x"): TEXT})
    assert compare(layout, [MODEL + b'"' + text.encode() + b'"}}']) == 1


@pytest.mark.parametrize("sign", ["a", "é", "東", "🙂"])
def test_the_length_of_a_text_is_counted_in_characters(sign: str) -> None:
    layout = Layout(FORM, {("features", "x"): TEXT})
    values = [MODEL + b'"' + (sign * many).encode() + b'"}}' for many in (4095, 4096, 4097)]
    assert compare(layout, values) == 2
    assert compare(layout, [MODEL.replace(b'"m"', b'""') + b'"x"}}', MODEL + b'""}}']) == 1


def test_words_without_end_are_told_apart() -> None:
    layout = Layout(FORM, {("features", "x"): TEXT})
    values = [MODEL + b'"' + b"w" * (at % 70) + str(at % 4_000).encode() + b'"}}' for at in range(20_000)]
    assert compare(layout, values) == len(values)


def test_what_is_not_bytes_is_refused() -> None:
    native = natively(LAYOUT)
    values: list[Any] = [None, MODEL + b"1}}", bytearray(MODEL + b"1}}"), "", 5, b""]
    assert native.block(values, Identities(LAYOUT, []), Codes())[1] == [0, 2, 3, 4, 5]


def test_nothing_is_no_rows() -> None:
    found, refused = natively(LAYOUT).block([], Identities(LAYOUT, []), Codes())
    assert (len(found), refused, found.cells.shape) == (0, [], (0, 1))


def test_a_refused_text_leaves_no_words_behind() -> None:
    layout = Layout(FORM, {("features", "x"): TEXT})
    identities, codes = Identities(layout, []), Codes()
    _, refused = natively(layout).block([MODEL + b'"secret"}', MODEL + b'"pro"}}'], identities, codes)
    assert (refused, list(codes), list(identities)) == ([0], [None, ABSENT, "pro"], ["m"])


def test_blocks_outlive_their_decoder() -> None:
    native = natively(LAYOUT)
    values = [MODEL + str(at).encode() + b"}}" for at in range(200)]
    blocks = [native.block([value] * 50, Identities(LAYOUT, []), Codes())[0] for value in values]
    del native
    assert all(np.all(found.cells == at) for at, found in enumerate(blocks))
