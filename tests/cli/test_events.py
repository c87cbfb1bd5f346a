"""`check` says what each error means; `send` brings events where they belong and counts what it left out."""

import json
import time

import pytest

from tests.cli.command import installation, leeway, to_the_end
from tests.conftest import Platform

GOOD = '{"model":"churn","features":{"age":41},"prediction":0.83,"entity_id":"u1"}'
LABEL = '{"kind":"label","model":"churn","prediction_id":"p1","label":1}'
BAD = '{"model":"churn","features":{"age":[41]}}'
MIXED = f'{GOOD}\n\n{LABEL}\nnot JSON\n{BAD}\n{{"model":"churn","prediction":NaN,"latencyms":1}}\n'


def test_events_that_can_be_read_are_counted_by_kind_and_model() -> None:
    checked = leeway("check", "-", given=f"{GOOD}\n{GOOD}\n{LABEL}\n")
    assert checked.returncode == 0
    assert "2 prediction events of churn" in checked.stdout
    assert "1 label event of churn" in checked.stdout


def test_every_line_that_cannot_be_read_is_named_with_its_mend() -> None:
    checked = leeway("check", "-", given=MIXED)
    assert checked.returncode == 1
    assert "line 4: not JSON at byte 0" in checked.stdout  # blank lines have a number too
    assert "line 5: features.age: expected a number, text or null, got array" in checked.stdout
    assert "mend: Send one value; a list of numbers is an embedding." in checked.stdout
    assert "warning  line 6: latencyms: unknown field, ignored" in checked.stdout
    assert "2 lines that would end as dead letters" in checked.stdout


def test_programs_get_the_same_as_json() -> None:
    checked = leeway("check", "-", "--output", "json", given=MIXED)
    said = json.loads(checked.stdout)
    assert (checked.returncode, said["valid"], said["invalid"]) == (1, 3, 2)
    assert said["by_code"] == {"bad_json": 1, "schema": 1}
    lines = leeway("check", "-", "--output", "ndjson", given=MIXED).stdout.splitlines()
    assert [json.loads(line) for line in lines] == said["findings"]


def test_a_line_without_a_kind_is_what_the_option_says() -> None:
    feature = '{"model":"churn","features":{"age":1},"feature_set":"daily"}\n'
    assert leeway("check", "-", "--kind", "feature", given=feature).returncode == 0
    assert "feature_set" in leeway("check", "-", given=feature).stdout


def test_bytes_that_are_no_text_are_explained() -> None:
    checked = leeway("check", "-", given="\x00\x01{}\n")
    assert checked.returncode == 1
    assert "line 1" in checked.stdout


def test_how_far_ahead_a_time_may_be_is_what_the_worker_is_told() -> None:
    in_three_days = f'{{"model":"churn","prediction":1,"ts":{time.time_ns() // 1_000_000 + 3 * 86_400_000}}}\n'
    for words in (("check", "-"), ("send", "-", "--dry-run")):
        assert leeway(*words, given=in_three_days).returncode == 1
        week = leeway(*words, given=in_three_days, LEEWAY__PROFILE__REFUSE_FUTURE_MS="604800000")
        assert week.returncode == 0, week.stdout + week.stderr


def test_nothing_in_it_is_said() -> None:
    assert "There are no events in it." in leeway("check", "-", given="\n\n").stdout


def read_back(platform: Platform, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    found = [(message.key(), message.value()) for message in to_the_end(platform, topic, 2)]
    return sorted(found, key=str)


@pytest.mark.slow
def test_events_go_to_the_topic_of_their_kind_and_what_cannot_be_read_stays_here(platform: Platform) -> None:
    platform.create({"predictions": 2, "labels": 2})
    sent = leeway("send", "-", "--key", "entity_id", given=MIXED, **installation(platform))
    assert sent.returncode == 1
    assert sorted(sent.stdout.splitlines()) == [
        f"sent 1 to {platform.prefix}labels",
        f"sent 2 to {platform.prefix}predictions",
    ]
    assert "left out 2 that cannot be read" in sent.stderr
    assert "line 5: features.age" in sent.stderr
    predictions = read_back(platform, f"{platform.prefix}predictions")
    assert {key for key, _ in predictions} == {b"u1", None}
    assert GOOD.encode() in {value for _, value in predictions}
    assert read_back(platform, f"{platform.prefix}labels") == [(None, LABEL.encode())]


@pytest.mark.slow
def test_without_check_lines_are_sent_as_they_are(platform: Platform) -> None:
    platform.create({"predictions": 2, "labels": 2})
    sent = leeway("send", "-", "--no-check", given=MIXED, **installation(platform))
    assert sent.returncode == 0
    values = {value for _, value in read_back(platform, f"{platform.prefix}predictions")}
    assert {b"not JSON", BAD.encode()} < values


def test_a_topic_that_is_missing_is_said_with_its_mend(kafka: str) -> None:
    sent = leeway("send", "-", "--kafka", kafka, given=GOOD, LEEWAY__TOPICS__PREDICTIONS="not.there")
    assert sent.returncode == 1
    assert (
        "1 not delivered: there is no topic not.there that this user may see; 'leeway topics create' creates it."
        in sent.stderr
    )


def test_a_dry_run_needs_no_kafka() -> None:
    planned = leeway("send", "-", "--dry-run", given=f"{GOOD}\n{LABEL}\n")
    assert planned.returncode == 0
    assert planned.stdout.splitlines() == ["would send 1 to leeway.labels", "would send 1 to leeway.predictions"]
