"""Events as people write them by hand: what is sent is what is counted, and what moves is called by its name."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.conftest import Platform
from tests.pipeline.installation import Installation, Records, counts
from tests.pipeline.traffic import Event, predictions

CLOUDEVENT = [
    ("ce_specversion", b"1.0"),
    ("ce_type", b"com.acme.prediction.v1"),
    ("ce_source", b"/acme"),
    ("content-type", b"application/json"),
]
STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def wide(rows: int) -> Iterator[Event]:
    """200 features, and nothing else that could be left out."""
    for row in range(rows):
        yield {"model": "wide", "features": {f"f{at}": row * at for at in range(200)}}


@pytest.mark.slow
def test_what_is_sent_is_what_is_counted(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path, {"judge.reference": 300, "judge.burn_in": 100})
    churn = list(predictions("churn", 1, 700))
    labels = [{"kind": "label", "model": "churn", "prediction_id": f"p{at}", "label": at % 2} for at in range(40)]
    rows = [{"kind": "feature", "model": "churn", "feature_set": "users", "features": {"age": at}} for at in range(30)]
    four_fields = '{"kind":"prediction","model":"first","features":{"age":41,"nps":null},"prediction":0.83}'
    deployment = {"model": "churn", "action": "deployed", "version": "2", "previous_version": "1"}
    shadow = {"model": "churn", "deployment": "shadow", "features": {"age": 1}, "sample_rate": 10}
    with service.up(), Records(service) as records:
        service.send("predictions", churn[:600])
        service.send("predictions", wide(20))
        service.send("predictions", [shadow] * 5)
        for event in predictions("binary", 2, 50):
            body = {name: value for name, value in event.items() if name != "kind"}
            service.put("predictions", json.dumps(body).encode(), headers=[*CLOUDEVENT, ("ce_id", b"7")])
        for event in predictions("structured", 3, 50):
            envelope = {"specversion": "1.0", "type": "com.acme.prediction.v1", "id": "7", "source": "/acme"}
            service.put("predictions", json.dumps(envelope | {"data": event}).encode(), headers=STRUCTURED)
        service.send("labels", labels)
        service.send("features", rows)
        service.send("deployments", [deployment])
        service.flush()
        plain = Producer({"bootstrap.servers": platform.bootstrap})
        plain.produce(service.topic("predictions"), four_fields, key="user-7")
        assert plain.flush(60) == 0
        sent = service.run("send", "-", given=f"{four_fields}\n" * 3)
        assert (sent.returncode, sent.stdout) == (0, f"sent 3 to {service.topic('predictions')}\n")
        expected = {
            "churn prediction": 705,
            "wide prediction": 20,
            "binary prediction": 50,
            "structured prediction": 50,
            "first prediction": 4,
            "churn label": 40,
            "churn feature": 30,
        }
        records.until(lambda: records.rows.total() >= sum(expected.values()) - 100 and records.deployed, "counting")
        service.send("predictions", churn[600:])  # in another pane: the first ones are learnt from, these are judged
        service.flush()
        records.until(lambda: records.rows.total() >= sum(expected.values()), "counting")
        records.until(lambda: "quiet" in records.states("churn") and records.states("wide"), "learning")
    assert records.rows == expected
    assert records["dlq"] == []

    whole = counts(records.panes)
    hold_to(whole["churn churn prediction"], churn)
    hold_to(whole["wide wide prediction"], list(wide(20)))
    hold_to(whole["binary binary prediction"], list(predictions("binary", 2, 50)))
    hold_to(whole["structured structured prediction"], list(predictions("structured", 3, 50)))
    assert whole["churn shadow prediction"]["rows"] == 5
    assert sum(pane.volume for pane in records.panes if pane.subject.deployment == "shadow") == 50
    assert whole["churn churn label"]["columns"]["label:value"]["sum"] == 20
    assert whole["churn users feature"]["columns"]["feature:age"]["sum"] == sum(range(30))
    [note] = records.deployed
    assert (note.subject.model, note.event.action, note.event.version) == ("churn", "deployed", "2")

    named = {binning.column for binning in records.binnings if binning.subject.model == "churn"}
    assert {"feature:age", "feature:amount", "feature:plan", "feature:nps", "prediction:value"} <= named
    assert {binning.subject.model for binning in records.binnings} == {"churn"}  # nobody else sent enough to learn from
    assert records.states("churn")[-1] == "quiet"
    assert records.states("wide") == ["learning"]
    assert records.anomalies == []


def hold_to(whole: dict[str, Any], events: list[Event]) -> None:
    """Every count and sum of a subject against the events themselves."""
    assert whole["rows"] == len(events)
    assert whole["versions"] == Counter(event.get("version", "unversioned") for event in events)
    regions = Counter(f"region={event['segments']['region']}" for event in events if "segments" in event)
    assert whole["slices"] == regions
    for name in events[0]["features"]:
        values = [event["features"][name] for event in events]
        numbers = [value for value in values if isinstance(value, int) and not isinstance(value, bool)]
        column = whole["columns"][f"feature:{name}"]
        assert (column["n"], column["sum"]) == (len(numbers), sum(numbers)), name
        assert column["nulls"] == values.count(None), name
        texts = Counter(str(value).lower() if isinstance(value, bool) else value for value in values)
        assert +column["values"] == Counter({text: n for text, n in texts.items() if isinstance(text, str)}), name
    for name, field in (("prediction:value", "prediction"), ("latency:ms", "latency_ms")):
        if field in events[0]:
            assert whole["columns"][name]["sum"] == sum(event[field] for event in events)


@pytest.mark.slow
def test_a_changed_unit_becomes_an_incident_of_that_model_alone_and_ends_when_mended(
    platform: Platform, tmp_path: Path
) -> None:
    service = Installation(platform, tmp_path)
    with service.up(), Records(service) as records:
        before = both(1, 20_000)
        records.until(
            lambda: all("quiet" in records.states(model) for model in MODELS),
            "learning",
            meanwhile=lambda: (service.send("predictions", islice(before, 200)), service.flush()),
        )
        assert records.anomalies == []
        sent = len(MODELS) * 20_000 - sum(1 for _ in before)
        records.until(lambda: records.rows.total() == sent, "counting")  # no pane holds both units

        changed_ms = time.time() * 1000
        service.send("predictions", both(2, 600, amount=100))
        service.flush()
        records.until(lambda: records.incidents, "an incident")
        found_ms = time.time() * 1000

        after = both(3, 20_000)
        records.until(
            lambda: [incident.state for incident in records.incidents.values()] == ["resolved"],
            "the end of the incident",
            meanwhile=lambda: (service.send("predictions", islice(after, 200)), service.flush()),
        )
        records.until(lambda: records.states("churn")[-1] == "quiet", "quiet again")
    [incident] = records.incidents.values()
    assert (incident.model, incident.class_, incident.feature) == ("churn", "feature_drift", "amount")
    first = records.anomalies[0]
    assert (first.status, first.class_, first.feature, first.segment) == ("firing", "feature_drift", "amount", {})
    began_ms, until_ms = milliseconds(first.onset_at), milliseconds(first.onset_until)
    assert changed_ms - 1_000 <= began_ms < until_ms <= milliseconds(first.detected_at) <= found_ms
    assert first.statistic.value >= first.statistic.threshold > 0
    assert first.statistic.effect.startswith("mean ")
    assert first.evidence is not None
    assert first.evidence.live
    assert {anomaly.model for anomaly in records.anomalies} == {"churn"}
    assert {(anomaly.class_, anomaly.feature) for anomaly in records.anomalies} == {("feature_drift", "amount")}
    assert records.states("churn")[-3:] == ["quiet", "drifting", "quiet"]
    assert records.states("fraud")[-1] == "quiet"
    assert "drifting" not in records.states("fraud")
    steps = [step.what for step in incident.steps]
    assert (steps[0], steps[-2:]) == ("opened", ["recovered", "resolved"])


MODELS = ("churn", "fraud")


def both(seed: int, rows: int, amount: int = 1) -> Iterator[Event]:
    """The traffic of two models side by side; only one of them may have another unit."""
    for one, other in zip(
        predictions("churn", seed, rows, amount=amount), predictions("fraud", seed, rows), strict=True
    ):
        yield from (one, other)


def milliseconds(rfc3339: str) -> float:
    return datetime.fromisoformat(rfc3339).timestamp() * 1000
