"""The door: what gets in, what does not, and why. Nothing raises."""

import json
from collections import Counter

import msgspec
import pytest
from msgspec import UNSET

from schemas.dead_letter import CODES, Reason
from schemas.decode import NAMES, OTHERS, PATHS, Reader
from schemas.deployment import Deployment
from schemas.event import MESSAGE_BYTES
from schemas.explain import findings
from schemas.feature import Feature
from schemas.label import Label
from schemas.prediction import Answer, Prediction
from tests.schemas.corpus import AT_MS, CASES, DAY_MS, GOOD, Case, of


def read(value, headers=None, kind="prediction", at_ms=AT_MS):
    return Reader().event(value, headers, kind, at_ms)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_bad_message_becomes_the_right_reason_with_a_way_to_mend_it(case: Case):
    reason = read(case.value, case.headers, case.kind)
    assert isinstance(reason, Reason), reason
    assert reason.code == case.code, reason
    assert reason.message
    assert reason.hint.endswith((".", "?")) or '"' in reason.hint, reason
    assert len(reason.message) + len(reason.hint) < 500
    assert (reason.message + reason.hint).isprintable()


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.value and not case.headers], ids=lambda case: case.name
)
def test_check_finds_what_the_reader_refuses(case: Case):
    found = findings(case.value, case.kind, AT_MS)
    assert case.code in {finding.code for finding in found if finding.level == "error"}, found


def test_names_of_the_corpus_are_different():
    assert [name for name, times in Counter(case.name for case in CASES).items() if times > 1] == []


def test_four_fields_are_enough():
    event = read(
        b'{"kind":"prediction","model":"churn","features":{"age":41,"plan":"pro","nps":null},"prediction":0.83}'
    )
    assert event == Prediction(
        model="churn", ts=AT_MS, features={"age": 41, "plan": "pro", "nps": None}, prediction=0.83
    )
    assert event.version is UNSET


@pytest.mark.parametrize(
    ("kind", "type_", "rest"),
    [
        ("prediction", Prediction, {}),
        ("feature", Feature, {"features": {}}),
        ("label", Label, {}),
        ("deployment", Deployment, {"action": "deployed"}),
    ],
)
def test_the_topic_says_the_kind_when_the_event_does_not(kind, type_, rest):
    assert type(read(json.dumps({"model": "m"} | rest).encode(), kind=kind)) is type_


def test_the_kind_of_an_event_wins_over_its_topic():
    assert type(read(b'{"kind":"label","model":"m","label":1}', kind="prediction")) is Label


@pytest.mark.parametrize(
    "literal", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "1" + "0" * 400, "1" + "0" * 5000]
)
def test_numbers_beyond_doubles_are_nulls_that_are_counted(literal):
    reader = Reader()
    value = '{"kind":"prediction","model":"m","features":{"age":%s,"plan":"pro"},"prediction":%s,"latency_ms":%s}'
    event = reader.event((value % (literal, literal, literal)).encode(), None, "prediction", AT_MS)
    assert (event.features, event.prediction, event.latency_ms) == ({"age": None, "plan": "pro"}, None, None)
    assert reader.nonfinite == {"features.age": 1, "prediction": 1, "latency_ms": 1}


def test_a_nan_where_null_means_nothing_is_left_out_and_counted():
    reader = Reader()
    value = (
        b'{"model":"m","sample_rate":NaN,"ts":NaN,"prediction":{"value":NaN,"scores":{"a":NaN,"b":0.5}},'
        b'"embeddings":{"e":[1,NaN],"f":[2]}}'
    )
    event = reader.event(value, None, "prediction", AT_MS)
    assert (event.sample_rate, event.ts, event.embeddings) == (UNSET, AT_MS, {"f": [2.0]})
    assert event.prediction == Answer(value=None, scores={"b": 0.5})
    assert sum(reader.nonfinite.values()) == 5


def test_integers_beyond_64_bits_become_floats():
    event = read(
        b'{"kind":"prediction","model":"m","features":{"a":1000000000000000000000000,"b":-9223372036854775808}}'
    )
    assert event.features == {"a": 1e24, "b": -(2**63)}
    assert type(event.features["a"]) is float


def test_unknown_fields_are_ignored_and_counted_by_path():
    reader = Reader()
    for _ in range(3):
        event = reader.event(of(colour="red", prediction={"value": 1, "why": {"a": [1]}}), None, "prediction", AT_MS)
        assert event == Prediction(model="m", ts=AT_MS, prediction=Answer(value=1.0))
    assert reader.unknown == {"colour": 3, "prediction.why": 3}


def test_null_for_an_optional_field_means_that_it_is_not_there():
    event = read(of(version=None, segments=None, ts=None, status=None))
    assert (event.version, event.segments, event.ts, event.status) == (UNSET, UNSET, AT_MS, UNSET)


@pytest.mark.parametrize(
    "text",
    [
        '{"kind" :\t"prediction" ,"model"\n:"m","features" : {"a" : 1}}',
        '{"kind":"prediction","model":"m","features":{"a":": : \\":"}}',
        '{"kind":"prediction","model":"m","id":"urn:a:b","features":{"user:age":1,"item:price":2}}',
        '{"kind":"prediction","model":"m","ts":"2026-09-21T09:30:00+02:00","features":{}}',
        '{"kind":"prediction","model":"m","prediction":{"value":null,"scores":{"a:b":0.5,"c\\\\":0.5}}}',
        '{"kind":"prediction","model":"m","error":{"code":"","message":"x: y"}}',
        '{"kind":"deployment","model":"m","action":"deployed","reference":{"n":1},"feature_schema":[{"name":"a"}]}',
        '{"\\u006bind":"prediction","m\\u006fdel":"m"}',
    ],
)
def test_unusual_but_right_json_is_read(text):
    assert not isinstance(read(text.encode()), Reason)


@pytest.mark.parametrize(
    ("ts", "expected"),
    [
        ("2026-09-21T09:30:00Z", 1789983000000),
        ("2026-09-21T09:30:00z", 1789983000000),
        ("2026-09-21t09:30:00.250Z", 1789983000250),
        ("2026-09-21T11:30:00.250999+02:00", 1789983000251),
        ("2026-09-21 15:00:00+05:30", 1789983000000),
        ("2026-09-21T00:00:00-09:30", 1789983000000),
        (1789983000000, 1789983000000),
        (1789983000000.75, 1789983000000),
        (AT_MS + DAY_MS, AT_MS + DAY_MS),
    ],
)
def test_times_come_back_as_whole_milliseconds(ts, expected):
    event = read(of(ts=ts))
    assert event.ts == expected
    assert type(event.ts) is int


def test_the_other_times_come_back_as_milliseconds_too():
    assert read(of(feature_ts="2026-09-21T09:30:00Z")).feature_ts == 1789983000000
    assert read(b'{"kind":"label","model":"m","label":1,"label_ts":1789983000000.5}').label_ts == 1789983000000


def test_a_topic_without_timestamps_refuses_no_time_and_gives_none():
    assert read(of(ts=AT_MS + 900 * DAY_MS), at_ms=-1).ts == AT_MS + 900 * DAY_MS
    assert read(of(), at_ms=-1).ts == 0


def test_a_path_leads_to_the_fault():
    declared = b'{"kind":"deployment","model":"m","action":"deployed","feature_schema":[{"name":"a"},{}]}'
    expected = {
        of(features={"age": [1]}): "features.age: expected a number, text or null, got array",
        of()[:-1] + b',"features":{"age":1,"age":2}}': "features.age: appears twice",
        of(prediction={"value": "x"}): "prediction.value: expected a number or null, got text",
        of(embeddings={"e": [1, "x"]}): "embeddings.e[1]: expected a number, got text",
        declared: "feature_schema[1].name: missing",
        of(kind="predictoin"): "kind: no kind 'predictoin'",
    }
    assert {value: read(value).message for value in expected} == expected


def test_a_hint_fits_what_was_sent():
    whole = 'Add "model": the name of the model that the event speaks of.'
    expected = {
        of(model=None): ("model: missing", whole),
        of(features=[1]): ("features: expected an object, got array", "Send an object, or leave it out."),
        of(features={"a": [1]}): (
            "features.a: expected a number, text or null, got array",
            "Send one value; a list of numbers is an embedding.",
        ),
        of(ts=True): ("ts: expected a number or text, got boolean", "Send a number or text, or leave it out."),
        of(ts=0): ("ts: zero, a time that nobody filled in", "Leave ts out when the time is not known."),
        of(segments={"n": True}): ("segments.n: expected text, got boolean", "Put it between quotation marks."),
        of(segments={"n": None}): ("segments.n: expected text, got null", "Leave it out, or send a value."),
        of(tags={f"t{i}": "" for i in range(65)}): ("tags: 65 entries; at most 64 are allowed", "Send fewer."),
    }
    reasons = {value: read(value) for value in expected}
    assert {value: (reason.message, reason.hint) for value, reason in reasons.items()} == expected


def test_check_tells_everything_at_once():
    value = b'{"kind":"prediction","modle":"m","ts":1790000000,"features":{"a":[1],"b":NaN,"c":1,"c":2},"latency":1}'
    told = {(finding.level, finding.path) for finding in findings(value, "prediction", AT_MS)}
    assert told == {
        ("error", "model"),
        ("error", "ts"),
        ("error", "features.a"),
        ("error", "features.c"),
        ("warning", "features.b"),
        ("warning", "modle"),
        ("warning", "latency"),
    }
    hints = {finding.path: finding.hint for finding in findings(value, "prediction", AT_MS)}
    assert hints["modle"] == "Did you mean 'model'?"
    assert hints["latency"] == "Did you mean 'latency_ms'?"
    assert "multiply by 1000" in hints["ts"]


def test_check_has_nothing_to_say_about_a_good_event():
    assert findings(GOOD, "prediction", AT_MS) == []


def test_check_misses_nothing_in_an_event_of_which_anything_is_watched():
    for field in (b'"embeddings":{"text":[0.25,-1]}', b'"segments":{"region":"eu"}', b'"status":"ok"'):
        assert findings(b'{"model":"m",%s}' % field, "prediction", AT_MS) == [], field
    [idle] = findings(b'{"model":"m","entity_id":"u1"}', "prediction", AT_MS)
    assert idle.message == "nothing in it to watch"


def test_counts_and_names_are_bounded_whatever_is_sent():
    reader = Reader()
    for start in range(0, 2 * NAMES, 512):
        features = {f"f{i}": i for i in range(start, start + 512)}
        assert isinstance(reader.event(of(features=features), None, "prediction", AT_MS), Prediction)
    assert len(reader._names) <= NAMES
    reader.event(of(**{f"u{i}": i for i in range(2 * PATHS)}), None, "prediction", AT_MS)
    assert len(reader.unknown) == PATHS + 1
    assert reader.unknown[OTHERS] == PATHS


def test_a_good_name_is_good_again_after_the_memory_was_cleared():
    reader = Reader()
    first = reader.event(GOOD, None, "prediction", AT_MS)
    reader._names = {UNSET}
    assert reader.event(GOOD, None, "prediction", AT_MS) == first


def test_a_message_full_of_faults_is_refused_quickly_and_shortly():
    value = json.dumps({"kind": "prediction", "model": "m", "features": {}, **{"x" * i: [] for i in range(1, 1200)}})
    assert len(value) < MESSAGE_BYTES
    assert isinstance(read(value.encode()), Prediction)


def test_every_code_is_one_that_a_reader_or_the_worker_gives():
    assert {case.code for case in CASES} | {"over_quota"} == set(CODES)  # the quota is the worker's


def test_what_was_read_can_be_written_and_read_again():
    event = read(GOOD)
    assert read(msgspec.json.encode(event)) == event
