"""How each kind of client talks to Kafka: settings in, librdkafka's properties out; and what is asked of one.

Further properties of the operator (`kafka.options`) come first, so that those on which exactly-once rests win.
The values are measured on Apache Kafka 4.1 with librdkafka 2.16; the reason stands beside each.

>>> consumer(Kafka(), "leeway-judge", "leeway-judge-0")["isolation.level"]
'read_committed'
>>> producer(Kafka(options={"linger.ms": "50"}), "leeway-judge-0", "lz4")["linger.ms"]
'50'
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import structlog
from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from stream.engine.role import Lane, Output
from stream.engine.shape import Shape
from stream.engine.surprise import Surprise
from stream.secret import secret
from stream.settings import Kafka

Properties = dict[str, Any]

TRANSACTION_MS = 10_000  # an owner frozen inside a transaction holds its lanes' successor up for so long
PAUSE_S = 1.0  # of whoever hands records over, when the queue is full
DESCRIBE_S = 2.0  # it is asked with every transaction, and what is not told in time is not needed
NO_ID = ("", "AAAAAAAAAAAAAAAAAAAAAA")  # all zeros: of brokers that know no ids
LARGEST_BYTES = 4_000_000  # a dead letter is the whole record of its producer, and more headers
LETTER_BYTES = 1_000_000  # of a dead letter, where its topic does not tell: Kafka's own default, with some room

log = structlog.get_logger()


def connection(kafka: Kafka) -> Properties:
    """What every client needs to reach the brokers."""
    properties: Properties = {
        **kafka.options,
        "bootstrap.servers": kafka.bootstrap,
        "security.protocol": kafka.security_protocol,
        "log_level": 2,  # below, librdkafka repeats what `error_cb` says, unstructured
        "error_cb": said_once(),
    }
    given = {
        "sasl.mechanism": kafka.sasl_mechanism,
        "sasl.username": kafka.sasl_username,
        "sasl.password": secret(kafka.sasl_password, kafka.sasl_password_file),
        "ssl.ca.location": kafka.ssl_ca_location,
        "ssl.certificate.location": kafka.ssl_certificate_location,
        "ssl.key.location": kafka.ssl_key_location,
        "ssl.key.password": secret(kafka.ssl_key_password, kafka.ssl_key_password_file),
    }
    return properties | {name: value for name, value in given.items() if value}


def admin(kafka: Kafka) -> Properties:
    return connection(kafka)


def consumer(kafka: Kafka, group: str, slot: str) -> Properties:
    """A member of `group` that keeps its lanes over a restart as long as its slot comes back within the session."""
    tunable: Properties = {
        "fetch.wait.max.ms": 50,
        "fetch.queue.backoff.ms": 10,  # the default of 1000 leaves the queue empty: 2-4 times slower
        # Of a backlog little of each lane at a time: panes then mix lanes as the traffic did, not one after another.
        "fetch.message.max.bytes": 131_072,
        "topic.metadata.refresh.interval.ms": 5_000,  # a topic that comes later is found this soon, not in 5 minutes
    }
    owned: Properties = {
        "group.id": group,
        "group.instance.id": slot,
        "client.id": slot,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,  # the only way to know that what follows is transaction markers, not records
        "auto.offset.reset": "error",  # what is gone is announced, never skipped: `stream.engine.beginning`
        "isolation.level": "read_committed",  # also makes the read of committed offsets wait for a pending transaction
        "group.protocol": "classic",  # the newer one gives and takes lanes one by one,
        "partition.assignment.strategy": "range",  # and the loop takes an assignment for all that there is
        "session.timeout.ms": kafka.session_ms,
        "heartbeat.interval.ms": max(kafka.session_ms // 6, 100),
        "max.poll.interval.ms": max(60_000, kafka.session_ms),
    }
    return tunable | connection(kafka) | owned


def producer(kafka: Kafka, transactional_id: str, compression: str) -> Properties:
    """The only producer of a slot: a new one with the same id fences the one before."""
    tunable: Properties = {
        "linger.ms": 0,  # a transaction is flushed as a whole: waiting only costs
        "message.max.bytes": LARGEST_BYTES,
    }
    owned: Properties = {
        "transactional.id": transactional_id,
        "client.id": transactional_id,
        "transaction.timeout.ms": TRANSACTION_MS,
        "compression.type": compression,
        "partitioner": "murmur2_random",  # as Java's: one model's records keep one partition, whoever writes them
    }
    return tunable | connection(kafka) | owned


def plain_producer(kafka: Kafka) -> Properties:
    """For tools and the demo: idempotent, without transactions."""
    return connection(kafka) | {"enable.idempotence": True, "partitioner": "murmur2_random"}


def said_once() -> Callable[[KafkaError], None]:
    """A callback that logs each kind of trouble once: clients repeat it with every attempt to connect again."""
    said: set[int] = set()

    def say(error: KafkaError) -> None:
        if error.code() not in said:
            said.add(error.code())
            log.warning("trouble with Kafka", code=error.name(), reason=error.str())

    return say


def membership(consumer: Any) -> bytes:
    """What transactions carry. Brokers would accept offsets from nobody in particular, too: generation -1."""
    found: bytes = consumer.consumer_group_metadata()
    if generation(found) < 0:
        raise Surprise("the group assigned lanes and named no generation; another start settles it")
    return found


class Committed(NamedTuple):
    """A group's offset of a lane, None where there is none, and what was written beside it."""

    offset: int | None
    metadata: str


def committed(consumer: Any, lanes: Sequence[Lane], timeout_s: float) -> dict[Lane, Committed]:
    """The group's offsets, once no transaction holds them back any more."""
    found = consumer.committed([TopicPartition(*lane) for lane in lanes], timeout_s) if lanes else []
    for partition in found:
        if partition.error:
            raise KafkaException(partition.error)
    return {
        Lane(one.topic, one.partition): Committed(one.offset if one.offset >= 0 else None, one.metadata or "")
        for one in found
    }


def shapes(admin: AdminClient, topics: Sequence[str]) -> dict[str, Shape]:
    """What Kafka tells of topics, soon: one that is not there, and one that it does not tell of, is left out."""
    if not topics:
        return {}
    asked = TopicCollection(list(topics))
    answers = admin.describe_topics(asked, request_timeout=DESCRIBE_S)
    found = {}
    for topic, answer in answers.items():
        try:
            described = answer.result()
        except KafkaException:
            continue
        id = "" if described.topic_id is None else str(described.topic_id)
        found[topic] = Shape("" if id in NO_ID else id, len(described.partitions))
    return found


def produce(producer: Any, output: Output, **further: Any) -> None:
    """Hand a record over; when the client's queue is full, let it send first. `further`: a partition, a callback."""
    while True:
        try:
            producer.produce(output.topic, output.value, key=output.key, headers=output.headers, **further)
            return
        except BufferError:
            producer.poll(PAUSE_S)


def generation(membership: bytes) -> int:
    """Of a consumer group's membership as the client writes it: `CGMDv2:`, generation, names (rdkafka_cgrp.c).

    >>> generation(b"CGMDv2:" + (3).to_bytes(4, sys.byteorder) + b"group")
    3
    """
    if membership[:7] != b"CGMDv2:":
        raise Surprise("this confluent-kafka writes a consumer group's membership in a way that Leeway does not know")
    return int.from_bytes(membership[7:11], sys.byteorder, signed=True)
