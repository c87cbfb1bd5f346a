"""What the native decoder accepts, the pure one accepts, and both make the same rows of it."""

import gc
from collections.abc import Iterable, Sequence
from itertools import islice, pairwise, repeat
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import msgpack

from schemas.json_text import twice
from schemas.layout import NUMBER, TEXT, Layout, form_of
from schemas.loose_layout import ABSENT
from schemas.prediction import Prediction
from schemas.unreadable import UNREADABLE
from stream.counting import native
from stream.counting.block import Block, block
from stream.counting.cells import Codes
from stream.counting.native import Natives, Run, by_likely_model
from stream.counting.rows import Rows
from tests.native.forms import texts

MODEL = b'{"model":"m","features":{"x":'
FORM = form_of({"model": "m", "features": {"x": 1}}, Prediction)
assert FORM is not None
LAYOUT = Layout(FORM, {("features", "x"): NUMBER})


NATIVES = Natives(wanted=True)


def natively(
    layout: Layout, values: Sequence[bytes], rows: Rows | None = None, codes: Codes | None = None
) -> tuple[Block, list[int]]:
    """The rows of texts by the native decoder of their layout, and the places of those that it refuses."""
    found, places = NATIVES.block(
        runs([layout], [len(values)]), values, rows or Rows(layout), Codes() if codes is None else codes
    )
    return found, sorted(set(range(len(values))) - set(places.tolist()))


def runs(layouts: list[Layout], many: list[int]) -> list[Run]:
    """The first so many texts for the first layout, the next for the next."""
    ends = np.cumsum([0, *many]).tolist()
    natives = filter(None, map(NATIVES.of, layouts))
    return [
        Run(layout, native, np.arange(*each))
        for layout, native, each in zip(layouts, natives, pairwise(ends), strict=True)
    ]


def purely(layout: Layout, values: Iterable[bytes]) -> tuple[list[Any], set[int]]:
    """The rows of the texts that the pure decoder of a layout accepts, and the places of the others."""
    rows, refused = [], set()
    for at, value in enumerate(values):
        try:
            rows += layout.rows([value])
        except UNREADABLE:
            refused.add(at)
    return rows, refused


def same(own: Block, pure: Block) -> None:
    """Bit by bit."""
    assert own.whose.tolist() == pure.whose.tolist()
    assert own.cells.shape == pure.cells.shape
    assert own.cells.astype("<f8").tobytes() == pure.cells.astype("<f8").tobytes()
    assert (own.weight is None) == (pure.weight is None)
    if own.weight is not None and pure.weight is not None:
        assert own.weight.tobytes() == pure.weight.tobytes()
    assert list(own.times) == list(pure.times)
    for name, said in pure.times.items():
        assert list(own.times[name]) == list(said)


def compare(layout: Layout, values: list[bytes]) -> int:
    """Decode texts both ways; how many of them the native one accepts."""
    alike, codes = Rows(layout), Codes()
    found, refused = natively(layout, values, alike, codes)
    assert refused == sorted(set(refused))
    accepted = [value for at, value in enumerate(values) if at not in set(refused)]
    rows, wrong = purely(layout, accepted)
    assert not wrong, [accepted[at] for at in wrong]
    assert not any(map(twice, accepted))
    same(found, block(layout, rows, repeat(alike.identities(layout)), codes))
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
        for value in good:
            whole = value.rstrip()
            cuts = [whole[:at] for at in range(len(whole))]
            assert len(natively(layout, cuts)[1]) == len(whole)


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
    values: list[Any] = [None, MODEL + b"1}}", bytearray(MODEL + b"1}}"), "", 5, b""]
    assert natively(LAYOUT, values)[1] == [0, 2, 3, 4, 5]


def test_nothing_is_no_rows() -> None:
    found, refused = natively(LAYOUT, [])
    assert (len(found), refused, found.cells.shape) == (0, [], (0, 1))


def test_a_refused_text_leaves_no_words_behind() -> None:
    layout = Layout(FORM, {("features", "x"): TEXT})
    alike, codes = Rows(layout), Codes()
    _, refused = natively(layout, [MODEL + b'"secret"}', MODEL + b'"pro"}}'], alike, codes)
    assert (refused, list(codes), list(alike.identities(layout))) == ([0], [None, ABSENT, "pro"], ["m"])


def test_blocks_outlive_their_decoder() -> None:
    form = form_of({"model": "m", "features": {"x": 1}}, Prediction)
    assert form is not None
    layout = Layout(form, {("features", "x"): NUMBER})
    values = [MODEL + str(at).encode() + b"}}" for at in range(200)]
    blocks = [natively(layout, [value] * 50)[0] for value in values]
    del layout
    gc.collect()
    assert all(np.all(found.cells == at) for at, found in enumerate(blocks))


def model_with(name: str, kind: str) -> Layout:
    """Like `LAYOUT`, but for the name of the feature."""
    form = form_of({"model": "m", "features": {name: 1}}, Prediction)
    assert form is not None
    return Layout(form, {("features", name): kind})


@pytest.mark.parametrize("kind", [NUMBER, TEXT])
def test_texts_of_several_layouts_are_rows_of_one_block(kind: str) -> None:
    layouts = [model_with(f"x{at}", kind) for at in range(4)]
    written = {NUMBER: lambda at: str(at), TEXT: lambda at: f'"word-{at % 7}"'}[kind]
    values = [
        b'{"model":"m%d","features":{"x%d":%s}}' % (at % 3, which if at % 5 else 9, written(at).encode())
        for which in range(4)
        for at in range(3 * which)
    ]
    alike, codes, together = Rows(layouts[0]), Codes(), runs(layouts, [3 * which for which in range(4)])
    found, accepted = NATIVES.block(together, values, alike, codes)
    assert accepted.tolist() == [at for at, value in enumerate(values) if b"x9" not in value]
    one_by_one = [purely(run.layout, [values[at] for at in run.places])[0] for run in together]
    rows = [row for each in one_by_one for row in each]
    whose = [alike.identities(layout) for layout, each in zip(layouts, one_by_one, strict=True) for _ in each]
    same(found, block(LAYOUT if kind == NUMBER else model_with("x", TEXT), rows, whose, codes))
    assert [(layouts.index(layout), who) for layout, who in alike.unmet()] == [
        (1, "m1"),
        (1, "m2"),
        *((which, f"m{at}") for which in (2, 3) for at in (1, 2, 0)),
    ]


def test_layouts_that_are_not_alike_make_no_block() -> None:
    wide = form_of({"model": "m", "features": {"x": 1, "y": 1}}, Prediction)
    assert wide is not None
    other = Layout(wide, {})
    with pytest.raises(ValueError, match="not alike"):
        NATIVES.block(runs([LAYOUT, other], [1, 1]), [b"", b""], Rows(LAYOUT), Codes())


def test_owners_are_of_one_width() -> None:
    owners = native.leeway_native.Owners()
    versioned = form_of({"model": "m", "version": "7", "features": {"x": 1}}, Prediction)
    assert versioned is not None
    alone, with_version = (runs([layout], [1])[0].native.decoder for layout in (LAYOUT, Layout(versioned, {})))
    native.leeway_native.block([(alone, 1)], [MODEL + b"1}}"], owners)
    with pytest.raises(ValueError, match="another number of words"):
        native.leeway_native.block([(with_version, 1)], [b""], owners)


@pytest.mark.parametrize("many", [[], [1], [1, 2], [3]])
def test_runs_are_of_all_texts_and_no_more(many: list[int]) -> None:
    decoders = [(run.native.decoder, run.places.size) for run in runs([LAYOUT] * len(many), many)]
    with pytest.raises(ValueError, match="not those of the texts"):
        native.leeway_native.block(decoders, [b"", b""], native.leeway_native.Owners())


@pytest.mark.parametrize(
    ("text", "model"),
    [
        (b'{"model":"m","features":{}}', "m"),
        (b'{ "ts" : 5, "model" : "a/b" }', "a/b"),
        (b'{"features":{"model":"guessed"},"model":"m"}', "guessed"),
        (b'{"model":5}', None),
        (b'{"model":"\\u0061"}', None),
        (b'{"model":"' + b"m" * 129 + b'"}', None),
        (b'{"model":"m', None),
        (b'{"model":', None),
        (b'"model"', None),
        (b"", None),
        (msgpack.encode({"ts": 5, "model": "m"}), "m"),
        (msgpack.encode({"model": "m" * 40}), "m" * 40),
        (msgpack.encode({"model": "m" * 128})[:-1], None),
        (msgpack.encode({"model": 5}), None),
        (b"\x81\xa5model", None),
        (b"\x81\xa5model\xd9", None),
    ],
)
def test_whom_a_text_likely_speaks_of(text: bytes, model: str | None) -> None:
    found = by_likely_model([b"{}", text])
    assert {name: places.tolist() for name, places in found.items()} == ({} if model is None else {model: [1]})
