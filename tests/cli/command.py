"""`leeway` as people run it: a process of its own, in a folder of its own, with an environment of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

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


def to_the_end(platform: Platform, topic: str, partitions: int, at_least: int = 0) -> list[Message]:
    """What a reader of committed records finds, to the end of every partition, and until it is so much."""
    own = {"group.id": f"{platform.prefix}to-the-end", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({"bootstrap.servers": platform.bootstrap, "isolation.level": "read_committed", **own})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(partitions)])
    found, at_end, give_up = list[Message](), set[int](), time.monotonic() + 60
    while len(at_end) < partitions or len(found) < at_least:
        assert time.monotonic() < give_up, f"{len(found)} records of {topic}, at the end of {at_end}"
        for message in consumer.consume(100, 0.2):
            if (error := message.error()) is None:
                found.append(message)
                at_end.discard(message.partition() or 0)
            elif error.name() == "_PARTITION_EOF":
                at_end.add(message.partition() or 0)
    consumer.close()
    return found
