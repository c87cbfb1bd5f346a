"""A batch in Arrow's columns counts what its rows would count as JSON, or nothing at all, and the letter says why."""

import sys
from collections.abc import Callable
from math import inf, nan
from random import Random
from typing import Any

import pytest

from schemas.dead_letter import Headers
from stream.counting import arrow as product
from stream.engine.role import Lane
from stream.roles.profile import Profile
from tests.profile.events import NOW, TOPICS, flushed, role
from tests.profile.reference import counted, merged
from tests.profile.test_counting import EVERYTHING_IS_PUBLIC, same
from tests.wire.writers import ARROW_SAID, Message, arrow, broken, columns

pa = pytest.importorskip("pyarrow")
ipc = pytest.importorskip("stream.counting.ipc")

Table = dict[str, Any]


def event(random: Random, kind: str = "prediction") -> dict[str, Any]:
    """A row; any row lacks any of the fields that it may lack."""
    one: dict[str, Any] = {
        "kind": kind,
        "model": f"m{random.randrange(3)}",
        "ts": NOW - random.randrange(2_000_000),
        "version": random.choice(["1", "2"]),
        "environment": random.choice(["live", "test"]),
        "sample_rate": random.choice([1.0, 2.5]),
        "features": {
            "age": random.choice([None, random.gauss(40, 8)]),
            "count": random.choice([None, 0, -3, 2**53 + 1]),
            "plan": random.choice(["pro", "free", "", None]),
            "new": random.choice([True, False, None]),
        },
        "segments": {"region": random.choice(["eu", "us"]), "device": random.choice(["pc", "tv"])},
    }
    if kind == "prediction":
        one |= {
            "prediction": random.choice([None, random.random()]),
            "latency_ms": random.choice([None, 12.5]),
            "status": random.choice(["ok", "error"]),
            "signals": {"cost": random.choice([None, random.random()])},
        }
    else:
        one["feature_set"] = random.choice(["s", "t"])
    for name in ("ts", "version", "environment", "sample_rate", "status", "feature_set"):
        if random.random() < 0.1:
            one.pop(name, None)
    if random.random() < 0.1:
        del one["segments"]["region"]
    return one


def classes(random: Random) -> dict[str, Any]:
    """A row with a whole answer, or a part of one."""
    answer = {"label": random.choice(["stays", "leaves"]), "score": random.random()}
    return {
        "kind": "prediction",
        "model": "m",
        "prediction": {part: value for part, value in answer.items() if random.random() < 0.8},
    }


def a_class(random: Random) -> dict[str, Any]:
    return {"kind": "prediction", "model": "m", "prediction": random.choice(["stays", "leaves", None])}


def a_truth(random: Random) -> dict[str, Any]:
    return {"kind": "prediction", "model": "m", "prediction": random.choice([True, False, None]), "status": "ok"}


def handed(counting: Profile, *bodies: bytes, kind: str = "prediction", said: Headers = ARROW_SAID) -> list[str]:
    """Hand messages over; the code and the sentence of each dead letter."""
    messages = [Message(body, number=number, said=said) for number, body in enumerate(bodies)]
    letters = [dict(letter.headers) for letter in counting.count(Lane(TOPICS[kind], 0), messages)]
    return [f"{letter['leeway.error.code'].decode()}: {letter['leeway.error.message'].decode()}" for letter in letters]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["prediction", "feature"])
def test_batches_add_up_to_their_rows(kind: str, seed: int) -> None:
    random = Random(seed)
    rows = [event(random, kind) for _ in range(60)]
    counting = role(privacy=EVERYTHING_IS_PUBLIC)
    tables = [columns(rows[:20]), columns(rows[20:21]), columns(rows[21:])]
    assert handed(counting, *map(arrow, tables), kind=kind) == []
    same(merged(flushed(counting)), counted(rows, NOW))


@pytest.mark.parametrize("make", [classes, a_class, a_truth])
def test_answers_of_any_type_add_up_too(make: Callable[[Random], dict[str, Any]]) -> None:
    random = Random(5)
    rows = [make(random) for _ in range(50)]
    counting = role(privacy=EVERYTHING_IS_PUBLIC)
    assert handed(counting, arrow(columns(rows))) == []
    same(merged(flushed(counting)), counted(rows, NOW))


def table(rows: int = 6, **changes: Any) -> Table:
    """A good table with some changes; `None` leaves a column out, and `__` is a dot."""
    good = {
        "model": ["m", "n"] * (rows // 2),
        "ts": [NOW] * rows,
        "features.age": [float(row) for row in range(rows)],
        "features.plan": ["pro", "free", None] * (rows // 3),
        "prediction": [0.5] * rows,
        "segments.region": ["eu"] * rows,
    }
    good |= {name.replace("__", "."): value for name, value in changes.items()}
    return {name: value for name, value in good.items() if value is not None}


def expected(changes: Table) -> Any:
    """What a table with these changes in plain values counts."""
    plain = table(**changes)
    rows = []
    for row in range(6):
        one: dict[str, Any] = {"kind": "prediction"}
        for name, values in plain.items():
            head, _, key = name.partition(".")
            if key:
                one.setdefault(head, {})[key] = values[row]
            else:
                one[head] = values[row]
        rows.append(one)
    return counted(rows, NOW)


SPELLINGS: dict[str, tuple[Table, Table]] = {  # how a column may be written, and what it says
    "floats": ({"features__age": pa.array([1, 2, 3, 4, 5, 6], pa.float32())}, {"features__age": [1, 2, 3, 4, 5, 6]}),
    "half floats": ({"features__age": pa.array([1.5] * 6, pa.float16())}, {"features__age": [1.5] * 6}),
    "small integers": ({"features__age": pa.array([1] * 6, pa.uint8())}, {"features__age": [1] * 6}),
    "large integers": ({"features__age": pa.array([2**64 - 1] * 6, pa.uint64())}, {"features__age": [2**64 - 1] * 6}),
    "decimals": ({"features__age": pa.array([1] * 6, pa.decimal128(9, 2))}, {"features__age": [1] * 6}),
    "nothing but nulls": ({"features__age": pa.nulls(6)}, {"features__age": [None] * 6}),
    "infinite": ({"features__age": [1.0, inf, -inf, nan, None, 2]}, {"features__age": [1, None, None, None, None, 2]}),
    "a dictionary": (
        {"features__plan": pa.array(["a", "b", None] * 2).dictionary_encode()},
        {"features__plan": ["a", "b", None] * 2},
    ),
    "a dictionary with a text twice, null and more": (
        {
            "features__plan": pa.DictionaryArray.from_arrays(
                pa.array([0, 1, 2, 3, None, 0], pa.int8()), pa.array(["a", "a", None, "b", "never" * 1_000])
            )
        },
        {"features__plan": ["a", "a", None, "b", None, "a"]},
    ),
    "a dictionary of numbers": (
        {"features__age": pa.array([1.0, 2.0, None] * 2).dictionary_encode()},
        {"features__age": [1, 2, None] * 2},
    ),
    "large texts": ({"features__plan": pa.array(["ä"] * 6, pa.large_string())}, {"features__plan": ["ä"] * 6}),
    "views of texts": ({"features__plan": pa.array(["ä"] * 6, pa.string_view())}, {"features__plan": ["ä"] * 6}),
    "models in a dictionary": ({"model": pa.array(["m", "n"] * 3).dictionary_encode()}, {}),
    "time stamps": ({"ts": pa.array([NOW * 1000] * 6, pa.timestamp("us", "UTC"))}, {}),
    "time stamps elsewhere": ({"ts": pa.array([NOW] * 6, pa.timestamp("ms", "Asia/Tokyo"))}, {}),
    "times as texts": ({"ts": ["2026-09-21T14:13:20Z"] * 6}, {}),
    "structs": (
        {"features__age": None, "features__plan": None}
        | {"features": pa.array([{"age": 3.0, "plan": "a"}, {"age": None, "plan": None}, None] * 2)},
        {"features__age": [3, None, None] * 2, "features__plan": ["a", None, None] * 2},
    ),
    "a name with dots": ({"features__a.b": [1.0] * 6}, {"features__a.b": [1] * 6}),
    "columns that nobody counts": ({"id": ["a"] * 6, "tags__team": ["x"] * 6, "entity_id": pa.nulls(6)}, {}),
    "unknown columns": ({"colour": ["red"] * 6, "model__x": [1] * 6, "id__x": [1] * 6}, {}),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_column_may_be_written_in_many_ways(name: str) -> None:
    changes, said = SPELLINGS[name]
    counting = role(privacy=EVERYTHING_IS_PUBLIC)
    assert handed(counting, arrow(table(**changes))) == []
    same(merged(flushed(counting)), expected(said))


def test_what_is_forgiven_is_counted() -> None:
    counting = role()
    assert handed(counting, arrow(table(features__age=[inf, nan, None, 1, 2, 3], colour=["red"] * 6))) == []
    assert dict(counting.reader.nonfinite) == {"features.age": 2}
    assert dict(counting.reader.unknown) == {"colour": 6}


REFUSED: dict[str, tuple[Table, str]] = {
    "no model": ({"model": None}, "schema: model: missing"),
    "a null model": ({"model": ["m", None] * 3}, "schema: model: missing"),
    "a bad model": ({"model": ["m"] * 5 + ["no spaces"]}, "schema: model: not a name"),
    "an empty model": ({"model": ["m"] * 5 + [""]}, "schema: model: a name must not be empty"),
    "a model that is a number": ({"model": [7] * 6}, "schema: model: expected text, got int64"),
    "a long version": ({"version": ["x" * 129] * 6}, "too_large: version: a text of 129 characters"),
    "a bad name of a feature": ({"features__the age": [1.0] * 6}, "schema: features.the age: not a name"),
    "a list for a feature": ({"features__age": [[1.0]] * 6}, "schema: features.age: expected a number, text or null"),
    "a struct for a feature": ({"features__age": [{"a": 1}] * 6}, "schema: features.age: expected a number, text or"),
    "bytes for a feature": ({"features__age": [b"x"] * 6}, "schema: features.age: expected a number, text or null"),
    "features that are none": ({"features": [1.0] * 6}, "schema: features: expected a column of structs"),
    "a feature in both": (
        {"features": [{"age": 1.0}] * 6},
        "schema: features.age: appears twice",
    ),
    "a long text": ({"features__plan": ["x" * 4_097] * 6}, "too_large: features.plan: a text of 4,097 characters"),
    "too many features": ({f"features__x{i}": [1.0] * 6 for i in range(511)}, "too_large: features: 513 entries"),
    "too many segments": ({f"segments__x{i}": ["a"] * 6 for i in range(16)}, "too_large: segments: 17 entries"),
    "a segment that is a number": ({"segments__region": [1] * 6}, "schema: segments.region: expected text"),
    "a signal that is a text": ({"signals__cost": ["1"] * 6}, "schema: signals.cost: expected a number or null"),
    "a negative latency": ({"latency_ms": [1, 2, 3, 4, 5, -1]}, "schema: latency_ms: expected at least 0"),
    "half a sample": ({"sample_rate": [1, 2, 3, 4, 5, 0.5]}, "schema: sample_rate: expected at least 1"),
    "too large a sample": (
        {"sample_rate": [1, 2, 3, 4, 5, 1e10]},
        "schema: sample_rate: expected at most 1,000,000,000",
    ),
    "another status": ({"status": ["ok"] * 5 + ["fine"]}, "schema: status: expected ok, error, timeout"),
    "seconds": ({"ts": [NOW // 1000] * 6}, "clock: ts: in 1970 if read as milliseconds"),
    "tomorrow": ({"ts": [NOW] * 5 + [NOW + 2 * 86_400_000]}, "clock: ts: 48.0 hours ahead of"),
    "zeros for times": ({"ts": [0] * 6}, "clock: ts: zero"),
    "time stamps without a zone": ({"ts": pa.array([NOW] * 6, pa.timestamp("ms"))}, "clock: ts: a time without an off"),
    "times that are none": ({"ts": ["yesterday"] * 6}, "clock: ts: not an RFC 3339 time"),
    "times as floats": ({"feature_ts": [1.5] * 6}, "schema: feature_ts: expected a time, got double"),
    "a bad other time": ({"feature_ts": [5] * 6}, "clock: feature_ts: in 1970"),
    "a long id": ({"id": ["x" * 513] * 6}, "too_large: id: a text of 513 characters"),
    "a part that no answer has": (
        {"prediction": None, "prediction__top": [1.0] * 6},
        "schema: prediction.top: unknown",
    ),
    "a number as the label of an answer": (
        {"prediction": None, "prediction__value": ["a"] * 6},
        "schema: prediction.v",
    ),
    "embeddings": ({"embeddings": [[1.0]] * 6}, "schema: embeddings: not read from an Arrow stream"),
    "a kind": ({"kind": ["feature"] * 6}, "schema: kind: all events of an Arrow stream are of one kind"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_one_bad_value_refuses_the_message_and_no_other(name: str) -> None:
    changes, sentence = REFUSED[name]
    counting = role(privacy=EVERYTHING_IS_PUBLIC)
    good = arrow(table())
    (letter,) = handed(counting, good, arrow(table(**changes)), good)
    assert letter.startswith(sentence)
    assert sum(pane.rows for pane in flushed(counting)) == 12


def test_a_batch_of_features_needs_features() -> None:
    assert handed(role(), arrow({"model": ["m"]}), kind="feature") == ["schema: features: missing"]


def test_a_column_that_comes_twice_is_refused() -> None:
    batch = pa.record_batch([pa.array(["m"]), pa.array(["n"])], names=["model", "model"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    assert handed(role(), bytes(sink.getvalue())) == ["schema: model: appears twice"]


def test_a_subject_too_many_refuses_the_whole_message() -> None:
    counting = role(profile={"subjects": 3})
    (letter,) = handed(counting, arrow(table()), arrow(table(model=["m", "x", "y", "z", "m", "m"])), arrow(table()))
    assert letter.startswith("over_quota: model 'y'")
    assert sum(pane.rows for pane in flushed(counting)) == 12


def test_all_batches_of_a_message_count_or_none() -> None:
    counting = role()
    (letter,) = handed(counting, arrow(table(), table(latency_ms=None, prediction=[0.5] * 6, model=["m", ""] * 3)))
    assert letter.startswith("schema: model")
    assert [pane for pane in flushed(counting) if pane.rows] == []


def test_the_header_says_the_kind_too() -> None:
    counting = role()
    assert handed(counting, arrow(table(prediction=None)), said=[*ARROW_SAID, ("ce_type", b"feature")]) == []
    assert {pane.subject.source for pane in flushed(counting)} == {"feature"}
    (letter,) = handed(counting, arrow(table()), kind="label")
    assert letter == "schema: a label in an Arrow stream"


def test_a_row_without_a_time_has_that_of_kafka() -> None:
    counting = role()
    assert handed(counting, arrow(table(ts=[NOW - 5, None] * 3)), arrow(table(ts=None))) == []
    assert {pane.until for pane in flushed(counting)} == {NOW}


def test_no_rows_are_no_events() -> None:
    counting = role()
    empty = arrow({"model": pa.array([], pa.string())})
    schema_only = pa.BufferOutputStream()
    pa.ipc.new_stream(schema_only, pa.schema([("model", pa.string())])).close()
    assert handed(counting, empty, bytes(schema_only.getvalue())) == []
    assert [pane for pane in flushed(counting) if pane.rows] == []


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "compressed bodies": (
        lambda: arrow({"model": ["m"] * 60_000}, compression="zstd"),
        "bad_json: the bodies of the Arrow stream are compressed",
    ),
    "a compressed dictionary": (
        lambda: arrow({"model": pa.array(["m" * 90, "n" * 90] * 900).dictionary_encode()}, compression="lz4"),
        "bad_json: the bodies of the Arrow stream are compressed",
    ),
    "rows that cost nothing": (
        lambda: arrow({"model": pa.nulls(10**9)}),
        "too_large: 1,000,000,000 rows of 1 columns or more",
    ),
    "columns that cost nothing": (
        lambda: arrow({f"features.x{i}": pa.nulls(60_000) for i in range(500)}),
        "too_large: 60,000 rows of 500 columns or more",
    ),
    "very many columns": (
        lambda: arrow({f"features.x{i}": pa.nulls(1) for i in range(2_100)}),
        "too_large: 2,100 columns",
    ),
    "a run without end": (
        lambda: arrow({"model": pa.RunEndEncodedArray.from_arrays(pa.array([10**9]), pa.array(["m"]))}),
        "too_large: 1,000,000,000 rows",
    ),
    "batches without end": (
        lambda: arrow(*[{"x": pa.nulls(60_000)}] * 100),
        "too_large: 120,000 rows",
    ),
    "a large message": (
        lambda: arrow({"model": ["m" * 100] * 20_000}),
        "too_large: the message has ",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_message_that_would_be_larger_than_it_looks_is_refused(name: str) -> None:
    make, sentence = BOMBS[name]
    (letter,) = handed(role(), make())
    assert letter.startswith(sentence)


def test_what_is_no_stream_is_refused() -> None:
    whole = arrow(table())
    file = pa.BufferOutputStream()
    batch = pa.record_batch({"model": ["m"]})
    with pa.ipc.new_file(file, batch.schema) as writer:
        writer.write_batch(batch)
    for body in (b"", b"x", b"{}", bytes(file.getvalue()), whole[: len(whole) // 2], whole[3:]):
        (letter,) = handed(role(), body)
        assert letter.startswith("bad_json: not an Arrow stream"), body[:20]


def test_without_pyarrow_the_letter_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("stream.counting.ipc", "stream.counting.arrow_columns", "pyarrow"):
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delattr("stream.counting.ipc", raising=False)
    monkeypatch.delattr("stream.counting.arrow_columns", raising=False)
    counting = role()
    messages = [Message(arrow_of_before, said=ARROW_SAID)]
    (letter,) = counting.count(Lane(TOPICS["prediction"], 0), messages)
    said = dict(letter.headers)
    assert b"no pyarrow" in said["leeway.error.message"]
    assert b"leeway[arrow]" in said["leeway.error.hint"]


arrow_of_before = arrow(table())


def test_layouts_without_end_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "LAYOUTS", 4)
    counting = role()
    assert handed(counting, *(arrow(table(**{f"features__x{number}": [1.0] * 6})) for number in range(10))) == []
    assert len(counting._arrow._layouts) <= 4
    assert sum(pane.rows for pane in flushed(counting)) == 60


def test_a_message_with_as_many_rows_as_a_cut_is_cut() -> None:
    counting = role()
    large = arrow({"model": pa.array(["m"] * 60_000).dictionary_encode(), "features.x": pa.nulls(60_000)})
    assert handed(counting, large, large, large) == []
    panes = flushed(counting)
    assert [pane.rows for pane in panes] == [120_000, 60_000]


@pytest.mark.slow
def test_bits_that_flip_and_streams_that_are_cut_stop_nothing() -> None:
    random, counting = Random(11), role(profile={"subjects": 50})
    good = [
        arrow(columns([event(random) for _ in range(9)])),
        arrow({**table(), "features": [{"a": 1.0, "b": "x"}] * 6}, table() | {"features": [{"a": 1.0, "b": "x"}] * 6}),
        arrow(table(features__plan=pa.array(["a", "b", None] * 2).dictionary_encode())),
    ]
    letters = 0
    for number in range(2_500):
        letters += len(handed(counting, broken(random, good)))
        if number % 500 == 0:
            flushed(counting)
    assert 600 < letters < 2_500
