"""The consumer of the ways that have none of their own: batches of messages from the beginning of a topic."""

from collections.abc import Iterator
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from benchmarks.meter import Stretch

BATCH = 500


def batches(stretch: Stretch) -> Iterator[list[Any]]:
    """For ever; whoever has enough stops asking."""
    consumer = Consumer(
        {
            "bootstrap.servers": stretch.bootstrap,
            "group.id": stretch.group,
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,  # the default of 1000 leaves the queue empty
        }
    )
    consumer.assign([TopicPartition(stretch.topic, partition, 0) for partition in range(stretch.partitions)])
    while True:
        yield consumer.consume(BATCH, 0.1)
