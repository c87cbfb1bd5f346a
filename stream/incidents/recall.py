"""When Redis has lost the incidents (emptied, or replaced by a new one), they come back from their topic.

`leeway.incidents` is compacted by incident and each record is the whole incident, so its last records are a backup that
is never older than what the world was told.
"""

import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from schemas import records
from schemas.incident import Incident
from stream.incidents.version import refuse_newer
from stream.kafka import connection
from stream.settings import Settings

ANSWER_S = 10.0
PATIENCE_S = 30.0  # with a topic of which nothing comes; a long one may take longer


def published(settings: Settings) -> list[Incident]:
    """The latest revision of every incident on the topic, the one that changed last at the end.

    Raises KafkaException when Kafka does not answer, or gives us only a part. Blocks: call it in a thread.
    """
    topic = settings.topics.incidents
    group = f"{settings.group}-incidents-recall"  # never joined, nothing is committed
    consumer = Consumer(connection(settings.kafka) | {"group.id": group, "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, ANSWER_S).topics[topic].partitions
        ends = {
            number: end
            for number in partitions
            for first, end in [consumer.get_watermark_offsets(TopicPartition(topic, number), ANSWER_S)]
            if end > first
        }
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in ends])
        return _read(consumer, topic, ends)
    finally:
        consumer.close()


def _read(consumer: Consumer, topic: str, ends: dict[int, int]) -> list[Incident]:
    latest: dict[str, Incident] = {}
    give_up = time.monotonic() + PATIENCE_S
    while ends:
        if time.monotonic() >= give_up:
            raise KafkaException(f"nothing came of {topic} for {PATIENCE_S:.0f} s, and it was not read to its end")
        message = consumer.poll(0.2)
        if message is not None and (error := message.error()):
            raise KafkaException(error)
        if message is not None:
            refuse_newer(message.value() or b"", topic)
            incident = records.incident(message.value())
            if isinstance(incident, Incident) and incident.revision >= getattr(latest.get(incident.id), "revision", 0):
                latest[incident.id] = incident
        # Positions, not records: the end of a compacted topic may be a gap.
        where = consumer.position([TopicPartition(topic, number) for number in ends])
        ends = {each.partition: ends[each.partition] for each in where if each.offset < ends[each.partition]}
        if message is not None:
            give_up = time.monotonic() + PATIENCE_S
    return sorted(latest.values(), key=lambda incident: incident.updated_at)
