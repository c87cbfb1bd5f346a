"""The ground on which one run of the demo stands: a Kafka and a Redis, settings, and topics that no other run uses.

The roles get their settings as they do in production, from variables in their environment; `ground` says which.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from stream import topics as topic_list
from stream.config import FILE_VARIABLE, PREFIX, load
from stream.contradictions import topic_names
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.port import NotServing
from stream.embedded.redis import EmbeddedRedis
from stream.kafka import admin
from stream.kafka_trouble import explained, refusal
from stream.reach import accepted
from stream.redis import connect
from stream.redis import explained as why_redis
from stream.settings import Settings

ANSWER_S = 8.0

# What differs from production: time is short, so panes are, and so is the memory of volume; the census is public. In
# one partition a worker that comes back reads in the order in which people asked, and what is shown does not depend on
# when it was killed.
DEMO = {
    "judge.budget": "1 per 100000 events",
    "judge.bucket_s": "1",
    "profile.pane_ms": "250",
    "privacy.public": '["*"]',
    "topics.partitions": "1",
    "log.level": "warning",
}


@dataclass(frozen=True)
class Ground:
    """Where a run takes place."""

    settings: Settings
    environment: Mapping[str, str]  # of the roles: it adds up to `settings`
    where: str  # which Kafka and which Redis, in one line
    embedded: bool  # the broker forgets what is not read soon


@contextmanager
def ground(kafka: str | None, redis_url: str | None, keep: bool) -> Iterator[Ground]:
    """A Kafka and a Redis for as long as the `with` block lasts; on real ones, what the run made is removed after it.

    Raises `NotServing` with a sentence when one of them is not to be had.
    """
    name = f"leeway-demo-{secrets.token_hex(3)}"
    names = {purpose: f"{name}.{purpose}" for purpose in topic_names(Settings().topics)}
    with ExitStack() as stack:
        changes = DEMO | {f"topics.{purpose}": topic for purpose, topic in names.items()}
        changes |= {"group": name, "redis.prefix": f"{name}:"}
        if kafka is None:
            partitions = int(DEMO["topics.partitions"])
            broker = stack.enter_context(EmbeddedBroker(dict.fromkeys(names.values(), partitions)))
            said, changes["kafka.bootstrap"] = broker.kind, broker.bootstrap
        else:
            said, changes["kafka.bootstrap"] = f"Kafka at {kafka}", kafka
        if redis_url is None:
            server = stack.enter_context(EmbeddedRedis())
            said, changes["redis.url"] = f"{said} and {server.kind}", server.url
        else:
            said, changes["redis.url"] = f"{said} and the Redis given", redis_url
        environment = _environment(changes, inherit=kafka is not None)
        settings = accepted(load(None, environment, {}))
        if redis_url is not None:
            _answering(settings)
            if not keep:
                stack.callback(_forget_keys, settings)
        if kafka is not None:
            _create_topics(settings)
            if not keep:
                stack.callback(_delete_topics, settings)
        yield Ground(settings, environment, said, embedded=kafka is None)


def _environment(changes: Mapping[str, str], inherit: bool) -> dict[str, str]:
    """The demo's settings as variables; on a real Kafka over the user's own (passwords, certificates), else alone."""
    environment = dict(os.environ)
    if not inherit:
        environment = {name: text for name, text in environment.items() if not name.startswith(PREFIX)}
        environment[FILE_VARIABLE] = os.devnull  # not the leeway.toml of this folder
    return environment | {PREFIX + key.replace(".", "__").upper(): text for key, text in changes.items()}


def _answering(settings: Settings) -> None:
    try:
        connect(settings.redis).ping()
    except redis.RedisError as trouble:
        raise NotServing(f"Redis, which --redis names, cannot be used: {why_redis(trouble)}") from None


def _create_topics(settings: Settings) -> None:
    client = AdminClient(admin(settings.kafka))
    try:
        client.list_topics(timeout=ANSWER_S)
        refused = topic_list.create(client, topic_list.topics(settings))
    except KafkaException as trouble:
        why = refusal(settings.kafka) or f"it does not answer ({explained(trouble)})"
        raise NotServing(f"Kafka, which --kafka names, cannot be used: {why}") from None
    for topic, reason in refused.items():
        if reason:
            raise NotServing(f"the topic {topic} could not be created: {reason.rstrip('.')}")


def _delete_topics(settings: Settings) -> None:
    """Best effort: what stays behind has a name that says what it is. Groups whose topics are gone, and whose members
    are, Kafka forgets by itself."""
    client = AdminClient(admin(settings.kafka))
    answers = client.delete_topics(list(topic_names(settings.topics).values()), request_timeout=ANSWER_S)
    for answer in answers.values():
        try:
            answer.result()
        except KafkaException:
            continue


def _forget_keys(settings: Settings) -> None:
    client = connect(settings.redis)
    try:
        for key in client.scan_iter(match=f"{settings.redis.prefix}*", count=500):
            client.delete(key)
    except redis.RedisError:
        return
