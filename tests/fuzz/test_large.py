"""Records that are too large, or that Kafka lets through and its clients hardly read: no worker stops at them."""

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.dead_letter import HEAD_BYTES, Headers
from tests.cli.command import environment
from tests.conftest import Platform
from tests.pipeline.installation import Installation, Records
from tests.servers import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("platform", [pytest.param("real", marks=pytest.mark.kafka)], indirect=True),
]

MB = 1_000_000
GOOD = {"kind": "prediction", "model": "m", "features": {"x": 1}, "prediction": 0.5}
FLOOD: Headers = [(f"header-{number}", b"x" * 200) for number in range(8_000)]


def noise(many: int) -> bytes:
    """What no compression makes smaller."""
    return random.Random(many).randbytes(many)


LARGE: dict[str, tuple[bytes, bytes | None, Headers, str]] = {
    "noise": (noise(12 * MB), b"key", [("origin", b"a shop")], "12,000,000 bytes of the value"),
    "a bomb": (bytes(60 * MB), b"key", [], "60,000,000 bytes of the value"),
    "a flood": (b"no JSON", b"key", FLOOD, "8,000 headers"),
    "a large header": (b"no JSON", b"key", [("small", b""), ("large", noise(3 * MB))], "2 headers"),
    "a large key": (b"no JSON", noise(5 * MB), [], "5,000,000 bytes of the key"),
    "everything": (
        noise(5 * MB),
        noise(5 * MB),
        FLOOD,
        "8,000 headers, 5,000,000 bytes of the value, 5,000,000 bytes of the key",
    ),
}


@pytest.mark.parametrize("room", [1_048_588, 300_000])
def test_a_letter_that_is_larger_than_its_topic_takes_is_cut_and_says_where_the_record_is(
    platform: Platform, tmp_path: Path, room: int
) -> None:
    platform.server.create({platform.prefix + "predictions": 1}, **{"max.message.bytes": str(40 * MB)})
    platform.server.create({platform.prefix + "dlq": 1}, **{"max.message.bytes": str(room)})
    service = Installation(platform, tmp_path)
    topic = service.topic("predictions")
    sender = Producer(
        {
            "bootstrap.servers": platform.bootstrap,
            "message.max.bytes": 100 * MB,
            "compression.type": "gzip",
            "queue.buffering.max.kbytes": 400_000,
        }
    )
    fits = b"x" * 200_000  # of no worth, and no reason to cut it
    with service.running("profile"), Records(service) as records:
        for value, key, headers, _ in LARGE.values():
            sender.produce(topic, value, key=key, headers=headers)
            sender.produce(topic, json.dumps(GOOD).encode())
            assert sender.flush(60) == 0
        sender.produce(topic, fits, key=b"key", headers=[("origin", b"a shop")])
        assert sender.flush(60) == 0
        records.until(lambda: len(records.letters) == len(LARGE) + 1, "letters")
        records.until(lambda: records.rows["m prediction"] == len(LARGE), "counting")
        assert "ended by" not in service.said
    *cut, whole = sorted(records.letters, key=lambda letter: letter.offset)
    for number, (letter, (value, key, headers, said)) in enumerate(zip(cut, LARGE.values(), strict=True)):
        assert (letter.topic, letter.partition, letter.offset) == (topic, 0, 2 * number)
        assert re.sub(r"[\d,]+ of ", "", letter.cut) == said
        head = min(HEAD_BYTES, room // 8)
        assert letter.value in (value, value[:head])
        assert letter.key in (key, key[:head] if key else key)
        assert letter.headers == headers[: len(letter.headers)]
        assert letter.reason.code in ("too_large", "bad_json")
        assert letter.reason.message
    assert (whole.value, whole.key, whole.headers, whole.cut) == (fits, b"key", [("origin", b"a shop")], "")


def test_a_header_whose_name_is_not_text_stops_nothing(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path)
    command = [sys.executable, "-m", "tests.fuzz.unreadable_header", platform.bootstrap]
    with service.running("profile"), Records(service) as records:
        for value in (json.dumps(GOOD), "no JSON", json.dumps(GOOD)):
            sent = [*command, service.topic("predictions"), value]
            subprocess.run(
                sent, check=True, cwd=ROOT, env=environment(AIOKAFKA_NO_EXTENSIONS="1", PATH=os.environ["PATH"])
            )
            service.send("predictions", [GOOD])
        service.flush()
        records.until(lambda: records.rows["m prediction"] == 5, "counting")
        records.until(lambda: len(records["dlq"]) == 1, "a letter")
        assert "ended by" not in service.said
    [letter] = records.letters
    assert (letter.value, letter.headers) == (b"no JSON", [])
    assert letter.cut == "all of its headers: a name among them is not UTF-8"
