"""What comes back from the topic of incidents is all of it, or nothing."""

import pytest
from confluent_kafka import KafkaException, Producer
from msgspec import json

from schemas.incident import Incident
from stream.incidents import recall
from stream.incidents.apply import step
from stream.kafka_trouble import patient
from stream.settings import Incidents, Kafka, Settings, Topics
from tests.conftest import Platform
from tests.incidents.anomalies import START_MS, anomaly


@pytest.fixture
def settings(platform: Platform) -> Settings:
    (topic,) = platform.create({"incidents": 3})
    return Settings(kafka=Kafka(bootstrap=platform.bootstrap), topics=Topics(incidents=topic), group=platform.prefix)


def incident(feature: str, edges: int = 1) -> Incident:
    """An incident that has seen so many edges."""
    found = None
    for _ in range(edges):
        found = step(found, anomaly(feature=feature), START_MS, Incidents()).incident
    assert found is not None
    return found


def publish(settings: Settings, *incidents: Incident) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka.bootstrap, "log_level": 0})
    for each in incidents:
        producer.produce(settings.topics.incidents, key=each.id, value=json.encode(each))
    assert producer.flush(30) == 0


def test_the_latest_revision_of_every_incident_comes_back(settings: Settings) -> None:
    assert patient(lambda: recall.published(settings), settings.kafka) == []  # a new topic has no leader at first
    before, plan, city = incident("age"), incident("plan", 2), incident("city", 3)
    age = step(before, anomaly("moved", feature="age"), START_MS, Incidents()).incident
    assert age is not None
    publish(settings, before, plan, age, city)
    assert {each.id: each for each in recall.published(settings)} == {each.id: each for each in (age, plan, city)}


def test_a_part_is_not_taken_for_all(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(settings, *(incident(f"feature {number}") for number in range(50)))
    assert len(patient(lambda: recall.published(settings), settings.kafka)) == 50
    monkeypatch.setattr(recall, "PATIENCE_S", 0.0)
    with pytest.raises(KafkaException, match="for 0 s, and it was not read to its end"):
        recall.published(settings)
