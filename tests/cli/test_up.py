"""`leeway up` runs every role, brings back what dies, stops everything when asked, and says plainly what is missing."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import NO_REDIS, NOWHERE, environment, leeway
from tests.cli.test_serve import get
from tests.conftest import Platform

PURPOSES = (
    *("predictions", "features", "labels", "deployments", "panes", "binnings"),
    *("anomalies", "heartbeats", "incidents", "commands", "dlq"),
)


def settings_on(platform: Platform, **further: str) -> dict[str, str]:
    """An installation of its own on a shared Kafka and Redis."""
    topics = {f"LEEWAY__TOPICS__{purpose.upper()}": platform.prefix + purpose for purpose in PURPOSES}
    return topics | {
        "LEEWAY__GROUP": platform.prefix.rstrip("."),
        "LEEWAY__KAFKA__BOOTSTRAP": platform.bootstrap,
        "LEEWAY__REDIS__URL": platform.redis_url,
        "LEEWAY__TOPICS__PARTITIONS": "2",
        **further,
    }


@contextmanager
def running(log: Path, *arguments: str, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as lines:
        process = subprocess.Popen(
            [sys.executable, "-m", "stream.cli", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=lines,
            stderr=subprocess.STDOUT,
            env=environment(**variables),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(log: Path, pattern: str, within_s: float = 60, times: int = 1) -> list[str]:
    """Wait until the log has the pattern so often; what it found."""
    give_up = time.monotonic() + within_s
    while len(found := re.findall(pattern, log.read_text(errors="replace"))) < times:
        assert time.monotonic() < give_up, f"no {pattern!r} in:\n{log.read_text(errors='replace')}"
        time.sleep(0.05)
    return [str(one) for one in found]


@pytest.mark.slow
def test_up_runs_every_role_brings_back_the_dead_and_stops_when_asked(platform: Platform, tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ["up", "--workers", "1"]
    if platform.kind == "embedded":
        platform.create(dict.fromkeys(PURPOSES, 2))
        arguments.append("--no-topics")
    with running(log, *arguments, **settings_on(platform)) as process:
        addresses = dict(
            zip(("profile", "judge", "incidents"), said(log, r"pages at http://([\d.:]+)/", times=3), strict=True)
        )
        for address in addresses.values():
            give_up = time.monotonic() + 60
            while get(address, "/readyz")[0] != 200:
                assert time.monotonic() < give_up, get(address, "/readyz")
                time.sleep(0.1)
        [pid] = said(log, r"judge-0 +\| started, pid (\d+)")
        os.kill(int(pid), signal.SIGKILL)
        said(log, r"judge-0 +\| ended with signal 9; starts again in 0.5 s")
        said(log, r"judge-0 +\| started again \(1\), pid \d+")
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) == 0
    text = log.read_text()
    assert text.rstrip().endswith("Stopped.")
    assert text.count("| stopped\n") == 3
    assert "Traceback" not in text


@pytest.mark.parametrize("role", ["profile", "judge", "incidents"])
def test_a_role_without_kafka_and_redis_says_what_it_waits_for(role: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(log, role, "--kafka", NOWHERE, "--redis", NO_REDIS, LEEWAY__LOG__FORMAT="json"):
        said(log, r'"event": "waiting')
        time.sleep(1.0)
    assert "Traceback" not in log.read_text()


def test_up_without_kafka_is_one_sentence() -> None:
    ended = leeway("up", "--kafka", NOWHERE)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Error: Kafka does not answer at {NOWHERE}")
    assert len(ended.stderr.splitlines()) == 1


def test_wrong_numbers_are_refused_with_what_is_expected() -> None:
    for value in ("0", "many", "-3"):
        ended = leeway("up", "--workers", value)
        assert ended.returncode == 2
        assert f"expected a number from 1 to 1024 or 'auto', got '{value}'" in ended.stderr


def test_a_port_that_is_taken_ends_a_worker_with_one_sentence() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = leeway("profile", "--http-port", port, "--kafka", NOWHERE)
    assert ended.returncode == 3
    assert "address already in use; choose another http.port" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_wrong_configuration_ends_a_worker_before_it_begins() -> None:
    for role in ("profile", "judge", "incidents", "up"):
        ended = leeway(role, LEEWAY__JUDGE__BUDGET="never")
        assert ended.returncode == 2
        assert "judge.budget: 'never' is not an alert budget" in ended.stderr
