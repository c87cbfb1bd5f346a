"""What is wrong with settings that are each well formed: names that clash, secrets nobody can read, open doors.

>>> from stream.settings import Judge
>>> contradictions(Settings(judge=Judge(budget="never")))  # doctest: +ELLIPSIS
["judge.budget: 'never' is not an alert budget; write it like ..."]
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import structs

from detectors.budget import parse
from stream.loopback import exposed, host_of, on_loopback
from stream.secret import secret
from stream.settings import Settings, Topics

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")  # org.apache.kafka.common.internals.Topic

# Below what records take of a text, with the name of an incident behind it.
BEGIN_OF_PAGES = re.compile(r"https?://[^\s/?#][^\s?#]{0,2000}")
PAGE = re.compile(r"https?://[^\s/?#]\S{0,2000}")
SHOWN = 80  # of what is refused

NO_ACCESS = "cannot be read by this user; create it or mend its permissions"

# Exactly-once rests on these: the loop sets them, and a different value would void its promise without a word.
OWNED = frozenset(
    {
        "bootstrap.servers",
        "enable.auto.commit",
        "enable.auto.offset.store",
        "enable.idempotence",
        "group.id",
        "group.instance.id",
        "group.protocol",
        "isolation.level",
        "partition.assignment.strategy",
        "partitioner",
        "transactional.id",
    }
)


def topic_names(topics: Topics) -> dict[str, str]:
    """What each topic is called, by what it is for: `{"predictions": "leeway.predictions", ...}`."""
    return {name: value for name, value in structs.asdict(topics).items() if isinstance(value, str)}


def contradictions(settings: Settings) -> list[str]:
    """One sentence for each; empty when there is nothing to say."""
    parts = (_judge, _topics, _incidents, _secrets, _connections, _http)
    return [sentence for part in parts for sentence in part(settings)]


def _judge(settings: Settings) -> Iterator[str]:
    try:
        parse(settings.judge.budget)
    except ValueError as wrong:
        yield f"judge.budget: {wrong}"
    if settings.judge.burn_in > settings.judge.reference:
        yield (
            f"judge.burn_in ({settings.judge.burn_in}) is more than judge.reference ({settings.judge.reference}), "
            "of which it is a part; lower it or raise the reference"
        )
    if settings.judge.guests:
        from detectors.guests import invite  # River takes a second to import: only who asks for it waits

        for guest in settings.judge.guests:
            try:
                invite(guest.kind, guest.parameters)
            except ValueError as wrong:
                yield f"judge.guests: {wrong}"


def _topics(settings: Settings) -> Iterator[str]:
    used: dict[str, str] = {}
    for purpose, name in topic_names(settings.topics).items():
        if not TOPIC_NAME.fullmatch(name) or name in (".", ".."):
            yield (
                f"topics.{purpose}: Kafka takes no topic name {name!r}; "
                "use 1 to 249 letters, digits, dots, dashes and underscores"
            )
        elif name in used:
            yield f"topics.{purpose} and topics.{used[name]} are both {name!r}; each needs a topic of its own"
        used.setdefault(name, purpose)
    if not TOPIC_NAME.fullmatch(settings.group):
        yield f"group: {settings.group!r} names consumer groups; use letters, digits, dots, dashes and underscores"


def _incidents(settings: Settings) -> Iterator[str]:
    pages = settings.incidents.console_url
    if pages and not BEGIN_OF_PAGES.fullmatch(pages):
        yield (
            "incidents.console_url: expected where the pages of the incidents role begin, "
            f"as in https://leeway.example.org, got {pages[:SHOWN]!r}"
        )
    for name, address in settings.incidents.runbooks.items():
        if not PAGE.fullmatch(address):
            yield (
                f"incidents.runbooks: expected the address of a page, as in https://wiki.example.org/{name}, "
                f"got {address[:SHOWN]!r} for {name!r}"
            )


def _secrets(settings: Settings) -> Iterator[str]:
    files = {
        "kafka.sasl_password": (settings.kafka.sasl_password, settings.kafka.sasl_password_file),
        "kafka.ssl_key_password": (settings.kafka.ssl_key_password, settings.kafka.ssl_key_password_file),
        "redis.password": (settings.redis.password, settings.redis.password_file),
        "privacy.key": (settings.privacy.key, settings.privacy.key_file),
    }
    for name, (value, file) in files.items():
        if value and file:
            yield f"{name} and {name}_file are both set; keep one, best the file"
        if file and (wrong := _unreadable(Path(file))):
            yield f"{name}_file: {file} {wrong}"
    certificates = {
        "kafka.ssl_ca_location": settings.kafka.ssl_ca_location,
        "kafka.ssl_certificate_location": settings.kafka.ssl_certificate_location,
        "kafka.ssl_key_location": settings.kafka.ssl_key_location,
        "redis.ca_file": settings.redis.ca_file,
    }
    for name, file in certificates.items():
        if file and not _readable(file):
            yield f"{name}: {file} {NO_ACCESS}"


def _readable(file: Path | str) -> bool:
    """Whether there is such a file and it may be read. A name with a zero byte is the name of none."""
    return "\0" not in str(file) and os.access(file, os.R_OK)


def _unreadable(file: Path) -> str:
    """Why a secret cannot be taken from a file. A pipe can be read once only, by who needs the secret."""
    if file.is_dir():
        return "is a folder; name the file in it that holds the secret"
    if not _readable(file):
        return NO_ACCESS
    if not file.is_file():
        return ""
    try:
        return "" if secret("", str(file)).strip() else "is empty; write the secret into it"
    except UnicodeDecodeError:
        return "holds bytes that are no UTF-8 text; write the secret as text, in base64 say"


def _connections(settings: Settings) -> Iterator[str]:
    kafka = settings.kafka
    for server in kafka.bootstrap.split(","):
        port = server.strip().rpartition(":")[2]
        if not host_of(server) or not port.isdecimal() or not 0 < int(port) <= 65535:
            yield f"kafka.bootstrap: {server.strip()!r} is not HOST:PORT; write it like 127.0.0.1:9092,127.0.0.1:9093"
        elif "plaintext" in kafka.security_protocol and not kafka.allow_plaintext and not on_loopback(host_of(server)):
            yield (
                f"kafka.security_protocol is {kafka.security_protocol}, and {host_of(server)} is another machine: "
                "use ssl or sasl_ssl, or set kafka.allow_plaintext = true where the network is trusted"
            )
    mechanism = kafka.sasl_mechanism or kafka.options.get("sasl.mechanism") or kafka.options.get("sasl.mechanisms")
    if kafka.security_protocol.startswith("sasl") and not mechanism:
        yield "kafka.security_protocol asks for SASL, and kafka.sasl_mechanism is empty; set it, as in SCRAM-SHA-512"
    for name in sorted(OWNED & kafka.options.keys()):
        yield f"kafka.options: '{name}' is set by Leeway itself, exactly-once depends on it; take it out"
    yield from _redis(settings)


def _redis(settings: Settings) -> Iterator[str]:
    redis = settings.redis
    try:
        url = urlsplit(redis.url)
        host, _ = url.hostname, url.port  # the port is only read here, so that a wrong one is found here
    except ValueError:
        yield "redis.url: its host or port cannot be read; write it like redis://HOST:6379/0"
        return
    if url.scheme not in ("redis", "rediss", "unix") or (url.scheme != "unix" and not host):
        yield "redis.url is not redis://HOST:PORT/DB, rediss://HOST:PORT/DB (TLS) or unix:///PATH"
    elif url.scheme == "redis" and not redis.allow_plaintext and not on_loopback(host or ""):
        yield (
            f"redis.url is not encrypted, and {host} is another machine: use rediss://, "
            "or set redis.allow_plaintext = true where the network is trusted"
        )


def _http(settings: Settings) -> Iterator[str]:
    if wrong := exposed(settings.http):
        yield wrong
