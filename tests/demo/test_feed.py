"""What the feed sends is what the diary says, on a broker that speaks Kafka."""

import time

import orjson
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from stream.demo.feed import Feed
from stream.demo.ground import ground
from stream.demo.listen import Listener
from stream.demo.outages import lost_feed, other_model
from stream.demo.story import Outage, Story
from stream.demo.traffic import Traffic
from stream.kafka import connection
from stream.settings import Settings

DEPLOYMENT = Outage(
    name="deployment",
    what="another version",
    begin=100,
    end=200,
    disturb=other_model("2", 0.7),
    classes=frozenset({"prediction_drift"}),
    columns=frozenset({"prediction:score"}),
    deploys=("2", "1"),
)
FEED = Outage(
    name="feed",
    what="a feed stops",
    begin=300,
    end=400,
    disturb=lost_feed("boston"),
    classes=frozenset({"volume_drop"}),
    columns=frozenset({"segment:region"}),
)
STORY = Story(counts={2015: 250, 2016: 250}, outages=(DEPLOYMENT, FEED), garbage=(50, 450))


def everything(settings: Settings, topic: str, expected: int) -> list[bytes]:
    consumer = Consumer(connection(settings.kafka) | {"group.id": topic, "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
    values: list[bytes] = []
    give_up = time.monotonic() + 60
    while len(values) < expected and time.monotonic() < give_up:
        values += [message.value() or b"" for message in consumer.consume(500, 0.2) if message.error() is None]
    consumer.close()
    return values


@pytest.mark.slow
def test_every_event_of_the_diary_is_in_kafka_once_and_in_the_pace_asked_for() -> None:
    with ground(None, None, keep=False) as place:
        feed = Feed(place.settings, Traffic(STORY, seed=3), per_second=1_000, backlog=lambda: 0, at_most=None)
        began = time.monotonic()
        feed.start()
        feed.join()
        assert feed.failure == ""
        assert time.monotonic() - began >= 0.4  # 500 requests at 1,000 a second
        diary = feed.diary
        assert diary.places == STORY.length
        assert STORY.length - 60 < diary.events < STORY.length - 15  # boston is a third of the traffic
        sent = everything(place.settings, place.settings.topics.predictions, diary.events + 2)
        assert len(sent) == diary.events + feed.garbage
        assert feed.garbage == 2
        deployments = everything(place.settings, place.settings.topics.deployments, 2)
        assert [orjson.loads(value)["action"] for value in deployments] == ["deployed", "rolled_back"]
        listener = Listener(place.settings)
        assert listener.listen(0.2) == []
        listener.close()


@pytest.mark.slow
def test_two_runs_share_no_topic_and_no_key() -> None:
    with ground(None, None, keep=False) as one, ground(None, None, keep=False) as other:
        assert one.settings.group != other.settings.group
        assert one.settings.redis.prefix != other.settings.redis.prefix
        assert one.settings.topics.panes != other.settings.topics.panes


def test_a_configuration_of_the_user_does_not_reach_the_embedded_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWAY__JUDGE__REFERENCE", "777")
    with ground(None, None, keep=False) as place:
        assert place.settings.judge.reference == Settings().judge.reference
        assert "LEEWAY__JUDGE__REFERENCE" not in place.environment
