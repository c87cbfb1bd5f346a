"""`leeway dlq redrive`: what could not be read goes back to where it came from, and is counted once."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer

from schemas.dead_letter import REDRIVEN, DeadLetter, Reason, from_headers, to_headers
from stream.letters import returned
from tests.cli.command import environment, installation, leeway, to_the_end
from tests.conftest import Platform
from tests.pipeline.installation import Installation, Records

pytestmark = pytest.mark.slow  # processes that wait for servers
REAL = pytest.mark.parametrize("platform", [pytest.param("real", marks=pytest.mark.kafka)], indirect=True)

GOOD = {"kind": "prediction", "model": "m", "features": {"x": 1}, "prediction": 0.5}
WIDE = {"kind": "prediction", "model": "w", "features": {"a": 1, "b": 2, "c": 3, "d": 4}}
NARROW = {"LEEWAY__PROFILE__COLUMNS": "3"}
HEADERS = [("origin", b"a shop"), ("origin", b"twice"), ("blank", b"")]


def test_what_a_change_of_settings_makes_good_is_counted_once_and_what_stays_bad_says_so(
    platform: Platform, tmp_path: Path
) -> None:
    service = Installation(platform, tmp_path)
    with Records(service) as records:
        ours = service.variables
        service.variables = ours | NARROW
        with service.running("profile"):
            service.send("predictions", [GOOD] * 20)
            for number in range(5):
                service.put("predictions", json.dumps(WIDE).encode(), b"key %d" % number, HEADERS)
            service.put("predictions", b"no JSON", b"key", HEADERS)
            service.flush()
            records.until(lambda: len(records["dlq"]) == 6, "letters")
            records.until(lambda: records.rows["m prediction"] == 20, "counting")
        service.variables = ours
        planned = service.run("dlq", "redrive", "--all", "--dry-run")
        assert planned.returncode == 0, planned.stderr
        assert planned.stdout.endswith("6 would be sent back; nothing was.\n")
        refused = service.run("dlq", "redrive", "--all")  # with nobody to ask
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "Nothing was sent back" in refused.stderr
        agreed = service.run("dlq", "redrive", "--code", "over_quota", given="y\n")
        assert agreed.stdout == "5 sent back.\n", agreed.stderr
        again = service.run("dlq", "redrive", "--code", "over_quota", "--yes")
        assert again.stdout == "✓ There is nothing to send back (5 were sent back).\n"
        last = json.loads(service.run("dlq", "redrive", "1", "--yes", "--output", "json").stdout)
        assert last == {"redriven": 1, "left_out": []}
        with service.running("profile"):
            records.until(lambda: len(records["dlq"]) == 6 + 6 + 1, "a letter again")
            records.until(lambda: records.rows["w prediction"] == 5, "counting what came back")
            service.send("predictions", [GOOD])
            service.flush()
            records.until(lambda: records.rows["m prediction"] == 21, "going on")
        assert records.rows["w prediction"] == 5
        letters = [from_headers(m.key(), m.value(), m.headers()) for m in records["dlq"] if len(m.headers()) > 1]
        [failed] = [letter for letter in letters if letter.redriven]
        assert (failed.value, failed.key, failed.redriven, failed.reason.code) == (b"no JSON", b"key", 1, "bad_json")
        assert [header for header in failed.headers if header[0] != REDRIVEN] == HEADERS
        listed = json.loads(service.run("dlq", "list", "--output", "json").stdout)
        assert (listed["letters"], listed["redriven"]) == (1, 6)
        assert service.run("dlq", "redrive", "--all", "--yes").stdout == "1 sent back.\n"


def letter(topic: str, number: int, value: bytes | None = b"{}", **further: str) -> DeadLetter:
    return DeadLetter(
        topic=topic,
        partition=0,
        offset=number,
        timestamp=1_790_000_000_000,
        stage="profile",
        reason=Reason("schema", "it is wrong", "Mend it."),
        key=b"key",
        value=value,
        headers=[("number", str(number).encode())],
        cut=further.get("cut", ""),
    )


def write(platform: Platform, letters: list[DeadLetter]) -> None:
    producer = Producer({"bootstrap.servers": platform.bootstrap, "message.max.bytes": 4_000_000})
    for each in letters:
        producer.produce(f"{platform.prefix}dlq", each.value, key=each.key, headers=to_headers(each))
    assert producer.flush(30) == 0


DYING = """
import os, sys
import stream.letters
from stream.cli import main

class Dying(stream.letters.Producer):
    left = int(sys.argv.pop(1))
    def commit_transaction(self, *given):
        if not Dying.left:
            os._exit(9)
        Dying.left -= 1
        super().commit_transaction(*given)
        if not Dying.left and sys.argv[-1] == "after":
            os._exit(9)

stream.letters.Producer = Dying
stream.letters.LETTERS = 10
main(["dlq", "redrive", "--all", "--yes"])
"""


@REAL
@pytest.mark.parametrize(("commits", "when"), [(0, "before"), (2, "before"), (2, "after")])
def test_a_redrive_that_is_killed_in_the_middle_and_run_again_sends_each_letter_once(
    platform: Platform, commits: int, when: str
) -> None:
    platform.create({"dlq": 2, "predictions": 2})
    topic = f"{platform.prefix}predictions"
    write(platform, [letter(topic, number) for number in range(50)])
    died = subprocess.run(
        [sys.executable, "-c", DYING, str(commits), when], env=environment(**installation(platform)), timeout=60
    )
    assert died.returncode == 9
    again = leeway("dlq", "redrive", "--all", "--yes", **installation(platform))
    assert again.stdout == f"{50 - 10 * commits} sent back.\n", again.stderr
    assert leeway("dlq", "redrive", "--all", "--yes", **installation(platform)).stdout.startswith("✓ There is nothing")
    tailed = Counter(arrived(platform, topic, 2, 50))
    assert tailed == Counter({str(number): 1 for number in range(50)})


def arrived(platform: Platform, topic: str, partitions: int, at_least: int) -> list[str]:
    """The numbers of the letters that are back."""
    found = to_the_end(platform, topic, partitions, at_least)
    return [dict(message.headers() or [])["number"].decode() for message in found]


def test_what_cannot_go_back_is_left_out_and_said(platform: Platform) -> None:
    platform.create({"dlq": 1, "predictions": 1})
    topic = f"{platform.prefix}predictions"
    orders, cut = letter("orders", 1), letter(topic, 2, cut="1 of 9 bytes of the value")
    twice = letter(topic, 3)  # by a role that died before it said that it had written it
    write(platform, [orders, cut, twice, twice])
    back = leeway("dlq", "redrive", "--all", "--yes", **installation(platform))
    assert (back.returncode, back.stdout) == (1, "1 sent back.\n")
    assert "orders/1 at" not in back.stdout
    assert "it came from 'orders', which is no topic that a role reads." in back.stderr
    assert "only a part of it was kept: 1 of 9 bytes of the value." in back.stderr


SLOW = """
import sys, time
from stream import kafka
from stream.cli import main

def slow(*given, produce=kafka.produce, **further):
    produce(*given, **further)
    time.sleep(float(sys.argv[1]))

kafka.produce = slow
main(["dlq", "redrive", "--all", "--yes"])
"""


@REAL
@pytest.mark.parametrize("pause_s", ["0", "0.5"])
def test_letters_that_their_topic_has_no_room_for_stay_and_the_others_go(platform: Platform, pause_s: str) -> None:
    """Whether the broker refuses one before or after the last letter was handed over."""
    platform.create({"predictions": 1})
    platform.server.create({f"{platform.prefix}dlq": 1}, **{"max.message.bytes": "4000000"})
    topic = f"{platform.prefix}predictions"
    large = b"x" * 2_000_000
    write(platform, [letter(topic, 1), letter(topic, 2, large), letter(topic, 3), letter(topic, 4, large)])
    sender = [sys.executable, "-c", SLOW, pause_s]
    back = subprocess.run(
        sender, env=environment(**installation(platform)), timeout=60, check=False, capture_output=True, text=True
    )
    assert (back.returncode, back.stdout) == (1, "2 sent back.\n"), back.stderr
    assert back.stderr.count("it is larger than its topic allows (max.message.bytes).") == 2
    assert sorted(arrived(platform, topic, 1, 2)) == ["1", "3"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Say which"),
        (("1", "--all"), "Say numbers or --all, not both."),
        (("--code", "odd"), "'odd' is not one of"),
    ],
)
def test_it_sends_nothing_that_was_not_named(words: tuple[str, ...], sentence: str) -> None:
    refused = leeway("dlq", "redrive", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr


def test_a_record_that_comes_back_is_itself_and_counts_its_returns() -> None:
    once = returned(letter("in", 1))
    assert (once.topic, once.key, once.value) == ("in", b"key", b"{}")
    assert once.headers == [("number", b"1"), (REDRIVEN, b"1")]
    failed = letter("in", 9)
    failed.headers = once.headers
    assert failed.redriven == 1
    assert returned(failed).headers == [("number", b"1"), (REDRIVEN, b"2")]
    failed.headers = [(REDRIVEN, b"many")]
    assert failed.redriven == 0
