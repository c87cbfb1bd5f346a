"""Kafka and Redis for commands: clients that are reachable, or one sentence that says which is not and what to do."""

import errno
from typing import TYPE_CHECKING, Any

import click

from stream.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer
    from confluent_kafka.admin import AdminClient
    from redis import Redis

    from stream.kafka_trouble import Heard

ANSWER_S = 5.0  # a person waits


def explained(trouble: BaseException) -> str:
    """What an error of Kafka, of Redis or of a full disk means for the person at the keyboard; empty for any other."""
    import redis
    from confluent_kafka import KafkaError, KafkaException

    from stream.engine.surprise import Surprise
    from stream.kafka_trouble import explained as kafka_explained
    from stream.redis import explained as redis_explained

    match trouble:
        case KafkaException() | KafkaError():
            return f"Kafka: {kafka_explained(trouble)}."
        case redis.RedisError():
            return f"Redis: {redis_explained(trouble)}."
        case Surprise():
            return str(trouble)
        case OSError(errno=errno.ENOSPC):
            return "No space is left where this was to be written; make room, or write elsewhere."
        case _:
            return ""


def kafka_properties(settings: Settings) -> dict[str, Any]:
    """Properties of a client that keeps quiet: what goes wrong is said once, by the command."""
    from stream.kafka import connection
    from stream.kafka_trouble import Heard

    return connection(settings.kafka) | {"log_level": 0, "error_cb": Heard()}


def admin(settings: Settings) -> "AdminClient":
    """A client for questions to a Kafka that answers. Raises ClickException when it does not."""
    from confluent_kafka.admin import AdminClient

    properties = kafka_properties(settings)
    client = AdminClient(properties)
    listed(client, properties["error_cb"], settings)
    return client


def listed(
    client: "AdminClient | Consumer | Producer", heard: "Heard", settings: Settings, topic: str | None = None
) -> Any:
    """The topics of a Kafka that answers, or this one. Raises ClickException when it does not answer."""
    from confluent_kafka import KafkaException

    try:
        return client.list_topics(topic, timeout=ANSWER_S) if topic else client.list_topics(timeout=ANSWER_S)
    except KafkaException as trouble:
        client.poll(0)  # now it tells what it heard
        raise click.ClickException(kafka_is_away(settings, trouble, heard)) from None


def kafka_is_away(settings: Settings, trouble: BaseException, heard: "Heard") -> str:
    """The sentence about a Kafka that cannot be used."""
    if heard.refusal:
        return f"Kafka at {settings.kafka.bootstrap} cannot be used: {heard.refusal}."
    error = trouble.args[0]
    why = heard.silence or (error.str() if hasattr(error, "str") else str(error))
    return (
        f"Kafka does not answer at {settings.kafka.bootstrap} ({why}). "
        "Start it, or name another with --kafka HOST:PORT; 'leeway doctor' looks closer."
    )


def unreadable(topic: str, error: "KafkaError") -> str:
    """The sentence about a topic that is not told of."""
    from confluent_kafka import KafkaError

    from stream.kafka_trouble import explained

    if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        return f"There is no topic {topic}; 'leeway topics create' creates it."
    return f"The topic {topic} cannot be used: {explained(error)}."


def redis_client(settings: Settings) -> "Redis":
    """A Redis that answers. Raises ClickException when it does not."""
    import redis

    from stream.redis import connect

    client = connect(settings.redis)
    try:
        client.ping()
    except redis.RedisError as trouble:
        raise click.ClickException(redis_is_away(settings, trouble)) from None
    return client


def redis_is_away(settings: Settings, trouble: BaseException) -> str:
    """The sentence about a Redis that cannot be used, without its password."""
    from stream.redis import refusal

    address = without_secret(settings.redis.url)
    if why := refusal(trouble):
        return f"Redis at {address} cannot be used: {why}."
    return (
        f"Redis does not answer at {address} ({str(trouble).removesuffix('.')}). "
        "Start it, or name another with --redis URL; 'leeway doctor' looks closer."
    )


def without_secret(url: str) -> str:
    """A URL that may be shown.

    >>> without_secret("redis://me:secret@127.0.0.1:6379/0")
    'redis://me:***@127.0.0.1:6379/0'
    >>> without_secret("redis://127.0.0.1:6379/0?password=secret")
    'redis://127.0.0.1:6379/0?***'
    """
    scheme, _, rest = url.partition("://")
    place, asked, _ = rest.partition("?")
    userinfo, at, address = place.rpartition("@")
    user = f"{userinfo.partition(':')[0]}:***@" if at else ""
    return f"{scheme}://{user}{address}" + ("?***" if asked else "")
