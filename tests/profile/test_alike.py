"""The short way of an event changes nothing: not a count, and not a dead letter."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from schemas.dead_letter import Headers
from schemas.decode import Reader
from schemas.layout import Layout, form_of, kinds_of
from schemas.prediction import Prediction
from stream.counting.alike import AlikeRows
from stream.counting.forms import FORMS, SAMPLES, SEEN, Forms, Pieces
from stream.engine.role import Lane, Output
from stream.roles.profile import Profile
from tests.profile.events import NOW, TOPICS, Sent, flushed, role
from tests.profile.reference import merged
from tests.profile.test_counting import EVERYTHING_IS_PUBLIC, same
from tests.schemas.corpus import GOOD


def event(random: Random, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "prediction",
        "model": f"m{random.randrange(3)}",
        "ts": NOW - random.randrange(1_000),
        "features": {"age": random.gauss(40, 8), "plan": random.choice(["pro", "free"]), "new": random.random() < 0.5},
        "prediction": random.random(),
        "segments": {"region": random.choice(["eu", "us"])},
        **fields,
    }


ODDITIES: dict[str, Callable[[Random, dict[str, Any]], bytes]] = {
    "nulls": lambda random, one: json.dumps({**one, "features": dict.fromkeys(one["features"])}).encode(),
    "another order": lambda random, one: json.dumps(dict(reversed(one.items()))).encode(),
    "a column less": lambda random, one: json.dumps({**one, "features": {"age": 1}}).encode(),
    "no features": lambda random, one: json.dumps({**one, "features": {}}).encode(),
    "another type": lambda random, one: json.dumps({**one, "features": {**one["features"], "age": "41"}}).encode(),
    "truth for a number": lambda random, one: json.dumps({**one, "prediction": True}).encode(),
    "a key twice": lambda random, one: json.dumps(one).encode().replace(b'"age":', b'"age": 1, "age":'),
    "a feature twice in disguise": lambda random, one: (
        json.dumps(one).encode().replace(b'"age":', b'"\\u0061ge": 1, "age":')
    ),
    "the model twice": lambda random, one: json.dumps(one).encode().replace(b'"ts":', b'"model": "other", "ts":'),
    "a colon in a text": lambda random, one: json.dumps({**one, "segments": {"region": 'e":u'}}).encode(),
    "blanks before colons": lambda random, one: json.dumps(one, separators=(",", " : ")).encode(),
    "an unknown field": lambda random, one: json.dumps({**one, "colour": "red"}).encode(),
    "NaN": lambda random, one: json.dumps({**one, "prediction": float("nan")}).encode(),
    "a huge number": lambda random, one: json.dumps({**one, "prediction": 10**400}).encode(),
    "seconds": lambda random, one: json.dumps({**one, "ts": NOW // 1000}).encode(),
    "tomorrow": lambda random, one: json.dumps({**one, "ts": NOW + 2 * 86_400_000}).encode(),
    "a text as time": lambda random, one: json.dumps({**one, "ts": "2026-09-21T12:00:00Z"}).encode(),
    "no time at all": lambda random, one: json.dumps({**one, "ts": "yesterday"}).encode(),
    "a bad name": lambda random, one: json.dumps({**one, "model": "no spaces, please"}).encode(),
    "a bad version": lambda random, one: json.dumps({**one, "version": "1 beta"}).encode(),
    "many versions": lambda random, one: json.dumps({**one, "version": f"v{random.randrange(10**6)}"}).encode(),
    "a subject too many": lambda random, one: json.dumps({**one, "model": f"x{random.randrange(10**6)}"}).encode(),
    "a negative latency": lambda random, one: json.dumps({**one, "latency_ms": -1}).encode(),
    "a class": lambda random, one: json.dumps({**one, "prediction": {"label": 3, "score": 0.5}}).encode(),
    "half an answer": lambda random, one: json.dumps({**one, "prediction": {"label": None, "score": 0.5}}).encode(),
    "a sample": lambda random, one: json.dumps({**one, "sample_rate": 2.5}).encode(),
    "too large a sample": lambda random, one: json.dumps({**one, "sample_rate": random.choice([2, 1e10])}).encode(),
    "an embedding": lambda random, one: json.dumps({**one, "embeddings": {"text": [1.0, 2.0]}}).encode(),
    "a feature event": lambda random, one: json.dumps(
        {"kind": "feature", "model": "f", "features": one["features"], "feature_set": "s"}
    ).encode(),
    "a label": lambda random, one: json.dumps({"kind": "label", "model": "m0", "label": 1, "ts": NOW}).encode(),
    "a retraction": lambda random, one: json.dumps({"kind": "label", "model": "m0", "op": "retract"}).encode(),
    "no kind": lambda random, one: json.dumps({name: one[name] for name in list(one)[1:]}).encode(),
    "cut off": lambda random, one: json.dumps(one).encode()[:-3],
    "nothing": lambda random, one: b"",
    "not an object": lambda random, one: b"[1]",
    "an envelope": lambda random, one: json.dumps(
        {"specversion": "1.0", "type": "prediction", "id": "1", "source": "/", "data": one}
    ).encode(),
}
HEADERS: tuple[Headers | None, ...] = (
    None,
    [],
    [("origin", b"a test")],
    [("content-type", b"application/json")],
    [("content-type", b"application/avro")],
    [("traceparent", b"00-1-2-01")],
    [("ce_type", b"com.acme.prediction.v1"), ("ce_id", b"7")],
    [("ce_type", b"com.acme.label.v1")],
    [("ce_id", b"7" * 600)],
    [("ce_time", b"yesterday")],
)


class Message(Sent):
    said: Headers | None = None

    def headers(self) -> Headers | None:
        return self.said


def stream(seed: int, odd: float, only: str = "") -> list[Message]:
    """Messages that are alike but for a share of odd ones."""
    random, messages = Random(seed), []
    for number in range(1_500):
        one = event(random)
        name = only or random.choice(list(ODDITIES))
        body = ODDITIES[name](random, one) if random.random() < odd else json.dumps(one).encode()
        message = Message(body, at=NOW if random.random() < 0.99 else random.choice([0, -1, NOW - 5]), number=number)
        message.said = random.choice(HEADERS) if random.random() < odd else None
        messages.append(message)
    return messages


def decoded(forms: Forms, texts: list[bytes]) -> tuple[list[Layout], list[int]]:
    """The layouts that are found for some texts, and the places of those that fit none."""
    others: list[int] = []
    return [layout for layout, _ in forms.decoded("t", texts, others)], others


@contextmanager
def one_by_one() -> Iterator[None]:
    def nothing_fits(self: Forms, topic: str, values: list[bytes], others: list[int], many: int) -> Iterator[Pieces]:
        others += range(len(values))
        yield from ()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Forms, "decoded", nothing_fits)
        yield


@contextmanager
def counted_reads() -> Iterator[list[bytes]]:
    """The messages that are read one by one in the meantime."""
    read: list[bytes] = []
    event_of = Reader.event

    def noted(self: Reader, value: bytes, *rest: Any) -> Any:
        read.append(value)
        return event_of(self, value, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reader, "event", noted)
        yield read


def fed(
    messages: list[Message], size: int, subjects: int = 5_000, native: str = "off"
) -> tuple[Any, Counter[Any], Profile]:
    counting = role(privacy=EVERYTHING_IS_PUBLIC, profile={"subjects": subjects, "projections": 2, "native": native})
    dead: list[Output] = []
    for first in range(0, len(messages), size):
        dead += counting.count(Lane(TOPICS["prediction"], 0), messages[first : first + size])
    whole = list(counting.flush("profile/1-1"))
    dead += [output for output in whole if output.topic == "leeway.dlq"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "flush", lambda name: [output for output in whole if output.topic != "leeway.dlq"])
        panes = flushed(counting)
    letters = Counter((letter.key, letter.value, str(letter.headers)) for letter in dead)
    return merged([pane for pane in panes if pane.rows]), letters, counting


def compare(messages: list[Message], size: int = 500, subjects: int = 5_000, native: str = "off") -> None:
    panes, letters, _ = fed(messages, size, subjects, native)
    with one_by_one():
        right, right_letters, _ = fed(messages, size, subjects)
    same(panes, right)
    assert letters == right_letters


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_counted_or_refused_as_ever(oddity: str) -> None:
    compare(stream(1, 0.2, oddity), subjects=12)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 37, 500])
def test_all_oddities_together_change_nothing(seed: int, size: int) -> None:
    compare(stream(seed, [0.02, 0.1, 0.5, 1.0][seed]), size)


def test_messages_that_are_alike_are_not_read_one_by_one() -> None:
    with counted_reads() as read:
        fed(stream(2, 0.0), 100)
    assert len(read) <= 100


def test_models_with_other_columns_take_the_short_way_too() -> None:
    random = Random(3)
    messages = [
        Message(json.dumps(event(random, model=f"m{i % 9}", features={f"x{i % 9}": i, "plan": f"p{i % 5}"})).encode())
        for i in range(3_000)
    ]
    with counted_reads() as read:
        fed(messages, 100)
    assert len(read) <= 100 * (9 * SEEN / SAMPLES + 1)


def of_several_models(usual: float, many: int = 3_000) -> list[Message]:
    """Messages of five models whose columns differ in name alone; so many of them are of one, the others take turns."""
    random, messages = Random(6), []
    for number in range(many):
        own = 0 if random.random() < usual else random.randrange(5)
        features = {
            f"x{own}": number / 7,
            f"y{own}": random.choice("abc"),
            "both": None if random.random() < 0.1 else own,
        }
        one = event(random, model=f"m{own}", features=features)
        if random.random() < 0.05:
            one["ts"] = NOW + 2 * 86_400_000  # fits its layout, and is odd all the same
        messages.append(Message(json.dumps(one).encode(), number=number))
    return messages


@pytest.mark.parametrize("size", [40, 500])
@pytest.mark.parametrize("usual", [0.0, 0.5, 0.95])
def test_models_whose_columns_differ_in_name_alone_are_told_apart(usual: float, size: int) -> None:
    """Whether one of them is usual, or all take turns; most of their rows share a block."""
    compare(of_several_models(usual), size)


def test_forms_of_one_model_that_differ_in_names_alone_add_up() -> None:
    random = Random(9)
    features: list[dict[str, Any]] = [{"both": 1.5, f"x{at}": at, "plan": "pro"} for at in range(3)]
    messages = [
        Message(json.dumps(event(random, model="m", features=features[number % 3])).encode(), number=number)
        for number in range(1_500)
    ]
    compare(messages)


def test_forms_without_end_are_forgotten() -> None:
    forms = Forms()
    for number in range(FORMS + 10):
        if number % SAMPLES == 0:
            decoded(forms, [])
        forms.learn("t", Prediction, json.dumps({"model": "m", "features": {f"x{number}": 1}}).encode())
    assert len(forms._known) < FORMS


def test_a_column_that_becomes_another_type_gets_another_layout() -> None:
    forms = Forms()

    def learnt(value: object, events: int) -> list[Layout]:
        text = json.dumps({"model": "m", "features": {"x": value}}).encode()
        for _ in range(events):
            decoded(forms, [])
            forms.learn("t", Prediction, text)
        return decoded(forms, [text])[0]

    assert [layout.columns for layout in learnt(1, SEEN)] == [["number"]]
    assert [layout.columns for layout in learnt("1", 3 * SEEN)] == [["text"]]


def test_no_key_twice_is_proved_for_all_at_once_or_for_each() -> None:
    tree = json.loads(GOOD)
    form = form_of(tree, Prediction)
    assert form is not None
    layout = Layout(form, kinds_of(tree, form))
    colon = json.dumps({**tree, "features": {"age": 1, "plan": "a:b"}}).encode()
    escaped = json.dumps({**tree, "features": {"age": 1, "plan": "\\"}}).encode()
    twice = GOOD.replace(b'"age"', b'"age": 1, "age"')

    def unproved(texts: list[bytes]) -> list[int]:
        return layout.unproved(texts, texts)  # rows of a strict layout have nothing to add

    assert unproved([GOOD] * 3) == []
    assert unproved([GOOD, colon]) == []
    assert unproved([GOOD, colon, twice]) == [2]
    assert unproved([GOOD, escaped]) == []  # as many colons as keys
    assert unproved([escaped.replace(b"\\\\", b"\\\\:")]) == [0]


def test_what_waits_is_dropped_with_its_lanes() -> None:
    counting = role()
    messages = stream(4, 0.0)[:120]
    counting.count(Lane(TOPICS["prediction"], 0), messages[:60])
    counting.count(Lane(TOPICS["prediction"], 0), messages[60:])
    counting.forget()
    assert [pane for pane in flushed(counting) if pane.rows] == []
    assert isinstance(counting._alike, AlikeRows)
    assert counting._alike.rows == 0


def test_a_time_from_kafka_is_used_where_there_is_none() -> None:
    random = Random(5)
    messages = [
        replace(sent, at=NOW + number)
        for number, sent in enumerate(
            Sent(json.dumps({name: value for name, value in event(random).items() if name != "ts"}).encode())
            for _ in range(600)
        )
    ]
    counting = role()
    for first in (0, 300):
        counting.count(Lane(TOPICS["prediction"], 0), messages[first : first + 300])
    panes = flushed(counting)
    assert min(pane.since for pane in panes) == NOW
    assert max(pane.until for pane in panes) == NOW + 599


@pytest.mark.parametrize("cells", [1, 100])
def test_wide_events_are_laid_out_a_few_at_a_time_and_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    monkeypatch.setattr("stream.counting.forms.CELLS", cells)
    compare(stream(3, 0.2), 500)
