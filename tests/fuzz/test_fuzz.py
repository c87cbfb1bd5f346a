"""Nonsense on every topic stops nothing. `make fuzz` is the same for as long as you like.

What the fuzzer has found once stands below as a claim of its own.
"""

import json
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as how
from hypothesis import strategies as st

from detectors.watch.finding import Finding, Histogram
from schemas import records
from schemas.anomaly import Anomaly
from schemas.dead_letter import Headers, Reason
from schemas.pane import Pane
from schemas.subject import Subject
from stream.engine.role import Lane
from stream.roles.profile import Profile
from tests.fuzz.__main__ import run
from tests.fuzz.checks import LONGEST, ROOMY, Inputs, Panes, letter_of, read, settings
from tests.fuzz.messages import Sent
from tests.schemas.corpus import AT_MS
from tests.schemas.test_nothing_raises import fields, json_values
from tests.schemas.test_records import changed
from tests.wire.writers import PACKED_SAID

SETTINGS = settings(**ROOMY)
PREDICTIONS, FEATURES = Lane(SETTINGS.topics.predictions, 0), Lane(SETTINGS.topics.features, 0)
HEADERS = st.lists(st.tuples(st.sampled_from(["ce_type", "ce_time", "content-type", "x"]), st.binary(max_size=20)))
EVENTS = st.dictionaries(fields, json_values, max_size=6).map(lambda event: {"model": "m"} | event)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, 2])
def test_every_message_is_counted_or_is_a_letter_that_has_all_of_it(number: int) -> None:
    counted = run(3_000, number, say=False, batch=200)
    assert all(each["messages"] > 0 for each in counted.values())
    assert counted["inputs"]["letters"] > 100
    assert counted["panes"]["letters"] > 20


@pytest.mark.slow
@seed(8)
@how(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(EVENTS, st.sampled_from([None, "prediction", "feature"]), HEADERS), max_size=12), st.data())
def test_whatever_an_event_holds_batches_and_single_messages_give_the_same(events, data) -> None:
    inputs = Inputs(random.Random(1), binnings=False, **ROOMY)
    batch = []
    for number, (event, kind, headers) in enumerate(events * data.draw(st.sampled_from([1, 30]))):
        body = json.dumps(event | ({"kind": kind} if kind else {})).encode()
        batch.append(Sent(number, body, b"key", headers or None))
    inputs.take(PREDICTIONS, batch)
    inputs.flush()


# --- found by the fuzzer


def worker() -> Profile:
    return Profile(SETTINGS, 1, now_ms=lambda: AT_MS)


def rows(profile: Profile) -> dict[str, int]:
    bodies = map(read, profile.flush("x"))
    return {body.subject.source: body.rows for body in bodies if isinstance(body, Pane)}


def test_features_that_are_null_are_none() -> None:
    profile = worker()
    assert profile.count(PREDICTIONS, [Sent(at, b'{"model":"m","features":null}') for at in range(600)]) == []
    assert rows(profile) == {"prediction": 600}


def test_an_event_whose_kind_only_its_header_says_is_no_example_for_others() -> None:
    profile = worker()
    body = b'{"model":"m","features":{"age":41}}'
    said: Headers = [("ce_type", b"dev.acme.prediction.v1")]
    for at in range(50):
        assert profile.count(FEATURES, [Sent(at, body, b"key", said)]) == []
    assert profile.count(FEATURES, [Sent(50 + at, body) for at in range(500)]) == []
    assert rows(profile) == {"prediction": 50, "feature": 500}


@pytest.mark.parametrize("at", [1, 1_790_000_000, -5, 2**62])
def test_a_time_that_no_kafka_can_have_set_is_no_time(at: int) -> None:
    profile = worker()
    assert profile.count(PREDICTIONS, [Sent(0, b'{"model":"m","features":{"x":1}}', at=at)]) == []
    [pane] = [read(output) for output in profile.flush("x")]
    assert isinstance(pane, Pane)
    assert (pane.since, pane.until, pane.lag_ms) == (AT_MS, AT_MS, 0)


@pytest.mark.parametrize("field", ["at", "until"])
def test_a_pane_from_after_the_year_9999_stops_no_judge(field: str) -> None:
    panes = Panes(random.Random(1))
    panes.take(Sent(0, changed("pane", field, 2**53 - 1)))
    assert panes.counted["letters"] == 1


def test_a_pane_of_more_rows_than_a_worker_can_count_stops_no_judge() -> None:
    panes = Panes(random.Random(1))
    panes.take(Sent(0, changed("pane", "rows", 2**32)))
    assert panes.counted["letters"] == 1


def test_a_reason_does_not_repeat_the_message() -> None:
    refused = records.heartbeat(changed("heartbeat", "state", "x" * 100_000))
    assert isinstance(refused, Reason)
    assert len(refused.message) < LONGEST
    profile = worker()
    [letter] = profile.count(PREDICTIONS, [Sent(0, b'{"model":"m","status":"' + b"x" * 100_000 + b'"}')])
    assert len(letter_of(letter).reason.message) < LONGEST


def test_packed_features_that_are_no_number_at_all_are_none() -> None:
    profile = worker()
    body = msgspec.msgpack.encode({"model": "m", "features": float("nan")})
    assert profile.count(PREDICTIONS, [Sent(at, body, said=PACKED_SAID) for at in range(600)]) == []
    assert rows(profile) == {"prediction": 600}


@pytest.mark.parametrize("evidence", [float("inf"), float("nan"), 1e300])
def test_an_alarm_is_readable_whatever_its_evidence_is(evidence: float) -> None:
    judge = Panes(random.Random(1)).judge
    found = Finding(
        edge="accepted", column="prediction:value", part="values", detector="urn", evidence=evidence, threshold=1e6,
        at=AT_MS, onset=AT_MS, n=0, histogram=Histogram(("a", "b"), (1.0, 2.0), (evidence, 0.0)),
    )  # fmt: skip
    body = judge.anomaly(Subject(model="m", deployment="m"), found, "x/0-1-0", "x/0-1")
    assert isinstance(records.anomaly(msgspec.json.encode(body)), Anomaly)
