"""Kafka and Redis for commands: clients that are reachable, or one sentence that says which is not and what to do."""

import errno
from typing import TYPE_CHECKING, Any

import click

from stream.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient
    from redis import Redis

ANSWER_S = 5.0  # a person waits


def explained(trouble: BaseException) -> str:
    """What an error of Kafka, of Redis or of a full disk means for the person at the keyboard; empty for any other."""
    import redis
    from confluent_kafka import KafkaError, KafkaException

    from stream.engine.surprise import Surprise
    from stream.kafka import explained as kafka_explained

    match trouble:
        case KafkaException() | KafkaError():
            return f"Kafka: {kafka_explained(trouble)}."
        case redis.RedisError():
            return f"Redis: {trouble}."
        case Surprise():
            return str(trouble)
        case OSError(errno=errno.ENOSPC):
            return "No space is left where this was to be written; make room, or write elsewhere."
        case _:
            return ""


def kafka_properties(settings: Settings) -> dict[str, Any]:
    """Properties of a client that keeps quiet: what goes wrong is said once, by the command."""
    from stream.kafka import connection

    return connection(settings.kafka) | {"log_level": 0, "error_cb": _ignored}


def _ignored(error: object) -> None:
    """The request that fails says it."""


def admin(settings: Settings) -> "AdminClient":
    """A client for questions to a Kafka that answers. Raises ClickException when it does not."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient(kafka_properties(settings))
    try:
        client.list_topics(timeout=ANSWER_S)
    except KafkaException as refusal:
        raise click.ClickException(kafka_is_away(settings, refusal)) from None
    return client


def kafka_is_away(settings: Settings, refusal: BaseException) -> str:
    """The sentence about a Kafka that does not answer."""
    from confluent_kafka import KafkaException

    error = refusal.args[0] if isinstance(refusal, KafkaException) else refusal
    return (
        f"Kafka does not answer at {settings.kafka.bootstrap} ({error.str() if hasattr(error, 'str') else error}). "
        "Start it, or name another with --kafka HOST:PORT; 'leeway doctor' looks closer."
    )


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
    """The sentence about a Redis that does not answer, without its password."""
    return (
        f"Redis does not answer at {without_secret(settings.redis.url)} ({str(trouble).removesuffix('.')}). "
        "Start it, or name another with --redis URL; 'leeway doctor' looks closer."
    )


def without_secret(url: str) -> str:
    """A URL that may be shown.

    >>> without_secret("redis://me:secret@127.0.0.1:6379/0")
    'redis://me:***@127.0.0.1:6379/0'
    """
    scheme, _, rest = url.partition("://")
    userinfo, at, address = rest.rpartition("@")
    user = userinfo.partition(":")[0]
    return f"{scheme}://{user}:***@{address}" if at else url
