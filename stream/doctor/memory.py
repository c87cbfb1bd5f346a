"""Redis: does it answer, does it keep what it was given, does it run scripts, does its clock agree?"""

import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis

from stream.doctor.finding import Finding
from stream.loopback import on_loopback
from stream.redis import Client, cautions, connect, explained
from stream.settings import Settings

OLDEST = (6, 0)  # ACLs, which an installation shared with others needs
SKEW_S = 1.0
NEARLY_FULL = 0.8


def findings(settings: Settings) -> Iterator[Finding]:
    """Everything about this Redis. When it does not answer, that is all there is to say."""
    client = connect(settings.redis)
    try:
        yield from _answering(client, settings)
    except redis.RedisError as trouble:
        what, _, mend = explained(trouble).partition("; ")
        yield Finding("error", "Redis", what, mend)


def _answering(client: Client, settings: Settings) -> Iterator[Finding]:
    began = time.monotonic()
    client.ping()
    took_ms = (time.monotonic() - began) * 1000
    try:
        told: dict[str, Any] = client.info()
    except redis.exceptions.NoPermissionError:  # the roles do without it
        told = {}
        yield Finding("warning", "Redis", f"answers in {took_ms:.0f} ms; its version is not told", "allow INFO")
    else:
        yield _version(told, took_ms)
    if told.get("cluster_enabled"):
        what = "it is a cluster, and scripts over several keys fail in one"
        yield Finding("error", "Redis", what, "one Redis, with a replica if it must not be lost")
    yield _writes(client, settings)
    yield _scripts(client)
    yield from _keeps(client, told)
    yield _clock(client)
    yield _security(settings)


def _version(told: dict[str, Any], took_ms: float) -> Finding:
    version = str(told.get("redis_version", "0"))
    what = f"{version}, answers in {took_ms:.0f} ms"
    if tuple(int(part) for part in version.split(".")[:2] if part.isdecimal()) < OLDEST:
        return Finding("warning", "Redis", what, "Redis 7 or newer, or Valkey")
    return Finding("ok", "Redis", what)


def _writes(client: Client, settings: Settings) -> Finding:
    key = f"{settings.redis.prefix}doctor:{uuid.uuid4().hex}"
    client.set(key, "1", px=10_000)
    client.delete(key)
    return Finding("ok", "Redis writes", f"keys below '{settings.redis.prefix}' can be written")


def _scripts(client: Client) -> Finding:
    try:
        client.eval("return redis.call('TIME')[1]", 0)
    except redis.RedisError as trouble:
        what, mend = f"Lua scripts do not run: {trouble}", "allow EVAL and EVALSHA; fakeredis needs 'fakeredis[lua]'"
        return Finding("error", "Redis scripts", what, mend)
    return Finding("ok", "Redis scripts", "Lua scripts run")


def _keeps(client: Client, told: dict[str, Any]) -> Iterator[Finding]:
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    if most and used > NEARLY_FULL * most:
        what = f"{used / most:.0%} of maxmemory is used; when it is full, snapshots wait"
        yield Finding("warning", "Redis memory", what, "raise maxmemory")
    try:
        client.config_get("maxmemory-policy")
    except redis.exceptions.ResponseError:  # no permission, or a hosted Redis that has no such command
        what = "whether it evicts keys, and keeps them over a restart, is not told"
        yield Finding("warning", "Redis memory", what, "see that maxmemory-policy is noeviction and appendonly yes")
        return
    warned = list(cautions(client))
    for caution in warned:
        what, _, mend = caution.partition("; ")
        yield Finding("warning", "Redis memory", what, mend)
    if not warned:
        yield Finding("ok", "Redis memory", "nothing is evicted, and writes are appended to a file")


def _clock(client: Client) -> Finding:
    """Redis' clock against ours, in the middle of asking."""
    before = time.time()
    seconds, microseconds = client.time()
    skew_s = seconds + microseconds / 1e6 - (before + time.time()) / 2
    if abs(skew_s) > SKEW_S:
        what = f"Redis' clock is {abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} this machine's"
        return Finding("warning", "clocks", what, "run NTP (chrony, systemd-timesyncd) on both machines")
    return Finding("ok", "clocks", f"Redis' clock agrees within {max(abs(skew_s), 0.001) * 1000:.0f} ms")


def _security(settings: Settings) -> Finding:
    url = urlsplit(settings.redis.url)
    if url.scheme == "unix" or on_loopback(url.hostname or ""):
        return Finding("ok", "Redis security", "it is on this machine")
    if url.scheme != "rediss":
        what = "states and passwords travel in plain text to another machine"
        return Finding("warning", "Redis security", what, "rediss:// and tls-port on the server")
    if not (url.password or settings.redis.password or settings.redis.password_file):
        what = "no password is set, and Redis is on another machine"
        return Finding("warning", "Redis security", what, "an ACL user with redis.username and redis.password_file")
    return Finding("ok", "Redis security", "TLS and a password")
