"""How Redis is reached, and how it is waited for."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream.engine.surprise import Surprise
from stream.secret import secret
from stream.settings import Redis

TIMEOUT_S = 1.0  # of one command: a hung Redis must not hang detection
PATIENCE_S = 20.0  # for the few answers that cannot be done without
PAUSE_S = 0.2

Client: TypeAlias = redis.Redis
Answer = TypeVar("Answer")


class Clock(Protocol):
    """The part of the module `time` that is used here."""

    def monotonic(self) -> float: ...
    def time(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


def connect(settings: Redis) -> Client:
    """A client that connects when it is first used and never retries on its own: whoever asks decides."""
    options: dict[str, Any] = {"username": settings.username or None}
    if password := secret(settings.password, settings.password_file):
        options["password"] = password
    if settings.ca_file:
        options["ssl_ca_certs"] = settings.ca_file
    return redis.Redis.from_url(
        settings.url,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
        **{name: value for name, value in options.items() if value is not None},
    )


def patient(ask: Callable[[], Answer], clock: Clock = time, patience_s: float = PATIENCE_S) -> Answer:
    """Ask until Redis answers. Only for questions that may be asked twice; Kafka's heartbeats go on meanwhile."""
    give_up = clock.monotonic() + patience_s
    while True:
        try:
            return ask()
        except redis.RedisError as trouble:  # down, or still loading
            if clock.monotonic() >= give_up:
                raise Surprise(
                    f"Redis did not answer for {patience_s:.0f} s ({trouble}); check that it runs and that "
                    "redis.url, redis.username and redis.password are right"
                ) from trouble
            clock.sleep(PAUSE_S)


def cautions(client: Client) -> Iterator[str]:
    """What an operator should know of this Redis, a sentence each; silent where its answers are not allowed to us."""
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
        append_only = client.config_get("appendonly").get("appendonly", "yes")
    except redis.RedisError:
        return
    if policy != "noeviction":
        yield f"Redis evicts keys when memory is short (maxmemory-policy {policy}); set noeviction"
    if append_only != "yes":
        yield "Redis keeps nothing over a restart (appendonly no): each restart costs a replay; set appendonly yes"
