"""Kafka: does it answer, how old is it, do transactions work, are the topics right, do the clocks agree?"""

import logging
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType  # type: ignore[attr-defined]

from stream.doctor.finding import Finding
from stream.embedded.broker import CANNOT, is_embedded
from stream.kafka import TRANSACTION_MS, connection
from stream.kafka_trouble import Heard, explained
from stream.loopback import host_of, on_loopback
from stream.many import many
from stream.settings import Settings
from stream.topics import differences, found, inputs, topics

ANSWER_S = 5.0
TRANSACTION_S = 20.0  # the first one on a new broker creates the topic of transactions
FENCED_OFFSETS = ("TxnOffsetCommit", 3)  # KIP-447, Kafka 2.5: offsets carry the generation of who commits them

# The latest version of the request Produce tells the age of a broker (clients/.../message/ProduceRequest.json).
BY_PRODUCE = {13: "4.1 or newer", 12: "4.0", 11: "3.8 or 3.9", 10: "3.7", 9: "2.8 to 3.6"}


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything about this Kafka. When it does not answer, that is all there is to say."""
    versions = Versions()
    heard = Heard()
    limits = {"log_level": 7, "debug": "feature", "error_cb": heard}
    client = AdminClient(_quiet(settings) | limits, logger=versions.logger)
    began = time.monotonic()
    try:
        cluster = client.list_topics(timeout=ANSWER_S)
    except KafkaException as trouble:
        client.poll(0.2)  # now it tells what it heard
        if heard.refusal:
            what, _, mend = f"{settings.kafka.bootstrap} cannot be used: {heard.refusal}".partition("; ")
        else:
            what = f"no answer from {settings.kafka.bootstrap}: {heard.silence or explained(trouble)}"
            mend = "start it, or set kafka.bootstrap"
        yield Finding("error", "Kafka", what, mend)
        return
    client.poll(0.2)  # the log comes through the client's queue
    took_ms = (time.monotonic() - began) * 1000
    brokers = many(len(cluster.brokers), "broker")
    yield Finding("ok", "Kafka", f"{brokers} at {settings.kafka.bootstrap}, answers in {took_ms:.0f} ms")
    embedded = is_embedded(cluster.cluster_id)
    yield Finding("warning", "Kafka version", CANNOT, "a real Kafka") if embedded else versions.finding()
    if not versions.fenced_offsets and not embedded:
        what = "it commits offsets of whoever asks: a worker that was replaced could commit again"
        yield Finding("error", "Kafka version", what, "Apache Kafka 2.5 or newer; 3.x and 4.x are tested")
    yield _security(settings)
    yield _transactions(settings)
    if not embedded:
        yield from _limits(client, settings, next(iter(cluster.brokers)))
    yield from _topics(client, settings)
    yield from _clocks(client, settings)


SILENT = logging.Logger("silent")  # of what ends a transaction for good, the client says a line by itself
SILENT.addHandler(logging.NullHandler())


class Versions:
    """Catches what the client logs about the requests that a broker knows."""

    def __init__(self) -> None:
        self.highest: dict[str, int] = {}
        self.logger = logging.Logger("versions")
        catcher = logging.Handler()
        catcher.emit = self._emit  # type: ignore[method-assign]
        self.logger.addHandler(catcher)

    def _emit(self, record: logging.LogRecord) -> None:
        if known := re.search(r"ApiKey (\w+) \(\d+\) Versions \d+\.\.(\d+)", record.getMessage()):
            self.highest[known[1]] = int(known[2])

    @property
    def fenced_offsets(self) -> bool:
        request, version = FENCED_OFFSETS
        return self.highest.get(request, version) >= version

    def finding(self) -> Finding:
        """How old the broker is."""
        produce = self.highest.get("Produce")
        if produce is None:
            what = "the broker does not tell which requests it knows"
            return Finding("warning", "Kafka version", what, "see that it is Apache Kafka 2.5 or newer")
        age = BY_PRODUCE.get(produce, "4.1 or newer" if produce > max(BY_PRODUCE) else "older than 2.8")
        return Finding("ok", "Kafka version", f"it speaks like Apache Kafka {age}")


def _security(settings: Settings) -> Finding:
    kafka = settings.kafka
    remote = [server for server in kafka.bootstrap.split(",") if not on_loopback(host_of(server))]
    said = kafka.security_protocol + (f" with {kafka.sasl_mechanism}" if kafka.sasl_mechanism else "")
    if remote and "plaintext" in kafka.security_protocol:
        what = f"{said} to another machine: events, and passwords, can be read on the way"
        return Finding("warning", "Kafka security", what, 'kafka.security_protocol = "sasl_ssl" or "ssl"')
    return Finding("ok", "Kafka security", said + ("" if remote else ", on this machine"))


def _transactions(settings: Settings) -> Finding:
    """A real one, with an id that is thrown away; it writes nothing and is aborted."""
    name = f"{settings.group}-doctor-{uuid.uuid4().hex[:8]}"
    limits = {"transactional.id": name, "transaction.timeout.ms": TRANSACTION_MS}
    try:
        producer = Producer(_quiet(settings) | limits, logger=SILENT)
        producer.init_transactions(TRANSACTION_S)
        producer.begin_transaction()
        producer.abort_transaction(TRANSACTION_S)
    except KafkaException as refusal:
        return Finding(
            "error",
            "Kafka transactions",
            f"they do not work: {explained(refusal)}",
            "with fewer than 3 brokers: transaction.state.log.replication.factor=1 and .min.isr=1 on the brokers; "
            f"with access rules: Write and Describe on transactional ids that begin with '{settings.group}-'",
        )
    return Finding("ok", "Kafka transactions", "one was begun and aborted")


def _limits(client: AdminClient, settings: Settings, broker: int) -> Iterator[Finding]:
    """What the broker allows, as far as it tells."""
    [answer] = client.describe_configs(
        [ConfigResource(ResourceType.BROKER, str(broker))], request_timeout=ANSWER_S
    ).values()
    try:
        told = {name: entry.value for name, entry in answer.result().items()}
    except KafkaException as refusal:
        mend = "allow DescribeConfigs on the cluster, or see that kafka.session_ms is within the brokers' limits"
        yield Finding("warning", "Kafka limits", f"the broker does not tell: {explained(refusal)}", mend)
        return
    session_ms = settings.kafka.session_ms
    least, most = int(told["group.min.session.timeout.ms"]), int(told["group.max.session.timeout.ms"])
    if not least <= session_ms <= most:
        yield Finding(
            "error",
            "Kafka limits",
            f"kafka.session_ms is {session_ms}, and the broker allows {least} to {most}",
            f"kafka.session_ms = {max(least, min(most, session_ms))}",
        )
    else:
        yield Finding("ok", "Kafka limits", f"sessions of {session_ms} ms are allowed")


def _topics(client: AdminClient, settings: Settings) -> Iterator[Finding]:
    wanted = topics(settings)
    try:
        present = found(client, [topic.name for topic in wanted])
    except KafkaException as refusal:
        yield Finding("error", "topics", f"they cannot be described: {explained(refusal)}", "allow Describe on topics")
        return
    if missing := [topic.name for topic in wanted if topic.name not in present]:
        yield Finding("error", "topics", f"there is no {', no '.join(missing)}", "leeway topics create")
    different = list(differences([topic for topic in wanted if topic.name in present], present))
    for one in different:
        yield Finding(one.level, f"topic {one.topic}", one.what, one.mend)
    if not different and not missing:
        yield Finding("ok", "topics", f"all {len(wanted)} are as they should be")


def _clocks(client: AdminClient, settings: Settings) -> Iterator[Finding]:
    """Latest timestamps in the inputs, set by producers or brokers: ahead of our clock they are one that is wrong."""
    listed = client.list_topics(timeout=ANSWER_S).topics
    lanes = [
        TopicPartition(name, partition)
        for name in listed.keys() & inputs(settings)
        for partition in listed[name].partitions
    ]
    if not lanes:
        return
    latest = OffsetSpec.max_timestamp()  # type: ignore[no-untyped-call]
    try:
        answers = client.list_offsets({lane: latest for lane in lanes}, request_timeout=ANSWER_S)
        newest_ms = max(answer.result().timestamp for answer in answers.values())
    except KafkaException as refusal:
        what = f"the latest timestamps are not told: {explained(refusal)}"
        yield Finding("warning", "clocks", what, "ask again in a minute, or allow Describe on the inputs")
        return
    ahead_ms = newest_ms - time.time_ns() // 1_000_000
    if ahead_ms > settings.profile.future_ms:
        yield Finding(
            "warning",
            "clocks",
            f"the latest event is {ahead_ms / 1000:.0f} s ahead of this machine's clock",
            "run NTP (chrony, systemd-timesyncd) here and where the producers run",
        )
    elif newest_ms > 0:
        yield Finding("ok", "clocks", "no event is ahead of this machine's clock")


def _quiet(settings: Settings) -> dict[str, Any]:
    """Properties of a client that says nothing by itself: what goes wrong is a finding."""
    return connection(settings.kafka) | {"log_level": 0, "error_cb": lambda error: None}
