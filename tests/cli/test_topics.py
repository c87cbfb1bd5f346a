"""Topics are created as they should be, differences are said with their mend, and nothing existing is changed."""

import json
import secrets

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from stream.embedded.broker import EmbeddedBroker
from stream.settings import Settings, Topics
from stream.topics import DLQ_MESSAGE_BYTES, Found, create, differences, found, topics
from tests.cli.command import NOWHERE, leeway
from tests.servers import create_topics

WANTED = {topic.purpose: topic for topic in topics(Settings(topics=Topics(replication=3)))}


def as_wanted(purpose: str, **settings: str) -> dict[str, Found]:
    """The topic as it should be, but for these settings."""
    topic = WANTED[purpose]
    named = {name.replace("_", "."): value for name, value in settings.items()}
    return {topic.name: Found(topic.name, topic.partitions, topic.replication, {**topic.settings, **named})}


def said(purpose: str, present: dict[str, Found]) -> list[tuple[str, str]]:
    return [(one.level, one.what) for one in differences([WANTED[purpose]], present)]


def test_what_is_as_wanted_is_not_mentioned() -> None:
    for purpose in WANTED:
        assert said(purpose, as_wanted(purpose)) == []


def test_a_state_topic_that_forgets_is_an_error() -> None:
    [(level, what)] = said("binnings", as_wanted("binnings", cleanup_policy="delete"))
    assert (level, what.split(":")[0]) == ("error", "cleanup.policy is delete, and should be compact")


def test_a_log_that_is_compacted_is_an_error() -> None:
    [(level, what)] = said("panes", as_wanted("panes", cleanup_policy="compact"))
    assert (level, "every record counts" in what) == ("error", True)


def test_how_long_the_users_own_topics_are_kept_is_their_decision() -> None:
    assert said("predictions", as_wanted("predictions", cleanup_policy="compact", retention_ms="1000")) == []


def test_compression_that_the_incidents_role_may_not_read_is_found() -> None:
    assert [level for level, _ in said("anomalies", as_wanted("anomalies", compression_type="lz4"))] == ["error"]
    assert [level for level, _ in said("anomalies", as_wanted("anomalies", compression_type="producer"))] == ["warning"]


def test_partitions_are_never_added_to_a_keyed_topic() -> None:
    topic = WANTED["panes"]
    present = {topic.name: Found(topic.name, 2, 3, topic.settings)}
    [difference] = differences([topic], present)
    assert "set topics.partitions = 2" in difference.mend


def test_fewer_replicas_and_fewer_acknowledgements_are_warnings() -> None:
    topic = WANTED["panes"]
    settings = dict(topic.settings) | {"min.insync.replicas": "1"}
    levels = [one.level for one in differences([topic], {topic.name: Found(topic.name, 8, 1, settings)})]
    assert levels == ["warning", "warning"]


def test_more_acknowledgements_than_asked_for_are_fine() -> None:
    assert said("panes", as_wanted("panes", min_insync_replicas="10")) == []


def test_what_was_created_can_be_read_at_once(kafka: str) -> None:
    prefix = f"t{secrets.token_hex(4)}."
    client = AdminClient({"bootstrap.servers": kafka})
    wanted = topics(Settings(topics=Topics(**{purpose: prefix + purpose for purpose in WANTED})))
    assert set(create(client, wanted).values()) == {""}
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    lanes = [TopicPartition(topic.name, number) for topic in wanted for number in range(topic.partitions)]
    assert {end.result().offset for end in client.list_offsets(dict.fromkeys(lanes, latest)).values()} == {0}


def test_a_topic_that_nobody_leads_is_not_called_created(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.topics.LEADER_S", 0.2)
    monkeypatch.setattr("stream.topics._without_leader", lambda client, lanes: lanes)
    predictions = topics(Settings(topics=Topics(predictions=f"t{secrets.token_hex(4)}.predictions")))[:1]
    [why] = create(AdminClient({"bootstrap.servers": kafka}), predictions).values()
    assert why == "Kafka took it, and for 0 s nobody leads it, or this user may not see it"


def test_create_makes_what_check_wants_and_changes_nothing_that_exists(kafka: str) -> None:
    prefix = f"t{secrets.token_hex(4)}."
    names = {f"LEEWAY__TOPICS__{purpose.upper()}": prefix + purpose for purpose in WANTED}
    create_topics(kafka, {prefix + "heartbeats": 3}, {"cleanup.policy": "delete"})

    planned = leeway("topics", "create", "--dry-run", "--kafka", kafka, **names)
    assert planned.stdout.count("would be created") == len(WANTED) - 1
    created = leeway("topics", "create", "--kafka", kafka, **names)
    assert (created.returncode, created.stdout.count(" created: ")) == (0, len(WANTED) - 1)
    again = leeway("topics", "create", "--kafka", kafka, **names)
    assert (again.returncode, again.stdout.count(" exists")) == (0, len(WANTED))

    checked = leeway("topics", "check", "--kafka", kafka, "--output", "json", **names)
    different = json.loads(checked.stdout)["differences"]
    assert checked.returncode == 1
    assert {one["topic"] for one in different} == {prefix + "heartbeats"}
    assert {one["level"] for one in different} == {"warning", "error"}
    assert "--add-config cleanup.policy=compact" in next(one["mend"] for one in different if one["level"] == "error")
    described = found(AdminClient({"bootstrap.servers": kafka}), [prefix + "dlq"])[prefix + "dlq"].settings
    assert described is not None
    assert described["max.message.bytes"] == str(DLQ_MESSAGE_BYTES)


def test_more_replicas_than_brokers_is_refused_in_a_sentence(kafka: str) -> None:
    prefix = f"t{secrets.token_hex(4)}."
    names = {f"LEEWAY__TOPICS__{purpose.upper()}": prefix + purpose for purpose in WANTED}
    refused = leeway("topics", "create", "--kafka", kafka, LEEWAY__TOPICS__REPLICATION="3", **names)
    assert refused.returncode == 1
    assert f"{prefix}panes was not created: " in refused.stderr


@pytest.mark.slow
def test_a_broker_that_does_not_tell_settings_is_said_not_to(embedded_broker: EmbeddedBroker) -> None:
    prefix = f"t{secrets.token_hex(4)}."
    names = {f"LEEWAY__TOPICS__{purpose.upper()}": prefix + purpose for purpose in WANTED}
    for name in names.values():
        embedded_broker.create(name, 8)
    checked = leeway("topics", "check", "--kafka", embedded_broker.bootstrap, **names)
    assert checked.returncode == 0
    assert "11 topics whose settings Kafka does not tell" in checked.stdout


@pytest.mark.slow
def test_no_kafka_is_one_sentence() -> None:
    for arguments in (["topics", "check"], ["topics", "create"]):
        ended = leeway(*arguments, "--kafka", NOWHERE)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"Error: Kafka does not answer at {NOWHERE}")
        assert len(ended.stderr.splitlines()) == 1
