"""Whatever is written to a topic, a reader answers with an event or a reason. Some thousands of messages, seeded."""

import json
import random
from math import isfinite

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from schemas import records
from schemas.dead_letter import CODES, Reason
from schemas.decode import Reader
from schemas.explain import KINDS, findings
from schemas.json_text import parse, twice
from tests.schemas.corpus import AT_MS, GOOD

QUIET = settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
OURS = (records.pane, records.binning, records.anomaly, records.incident, records.command, records.heartbeat)

FULL = {
    "prediction": {
        "kind": "prediction",
        "model": "churn",
        "id": "a:1",
        "ts": "2026-09-21T09:30:00Z",
        "version": "7",
        "deployment": "churn-prod",
        "sample_rate": 2,
        "segments": {"region": "eu"},
        "tags": {"team": "growth"},
        "features": {"age": 41, "plan": "pro", "nps": None, "new": True, "income": 1.5e4},
        "embeddings": {"text": [0.25, -1]},
        "prediction": {"value": 0.83, "label": "yes", "scores": {"yes": 0.83, "no": 0.17}},
        "latency_ms": 12.5,
        "status": "ok",
        "error": {"code": "E1", "message": "none"},
        "signals": {"cost": 0.02, "tokens": None},
    },
    "feature": {"kind": "feature", "model": "churn", "features": {"age": 41.0}, "feature_set": "u", "origin": "batch"},
    "label": {"kind": "label", "model": "churn", "prediction_id": "p", "label": 1, "revision": 2, "op": "upsert"},
    "deployment": {
        "kind": "deployment",
        "model": "churn",
        "action": "reference",
        "traffic": {"7": 0.9, "8": 0.1},
        "reference": {"uri": "s3://bucket/x", "n": 10},
        "feature_schema": [{"name": "age", "type": "number", "range": [0, 120]}],
    },
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
fields = st.sampled_from(
    sorted({name for kind in KINDS.values() for name in kind.__struct_fields__} | {"kind", "data"})
)


def check(value: bytes | None, headers=None, kind="prediction", at_ms=AT_MS) -> None:
    """Read a message in every way there is, and look at what came back."""
    outcome = Reader().event(value, headers, kind, at_ms)
    if isinstance(outcome, Reason):
        assert outcome.code in CODES
        assert outcome.message
        assert outcome.hint
        outcome.message.encode()
        outcome.hint.encode()
    else:
        assert type(outcome.ts) is int
        assert msgspec.json.decode(msgspec.json.encode(outcome), type=type(outcome)) == outcome
        for number in getattr(outcome, "features", None) or {}:
            assert not isinstance(number, float) or isfinite(number)
    if value is not None and not headers:
        errors = [finding for finding in findings(value, kind, at_ms) if finding.level == "error"]
        assert bool(errors) == isinstance(outcome, Reason), (errors, outcome)
        assert isinstance(outcome, Reason) or not twice(value)
    for read in OURS:
        read(value)


@seed(1)
@QUIET
@given(st.binary(max_size=200))
def test_random_bytes(value):
    check(value)


@seed(2)
@QUIET
@given(json_values)
def test_random_json(tree):
    check(json.dumps(tree).encode())


@seed(3)
@QUIET
@given(st.dictionaries(fields, json_values, max_size=6), st.sampled_from([*KINDS, ""]))
def test_random_values_in_known_fields(event, kind):
    check(json.dumps({"kind": kind, "model": "m"} | event).encode(), kind=kind)


@seed(4)
@QUIET
@given(
    st.lists(st.tuples(st.sampled_from(["content-type", "ce_id", "ce_time", "ce_type", "x"]), st.binary(max_size=30)))
)
def test_random_headers(headers):
    check(GOOD, headers)


@seed(5)
@QUIET
@given(st.integers(), st.integers(min_value=-(2**40), max_value=2**53))
def test_random_clocks(ts, at_ms):
    check(json.dumps({"model": "m", "ts": ts}).encode(), at_ms=at_ms)


@pytest.mark.parametrize("kind", FULL)
def test_flipped_bits(kind):
    chance, good = random.Random(6), json.dumps(FULL[kind]).encode()
    for _ in range(300):
        value = bytearray(good)
        for _ in range(chance.randint(1, 3)):
            value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        check(bytes(value), kind=kind)


@pytest.mark.parametrize("kind", FULL)
def test_every_truncation(kind):
    good = json.dumps(FULL[kind]).encode()
    for end in range(len(good)):
        assert isinstance(Reader().event(good[:end], None, kind, AT_MS), Reason)
        check(good[:end], kind=kind)


@pytest.mark.parametrize("kind", FULL)
def test_cut_and_joined_elsewhere(kind):
    chance, good = random.Random(7), json.dumps(FULL[kind]).encode()
    for _ in range(150):
        first, last = sorted(chance.randrange(len(good)) for _ in range(2))
        check(good[:first] + good[last:], kind=kind)
        check(good[:last] + good[first:], kind=kind)


WRONG = [
    None,
    True,
    0,
    -1,
    1.5,
    2**64,
    10**400,
    float("nan"),
    float("-inf"),
    "",
    "x",
    "x" * 5000,
    [],
    [None],
    {},
    {"a": {}},
]


@pytest.mark.parametrize("kind", FULL)
def test_every_field_with_every_wrong_type(kind):
    for path in places(FULL[kind]):
        for wrong in WRONG:
            check(json.dumps(replaced(FULL[kind], path, wrong)).encode(), kind=kind)


@pytest.mark.parametrize("kind", FULL)
def test_every_field_twice(kind):
    for path in places(FULL[kind]):
        if isinstance(path[-1], str):
            doubled = json.dumps(replaced(FULL[kind], path, "\0twice"))
            value = f'"{path[-1]}": 1, "{path[-1]}": '
            text = doubled.replace(f'"{path[-1]}": "\\u0000twice"', value + "1").encode()
            assert twice(text)
            assert isinstance(Reader().event(text, None, kind, AT_MS), Reason)


def test_every_full_event_is_read_as_it_is():
    for kind, event in FULL.items():
        value = json.dumps(event).encode()
        read = Reader().event(value, None, kind, AT_MS)
        assert not isinstance(read, Reason), read
        assert not isinstance(parse(value), Reason)
        assert set(msgspec.to_builtins(read)) == set(event) | {"ts"}


def places(tree, at=()):
    """The path of every value in a tree."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inside:
        yield (*at, key)
        yield from places(value, (*at, key))


def replaced(tree, path, value):
    """The tree with another value in one place."""
    if not path:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy
