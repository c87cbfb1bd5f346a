"""Which topics there should be, with which settings; creating the missing ones and saying how others differ.

Nothing here changes a topic that exists: how long records are kept is its owner's decision. `differences` says what to
change, why, and with which command.

>>> wanted = {topic.purpose: topic for topic in topics(Settings())}
>>> wanted["incidents"].settings["cleanup.policy"], wanted["panes"].settings["cleanup.policy"]
('compact', 'delete')
>>> found = Found("leeway.incidents", 8, 1, {"cleanup.policy": "delete", "compression.type": "producer"})
>>> [difference.level for difference in differences([wanted["incidents"]], {found.name: found})]
['error', 'warning']
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    ConfigResource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from stream.embedded.broker import is_embedded
from stream.kafka import LARGEST_BYTES, LETTER_BYTES
from stream.settings import Settings

DAY_MS = 86_400_000
ANSWER_S = 15.0  # a broker under load creates a topic in seconds, not in minutes
DESCRIBE_S = 5.0  # the embedded broker never answers this
LEADER_S = 60.0  # a broker that makes files for many partitions tells nothing new meanwhile
PAUSE_S = 0.05
BROKER_MESSAGE_BYTES = 1_048_588  # Kafka's own default for max.message.bytes
DLQ_MESSAGE_BYTES = 4 * BROKER_MESSAGE_BYTES  # a refused message with its reason in headers; inputs may allow more

INPUTS = ("predictions", "features", "labels", "deployments")
PURPOSES = (*INPUTS, "panes", "binnings", "anomalies", "heartbeats", "incidents", "commands", "dlq")
COMPACTED = ("binnings", "heartbeats", "incidents")
# aiokafka, under Faust, reads gzip and uncompressed records; lz4, zstd and snappy need a package that may be missing.
# With gzip on the topic the broker recompresses whatever a producer sends.
READ_BY_FAUST = ("anomalies", "commands", "incidents")
READABLE_BY_FAUST = ("gzip", "uncompressed")
KEPT_DAYS = {
    "predictions": 7,
    "features": 7,
    "labels": 30,
    "deployments": 90,
    "panes": 90,  # counts, not values: the memory that a replay with other settings reads
    "anomalies": 90,
    "commands": 90,
    "dlq": 14,
}

Level = Literal["warning", "error"]


@dataclass(frozen=True)
class Topic:
    """A topic as it should be."""

    purpose: str
    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """A topic as Kafka describes it. `settings` is None where the broker does not tell."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str] | None


@dataclass(frozen=True)
class Difference:
    """What is not as it should be, why that matters, and the command that mends it."""

    level: Level
    topic: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.level}: {self.topic}: {self.what} Mend: {self.mend}"


def inputs(settings: Settings) -> list[str]:
    """The names of the topics that producers write to."""
    return [getattr(settings.topics, purpose) for purpose in INPUTS]


def topics(settings: Settings) -> tuple[Topic, ...]:
    """Every topic that the roles read or write."""
    return tuple(
        Topic(
            purpose,
            getattr(settings.topics, purpose),
            settings.topics.partitions,
            settings.topics.replication,
            _settings(purpose, settings.topics.replication),
        )
        for purpose in PURPOSES
    )


def _settings(purpose: str, replication: int) -> dict[str, str]:
    wanted = {
        "cleanup.policy": "compact" if purpose in COMPACTED else "delete",
        "compression.type": "gzip" if purpose in READ_BY_FAUST else "producer",
        "max.message.bytes": str(DLQ_MESSAGE_BYTES if purpose == "dlq" else BROKER_MESSAGE_BYTES),
    }
    if purpose in KEPT_DAYS:
        wanted["retention.ms"] = str(KEPT_DAYS[purpose] * DAY_MS)
    if replication >= 3:
        wanted["min.insync.replicas"] = "2"  # one broker may be away without a loss and without a halt
    return wanted


def found(admin: AdminClient, names: Iterable[str]) -> dict[str, Found]:
    """Those of the named topics that exist. Raises KafkaException when Kafka does not answer."""
    listed = admin.list_topics(timeout=ANSWER_S).topics
    present = [name for name in names if name in listed and listed[name].error is None]
    described = _described(admin, present)
    return {
        name: Found(
            name,
            len(listed[name].partitions),
            min((len(partition.replicas) for partition in listed[name].partitions.values()), default=0),
            described.get(name),
        )
        for name in present
    }


def letter_bytes(admin: AdminClient, dlq: str) -> int:
    """How large a record may be in the topic of dead letters, as far as Kafka tells."""
    if is_embedded(admin.list_topics(timeout=ANSWER_S).cluster_id):  # it does not tell, and takes everything
        return LARGEST_BYTES
    described = found(admin, [dlq])
    settings = described[dlq].settings if dlq in described else None
    told = int((settings or {}).get("max.message.bytes") or LETTER_BYTES)
    return min(told, LARGEST_BYTES)


def _described(admin: AdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = admin.describe_configs(
        [ConfigResource(ResourceType.TOPIC, name) for name in names], request_timeout=DESCRIBE_S
    )
    described = {}
    for resource, answer in answers.items():
        try:
            described[resource.name] = {name: entry.value or "" for name, entry in answer.result().items()}
        except KafkaException as refusal:
            if not _cannot_be_asked(refusal):
                raise
    return described


def _cannot_be_asked(refusal: KafkaException) -> bool:
    """No permission to describe, or a broker without admin requests (the embedded one): not known, but not wrong."""
    return refusal.args[0].code() in (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError._TIMED_OUT,
        KafkaError._UNSUPPORTED_FEATURE,
    )


def create(admin: AdminClient, missing: Sequence[Topic]) -> dict[str, str]:
    """Create topics, and return when they can be read: at first nobody knows them, then nobody leads them.

    Per name an empty text, or why there is none. One that somebody else just created is fine.
    """
    if not missing:
        return {}
    asked = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replication,
            config=dict(topic.settings),
        )
        for topic in missing
    ]
    answers = admin.create_topics(asked, operation_timeout=ANSWER_S, request_timeout=ANSWER_S)
    outcomes = {name: _outcome(answer) for name, answer in answers.items()}
    made = {topic.name: topic.partitions for topic in missing if answers[topic.name].exception() is None}
    why = f"Kafka took it, and for {LEADER_S:.0f} s nobody leads it, or this user may not see it"
    return outcomes | dict.fromkeys(unled(admin, made, LEADER_S), why)


def unled(admin: AdminClient, made: Mapping[str, int], patience_s: float) -> set[str]:
    """Wait until new topics (name: partitions) are led; those of which a partition is not when patience ends."""
    lanes = [TopicPartition(name, number) for name, partitions in made.items() for number in range(partitions)]
    give_up = time.monotonic() + patience_s
    while lanes and time.monotonic() < give_up:
        lanes = _without_leader(admin, lanes)
        if lanes:
            time.sleep(PAUSE_S)
    return {lane.topic for lane in lanes}


def _without_leader(admin: AdminClient, lanes: list[TopicPartition]) -> list[TopicPartition]:
    """Those that nobody knows yet, or else those whose leader does not know that it is.

    In this order: a client that asks too early where a topic ends remembers for a minute that there is no such topic.
    """
    listed = admin.list_topics(timeout=ANSWER_S).topics
    if unknown := [
        lane for lane in lanes if lane.topic not in listed or lane.partition not in listed[lane.topic].partitions
    ]:
        return unknown
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    ends = admin.list_offsets(dict.fromkeys(lanes, latest), request_timeout=ANSWER_S)
    return [lane for lane, end in ends.items() if end.exception()]


def _outcome(answer: "Future[None]") -> str:
    try:
        answer.result()
    except KafkaException as refusal:
        error = refusal.args[0]
        return "" if error.code() == KafkaError.TOPIC_ALREADY_EXISTS else error.str()
    return ""


def differences(wanted: Iterable[Topic], present: Mapping[str, Found]) -> Iterator[Difference]:
    """How the topics that exist differ from what is wanted, and which do not exist."""
    for topic in wanted:
        if topic.name not in present:
            yield Difference(
                "error", topic.name, "it does not exist, or is hidden from this user.", "leeway topics create"
            )
        else:
            yield from _compared(topic, present[topic.name])


def _compared(topic: Topic, found: Found) -> Iterator[Difference]:
    if found.partitions < topic.partitions:
        yield Difference(
            "warning",
            topic.name,
            f"it has {found.partitions} partitions, and topics.partitions is {topic.partitions}: "
            "so many workers share it at most.",
            _more_partitions(topic, found),
        )
    if found.replication < topic.replication:
        yield Difference(
            "warning",
            topic.name,
            f"it has {found.replication} replicas, and topics.replication is {topic.replication}: "
            "records are lost with fewer brokers than intended.",
            "kafka-reassign-partitions.sh with more replicas for this topic",
        )
    if found.settings is not None:
        yield from _settings_compared(topic, found.settings)


def _more_partitions(topic: Topic, found: Found) -> str:
    if topic.purpose in INPUTS:
        return f"kafka-topics.sh --alter --topic {topic.name} --partitions {topic.partitions}"
    return (
        f"set topics.partitions = {found.partitions}, or create the topic anew while nothing runs; "
        "partitions added to a keyed topic would tear a model from its state"
    )


def _settings_compared(topic: Topic, settings: Mapping[str, str]) -> Iterator[Difference]:
    policy, wanted_policy = settings.get("cleanup.policy", ""), topic.settings["cleanup.policy"]
    if policy and policy != wanted_policy and topic.purpose not in INPUTS:
        why = (
            "the latest record of a key is its state, and would be forgotten"
            if wanted_policy == "compact"
            else "every record counts, and compaction would drop all but the latest of a key"
        )
        yield _setting("error", topic, "cleanup.policy", policy, wanted_policy, why)
    compression = settings.get("compression.type", "")
    if topic.purpose in READ_BY_FAUST and compression and compression not in READABLE_BY_FAUST:
        level: Level = "warning" if compression == "producer" else "error"
        why = "the incidents role reads it, and may lack the package for what a producer chose"
        yield _setting(level, topic, "compression.type", compression, "gzip", why)
    size, wanted_size = int(settings.get("max.message.bytes") or 0), int(topic.settings["max.message.bytes"])
    if 0 < size < wanted_size:
        why = "a record that does not fit stops the worker that writes it"
        level = "warning" if topic.purpose in INPUTS else "error"
        yield _setting(level, topic, "max.message.bytes", str(size), str(wanted_size), why)
    replicas = int(settings.get("min.insync.replicas") or 1)
    wanted_replicas = int(topic.settings.get("min.insync.replicas", "1"))
    if replicas < wanted_replicas:
        why = "a record acknowledged by one broker alone is lost with it"
        yield _setting("warning", topic, "min.insync.replicas", str(replicas), str(wanted_replicas), why)


def _setting(level: Level, topic: Topic, name: str, value: str, wanted: str, why: str) -> Difference:
    return Difference(
        level,
        topic.name,
        f"{name} is {value}, and should be {wanted}: {why}.",
        f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} --add-config {name}={wanted}",
    )
