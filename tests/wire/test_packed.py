"""A packed event is its JSON, faster: the same counts, and dead letters with the same reasons."""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from math import inf, nan
from random import Random
from struct import pack
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.dead_letter import Reason
from schemas.decode import Reader
from schemas.packed import unpacked
from stream.engine.role import Lane
from tests.profile.events import NOW, TOPICS, flushed, role
from tests.profile.reference import counted, merged
from tests.profile.test_alike import counted_reads, event, fed, one_by_one
from tests.profile.test_counting import EVERYTHING_IS_PUBLIC, FEATURE_ROWS, PREDICTIONS, same
from tests.wire.writers import PACKED_SAID, Message, broken, is_double, packed

encode = msgspec.msgpack.encode


def fits(row: dict[str, Any]) -> bool:
    """msgpack has no integers beyond 64 bits; in JSON they are infinite."""
    values = [*row.get("features", {}).values(), row.get("prediction")]
    return "features" in row and all(is_double(value) for value in values if type(value) in (int, float))


ROWS = st.lists(st.one_of(PREDICTIONS, FEATURE_ROWS).filter(fits), max_size=12)


@pytest.mark.slow
@pytest.mark.parametrize("together", [1, 256])
@settings(max_examples=75, deadline=None)
@given(rows=ROWS)
def test_packed_events_add_up_to_the_events(together: int, rows: list[dict[str, Any]]) -> None:
    rows = [*rows, *rows]  # the second time, each event has a layout
    counting = role(privacy=EVERYTHING_IS_PUBLIC)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stream.counting.alike.TOGETHER", together)
        patch.setattr("stream.counting.forms.SEEN", 1)
        for row in rows:
            lane = Lane(TOPICS[row["kind"]], 0)
            assert counting.count(lane, [Message(packed(row), said=PACKED_SAID)]) == []
        same(merged(flushed(counting)), counted(rows, NOW))


def features(one: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**one, "features": {**one["features"], **changes}}


def plain(one: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The fields of a packed event, to be changed."""
    return msgspec.msgpack.decode(packed(one, ["age"])) | changes


def but_last(message: bytes, key: str, value: Any) -> bytes:
    """A message whose first key comes again at its end."""
    return bytes([message[0] + 1]) + message[1:] + encode(key) + encode(value)


def twice_inside(message: bytes) -> bytes:
    return message.replace(b"\x81\xa6region", b"\x82\xa6region\xa2eu\xa6region")


ODDITIES: dict[str, Callable[[Random, dict[str, Any]], bytes]] = {
    "nulls": lambda random, one: packed({**one, "features": dict.fromkeys(one["features"])}, ["age"]),
    "another order": lambda random, one: encode(dict(reversed(plain(one).items()))),
    "a column less": lambda random, one: packed({**one, "features": {"age": 1}}),
    "no features": lambda random, one: packed({**one, "features": {}}),
    "names but no values": lambda random, one: encode({k: v for k, v in plain(one).items() if k != "numbers"}),
    "values but no names": lambda random, one: encode({k: v for k, v in plain(one).items() if k != "text_names"}),
    "a byte too few": lambda random, one: encode(plain(one, numbers=bytes(7))),
    "a number too many": lambda random, one: encode(plain(one, numbers=bytes(16))),
    "a text too many": lambda random, one: encode(plain(one, texts=["a", True, None])),
    "a number among the texts": lambda random, one: encode(plain(one, texts=[1, True])),
    "a map among the texts": lambda random, one: encode(plain(one, texts=[{"a": 1}, True])),
    "numbers as a list": lambda random, one: encode(plain(one, numbers=[41.0])),
    "numbers as a text": lambda random, one: encode(plain(one, numbers="12345678")),
    "names as a list": lambda random, one: encode(plain(one, number_names=["age"])),
    "a name twice": lambda random, one: encode(plain(one, number_names="age,age", numbers=bytes(16))),
    "a name in both": lambda random, one: encode(plain(one, text_names="age,plan")),
    "a name in the map, too": lambda random, one: encode(plain(one, features={"age": 3})),
    "others in the map": lambda random, one: encode(plain(one, features={"more": 3, "yet": "x"})),
    "features that are none": lambda random, one: encode(plain(one, features=[3])),
    "a bad name of a feature": lambda random, one: encode(plain(one, number_names="the age")),
    "an empty name": lambda random, one: encode(plain(one, text_names=",plan")),
    "too many features": lambda random, one: packed({**one, "features": {f"x{i}": 1.0 for i in range(513)}}),
    "nothing packed": lambda random, one: encode(one),
    "infinite": lambda random, one: packed(features(one, age=inf), ["age"]),
    "NaN for a text": lambda random, one: encode(plain(one, texts=[nan, True])),
    "NaN as an answer": lambda random, one: packed({**one, "prediction": nan}, ["age"]),
    "an infinite answer": lambda random, one: packed({**one, "prediction": -inf}, ["age"]),
    "NaN as a sample": lambda random, one: packed({**one, "sample_rate": nan}, ["age"]),
    "an infinite sample": lambda random, one: packed({**one, "sample_rate": inf}, ["age"]),
    "a null answer": lambda random, one: packed({**one, "prediction": None}, ["age"]),
    "too large a sample": lambda random, one: packed({**one, "sample_rate": 1e10}, ["age"]),
    "a sample": lambda random, one: packed({**one, "sample_rate": 2.5}, ["age"]),
    "a class": lambda random, one: packed({**one, "prediction": {"label": 3, "score": 0.5}}, ["age"]),
    "a class twice": lambda random, one: packed({**one, "prediction": {"label": "a", "score": 0.5}}, ["age"]).replace(
        b"\x82\xa5label\xa1a", b"\x83\xa5label\xa1b\xa5label\xa1a"
    ),
    "a signal": lambda random, one: packed({**one, "signals": {"cost": random.random()}}, ["age"]),
    "a short double": lambda random, one: packed(one, ["age"]).replace(
        b"\xaaprediction\xcb" + pack(">d", one["prediction"]), b"\xaaprediction\xca" + pack(">f", one["prediction"])
    ),
    "an embedding": lambda random, one: packed({**one, "embeddings": {"text": [1.0, 2.0]}}, ["age"]),
    "the model twice": lambda random, one: but_last(packed(one, ["age"]), "model", "other"),
    "a segment twice": lambda random, one: twice_inside(packed(one, ["age"])),
    "a segment twice, with a map that has one in the numbers": lambda random, one: twice_inside(
        encode(plain(one, number_names="age,x", numbers=b"\xa8segments\x81\xa6regio"))
    ),
    "a wide map": lambda random, one: b"\xde\0" + bytes([packed(one)[0] & 15]) + packed(one)[1:],
    "wide texts": lambda random, one: packed(one, ["age"]).replace(b"\xa5model", b"\xd9\x05model"),
    "an unknown field": lambda random, one: packed({**one, "colour": "red"}, ["age"]),
    "seconds": lambda random, one: packed({**one, "ts": NOW // 1000}, ["age"]),
    "tomorrow": lambda random, one: packed({**one, "ts": NOW + 2 * 86_400_000}, ["age"]),
    "a text as time": lambda random, one: packed({**one, "ts": "2026-09-21T12:00:00Z"}, ["age"]),
    "a time of msgpack": lambda random, one: packed({**one, "ts": msgspec.msgpack.Ext(-1, bytes(4))}, ["age"]),
    "bytes for a text": lambda random, one: packed({**one, "version": b"7"}, ["age"]),
    "a bad name": lambda random, one: packed({**one, "model": "no spaces, please"}, ["age"]),
    "a bad version": lambda random, one: packed({**one, "version": "1 beta"}, ["age"]),
    "a subject too many": lambda random, one: packed({**one, "model": f"x{random.randrange(10**6)}"}, ["age"]),
    "a negative latency": lambda random, one: packed({**one, "latency_ms": -1}, ["age"]),
    "a long text": lambda random, one: encode(plain(one, texts=["x" * 4_097, True])),
    "a feature event": lambda random, one: packed({"kind": "feature", "model": "f", "features": one["features"]}),
    "a label": lambda random, one: encode({"kind": "label", "model": "m0", "label": 1, "ts": NOW}),
    "no kind": lambda random, one: packed({name: one[name] for name in list(one)[1:]}, ["age"]),
    "cut off": lambda random, one: packed(one)[:-3],
    "more behind it": lambda random, one: packed(one) + b"\xc0",
    "nothing": lambda random, one: b"",
    "not a map": lambda random, one: encode([1]),
    "a number": lambda random, one: b"\x07",
    "JSON": lambda random, one: msgspec.json.encode(one),
    "too large": lambda random, one: encode(plain(one, request_id="x" * 1_000_000)),
    "a number as a name": lambda random, one: encode(plain(one, features={7: 1.0})),
    "binary data as a segment": lambda random, one: encode(plain(one, segments={b"region": "eu"})),
    "nothing as a field": lambda random, one: encode({**plain(one), None: 1}),
    "a number as a key of what is unknown": lambda random, one: encode(plain(one, colour={"red": {7: 1}})),
    "deep": lambda random, one: encode(plain(one, tags={"a": [[[[[[[[[[[{}]]]]]]]]]]]})),
}
REFUSED = {
    "names but no values": "numbers: expected binary: doubles, little-endian",
    "a byte too few": "numbers: 7 bytes for 1 names; expected 8 bytes for each",
    "a text too many": "texts: 3 values for 2 names",
    "a number among the texts": "texts: expected texts, true, false or null, and 'plan' is another",
    "a name twice": "features.age: appears twice",
    "a name in both": "features.age: appears twice",
    "a name in the map, too": "features.age: appears twice",
    "the model twice": "model: appears twice",
    "a segment twice": "segments.region: appears twice",
    "a segment twice, with a map that has one in the numbers": "segments.region: appears twice",
    "a class twice": "prediction.label: appears twice",
    "a bad name of a feature": "features.the age: not a name",
    "too many features": "features: 513 entries; at most 512 are allowed",
    "a time of msgpack": "ts: an extension type of msgpack, where JSON has none",
    "bytes for a text": "version: binary data, where JSON has none",
    "cut off": "not msgpack: Input data was truncated",
    "nothing": "the message is empty",
    "not a map": "expected an object, got array",
    "a number as a name": "features: a key that is no text (expected 'str', got 'int')",
    "binary data as a segment": "segments: a key that is no text (expected 'str', got 'bytes')",
    "nothing as a field": "the message: a key that is no text (expected 'str', got 'None')",
    "a number as a key of what is unknown": "colour.red: a key that is no text (expected 'str', got 'int')",
    "deep": "maps or lists too deep or too long to be read",
}


def stream(seed: int, odd: float, only: str = "") -> list[Message]:
    """Packed messages that are alike but for a share of odd ones, and JSON among them."""
    random, messages = Random(seed), []
    for number in range(600):
        one = event(random)
        name = only or random.choice(list(ODDITIES))
        body = ODDITIES[name](random, one) if random.random() < odd else packed(one, ["age"])
        messages.append(Message(body, at=NOW, number=number, said=PACKED_SAID))
    return messages


def compare(messages: list[Message], size: int = 200, subjects: int = 5_000) -> Counter[Any]:
    panes, letters, _ = fed(messages, size, subjects)
    with one_by_one():
        right, right_letters, _ = fed(messages, size, subjects)
    same(panes, right)
    assert letters == right_letters
    return letters


@pytest.mark.slow
@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_counted_or_refused_as_one_by_one(oddity: str) -> None:
    letters = compare(stream(1, 0.2, oddity), subjects=12)
    if sentence := REFUSED.get(oddity):
        assert letters
        assert all(sentence in letter[2] for letter in letters), next(iter(letters))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [1, 200])
def test_all_oddities_together_change_nothing(seed: int, size: int) -> None:
    compare(stream(seed, [0.02, 0.2, 1.0][seed]), size)


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False])
def test_packed_events_and_json_in_one_topic_are_told_apart_by_their_headers(alone: bool) -> None:
    random = Random(7)
    rows = [event(random) for _ in range(600)]
    messages = [
        Message(msgspec.json.encode(one), said=None) if at % 2 else Message(packed(one, ["age"]), said=PACKED_SAID)
        for at, one in enumerate(rows)
    ]
    with one_by_one() if alone else nullcontext():
        panes, letters, _ = fed(messages, 100)
    assert not letters
    same(panes, counted(rows, NOW))


def test_packed_messages_that_are_alike_are_not_read_one_by_one() -> None:
    with counted_reads() as read:
        fed(stream(2, 0.0), 100)
    assert len(read) <= 100


@pytest.mark.parametrize(
    "headers",
    [
        [("Content-Type", b"Application/X-MsgPack; v=1")],
        [*PACKED_SAID, ("traceparent", b"00-1-2-01")],
        [*PACKED_SAID, ("ce_type", b"com.acme.prediction.v1"), ("ce_id", b"7")],
        [*PACKED_SAID, ("ce_time", b"2026-01-31T09:30:00Z")],
    ],
)
def test_other_headers_may_stand_beside_the_content_type(headers: Any) -> None:
    random = Random(8)
    rows = [event(random) for _ in range(40)]
    panes, letters, _ = fed([Message(packed(one, ["age"]), said=headers) for one in rows], 10)
    assert not letters
    same(panes, counted(rows, NOW))


def test_a_packed_event_needs_no_header() -> None:
    random = Random(6)
    rows = [event(random) for _ in range(600)]
    messages = [
        Message(msgspec.json.encode(one) if at < 300 and at % 7 == 0 else packed(one, ["age"]))
        for at, one in enumerate(rows)
    ]
    panes, letters, _ = fed(messages, 100)
    assert not letters
    same(panes, counted(rows, NOW))


@pytest.mark.parametrize("other", ["application/json", "application/msgpack", "application/octet-stream", ""])
def test_the_first_byte_tells_where_the_header_does_not(other: str) -> None:
    one = event(Random(6))
    read = Reader().event(packed(one), [("content-type", other.encode())], "prediction", NOW)
    assert not isinstance(read, Reason)
    assert read.features == one["features"]  # type: ignore[union-attr]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_raise(data: bytes) -> None:
    assert unpacked(data) is not NotImplemented


@pytest.mark.slow
def test_bits_that_flip_and_messages_that_are_cut_stop_nothing() -> None:
    random = Random(9)
    good = [packed(event(random), ["age"]) for _ in range(400)]
    bad = [broken(random, good) for _ in range(6_000)]
    letters = compare([Message(body, said=PACKED_SAID) for body in good + bad])
    assert letters.total() > len(bad) / 4


def test_reasons_say_what_the_json_of_the_event_would_get() -> None:
    reader = Reader()
    wrong: list[dict[str, Any]] = [{"latency_ms": -1}, {"status": "fine"}, {"ts": 5}, {"segments": {"a": 5}}]
    for fields in wrong:
        one = {**event(Random(3)), **fields}
        as_json = reader.event(msgspec.json.encode(one), None, "prediction", NOW)
        assert isinstance(as_json, Reason)
        assert reader.event(packed(one), PACKED_SAID, "prediction", NOW) == as_json
