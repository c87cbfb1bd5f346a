"""Events whose keys come and go, or come in any order, are counted as if they were read one by one."""

import json
from random import Random
from typing import Any

import msgspec
import pytest

from schemas.decode import Reader
from schemas.layout import NUMBER, TEXT, form_of
from schemas.loose_layout import ABSENT, LooseLayout, merged
from schemas.prediction import Prediction
from stream.counting.alike import AlikeRows
from stream.counting.forms import JSON, SAMPLES, SEEN, Forms
from stream.counting.route import MISSED, TURNS
from tests.native.forms import almost, maker
from tests.profile.events import NOW
from tests.profile.test_alike import ODDITIES, Message, compare, counted_reads, decoded, event, fed

MISSING = 0.3  # of what may be absent


def sparse(random: Random, shuffled: bool = False) -> dict[str, Any]:
    """An event that says only some of what it could."""
    one = event(random)
    one["features"] |= {f"x{at}": random.gauss(at, 1) for at in range(8)}
    one["features"] |= {f"word{at}": random.choice(["a", "b", None]) for at in range(3)}
    one["segments"] |= {"tier": random.choice(["1", "2"])}
    one["signals"] = {f"cost{at}": random.random() for at in range(3)}
    one["tags"] = {f"tag{at}": "x" for at in range(3)}
    one |= {"version": random.choice(["1", "2"]), "latency_ms": random.choice([5, 7.5, None]), "tenant": "acme"}
    one |= {"status": random.choice(["ok", "timeout"]), "sample_rate": 2, "feature_ts": NOW - 7, "id": "a:b"}
    for name in ("features", "segments", "signals", "tags"):
        one[name] = {key: value for key, value in one[name].items() if random.random() >= MISSING}
        if shuffled:
            one[name] = dict(random.sample(list(one[name].items()), len(one[name])))
    kept = {key: value for key, value in one.items() if key in ALWAYS or random.random() >= MISSING}
    return dict(random.sample(list(kept.items()), len(kept))) if shuffled else kept


ALWAYS = ("kind", "model", "prediction")


def stream(seed: int, odd: float, only: str = "", shuffled: bool = False) -> list[Message]:
    """Messages of sparse events but for a share of odd ones."""
    random, messages = Random(seed), []
    for number in range(1_200):
        one = sparse(random, shuffled)
        if random.random() < odd:
            one = {**event(random), **one}  # what an oddity is made of has to be there
            one["features"].setdefault("age", 1)
            body = ODDITIES[only or random.choice(list(ODDITIES))](random, one)
        else:
            body = json.dumps(one).encode()
        messages.append(Message(body, at=NOW if random.random() < 0.99 else 0, number=number))
    return messages


@pytest.mark.slow
@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_odd_is_counted_or_refused_as_ever(oddity: str) -> None:
    compare(stream(1, 0.2, oddity), 200, subjects=12)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [1, 37, 500])
@pytest.mark.parametrize("shuffled", [False, True])
def test_all_oddities_together_change_nothing(seed: int, size: int, shuffled: bool) -> None:
    compare(stream(seed, [0.0, 0.02, 0.3, 1.0][seed], shuffled=shuffled), size)


@pytest.mark.parametrize("shuffled", [False, True])
@pytest.mark.parametrize("native", ["off", "auto"])
def test_forms_without_end_are_not_read_one_by_one(shuffled: bool, native: str) -> None:
    """All three models have a loose layout after a few times what it takes to see that they need one."""
    messages = stream(2, 0.0, shuffled=shuffled)
    with counted_reads() as read:
        fed(messages, 50, native=native)
    assert len(read) < len(messages) / 2


def test_a_few_forms_that_take_turns_have_strict_layouts() -> None:
    forms, texts = Forms(), [text({"x": 1} | {f"y{at}": at}) for at in range(TURNS)]
    for _ in range(3 * SEEN):
        decoded(forms, [])
        for each in texts:
            forms.learn("t", Prediction, each)
    found, others = decoded(forms, texts)
    assert not others
    assert all(not layout.loose for layout in found)


def text(features: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"model": "m", "features": features, "prediction": 0.5} | fields).encode()


def learnt(forms: Forms, random: Random, names: int, present: float) -> None:
    """As many different events as it takes for a loose layout."""
    for number in range(4 * MISSED):
        if number % SAMPLES == 0:
            decoded(forms, [])
        forms.learn("t", Prediction, text({f"x{at}": at for at in range(names) if random.random() < present}))


def test_a_key_that_is_new_is_learnt() -> None:
    forms, random = Forms(), Random(1)
    learnt(forms, random, 12, 0.7)
    assert decoded(forms, [text({"x3": 1}), text({"x13": 1})])[1] == [1]
    learnt(forms, random, 16, 0.7)
    found, others = decoded(forms, [text({"x3": 1}), text({"x13": 1})])
    assert not others
    assert [layout.loose for layout in found] == [True]


def test_names_that_hardly_ever_come_again_have_no_layout() -> None:
    forms, random = Forms(), Random(1)
    learnt(forms, random, 400, 0.01)
    assert decoded(forms, [text({"x3": 1})])[1] == [0]


def test_what_is_absent_is_not_null() -> None:
    one, other = (form_of({"model": "m", "features": {name: None}}, Prediction) for name in ("age", "plan"))
    assert one is not None
    assert other is not None
    form = merged(one, other)
    assert form is not None
    layout = LooseLayout(form, {("features", "age"): NUMBER, ("features", "plan"): TEXT})
    texts = [b'{"model":"m","features":{"age":null}}', b'{"features":{"plan":null},"model":"m"}', b'{"model":"m"}']
    [(features, _)] = layout.families
    found = list(map(msgspec.structs.astuple, features(layout.rows(texts))))
    assert found == [(None, ABSENT), (ABSENT, None), (ABSENT, ABSENT)]


def test_what_every_event_of_a_kind_must_have_is_missed_in_any_form() -> None:
    """`features` of a feature event: without them it is a dead letter, also among others that come and go."""
    random, texts = Random(7), []
    for _ in range(400):
        further = {name: "u" for name in ("entity_id", "id", "version", "feature_set") if random.random() < 0.5}
        one = {"kind": "feature", "model": "m", "features": {"age": random.random(), "nps": None}, **further}
        texts.append(json.dumps(dict(random.sample(list(one.items()), len(one)))).encode())
    messages = [Message(text, number=number) for number, text in enumerate([*texts, b'{"kind":"feature","model":"m"}'])]
    _, letters, _ = fed(messages, 50)
    assert [value for _, value, _ in letters] == [messages[-1].value()]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"model": "m", "prediction": 1}, {"model": "m"}),
        ({"model": "m", "prediction": 1}, {"model": "m", "prediction": "a"}),
        ({"model": "m", "prediction": {"score": 1}}, {"model": "m", "prediction": {"value": 1}}),
        ({"model": "m", "ts": 1}, {"model": "m", "ts": "2026-01-31T09:30:00Z"}),
        ({"kind": "prediction", "model": "m"}, {"model": "m"}),
    ],
)
def test_forms_that_contradict_each_other_are_not_merged(one: dict[str, Any], other: dict[str, Any]) -> None:
    forms = [form_of(each, Prediction) for each in (one, other)]
    assert forms[0] is not None
    assert forms[1] is not None
    assert merged(forms[0], forms[1]) is None
    assert merged(forms[1], forms[0]) is None
    assert merged(forms[0], forms[0]) == forms[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_texts_that_are_almost_events_are_counted_or_refused_as_ever(seed: int) -> None:
    random = Random(seed)
    _, make = maker(random, 5)
    good = [json.dumps(thinned(random, make()), ensure_ascii=False).encode() for _ in range(300)]
    bad = [almost(random, one, random.choice(good)) for one in good]
    mixed = [Message(value, number=number) for number, value in enumerate(random.sample(good + bad, len(good + bad)))]
    compare([*(Message(value) for value in good), *mixed], 150)


def thinned(random: Random, tree: dict[str, Any]) -> dict[str, Any]:
    """The same event with less in its features, segments, signals and tags."""
    return {
        name: {key: inner for key, inner in value.items() if random.random() < 0.7}
        if name in ("features", "segments", "signals", "tags")
        else value
        for name, value in tree.items()
    }


def test_a_wire_without_loose_layouts_learns_none() -> None:
    assert JSON.loose is LooseLayout
    assert AlikeRows(Reader(), 0).packed._wire.loose is None
