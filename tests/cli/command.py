"""`leeway` as people run it: a process of its own, in a folder of its own, with an environment of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import Platform

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "127.0.0.1:1"  # nobody listens on port 1
NO_REDIS = "redis://127.0.0.1:1/0"


def environment(**variables: str) -> dict[str, str]:
    """This environment without settings of Leeway's, with our code first and the working folder not at all."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEEWAY")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "COLUMNS": "100"} | variables


def leeway(
    *arguments: str, given: str = "", timeout_s: float = 60, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end. Whatever happens, there is no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "stream.cli", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=cwd,
        env=environment(**variables),
    )
    assert "Traceback" not in ended.stderr + ended.stdout, ended.stderr
    return ended


PURPOSES = (
    *("predictions", "features", "labels", "deployments", "panes", "binnings"),
    *("anomalies", "heartbeats", "incidents", "commands", "dlq"),
)


def installation(platform: Platform, **further: str) -> dict[str, str]:
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
