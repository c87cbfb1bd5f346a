"""Envelopes: binary in headers, structured around the body, none at all. The body wins."""

import base64
import json

import pytest
from msgspec import UNSET

from schemas.decode import Reader
from schemas.label import Label
from schemas.prediction import Prediction
from tests.schemas.corpus import AT_MS, GOOD, of

BINARY = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"com.acme.churn.prediction.v1"),
    ("ce_id", b"17"),
    ("ce_source", b"/acme/churn"),
    ("ce_time", b"2026-09-21T09:30:00Z"),
    ("ce_subject", b"customer-9"),
    ("ce_traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
    ("content-type", b"application/json; charset=utf-8"),
]
ENVELOPE = {
    "specversion": "1.0",
    "type": "com.acme.churn.prediction.v1",
    "id": "17",
    "source": "/acme/churn",
    "time": "2026-09-21T09:30:00Z",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "acmeextension": 3,
}
BODY = {"model": "m", "features": {"age": 41}}
EXPECTED = Prediction(
    model="m",
    features={"age": 41},
    id="17",
    ts=1789983000000,
    traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
)


def read(value, headers=None, kind="prediction"):
    return Reader().event(value, headers, kind, AT_MS)


def test_the_binary_mode_fills_in_what_the_body_leaves_open():
    assert read(json.dumps(BODY).encode(), BINARY) == EXPECTED


@pytest.mark.parametrize("headers", [None, [], [("content-type", b"application/cloudevents+json")]])
def test_the_structured_mode_is_known_by_its_header_or_by_its_looks(headers):
    assert read(json.dumps(ENVELOPE | {"data": BODY}).encode(), headers) == EXPECTED


def test_a_body_in_base64_is_read():
    encoded = base64.b64encode(json.dumps(BODY).encode()).decode()
    assert read(json.dumps(ENVELOPE | {"data_base64": encoded}).encode()) == EXPECTED


def test_the_body_wins_over_the_envelope():
    body = of(id="mine", ts=AT_MS - 5, traceparent="t")
    for event in (read(body, BINARY), read(json.dumps(ENVELOPE | {"data": json.loads(body)}).encode())):
        assert (event.id, event.ts, event.traceparent) == ("mine", AT_MS - 5, "t")
    label = json.dumps({"kind": "label", "model": "m", "label": 1}).encode()
    assert type(read(label, BINARY)) is Label


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        (b"dev.leeway.label.v1", Label),
        (b"com.acme.labels", Label),
        (b"com.acme.prediction.label", Label),
        (b"com.acme.order.placed", Prediction),
        (b"", Prediction),
    ],
)
def test_the_type_says_the_kind_when_it_names_one(event_type, expected):
    assert type(read(b'{"model":"m"}', [("ce_type", event_type)])) is expected


@pytest.mark.parametrize(
    "media",
    [
        b"application/json",
        b"Application/JSON",
        b"text/json",
        b"application/vnd.acme+json",
        b'"application/json"',
        b"application/octet-stream",
        b"",
        None,
    ],
)
def test_content_types_that_are_json_or_say_nothing_are_read(media):
    assert isinstance(read(GOOD, [("content-type", media)]), Prediction)


def test_the_header_of_w3c_gives_the_trace():
    assert read(GOOD, [("traceparent", b"00-1-2-01")]).traceparent == "00-1-2-01"


def test_headers_of_others_are_left_alone():
    assert read(GOOD, [("b3", b"\xff"), ("__TypeId__", b"x"), ("ce_", None), ("ce_id", None)]).id is UNSET
