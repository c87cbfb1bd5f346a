"""Reads a compacted topic from its beginning and on, as a table is read: without a group, without offsets of its own.

The first reading goes to the end of every partition, so that what was published before the start is known before
anything is done; later ones take what has come since and never wait.
"""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.dead_letter import Reason
from stream.engine.surprise import Surprise
from stream.kafka import connection
from stream.kafka_trouble import explained
from stream.settings import Kafka

Body = TypeVar("Body")

ANSWER_S = 10.0  # brokers that do not answer for so long are a surprise
CATCH_UP_S = 30.0  # hundreds of thousands of small records; what is not read by then comes with the news
BATCH = 1_000

log = structlog.get_logger()


class Follower(Generic[Body]):
    """`news()` gives every readable record that was not given yet; the first call waits for the end of the topic."""

    def __init__(self, kafka: Kafka, topic: str, name: str, read: Callable[[bytes | None], Body | Reason]) -> None:
        self.unread = 0  # records that could not be read
        self._topic = topic
        self._read = read
        self._to_be_read: set[int] | None = None  # partitions whose end was not met yet; None before the start
        self._consumer = Consumer(
            connection(kafka)
            | {
                "group.id": name,  # asked for by the client; nothing is ever committed
                "client.id": name,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",  # compaction deletes the beginning as a matter of course
                "isolation.level": "read_committed",
                "fetch.queue.backoff.ms": 10,
            }
        )

    def news(self) -> list[Body]:
        """What has come since the last call."""
        if self._to_be_read is None:
            self._start()
            return self._until_the_end(CATCH_UP_S)
        bodies = self._bodies(messages := self._consumer.consume(BATCH, 0.0))
        while len(messages) == BATCH:
            bodies += self._bodies(messages := self._consumer.consume(BATCH, 0.0))
        return bodies

    def close(self) -> None:
        """Leave."""
        self._consumer.close()

    def _start(self) -> None:
        try:
            found = self._consumer.list_topics(self._topic, timeout=ANSWER_S).topics[self._topic]
        except KafkaException as error:
            raise Surprise(f"topic '{self._topic}' cannot be read: {explained(error)}") from error
        if found.error is not None:
            raise Surprise(
                f"topic '{self._topic}' cannot be read: {explained(found.error)}; 'leeway topics create' creates it"
            )
        self._to_be_read = set(found.partitions)
        self._consumer.assign([TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in found.partitions])

    def _until_the_end(self, seconds: float) -> list[Body]:
        bodies: list[Body] = []
        deadline = time.monotonic() + seconds
        while self._to_be_read and time.monotonic() < deadline:
            bodies += self._bodies(self._consumer.consume(BATCH, 0.1))
        if self._to_be_read:
            log.warning("not all of a table was read at the start", topic=self._topic, partitions=len(self._to_be_read))
        return bodies

    def _bodies(self, messages: list[Message]) -> list[Body]:
        bodies = []
        for message in messages:
            error = message.error()
            if error is not None:
                self._met(error, message)
            elif message.value() is not None:
                body = self._read(message.value())
                if isinstance(body, Reason):
                    self.unread += 1
                    log.warning("a record of a table cannot be read", topic=self._topic, reason=body.message)
                else:
                    bodies.append(body)
        return bodies

    def _met(self, error: KafkaError, message: Message) -> None:
        if error.code() == KafkaError._PARTITION_EOF and self._to_be_read is not None:
            self._to_be_read.discard(message.partition() or 0)
        elif error.fatal():
            raise Surprise(f"topic '{self._topic}' cannot be read any more: {explained(error)}")
