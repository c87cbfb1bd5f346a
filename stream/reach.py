"""Settings that only the clients of Kafka and Redis can judge: properties, mechanisms, certificates, parts of a URL.

A client is made, asked for nothing and thrown away; nothing is connected.

>>> from stream.settings import Kafka, Redis
>>> accepted(Settings(redis=Redis(url="rediss://127.0.0.1:6379/0?tiemout=3")))
Traceback (most recent call last):
stream.config.Misconfigured: redis.url: the client takes no 'tiemout' behind the question mark; take it out
>>> accepted(Settings(kafka=Kafka(options={"socket.timeout.ms": "soon"})))
Traceback (most recent call last):
stream.config.Misconfigured: kafka.options: the client takes no such value for "socket.timeout.ms"; \
CONFIGURATION.md of librdkafka says which it takes
"""

import re
import ssl
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode, urlsplit

from stream.config import Misconfigured
from stream.settings import Kafka, Redis, Settings


def accepted(settings: Settings) -> Settings:
    """The settings, if the clients take them; else `Misconfigured`, with a sentence for each that they refuse."""
    if problems := [*_kafka(settings.kafka), *_redis(settings.redis)]:
        raise Misconfigured(problems)
    return settings


def _kafka(kafka: Kafka) -> Iterator[str]:
    if kafka.security_protocol == "plaintext" and not kafka.options:
        return  # nothing that has not been looked at, and the library takes a third of a second to import
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    from stream.kafka import admin

    try:
        AdminClient(admin(kafka) | {"log_level": 0})
    except KafkaException as refusal:
        yield _in_words(refusal.args[0].str())


# What librdkafka says of its properties (rdkafka_conf.c), and what that means for our settings.
MEANINGS = {
    'No such configuration property: (".+")': (
        "kafka.options: the client has no property {}; CONFIGURATION.md of librdkafka lists them"
    ),
    '.*nvalid value.* for configuration property (".+?").*': (
        "kafka.options: the client takes no such value for {}; CONFIGURATION.md of librdkafka says which it takes"
    ),
    'Configuration property (".+" value .+ is outside allowed range .+)': "kafka.options: {}",
    "Unsupported SASL mechanism: (.+)": "kafka.sasl_mechanism: the client knows no {}; write it as in SCRAM-SHA-512",
    "(sasl.username and sasl.password) must be set": (
        "kafka.sasl_mechanism asks for a user; set kafka.sasl_username and kafka.sasl_password_file"
    ),
    "ssl.ca.location failed: (.+)": "kafka.ssl_ca_location: its certificates cannot be read ({})",
    "ssl.certificate.location failed: (.+)": "kafka.ssl_certificate_location: its certificate cannot be read ({})",
    "ssl.key.location failed: (.+)": "kafka.ssl_key_location: its key cannot be read, or not with this password ({})",
}


def _in_words(said: str) -> str:
    """A refusal of librdkafka in terms of our settings.

    >>> _in_words("Failed to create admin client: Unsupported SASL mechanism: SCRAM-512")
    'kafka.sasl_mechanism: the client knows no SCRAM-512; write it as in SCRAM-SHA-512'
    """
    said = re.sub(r"^Failed to create [\w ]+: ", "", said.strip())
    for pattern, meaning in MEANINGS.items():
        if found := re.fullmatch(pattern, said):
            return meaning.format(found[1])
    return f"kafka: the client does not take these settings ({said})"


def _redis(redis: Redis) -> Iterator[str]:
    url = urlsplit(redis.url)
    if url.password and (redis.password or redis.password_file):
        yield "redis.url holds a password, and another is set beside it; keep one, best redis.password_file"
    if url.username and redis.username and url.username != redis.username:
        yield f"redis.url names the user {url.username!r}, and redis.username is {redis.username!r}; keep one"
    if url.scheme != "unix" and not re.fullmatch(r"/?\d*", url.path):
        yield f"redis.url: {url.path!r} is not the number of a database; write it like redis://HOST:6379/0"
    if redis.ca_file and url.scheme != "rediss":
        yield "redis.ca_file is set, and redis.url is not encrypted: write rediss:// in it, or take the file out"
    elif redis.ca_file and (wrong := _no_authority(redis.ca_file)):
        yield f"redis.ca_file: {redis.ca_file} holds no certificates that can be read ({wrong})"
    elif url.query:
        yield from _query(redis.url)


def _no_authority(file: str) -> str:
    try:
        ssl.create_default_context(cafile=file)
    except ssl.SSLError as wrong:
        return wrong.reason.replace("_", " ").lower()
    return ""


def _query(url: str) -> Iterator[str]:
    from redis import ConnectionPool, RedisError

    address, _, query = url.partition("?")
    for name, value in parse_qsl(query):
        try:
            ConnectionPool.from_url(f"{address}?{urlencode({name: value})}").make_connection()
        except TypeError:
            yield f"redis.url: the client takes no '{name}' behind the question mark; take it out"
        except (ValueError, RedisError):
            yield f"redis.url: the client takes no such value for '{name}' behind the question mark"
