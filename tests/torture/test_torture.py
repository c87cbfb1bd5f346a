"""A short torture of all roles, and that the oracle would have said so."""

import random
import time
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Producer

from schemas.pane import Pane
from schemas.subject import Subject
from tests.conftest import left_out
from tests.servers import Missing
from tests.torture.campaign import Orders, campaign
from tests.torture.faults import AT_RANDOM, AT_SEAMS, ON_SERVERS, deck
from tests.torture.feed import Feed
from tests.torture.ground import ground
from tests.torture.oracle import Oracle, folded
from tests.torture.report import figures, table

FAULTS = 24
SHORT = Orders(seed=7, seconds=45.0, every_s=1.3, session_ms=2_000, per_second=120.0, at_least=FAULTS)


def test_a_deck_has_every_fault_at_every_seam_and_follows_from_its_seed() -> None:
    faults = deck(random.Random(7))
    kinds = {fault.kind for fault in faults}
    assert kinds == {*AT_SEAMS, *(kind for kind, _ in AT_RANDOM), *(kind for kind, _, _ in ON_SERVERS)}
    seams = {(fault.role, fault.seam) for fault in faults if fault.seam}
    assert len(seams) == 2 * 11 + 10
    again = deck(random.Random(7))
    assert [(fault.name, fault.seam, fault.slot) for fault in faults] == [(f.name, f.seam, f.slot) for f in again]


@pytest.mark.kafka
def test_the_oracle_says_what_is_missing_double_and_wrong(kafka: str, redis_url: str, tmp_path: Path) -> None:
    settings = ground(kafka, redis_url, tmp_path).settings
    feed, topics = Feed(settings, seed=1), settings.topics
    feed.send(200)
    now_ms = time.time_ns() // 1_000_000
    feed.probe(now_ms)
    feed.flush()

    def judged() -> dict[str, tuple[int, int, int]]:
        return {each.what: (each.missing, each.double, each.wrong) for each in Oracle(settings).findings()}

    found = judged()
    assert found["events in panes"] == (200, 0, 0)
    assert found["dead letters of profile and judge"][0] > 0
    assert found["incidents"][0] > 0

    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "partitioner": "murmur2_random"})
    pane = Pane(subject=Subject(model="spam", deployment="spam"), at=now_ms, worker="w", rows=1_000)
    producer.produce(topics.panes, msgspec.json.encode(pane), key=b"spam")
    producer.flush()
    found = judged()
    assert found["events in panes"][1] > 0
    assert found["heartbeats"] == (1, 0, 0)
    assert found["states of judge"] == (1, 0, 0)
    right, _ = folded(settings, Oracle(settings).panes())
    ((key, ((name, value),)),) = right[topics.heartbeats].items()
    for id, body in ((name, value), (name, value), ("nobody's", b"{}")):
        producer.produce(topics.heartbeats, body, key=key, headers=[("ce_id", id.encode())])
    producer.flush()
    assert judged()["heartbeats"] == (0, 1, 1)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_befalls_two_workers_of_every_role_nothing_is_missing_double_or_wrong(tmp_path: Path) -> None:
    try:
        outcome = campaign(SHORT, tmp_path)
    except Missing as part:
        left_out(str(part))
    print(table(outcome))
    told = figures(outcome)
    assert outcome.good, table(outcome)
    assert told["faults"] >= FAULTS
    assert all(finding.seen for finding in outcome.findings)
