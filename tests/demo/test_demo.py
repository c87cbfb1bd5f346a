"""The whole demo as a person runs it: embedded, and on a real Kafka and Redis with every role killed on the way."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest
import redis
from confluent_kafka.admin import AdminClient

from tests.servers import RealKafka, RealRedis

ROOT = Path(__file__).parent.parent.parent
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from stream.cli import main; main(sys.argv[1:])",
    "demo",
    "--output",
    "json",
]
ROLE = re.compile(r"(profile|judge|incidents) is process (\d+)")
AT_EVENT = re.compile(r"([\d,]+) of [\d,]+ events sent")
FOUND = {
    "SCHL": {"null_spike"},
    "AGEP": {"feature_drift", "out_of_range"},
    "CIT": {"new_category", "feature_drift"},
    "version": {"prediction_drift"},
    "latency": {"latency_regression"},
    "the feed": {"volume_drop", "segment_drift"},
}


def demo(*options: str, kill_at: dict[str, int] | None = None) -> tuple[int, dict[str, Any], str]:
    """Exit status, the JSON object and what was said. `kill_at` says after how many events a role is killed -9."""
    process = subprocess.Popen(
        [*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        said = "".join(_listened(process.stderr, dict(kill_at or {})))
        printed = process.stdout.read()
        status = process.wait(60)
    finally:
        process.kill()
        process.wait()
    return status, json.loads(printed), said


def _listened(lines: IO[str], kill_at: dict[str, int]) -> list[str]:
    """What the demo says, while it says it; kills roles when their time has come."""
    pids: dict[str, int] = {}
    said = []
    for line in lines:
        said.append(line)
        if started := ROLE.search(line):
            pids[started[1]] = int(started[2])
        if sent := AT_EVENT.search(line):
            events = int(sent[1].replace(",", ""))
            for role in [role for role, after in kill_at.items() if events >= after]:
                del kill_at[role]
                os.kill(pids[role], signal.SIGKILL)
    assert not kill_at, f"the demo ended before these were killed: {kill_at}\n{''.join(said)}"
    return said


def check(status: int, plain: dict[str, Any], said: str) -> None:
    """The truth table is as it should be."""
    assert plain["trouble"] == [], said
    injected = {truth["what"]: truth for truth in plain["truth"] if truth["kind"] == "injected"}
    assert len(injected) == len(FOUND)
    for begins, classes in FOUND.items():
        truth = next(truth for what, truth in injected.items() if what.startswith(begins))
        assert truth["detected"], said
        assert truth["class"] in classes
    assert plain["false_alarms"] <= plain["most_by_chance"], plain["unexplained"]
    assert plain["dlq"] == plain["malformed"] > 0
    assert plain["incidents"]
    assert status == 0


@pytest.mark.slow
def test_the_demo_finds_every_outage_within_the_budget() -> None:
    check(*demo())


@pytest.mark.slow
@pytest.mark.kafka
def test_killing_every_role_changes_nothing_but_time_and_nothing_stays_behind(tmp_path: Path) -> None:
    with RealKafka(tmp_path) as kafka, RealRedis(tmp_path) as server:
        status, plain, said = demo(
            "--kafka",
            kafka.bootstrap,
            "--redis",
            server.url,
            kill_at={"profile": 75_000, "judge": 105_000, "incidents": 140_000},
        )
        assert said.count("signal 9") == 3
        check(status, plain, said)
        assert not [key for key in redis.Redis.from_url(server.url).scan_iter("leeway-demo-*")]
        left = AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=10).topics
        assert not [topic for topic in left if topic.startswith("leeway-demo-")]
