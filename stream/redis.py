"""How Redis is reached, and how it is waited for."""

import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from stream.clock import Clock
from stream.engine.surprise import Surprise
from stream.secret import secret
from stream.settings import Redis

TIMEOUT_S = 1.0  # of one command: a hung Redis must not hang detection
PATIENCE_S = 20.0  # for the few answers that cannot be done without
PAUSE_S = 0.2

Client: TypeAlias = redis.Redis
Answer = TypeVar("Answer")


def connect(settings: Redis) -> Client:
    """A client that connects when it is first used and never retries on its own: whoever asks decides."""
    return redis.Redis.from_url(settings.url, retry=Retry(NoBackoff(), 0), **options(settings))


def options(settings: Redis) -> dict[str, Any]:
    """What every client needs beside the URL, and none of it that is not set: the URL may say it."""
    given = {
        "username": settings.username,
        "password": secret(settings.password, settings.password_file),
        "ssl_ca_certs": settings.ca_file,
    }
    timeouts = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
    return timeouts | {name: value for name, value in given.items() if value}


def patient(ask: Callable[[], Answer], clock: Clock = time, patience_s: float = PATIENCE_S) -> Answer:
    """Ask until Redis answers. Only for questions that may be asked twice; Kafka's heartbeats go on meanwhile."""
    give_up = clock.monotonic() + patience_s
    while True:
        try:
            return ask()
        except redis.RedisError as trouble:  # down, or still loading
            if clock.monotonic() >= give_up:
                raise Surprise(f"Redis was waited for {patience_s:.0f} s: {explained(trouble)}") from trouble
            clock.sleep(PAUSE_S)


def refusal(trouble: BaseException) -> str:
    """Why a Redis that is there cannot be used, and what to do about it; empty when it does not answer.

    >>> refusal(exceptions.NoPermissionError("this user has no permissions to run the 'eval' command"))
    "it does not let this user do that (this user has no permissions to run the 'eval' command); allow all but \
dangerous commands on the keys of redis.prefix, as in ACL SETUSER leeway ~leeway:* +@all -@dangerous"
    """
    said = str(trouble).rstrip(".")
    below = trouble.__cause__ or trouble.__context__  # what the socket or TLS said
    match trouble, below:
        case exceptions.AuthenticationError(), _ if "HELLO" in said or "required" in said:
            return "it asks for a password; set redis.password_file, and redis.username for a user of its access rules"
        case exceptions.AuthenticationError(), _:
            return f"it refuses this user or password ({said}); check redis.username, redis.password_file and redis.url"
        case exceptions.NoPermissionError(), _:
            return (
                f"it does not let this user do that ({said}); allow all but dangerous commands on the keys of "
                "redis.prefix, as in ACL SETUSER leeway ~leeway:* +@all -@dangerous"
            )
        case exceptions.ResponseError(), _:
            return f"it refuses ({said}); compare redis.url with its configuration"
        case _, ssl.SSLCertVerificationError(verify_message=why):
            return f"its certificate is not accepted ({why.rstrip('.')}); name who signed it in redis.ca_file"
        case _, ssl.SSLError() | TimeoutError() if "ssl" in str(below).lower():
            return f"no TLS comes about ({below}); if it speaks none, write redis:// in redis.url"
        case _, ConnectionResetError():
            return "it hangs up; if it speaks TLS, write rediss:// in redis.url"
    return ""


def explained(trouble: BaseException) -> str:
    """What is wrong with Redis, and what to do about it.

    >>> explained(exceptions.ConnectionError("Connection refused."))
    'it does not answer (Connection refused); check that it runs and that redis.url names it'
    """
    said = str(trouble).rstrip(".")
    return refusal(trouble) or f"it does not answer ({said}); check that it runs and that redis.url names it"


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
