"""`leeway up` runs every role, brings back what dies, stops everything when asked, and says plainly what is missing."""

import os
import signal
import time
from pathlib import Path

import pytest

from stream.embedded.port import free_port
from tests.cli.command import NO_REDIS, NOWHERE, PURPOSES, installation, leeway, running, said
from tests.cli.test_serve import get
from tests.conftest import Platform

pytestmark = pytest.mark.slow  # processes that wait for servers


def test_up_runs_every_role_brings_back_the_dead_and_stops_when_asked(platform: Platform, tmp_path: Path) -> None:
    log = tmp_path / "log"
    arguments = ["up", "--workers", "1"]
    if platform.kind == "embedded":
        platform.create(dict.fromkeys(PURPOSES, 2))
        arguments.append("--no-topics")
    with running(log, *arguments, **installation(platform)) as process:
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
        assert process.wait(60) == 0
    text = log.read_text()
    assert text.rstrip().endswith("Stopped.")
    assert text.count("| stopped\n") == 3
    assert "Traceback" not in text


@pytest.mark.parametrize("role", ["profile", "judge", "incidents"])
def test_a_role_without_kafka_and_redis_says_what_it_waits_for_and_stops_when_asked(role: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running(log, role, "--kafka", NOWHERE, "--redis", NO_REDIS, LEEWAY__LOG__FORMAT="json") as process:
        said(log, r'"event": "waiting')
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()


def test_up_without_kafka_is_one_sentence() -> None:
    ended = leeway("up", "--kafka", NOWHERE, "--patience", "0")
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


def test_up_waits_for_a_kafka_that_comes_later(tmp_path: Path) -> None:
    log, port = tmp_path / "log", free_port()
    with running(log, "up", "--kafka", f"127.0.0.1:{port}", "--redis", NO_REDIS):
        said(log, r"Waiting for it, at most 600 s\.")
    ended = leeway("up", "--kafka", NOWHERE, "--patience", "0.5")
    assert ended.returncode == 1
