"""What people ask for with `leeway incident` reaches the incident, and `leeway tail` shows what flows."""

import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas.incident import Incident
from stream.outputs import record
from tests.conftest import Platform
from tests.incidents.anomalies import START_MS, anomaly
from tests.pipeline.installation import Installation, Records


@pytest.mark.slow
def test_people_act_on_incidents_and_see_what_flows(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path)
    at_s = datetime.now(UTC).timestamp() - START_MS / 1000
    with service.running("incidents"), Records(service) as records:
        for number, feature in enumerate(("age", "plan", "nps")):
            body = anomaly(feature=feature, at_s=at_s, id=f"leeway.panes/0-{number}-0")
            output = record("", body, kind="anomaly", id=body.id, key=body.model, time=body.detected_at, role="judge")
            service.put("anomalies", output.value, output.key, output.headers)
        service.flush()
        records.until(lambda: len(records.incidents) == 3, "incidents")
        ids = {incident.feature: incident.id for incident in records.incidents.values()}

        def asked(*words: str) -> "subprocess.CompletedProcess[str]":
            done = service.run("incident", *words)
            assert done.returncode == 0, done.stderr
            return done

        def latest(feature: str) -> Incident:
            return records.incidents[ids[feature]]

        listed = [json.loads(line) for line in asked("list", "--output", "ndjson").stdout.splitlines()]
        assert {each["id"] for each in listed} == set(ids.values())
        asked("acknowledge", ids["age"], "--actor", "ann", "--comment", "looking into it")
        asked("silence", ids["plan"], "--until", "4h", "--actor", "bob")
        asked("false-alarm", ids["nps"], "--actor", "cy", "--comment", "a holiday")
        records.until(lambda: latest("nps").false_alarm, "the false alarm")
        records.until(lambda: latest("plan").state == "silenced", "the silence")
        records.until(lambda: latest("age").state == "acknowledged", "the acknowledgement")
        assert (latest("age").acknowledged_by, latest("nps").state) == ("ann", "resolved")
        step = latest("age").steps[-1]
        assert (step.what, step.actor, step.comment) == ("acknowledge", "ann", "looking into it")
        assert latest("plan").silenced_until > latest("plan").opened_at

        unknown = service.run("incident", "acknowledge", "inc-nobody")
        assert unknown.returncode == 1
        assert "There is no incident 'inc-nobody'" in unknown.stderr
        assert "looking into it" in asked("show", ids["age"]).stdout

        tailed = service.run("tail", "incidents", "--from", "beginning", "--limit", "4", "--output", "ndjson")
        assert tailed.returncode == 0
        lines = [json.loads(line) for line in tailed.stdout.splitlines()]
        assert len(lines) == 4
        assert {line["id"] for line in lines} <= set(ids.values())
        tailed = service.run("tail", "anomalies", "--from", "-9", "--limit", "3", "--output", "ndjson")
        assert {json.loads(line)["feature"] for line in tailed.stdout.splitlines()} == set(ids)
    assert records["dlq"] == []
    assert "Traceback" not in service.said
