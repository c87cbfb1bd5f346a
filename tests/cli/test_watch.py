"""What people watch: topics as they flow, dead letters, states in words, and incidents they act on."""

import json
import re
import time
from pathlib import Path

import msgspec
import pytest
import redis
from confluent_kafka import Producer

from schemas.anomaly import Anomaly
from schemas.dead_letter import REDRIVEN
from schemas.heartbeat import Heartbeat
from schemas.incident import Command, Incident
from schemas.records import command as read_command
from schemas.subject import Subject
from stream.outputs import record
from tests.cli.command import PURPOSES, installation, leeway, running, said
from tests.conftest import Platform
from tests.incidents.anomalies import anomaly

pytestmark = pytest.mark.slow  # processes that wait for servers


def write(platform: Platform, purpose: str, *bodies: Anomaly | Heartbeat) -> None:
    producer = Producer({"bootstrap.servers": platform.bootstrap})
    for number, body in enumerate(bodies):
        name, key = f"x-{number}-0", body.model if isinstance(body, Anomaly) else body.subject.key
        output = record(platform.prefix + purpose, body, kind=purpose, id=name, key=key, time="", role="judge")
        producer.produce(output.topic, output.value, key=output.key, headers=output.headers)
    assert producer.flush(30) == 0


def test_tail_ends_at_its_limit_and_shows_one_readable_line_each(platform: Platform) -> None:
    platform.create({"anomalies": 2})
    write(platform, "anomalies", anomaly(), anomaly(model="fraud"), anomaly("recovered"))
    tailed = leeway(
        *("tail", "anomalies", "--from", "beginning", "--model", "churn", "--limit", "2"), **installation(platform)
    )
    assert tailed.returncode == 0
    lines = tailed.stdout.splitlines()
    assert len(lines) == 2
    assert re.match(r"\d\d:\d\d:\d\d  ▲ firing ! warning  churn feature_drift: age feature_drift", lines[0])
    assert "✓ recovered" in lines[1]


def test_tail_gives_programs_the_records_themselves(platform: Platform) -> None:
    platform.create({"anomalies": 2})
    written = [anomaly(), anomaly()]
    write(platform, "anomalies", *written)
    tailed = leeway(
        *("tail", "anomalies", "--from", "-5", "--for", "3", "--output", "ndjson"), **installation(platform)
    )
    assert tailed.returncode == 0
    assert [msgspec.json.decode(line, type=Anomaly) for line in tailed.stdout.splitlines()] == written


def test_tail_follows_until_somebody_stops_it(platform: Platform, tmp_path: Path) -> None:
    import signal

    platform.create({"heartbeats": 2})
    log = tmp_path / "log"
    with running(log, "tail", "heartbeats", "--from", "beginning", **installation(platform)) as process:
        beat = Heartbeat(subject=Subject(model="churn", deployment="churn"), state="quiet", at="", since="", rows=7)
        write(platform, "heartbeats", beat)
        said(log, r"✓ quiet  churn 7 rows")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()


def test_a_topic_that_is_missing_is_said(kafka: str) -> None:
    tailed = leeway("tail", "panes", "--kafka", kafka, LEEWAY__TOPICS__PANES="not.there")
    assert tailed.returncode == 1
    assert tailed.stderr == "Error: There is no topic not.there; 'leeway topics create' creates it.\n"


def test_dead_letters_are_counted_listed_and_shown_in_full(platform: Platform) -> None:
    platform.create({"dlq": 2})
    producer = Producer({"bootstrap.servers": platform.bootstrap})
    now = int(time.time() * 1000)  # Kafka deletes what is older than the topic's retention, at a moment of its choice
    for number, (code, value) in enumerate([("bad_json", b"no"), ("bad_json", b"\xff"), ("schema", b'{"model":"m"}')]):
        headers = {"topic": "in", "partition": "3", "offset": str(number), "timestamp": "1", "stage": "profile"}
        headers |= {"code": code, "message": "it is wrong", "hint": "Mend it."}
        ours = [(f"leeway.error.{name}", text.encode()) for name, text in headers.items()]
        producer.produce(f"{platform.prefix}dlq", value, headers=ours, timestamp=now + 1_000 * number)
    producer.produce(f"{platform.prefix}dlq", b"somebody else's")
    assert producer.flush(30) == 0

    listed = leeway("dlq", "list", **installation(platform))
    assert listed.returncode == 0
    assert re.search(r"2  bad_json +from in", listed.stdout)
    assert "The latest 3 of 3:" in listed.stdout
    assert "1. ✗ error schema  in/3 at 2 it is wrong. Mend it." in listed.stdout
    summary = json.loads(leeway("dlq", "list", "--output", "json", "--latest", "2", **installation(platform)).stdout)
    assert (summary["letters"], [one["code"] for one in summary["latest"]]) == (3, ["schema", "bad_json"])
    assert summary["latest"][1]["value_base64"] == "/w=="
    assert json.loads(leeway("dlq", "list", "--model", "m", "--output", "json", **installation(platform)).stdout)[
        "counts"
    ] == [{"topic": "in", "code": "schema", "letters": 1}]
    none = leeway("dlq", "list", "--model", "n", **installation(platform)).stdout
    assert none == f"✓ There are no such dead letters in {platform.prefix}dlq.\n"
    shown = leeway("dlq", "show", "3", **installation(platform))
    assert "code     bad_json (found by profile)" in shown.stdout
    assert shown.stdout.endswith("value\nno\n")
    assert leeway("dlq", "show", "4", **installation(platform)).returncode == 1
    assert "latest" not in leeway("dlq", "list", "--latest", "0", **installation(platform)).stdout


def test_a_letter_in_full_has_its_headers_and_says_what_is_cut_and_that_it_came_back(platform: Platform) -> None:
    platform.create({"dlq": 1})
    ours = {"topic": "in", "code": "schema", "message": "it is wrong", "cut": "1 of 9 bytes of the value"}
    headers = [("from", b"a shop"), ("odd", b"\xff"), (REDRIVEN, b"2")]
    headers += [(f"leeway.error.{name}", text.encode()) for name, text in ours.items()]
    producer = Producer({"bootstrap.servers": platform.bootstrap})
    producer.produce(f"{platform.prefix}dlq", b"{", headers=headers)
    assert producer.flush(30) == 0
    shown = leeway("dlq", "show", "1", **installation(platform)).stdout
    assert "back     sent back 2 times before\ncut      1 of 9 bytes of the value\nheader   from: a shop\n" in shown
    letter = json.loads(leeway("dlq", "show", "1", "--output", "json", **installation(platform)).stdout)
    assert (letter["redriven"], letter["cut"]) == (2, "1 of 9 bytes of the value")
    assert letter["headers"] == [["from", "a shop"], ["odd", "\ufffd"], [REDRIVEN, "2"]]


def test_a_letter_does_not_command_the_terminal(platform: Platform) -> None:
    platform.create({"dlq": 1})
    title = "\x1b]0;mine\x07"
    ours = {"topic": "in", "code": "schema", "message": f"{title}: not\na name", "hint": "Mend it."}
    headers = [(f"leeway.error.{name}", text.encode()) for name, text in ours.items()]
    producer = Producer({"bootstrap.servers": platform.bootstrap})
    producer.produce(f"{platform.prefix}dlq", f"[{title}]".encode(), key="\x9b2J\nvalue".encode(), headers=headers)
    assert producer.flush(30) == 0
    listed = leeway("dlq", "list", **installation(platform)).stdout
    shown = leeway("dlq", "show", "1", **installation(platform)).stdout
    assert r"\x1b]0;mine\x07: not\na name. Mend it." in listed
    assert r"\x1b]0;mine\x07: not\na name" in shown
    assert r"key      \x9b2J\nvalue" + "\nvalue\n" in shown
    assert shown.endswith("value\n" + r"[\x1b]0;mine\x07]" + "\n")
    assert not set("\x1b\x07\x9b") & set(listed + shown)
    letter = json.loads(leeway("dlq", "show", "1", "--output", "json", **installation(platform)).stdout)
    assert letter["value"] == f"[{title}]"


def view(platform: Platform, model: str, state: str, columns: dict[str, tuple[str, float]]) -> None:
    subject = {"model": model, "deployment": model, "source": "prediction"}
    summary = {"subject": subject, "state": state, "rows": 5000, "rate": 12.5, "at": int(time.time() * 1000)}
    summary["drifting"] = [name for name, (word, _) in columns.items() if word == "drifting"]
    fields = {"subject": json.dumps(summary)}
    for name, (word, fullness) in columns.items():
        picture = {"column": name, "state": word, "evidence": 1e3, "threshold": 1e6, "fullness": fullness}
        fields[f"column|{name}"] = json.dumps(picture)
    with redis.Redis.from_url(platform.redis_url) as client:
        client.hset(f"leeway:view:{model}", mapping=fields)
        client.sadd("leeway:subjects", model)


def test_status_shows_states_in_words_and_exits_with_3_while_drift_stands(platform: Platform) -> None:
    assert "Nothing was seen yet" in leeway("status", **installation(platform)).stdout
    view(platform, "churn", "quiet", {"feature:age": ("watching", 0.5)})
    calm = leeway("status", **installation(platform))
    assert calm.returncode == 0
    assert "✓ quiet  churn churn prediction  5,000 rows, 12.5/s, now" in calm.stdout
    assert re.search(r"✓ watching  feature:age +█████░░░░░ +1e\+03 of 1e\+06", calm.stdout)
    view(platform, "fraud", "drifting", {"feature:amount": ("drifting", 1.0), "feature:x": ("watching", 0.0)})
    assert leeway("status", **installation(platform)).returncode == 3
    assert leeway("status", "--model", "churn", **installation(platform)).returncode == 0
    found = json.loads(leeway("status", "--model", "fraud", "--output", "json", **installation(platform)).stdout)
    assert [column["column"] for column in found[0]["by_column"]] == ["feature:amount", "feature:x"]


def test_people_act_on_incidents_and_the_role_follows(platform: Platform, tmp_path: Path) -> None:
    platform.create(dict.fromkeys(PURPOSES, 1))
    where = installation(platform)
    log = tmp_path / "log"
    with running(log, "incidents", LEEWAY__LOG__FORMAT="json", **where):
        said(log, '"started"')
        write(platform, "anomalies", anomaly())
        [one] = until(lambda: listed(where))
        assert (one.state, one.model) == ("open", "churn")

        planned = leeway("incident", "acknowledge", one.id[:8], "--dry-run", "--actor", "ada", **where)
        wanted = read_command(planned.stdout.encode())
        assert isinstance(wanted, Command)
        assert (wanted.incident, wanted.action, wanted.actor) == (one.id, "acknowledge", "ada")

        leeway("incident", "acknowledge", one.id[4:10], "--actor", "ada", "--comment", "looking", **where)
        [one] = until(lambda: [each for each in listed(where) if each.state == "acknowledged"])
        leeway("incident", "comment", one.id, "the fix ships today", "--actor", "ada", **where)
        leeway("incident", "silence", one.id, "--until", "2h", **where)
        [one] = until(lambda: [each for each in listed(where) if each.state == "silenced"])
        shown = leeway("incident", "show", one.id, **where).stdout
        assert "acknowledge" in shown
        assert "by ada: looking" in shown
        assert "comment by ada: the fix ships today" in shown
        leeway("incident", "false-alarm", one.id, **where)
        assert until(lambda: [each for each in listed(where, "--all") if each.false_alarm])
        assert "✓ No incident stands open." in leeway("incident", "list", **where).stdout
    nobody = leeway("incident", "resolve", "inc-nobody", **where)
    assert nobody.returncode == 1
    assert nobody.stderr == "Error: There is no incident 'inc-nobody'; 'leeway incident list --all' lists them.\n"
    late = leeway("incident", "silence", one.id, "--until", "2020-01-01T00:00:00Z", **where)
    assert late.returncode == 2
    assert "is over already" in late.stderr


def listed(where: dict[str, str], *options: str) -> list[Incident]:
    found = leeway("incident", "list", "--output", "ndjson", *options, **where)
    assert found.returncode == 0, found.stderr
    return [msgspec.json.decode(line, type=Incident) for line in found.stdout.splitlines()]


def until(look, within_s: float = 60):  # type: ignore[no-untyped-def]
    give_up = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.2)
    return found
