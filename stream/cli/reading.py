"""Records of a topic for people: from where they like, committed ones only, without a group and without a trace."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from stream.cli.reach import ANSWER_S, kafka_is_away, kafka_properties, listed, unreadable
from stream.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Message, TopicPartition

    from stream.kafka_trouble import Heard

POLL_S = 0.2
BATCH = 500


class Start(click.ParamType):
    """`beginning`, `end`, or `-N`: N records before the end of each partition."""

    name = "beginning|end|-N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in ("beginning", "end") or (str(value).startswith("-") and str(value)[1:].isdecimal()):
            return str(value)
        self.fail(f"expected beginning, end or -N (as in -20), got '{value}'", param, ctx)


def records(
    settings: Settings, topic: str, start: str, *, follow: bool, seconds: float | None = None
) -> "Iterator[Message]":
    """Records as they come, for at most `seconds`; without `follow` until the end that the log has now."""
    from confluent_kafka import Consumer, KafkaError, KafkaException

    properties = kafka_properties(settings) | {
        "group.id": f"{settings.group}-reader",  # the client wants a name; nothing is ever committed under it
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "fetch.wait.max.ms": 100,
    }
    consumer = Consumer(properties)
    try:
        lanes = _lanes(consumer, properties["error_cb"], settings, topic, start)
        consumer.assign(lanes)
        unread = {lane.partition for lane in lanes}
        give_up = time.monotonic() + (float("inf") if seconds is None else seconds)
        while time.monotonic() < give_up and (follow or unread):
            for message in consumer.consume(BATCH, POLL_S):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    unread.discard(message.partition() or 0)
                elif error.fatal() or not (error.retriable() or error.code() == KafkaError._TRANSPORT):
                    raise KafkaException(error)
    finally:
        consumer.close()


def _lanes(consumer: "Consumer", heard: "Heard", settings: Settings, topic: str, start: str) -> "list[TopicPartition]":
    from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, KafkaException, TopicPartition

    found = listed(consumer, heard, settings, topic).topics[topic]
    if found.error is not None:
        raise click.ClickException(unreadable(topic, found.error))
    if not start.startswith("-"):
        place = OFFSET_BEGINNING if start == "beginning" else OFFSET_END
        return [TopicPartition(topic, partition, place) for partition in found.partitions]
    lanes = []
    try:
        for partition in found.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), ANSWER_S)
            lanes.append(TopicPartition(topic, partition, max(low, high - int(start[1:]))))
    except KafkaException as trouble:
        raise click.ClickException(kafka_is_away(settings, trouble, heard)) from None
    return lanes
