"""A table is read to its end before anything is done, and on from there, on the embedded broker and on the real one."""

import time

import pytest
from confluent_kafka import Producer

from schemas.binning import Binning
from schemas.records import binning as read_binning
from schemas.subject import Subject
from stream.counting.follower import Follower
from stream.engine.surprise import Surprise
from stream.kafka import plain_producer
from stream.outputs import encode
from stream.settings import Kafka
from tests.conftest import Platform


def publish(kafka: Kafka, topic: str, bodies: list[bytes | None]) -> None:
    producer = Producer(plain_producer(kafka))
    for number, body in enumerate(bodies):
        producer.produce(topic, body, f"key-{number}")
    assert producer.flush(20) == 0


def binning(number: int) -> bytes:
    subject = Subject(model=f"m{number}", deployment="d")
    return encode(Binning(subject=subject, column="feature:x", form="numbers", id=f"i{number}", edges=[1, 2]))


def followed(kafka: Kafka, topic: str) -> Follower[Binning]:
    return Follower(kafka, topic, "a-follower", read_binning)


@pytest.mark.slow
def test_all_that_was_published_before_is_known_at_the_start_and_news_come_later(platform: Platform) -> None:
    (topic,) = platform.create({"binnings": 3})
    kafka = Kafka(bootstrap=platform.bootstrap)
    publish(kafka, topic, [binning(number) for number in range(500)] + [None, b"not a binning"])
    follower = followed(kafka, topic)
    assert {body.id for body in follower.news()} == {f"i{number}" for number in range(500)}
    assert follower.unread == 1
    assert follower.news() == []
    publish(kafka, topic, [binning(500)])
    deadline, news = time.monotonic() + 20, []
    while not news and time.monotonic() < deadline:
        news = follower.news()
        time.sleep(0.02)
    assert [body.id for body in news] == ["i500"]
    follower.close()


def test_an_empty_table_is_read_at_once(platform: Platform) -> None:
    (topic,) = platform.create({"binnings": 2})
    follower = followed(Kafka(bootstrap=platform.bootstrap), topic)
    assert follower.news() == []
    assert follower._to_be_read == set()  # its end was met, not its patience
    follower.close()


def test_a_table_that_is_not_there_is_a_sentence(platform: Platform) -> None:
    follower = followed(Kafka(bootstrap=platform.bootstrap), platform.prefix + "missing")
    with pytest.raises(Surprise, match=r"missing' cannot be read: .*'leeway topics create' creates it"):
        follower.news()
    follower.close()
