"""Records of our own topics: good ones pass unchanged, and no nonsense reaches a fold."""

import json
import random

import msgspec
import pytest

from schemas import records
from schemas.anomaly import Anomaly, DetectorRef, Evidence, Statistic, Window
from schemas.binning import Binning
from schemas.dead_letter import Reason
from schemas.deployment import Deployment
from schemas.heartbeat import Heartbeat
from schemas.incident import Command, Incident, Step
from schemas.pane import Column, Deployed, Pane, Slice
from schemas.subject import Subject

SUBJECT = Subject(model="churn", deployment="churn-prod")
AT = "2026-09-21T09:30:00Z"
ANOMALY = Anomaly(
    id="leeway.panes/3-17-0",
    fingerprint="f",
    status="firing",
    severity="warning",
    model="churn",
    version="7",
    deployment="churn-prod",
    class_="feature_drift",
    detector=DetectorRef(kind="urn"),
    window=Window(start=AT, end=AT, n=100),
    statistic=Statistic(name="evidence", value=2e7, threshold=1e6),
    onset_at=AT,
    detected_at=AT,
    summary="age shifted",
    feature="age",
    evidence=Evidence(labels=["a"], reference=[1.0], live=[2.0], offsets={"leeway.panes": {"3": (1, 17)}}),
)
GOOD_RECORDS = {
    "pane": Pane(
        subject=SUBJECT,
        at=1_790_000_000_000,
        worker="profile-0",
        rows=5,
        volume=10.0,
        since=1_789_999_999_000,
        until=1_790_000_000_000,
        versions={"7": 5},
        columns={
            "feature:age": Column(n=3, sum=6.0, min=1.0, max=3.0, at=[-7, 2043904], counts=[1, 2], nulls=2),
            "feature:plan": Column(values={"pro": 2, "free": 1}, other=1),
            "prediction:value": Column(n=5, sum=1.0, min=0.1, max=0.3, binning="b1", at=[0, 3], counts=[4, 1]),
        },
        slices={"region=eu": Slice(rows=2, nulls={"feature:age": 1}, columns={"latency:ms": Column(nulls=2)})},
    ),
    "deployed": Deployed(subject=SUBJECT, at=1, event=Deployment(model="churn", action="deployed")),
    "binning": Binning(subject=SUBJECT, column="feature:age", form="numbers", id="b1", edges=[-5, 0, 2043904]),
    "anomaly": ANOMALY,
    "incident": Incident(
        id="i",
        fingerprint="f",
        state="open",
        severity="warning",
        model="churn",
        deployment="churn-prod",
        class_="feature_drift",
        summary="age shifted",
        opened_at=AT,
        updated_at=AT,
        steps=[Step(at=AT, what="firing")],
        last=ANOMALY,
    ),
    "command": Command(id="c", incident="i", action="silence", actor="ann", at=AT, until=AT),
    "heartbeat": Heartbeat(subject=SUBJECT, state="quiet", at=AT, since=AT),
}
READ = {
    "pane": records.pane,
    "deployed": records.pane,
    "binning": records.binning,
    "anomaly": records.anomaly,
    "incident": records.incident,
    "command": records.command,
    "heartbeat": records.heartbeat,
}


@pytest.mark.parametrize("kind", GOOD_RECORDS)
def test_a_good_record_is_read_as_it_was_written(kind):
    assert READ[kind](msgspec.json.encode(GOOD_RECORDS[kind])) == GOOD_RECORDS[kind]


def changed(kind: str, path: str, value: object) -> bytes:
    """A good record with one value changed; the path is written like 'columns/feature:age/n'."""
    tree = json.loads(msgspec.json.encode(GOOD_RECORDS[kind]))
    inside = tree
    *way, last = path.split("/")
    for step in way:
        inside = inside[step]
    inside[last] = value
    return json.dumps(tree).encode()


AGE, PRO, EU = "columns/feature:age", "columns/feature:plan", "slices/region=eu"
BROKEN = [
    ("pane", "v", 2),
    ("pane", "at", -1),
    ("pane", "at", 2**70),
    ("pane", "at", "now"),
    ("pane", "rows", -5),
    ("pane", "rows", 2),
    ("pane", "rows", 10**40),
    ("pane", "volume", -1.0),
    ("pane", "volume", 1e300),
    ("pane", "since", 2**52),
    ("pane", "until", -1),
    ("pane", "late", -1),
    ("pane", "future", -1),
    ("pane", "lag_ms", -1),
    ("pane", "part", -1),
    ("pane", "part", 1),
    ("pane", "parts", 0),
    ("pane", "worker", "w" * 1000),
    ("pane", "versions", {"7": -1}),
    ("pane", "subject/model", ""),
    ("pane", "subject/model", "m" * 1000),
    ("pane", "subject/source", "else"),
    ("pane", "columns/age", {"n": 0}),
    ("pane", "columns/feature:", {"n": 0}),
    ("pane", "columns/other:age", {"n": 0}),
    ("pane", "columns/feature:" + "x" * 1000, {"n": 0}),
    ("pane", f"{AGE}/n", 4),
    ("pane", f"{AGE}/n", -3),
    ("pane", f"{AGE}/counts", [1]),
    ("pane", f"{AGE}/counts", [4, -1]),
    ("pane", f"{AGE}/counts", [1, 2.5]),
    ("pane", f"{AGE}/at", [1]),
    ("pane", f"{AGE}/at", [9, 3]),
    ("pane", f"{AGE}/at", [3, 3]),
    ("pane", f"{AGE}/at", [3, 2**22]),
    ("pane", f"{AGE}/at", [-(2**60), 3]),
    ("pane", f"{AGE}/gaps", [-7, 2043911]),
    ("pane", f"{AGE}/nulls", -2),
    ("pane", f"{AGE}/nulls", 3),
    ("pane", f"{AGE}/min", 4.0),
    ("pane", f"{AGE}/sum", None),
    ("pane", f"{AGE}/binning", ""),
    ("pane", f"{AGE}/binning", "b1"),
    ("pane", f"{PRO}/values", {"pro": -1}),
    ("pane", f"{PRO}/values", {"pro": 6}),
    ("pane", f"{PRO}/values", {"p" * 5000: 1}),
    ("pane", f"{PRO}/values", {str(i): 0 for i in range(5000)}),
    ("pane", f"{PRO}/other", -1),
    ("pane", f"{EU}/rows", -1),
    ("pane", f"{EU}/nulls", {"feature:age": -1}),
    ("pane", f"{EU}/columns", {"latency:ms": {"nulls": 3}}),
    ("pane", "slices/region", {"rows": 1}),
    ("deployed", "at", -1),
    ("deployed", "event/action", "exploded"),
    ("binning", "form", "square"),
    ("binning", "id", ""),
    ("binning", "id", "u"),
    ("binning", "column", "age"),
    ("binning", "edges", [3, 2]),
    ("binning", "edges", [2**40]),
    ("binning", "edges", list(range(5000))),
    ("binning", "names", ["a", "a"]),
    ("binning", "tails", -1),
    ("binning", "tails", 10**6),
    ("anomaly", "id", ""),
    ("anomaly", "class", "bad_mood"),
    ("anomaly", "onset_at", "soon"),
    ("anomaly", "summary", "x" * 10_000),
    ("anomaly", "window/end", "2026-09-21"),
    ("anomaly", "evidence/live", [0.0] * 5000),
    ("incident", "state", "forgotten"),
    ("incident", "last/v", 9),
    ("command", "actor", ""),
    ("command", "action", "explode"),
    ("command", "until", ""),
    ("command", "until", "tomorrow"),
    ("command", "at", ""),
    ("command", "colour", "red"),
    ("heartbeat", "state", "fine"),
    ("heartbeat", "rows", -1),
]


@pytest.mark.parametrize(("kind", "path", "value"), BROKEN, ids=lambda part: str(part)[:40])
def test_a_record_that_would_break_a_fold_is_refused(kind, path, value):
    outcome = READ[kind](changed(kind, path, value))
    assert isinstance(outcome, Reason)
    assert outcome.code == "schema"
    assert outcome.message
    assert outcome.hint


@pytest.mark.parametrize("kind", GOOD_RECORDS)
@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"null", b"[]", b"[" * 100_000, b'{"kind":"pane"}'])
def test_what_is_no_record_is_refused(kind, value):
    assert isinstance(READ[kind](value), Reason)


@pytest.mark.parametrize("kind", GOOD_RECORDS)
def test_flipped_bits_raise_nothing(kind):
    chance, good = random.Random(8), msgspec.json.encode(GOOD_RECORDS[kind])
    for _ in range(500):
        value = bytearray(good)
        value[chance.randrange(len(value))] ^= 1 << chance.randrange(8)
        READ[kind](bytes(value))


def test_a_part_of_a_pane_is_read_like_a_pane():
    pane = msgspec.structs.replace(GOOD_RECORDS["pane"], part=1, parts=2, slices={})
    assert records.pane(msgspec.json.encode(pane)) == pane


def with_gaps(gaps: list[int]) -> bytes:
    pane = msgspec.to_builtins(GOOD_RECORDS["pane"])
    del pane["columns"]["feature:age"]["at"]
    pane["columns"]["feature:age"]["gaps"] = gaps
    return json.dumps(pane).encode()


def test_buckets_that_are_written_as_gaps_are_read_as_buckets():
    assert records.pane(with_gaps([-7, 2043911])) == GOOD_RECORDS["pane"]


@pytest.mark.parametrize("gaps", [[], [-7], [9, -6], [9, 0], [0, 2**22], [-(2**22), 2**22]], ids=str)
def test_gaps_of_no_buckets_are_refused(gaps):
    outcome = records.pane(with_gaps(gaps))
    assert isinstance(outcome, Reason)
    assert outcome.code == "schema"
    assert "columns.feature:age" in outcome.message


def test_a_pane_without_rows_is_a_heartbeat():
    pane = Pane(subject=SUBJECT, at=1, worker="0")
    assert records.pane(msgspec.json.encode(pane)) == pane
