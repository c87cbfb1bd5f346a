"""What the role promises besides counting: dead letters, quotas, privacy, heartbeats, sizes, order, names."""

import json
import random
import string

import msgspec
import pytest

from schemas.binning import Binning
from schemas.dead_letter import from_headers
from schemas.pane import Column, Deployed, Pane, Slice
from schemas.subject import Subject
from stream.counting.parts import MESSAGE_BYTES, parts
from stream.counting.texts import Texts
from stream.engine.role import Lane
from stream.outputs import encode
from tests.profile.events import NOW, TOPICS, Clock, Sent, count, flushed, one_pane, read, role

PREDICTION = {"kind": "prediction", "model": "m", "features": {"x": 1}, "prediction": 0.5}


def test_what_cannot_be_read_leaves_at_once_as_it_came():
    counting = role()
    (dead,) = counting.count(Lane(TOPICS["prediction"], 4), [Sent(b'{"kind":"prediction"', number=17)])
    letter = from_headers(dead.key, dead.value, dead.headers)
    assert (dead.topic, letter.topic, letter.partition, letter.offset) == ("leeway.dlq", TOPICS["prediction"], 4, 17)
    assert (letter.stage, letter.reason.code, letter.value) == ("profile", "bad_json", b'{"kind":"prediction"')
    assert (letter.key, letter.headers) == (b"a key", [("origin", b"a test")])
    assert counting.dead == {"bad_json": 1}
    assert flushed(counting) == []


def test_a_column_too_many_is_a_dead_letter_and_stops_nothing():
    counting = role(profile={"columns": 3})
    many = {"kind": "prediction", "model": "m", "features": {"x": 1, "a": 1, "b": 1, "c": 1}}
    (dead,) = count(counting, [PREDICTION, many, PREDICTION | {"segments": {"region": "eu"}}, PREDICTION])
    letter = from_headers(dead.key, dead.value, dead.headers)
    assert letter.reason.code == "over_quota"
    assert letter.reason.message == "model 'm' would have more than 3 columns at once, with 'feature:a'"
    assert json.loads(letter.value) == many
    (pane,) = flushed(counting)
    assert pane.rows == 3
    assert count(counting, [many | {"features": {"a": 1, "b": 1, "c": 1}}]) == []


def test_a_subject_too_many_is_a_dead_letter_and_stops_nothing():
    counting = role(profile={"subjects": 2})
    dead = count(counting, [PREDICTION | {"model": f"m{at % 4}"} for at in range(8)])
    assert len(dead) == 4
    reason = from_headers(dead[0].key, dead[0].value, dead[0].headers).reason
    assert reason.code == "over_quota"
    assert "at most 2 at once" in reason.message
    assert [pane.subject.model for pane in flushed(counting)] == ["m0", "m1"]
    assert counting.dead == {"over_quota": 4}
    assert counting.events == {"prediction": 4}


SECRETS = ["ann@example.com", "12 Elm Street", "a" * 500, "\u00e9t\u00e9", "#3", "", "h:"]


@pytest.mark.parametrize("key", ["", "a key"])
def test_no_text_of_a_feature_leaves_as_it_came(key):
    counting = role(privacy={"key": key, "public": ["plan*"]})
    for text in SECRETS:
        count(
            counting, [{"kind": "prediction", "model": "m", "features": {"mail": text, "plan_name": f"public {text}"}}]
        )
    outputs = counting.flush("profile/1-1")
    (pane,) = map(read, outputs)
    assert isinstance(pane, Pane)
    hashed = pane.columns["feature:mail"].values
    assert len(hashed) == len(SECRETS)
    assert all(len(name) == 14 and name.startswith("h:") and set(name[2:]) <= set(string.hexdigits) for name in hashed)
    assert {f"public {text}" for text in SECRETS if len(text) < 100} < set(pane.columns["feature:plan_name"].values)


def test_hashes_depend_on_the_key_and_on_nothing_else():
    events = [{"kind": "prediction", "model": "m", "features": {"mail": "ann@example.com"}}]
    names = [
        next(iter(one_pane(events, privacy={"key": key}).columns["feature:mail"].values))
        for key in ("one", "one", "two", "k" * 200, "k" * 201)
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 4


def test_classes_statuses_segments_and_booleans_are_readable():
    pane = one_pane(
        [PREDICTION | {"prediction": "cat", "features": {"new": True}, "segments": {"region": "eu"}, "version": "7"}]
    )
    assert pane.columns["prediction:label"].values == {"cat": 1}
    assert pane.columns["feature:new"].values == {"true": 1}
    assert pane.columns["segment:region"].values == {"eu": 1}
    assert (list(pane.slices), pane.versions) == (["region=eu"], {"7": 1})


def test_a_text_that_looks_like_a_bucket_is_told_from_one():
    texts = Texts(b"", ("*",))
    looks_alike = ["#3", "##3", "#3a", "3", "#"]
    assert [texts.called(text, public=True) for text in looks_alike] == ["##3", "###3", "#3a", "3", "#"]


def test_lone_surrogates_do_not_stop_a_pane():
    assert Texts(b"", ("*",)).called("\ud800", public=True).startswith("h:")


def test_a_silent_model_is_spoken_for():
    clock = Clock()
    counting = role(clock=clock)
    count(counting, [PREDICTION])
    assert [pane.rows for pane in flushed(counting)] == [1]
    for later in range(1_000, 12_001, 1_000):
        clock.now_ms = NOW + later
        panes = flushed(counting)
        assert [(pane.rows, pane.at) for pane in panes] == ([(0, NOW + later)] if later in (5_000, 10_000) else [])
    count(counting, [PREDICTION])
    clock.now_ms = NOW + 14_999
    assert [pane.rows for pane in flushed(counting)] == [1]
    clock.now_ms = NOW + 15_001
    assert flushed(counting) == []


@pytest.mark.parametrize(("slot", "speaks"), [(0, True), (1, False)])
def test_only_the_first_worker_speaks_for_what_it_has_not_seen(slot, speaks):
    clock = Clock()
    subject = Subject(model="m", deployment="m")
    binning = Binning(subject=subject, column="feature:x", form="numbers", id="i", edges=[1, 2])
    counting = role(slot=slot, clock=clock, binnings=[binning])
    assert flushed(counting) == []
    clock.now_ms += 5_000
    assert [pane.subject for pane in flushed(counting)] == [subject] * speaks


def test_outputs_are_named_after_their_transaction_and_keyed_by_model():
    counting = role()
    count(counting, [PREDICTION, PREDICTION | {"model": "n"}])
    deployment = {"kind": "deployment", "model": "n", "action": "deployed", "version": "8"}
    count(counting, [deployment], "deployment")
    outputs = counting.flush("profile/1-77")
    assert [dict(output.headers)["ce_id"] for output in outputs] == [
        b"profile/1-77-0",
        b"profile/1-77-1",
        b"profile/1-77-2",
    ]
    assert [dict(output.headers)["ce_type"] for output in outputs] == [
        b"dev.leeway.deployed.v1",
        b"dev.leeway.pane.v1",
        b"dev.leeway.pane.v1",
    ]
    assert [output.key for output in outputs] == [b"n", b"m", b"n"]
    deployed = read(outputs[0])
    assert isinstance(deployed, Deployed)
    assert (deployed.subject, deployed.event.action) == (Subject(model="n", deployment="n"), "deployed")
    assert counting.events == {"prediction": 2, "deployment": 1}
    assert counting.flush("profile/1-78") == []


def test_the_same_messages_give_the_same_bytes():
    generator = random.Random(11)
    events = [
        PREDICTION
        | {"model": f"m{generator.randrange(5)}", "features": {"x": generator.random(), "c": generator.choice("ab")}}
        for _ in range(200)
    ]
    outputs = []
    for _ in range(2):
        counting = role()
        count(counting, events)
        outputs.append(counting.flush("profile/1-1"))
    assert outputs[0] == outputs[1]


def glued(pane_parts: list[Pane]) -> Pane:
    """What the parts of a pane add up to."""
    whole, *rest = pane_parts
    for part in rest:
        assert (part.rows, part.versions, part.subject) == (whole.rows, whole.versions, whole.subject)
        assert not part.columns.keys() & whole.columns.keys()
        whole.columns |= part.columns
        for name, slice_ in part.slices.items():
            into = whole.slices.setdefault(name, Slice(rows=slice_.rows))
            assert into.rows == slice_.rows
            into.nulls |= slice_.nulls
            into.columns |= slice_.columns
    return msgspec.structs.replace(whole, part=0, parts=1)


@pytest.mark.parametrize("bytes_at_most", [200_000, 20_000, 4_000, 1])
def test_the_parts_of_a_pane_add_up_to_it(bytes_at_most):
    generator = random.Random(3)
    pane = Pane(
        subject=Subject(model="m", deployment="m"),
        at=NOW,
        worker="profile-1",
        rows=900,
        volume=900,
        versions={"1": 900},
    )
    for at in range(60):
        buckets = sorted(generator.sample(range(10**6), 100))
        pane.columns[f"feature:f{at}"] = Column(n=100, max=1.0, at=buckets, counts=[1] * 100)
    for at in range(40):
        nulls = {f"feature:f{generator.randrange(60)}": 1 for _ in range(10)}
        pane.slices[f"region={at}"] = Slice(
            rows=5, nulls=nulls, columns={"feature:f0": Column(n=2, at=[1], counts=[2])}
        )
    before = encode(pane)
    cut = list(parts(pane, encode, bytes_at_most))
    assert [(part.part, part.parts) for part in cut] == [(number, len(cut)) for number in range(len(cut))]
    assert len(cut) > 1 or bytes_at_most > len(before)
    if bytes_at_most > 1:
        assert all(len(encode(part)) <= bytes_at_most for part in cut)
    assert msgspec.to_builtins(glued(cut)) == msgspec.json.decode(before)


def test_a_pane_too_large_for_a_message_is_cut():
    generator = random.Random(4)
    events = [
        {"kind": "prediction", "model": "m", "features": {f"f{at}": generator.random() for at in range(200)}}
        for _ in range(1_500)
    ]
    counting = role()
    for first in range(0, 1_500, 500):
        count(counting, events[first : first + 500])
    outputs = counting.flush("profile/1-1")
    assert len(outputs) > 1
    assert all(len(output.value or b"") <= MESSAGE_BYTES for output in outputs)
    cut = [body for body in map(read, outputs) if isinstance(body, Pane)]
    assert [(part.part, part.parts, part.rows) for part in cut] == [(at, len(cut), 1_500) for at in range(len(cut))]
    whole = glued(cut)
    assert sum(column.n for name, column in whole.columns.items() if name.startswith("feature:")) == 300_000


def test_unknown_fields_and_nans_are_counted_for_the_metrics():
    counting = role()
    counting.count(
        Lane(TOPICS["prediction"], 0), [Sent(b'{"kind":"prediction","model":"m","colour":1,"features":{"x":NaN}}')]
    )
    assert counting.reader.unknown == {"colour": 1}
    assert counting.reader.nonfinite == {"features.x": 1}
    (pane,) = flushed(counting)
    assert pane.columns["feature:x"].nulls == 1


class Busy(Clock):
    """Every question takes a while."""

    def __call__(self) -> int:
        self.now_ms += 500
        return self.now_ms


def test_panes_are_cut_less_often_when_cutting_them_takes_long():
    counting, busy = role(), role(clock=Busy())
    for one in (counting, busy):
        count(one, [{"kind": "prediction", "model": "m", "prediction": 0.5}])
        one.flush("profile/1-1")
    assert counting.every_s == 1.0
    assert busy.every_s == 2.0


def test_panes_of_many_subjects_wait_for_more_rows_and_leave_at_once(monkeypatch):
    monkeypatch.setattr("stream.roles.profile.ROWS", 20)
    monkeypatch.setattr("stream.roles.profile.ROWS_OF_EACH", 8)
    monkeypatch.setattr("stream.counting.alike.TOGETHER", 1)
    events = [{"kind": "prediction", "model": f"m{number % 5}", "prediction": 0.5} for number in range(80)]
    counting, left = role(), []
    for event in events:
        count(counting, [event])
        if counting.every_s == 0:
            left.append([pane.rows for pane in flushed(counting)])
    assert left == [[8] * 5] * 2
    assert counting.every_s == 1.0
    assert flushed(counting) == []


def test_panes_of_few_subjects_are_cut_before_they_leave(monkeypatch):
    monkeypatch.setattr("stream.roles.profile.ROWS", 20)
    monkeypatch.setattr("stream.roles.profile.ROWS_OF_EACH", 8)
    counting = role()
    for _ in range(50):
        count(counting, [{"kind": "prediction", "model": "m", "prediction": 0.5}])
    assert counting.every_s == 1.0
    assert [pane.rows for pane in flushed(counting)] == [20, 20, 10]
