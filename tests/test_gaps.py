"""Logs that lose their beginning, topics that come back empty, partitions that are added: said, and gone on from."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.conftest import Platform
from tests.pipeline.installation import Installation, Records

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("platform", [pytest.param("real", marks=pytest.mark.kafka)], indirect=True),
]

GOOD = {"kind": "prediction", "model": "m", "features": {"x": 1}, "prediction": 0.5}


@pytest.fixture
def service(platform: Platform, tmp_path: Path) -> Installation:
    """With one partition of predictions, so that offsets can be foretold."""
    platform.create({"predictions": 1})
    return Installation(platform, tmp_path)


@pytest.fixture
def records(service: Installation) -> Iterator[Records]:
    with Records(service) as reader:
        yield reader


def send(service: Installation, many: int) -> None:
    service.send("predictions", [GOOD] * many)
    service.flush()


def counted(records: Records) -> int:
    return records.rows["m prediction"]


@contextmanager
def until_it_ends(service: Installation, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """A worker that is asked to stop when the block ends, so that it leaves its group."""
    with service.running(*words) as process:
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def admin(service: Installation) -> AdminClient:
    return AdminClient({"bootstrap.servers": service.platform.bootstrap})


def trim(service: Installation, before: int) -> None:
    """What retention does, now."""
    lane = TopicPartition(service.topic("predictions"), 0, before)
    client = admin(service)  # answers come as long as it is there
    for done in client.delete_records([lane]).values():
        done.result(30)


def delete(service: Installation, purpose: str) -> None:
    client = admin(service)
    for done in client.delete_topics([service.topic(purpose)], operation_timeout=30).values():
        done.result(30)
    while service.topic(purpose) in client.list_topics(timeout=10).topics:
        time.sleep(0.1)


def create_again(service: Installation, purpose: str, partitions: int = 1) -> None:
    give_up = time.monotonic() + 30
    while True:  # the broker may not have forgotten the name yet
        try:
            return service.platform.server.create({service.topic(purpose): partitions})
        except KafkaException:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)


def add_partitions(service: Installation, purpose: str, to: int) -> None:
    client = admin(service)
    for done in client.create_partitions([NewPartitions(service.topic(purpose), to)]).values():
        done.result(30)


@pytest.mark.parametrize(("start_at", "goes_on_at"), [("earliest", 30), ("latest", 40)])
def test_what_retention_took_is_counted_said_once_and_gone_on_from(
    service: Installation, records: Records, start_at: str, goes_on_at: int
) -> None:
    service.variables["LEEWAY__KAFKA__START_AT"] = "earliest"
    with until_it_ends(service, "profile"):
        send(service, 10)
        records.until(lambda: counted(records) == 10, "counting")
    send(service, 30)
    trim(service, 30)
    service.variables["LEEWAY__KAFKA__START_AT"] = start_at
    after = 10 + 40 - goes_on_at
    with until_it_ends(service, "profile"):
        records.until(lambda: records.anomalies, "the news")
        send(service, 5)
        records.until(lambda: counted(records) == after + 5, "going on")
    with until_it_ends(service, "profile"):  # it is said once
        send(service, 1)
        records.until(lambda: counted(records) == after + 6, "going on")
    [news] = records.anomalies
    assert (news.class_, news.status, news.deployment, news.severity) == (
        "pipeline_health",
        "firing",
        "profile",
        "error",
    )
    assert news.segment == {"topic": service.topic("predictions")}
    assert (news.window.n, news.statistic.value) == (goes_on_at - 10, goes_on_at - 10)
    assert news.summary.endswith(
        f"{goes_on_at - 10} records were deleted before they were read: retention is shorter than this worker was away"
    )
    assert service.said.count('"records are gone"') == 1


def test_an_operator_who_wants_to_decide_is_asked(service: Installation, records: Records) -> None:
    with until_it_ends(service, "profile"):
        send(service, 10)
        records.until(lambda: counted(records) == 10, "counting")
    send(service, 30)
    trim(service, 30)
    service.variables["LEEWAY__KAFKA__START_AT"] = "error"
    with service.running("profile") as worker:
        assert worker.wait(60) == 3
    assert "offset 10 was committed and the log now holds 30 to 40, and kafka.start_at is 'error'" in service.said


def test_a_worker_that_retention_overtakes_while_it_runs_says_so_and_goes_on(
    service: Installation, records: Records
) -> None:
    service.variables["LEEWAY__KAFKA__SESSION_MS"] = "30000"  # its group waits, however slow the machine is
    with until_it_ends(service, "profile") as worker:
        send(service, 10)
        records.until(lambda: counted(records) == 10, "counting")
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            send(service, 50_000)  # more than a client fetches ahead of what it was asked for
            trim(service, 50_000)
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        send(service, 7)
        records.until(lambda: counted(records) + int(sum(news.window.n for news in records.anomalies)) == 50_017, "all")
    assert {news.class_ for news in records.anomalies} == {"pipeline_health"}


@pytest.mark.parametrize("away_s", [None, 0, 8])  # not while the worker runs; shorter, longer than between two looks
def test_an_input_that_is_deleted_and_created_again_is_read_from_its_beginning(
    service: Installation, records: Records, away_s: int | None
) -> None:
    with until_it_ends(service, "profile") as worker:
        send(service, 10)
        records.until(lambda: counted(records) == 10, "counting")
        if away_s is not None:
            delete(service, "predictions")
            time.sleep(away_s)
            create_again(service, "predictions")
            send(service, 25)  # more than there were: the old offset is a place in the new log
            # A look in between shows that it is gone; else the new one is told by its id, and the next start reads it.
            records.until(lambda: worker.poll() is not None or counted(records) == 35, "noticing what is new")
    if away_s is None:
        delete(service, "predictions")
        create_again(service, "predictions")
        send(service, 25)
    with until_it_ends(service, "profile"):
        send(service, 1)
        records.until(lambda: counted(records) == 36, "counting what is new")
    noticed_late = worker.returncode == 3
    assert worker.returncode == (3 if noticed_late else 0), service.said[-4000:]
    assert service.said.count("was deleted and created anew while it was read") == noticed_late


def test_panes_that_are_deleted_and_created_again_are_learnt_anew(service: Installation, records: Records) -> None:
    """What Redis has is of the old ones, and nobody has to delete it."""
    with until_it_ends(service, "profile"), until_it_ends(service, "judge"):
        send(service, 10)
        records.until(lambda: len(snapshots(service)) == 2 and len(states(service)) == 1, "snapshots")
    [before] = {lane[b"topic"] for lane in snapshots(service)}
    delete(service, "panes")
    create_again(service, "panes", 2)
    with until_it_ends(service, "profile"), until_it_ends(service, "judge"):
        send(service, 5)
        records.until(lambda: all(lane[b"topic"] != before for lane in snapshots(service)), "new snapshots")
        records.until(lambda: len(records.anomalies) == 2, "the news of each lane")
        records.until(lambda: len(states(service)) == 1, "the new state")
    assert {news.class_ for news in records.anomalies} == {"pipeline_health"}
    assert all("the topic was created anew" in news.summary for news in records.anomalies)
    assert "ended by" not in service.said


def snapshots(service: Installation) -> list[dict[bytes, bytes]]:
    """What Redis has of the judge's lanes."""
    with redis.Redis.from_url(service.platform.redis_url) as client:
        names = [f"{service.settings.redis.prefix}judge:{service.topic('panes')}/{lane}" for lane in range(2)]
        return [found for name in names if b"topic" in (found := client.hgetall(name))]  # type: ignore[operator]


def states(service: Installation) -> set[bytes]:
    return {field for lane in snapshots(service) for field in lane if field.startswith(b"k:")}


@pytest.mark.parametrize("start_at", ["earliest", "latest", "error"])
def test_partitions_that_are_added_to_an_input_are_read(service: Installation, records: Records, start_at: str) -> None:
    with until_it_ends(service, "profile"):
        send(service, 10)
        records.until(lambda: counted(records) == 10, "counting")
    service.variables["LEEWAY__KAFKA__START_AT"] = start_at
    with until_it_ends(service, "profile"):
        send(service, 1)
        records.until(lambda: counted(records) == 11, "counting")
        add_partitions(service, "predictions", 4)
        for number in range(400):
            service.put("predictions", json.dumps(GOOD).encode(), b"key %d" % number)
        service.flush()
        records.until(lambda: counted(records) == 411, "counting")
    assert "ended by" not in service.said


def test_partitions_that_are_added_to_the_panes_end_the_judge_with_a_sentence(
    service: Installation, records: Records
) -> None:
    with until_it_ends(service, "profile"), service.running("judge") as judge:
        send(service, 10)
        records.until(lambda: service.said.count('"started"') == 2 and counted(records) == 10, "counting")
        records.until(lambda: committed(service, "judge"), "the judge's offsets")
        add_partitions(service, "panes", 3)
        send(service, 10)
        assert judge.wait(60) == 3
        with service.running("judge") as again:
            assert again.wait(60) == 3
    sentence = f"{service.topic('panes')} has 3 partitions and had 2 when its states were folded"
    assert service.said.count(sentence) == 2
    assert "Create the topic anew with 2 partitions" in service.said


def committed(service: Installation, role: str) -> bool:
    from confluent_kafka import ConsumerGroupTopicPartitions

    group = f"{service.settings.group}-{role}"
    client = admin(service)
    [answer] = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
    return any((lane.offset or 0) > 0 for lane in answer.result(30).topic_partitions)


def test_partitions_that_are_added_to_the_anomalies_end_the_incidents_with_a_sentence(service: Installation) -> None:
    with service.running("incidents") as process:
        give_up = time.monotonic() + 60
        while '"started"' not in service.said and time.monotonic() < give_up:
            time.sleep(0.1)
        add_partitions(service, "anomalies", 3)
        assert process.wait(60) == 3
    with service.running("incidents") as again:
        assert again.wait(60) == 3
    assert service.said.count(f"{service.topic('anomalies')} has 3 partitions and had 2") == 2
