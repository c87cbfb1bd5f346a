"""What only a client can judge is refused before anything is connected, with the name of the setting and no secret."""

import pytest

from stream.config import Misconfigured
from stream.reach import accepted
from stream.settings import Kafka, Redis, Settings
from tests.cli.command import leeway

SECRET = "s3cr3t-of-ours"


def kafka(**given: object) -> list[str]:
    return refusals(Settings(kafka=Kafka(**given)))  # type: ignore[arg-type]


def redis(**given: object) -> list[str]:
    return refusals(Settings(redis=Redis(**given)))  # type: ignore[arg-type]


def refusals(settings: Settings) -> list[str]:
    try:
        accepted(settings)
    except Misconfigured as refusal:
        return list(refusal.problems)
    return []


def asking(**given: object) -> dict[str, object]:
    return {"security_protocol": "sasl_plaintext", "sasl_mechanism": "PLAIN", "sasl_username": "me"} | given


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"options": {"sokcet.timeout.ms": "3"}}, 'kafka.options: the client has no property "sokcet.timeout.ms"'),
        ({"options": {"socket.timeout.ms": "soon"}}, 'kafka.options: the client takes no such value for "socket.time'),
        ({"options": {"socket.timeout.ms": "1"}}, '"socket.timeout.ms" value 1 is outside allowed range 10..300000'),
        (asking(sasl_mechanism="SCRAM-512", sasl_password=SECRET), "kafka.sasl_mechanism: the client knows no SCRAM-5"),
        (asking(), "kafka.sasl_mechanism asks for a user; set kafka.sasl_username and kafka.sasl_password_file"),
        (asking(sasl_username="", sasl_password=SECRET), "kafka.sasl_mechanism asks for a user"),
        ({"security_protocol": "ssl", "ssl_ca_location": __file__}, "kafka.ssl_ca_location: its certificates cannot"),
        ({"security_protocol": "ssl", "ssl_key_location": __file__}, "kafka.ssl_key_location: its key cannot be read"),
    ],
)
def test_what_kafka_s_client_refuses_is_said_in_terms_of_our_settings(given: dict[str, object], sentence: str) -> None:
    [said] = kafka(**given)
    assert sentence in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"url": f"redis://:{SECRET}@127.0.0.1/0", "password": "b"}, "redis.url holds a password, and another is set"),
        ({"url": "redis://me@127.0.0.1/0", "username": "you"}, "redis.url names the user 'me', and redis.username is"),
        ({"url": "redis://127.0.0.1/main"}, "redis.url: '/main' is not the number of a database"),
        ({"url": "redis://127.0.0.1/0?tiemout=3"}, "redis.url: the client takes no 'tiemout' behind the question mark"),
        ({"url": "redis://127.0.0.1/0?db=main"}, "redis.url: the client takes no such value for 'db'"),
        ({"ca_file": __file__}, "redis.ca_file is set, and redis.url is not encrypted: write rediss:// in it"),
        ({"ca_file": __file__, "url": "rediss://127.0.0.1/0"}, "holds no certificates that can be read"),
    ],
)
def test_what_redis_client_refuses_is_said_in_terms_of_our_settings(given: dict[str, object], sentence: str) -> None:
    [said] = redis(**given)
    assert sentence in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1", "redis://[::1]:6379/0", "unix:///run/redis?db=3", "rediss://r/2?ssl_cert_reqs=none"]
)
def test_what_the_clients_take_is_taken(url: str) -> None:
    assert redis(url=url) == []
    assert kafka(**asking(sasl_password=SECRET), options={"fetch.min.bytes": "100"}) == []


@pytest.mark.parametrize("command", ["config check", "doctor", "topics check", "profile", "incidents", "up"])
def test_every_command_refuses_them_as_a_wrong_configuration(command: str) -> None:
    ended = leeway(*command.split(), LEEWAY__KAFKA__OPTIONS="sokcet.timeout.ms=3")
    assert ended.returncode == 2
    assert ended.stderr.startswith('Error: kafka.options: the client has no property "sokcet.timeout.ms"')


def test_the_demo_refuses_them_too() -> None:
    ended = leeway("demo", "--redis", "redis://127.0.0.1:1/main")
    assert ended.returncode == 2
    assert "is not the number of a database" in ended.stderr


def test_a_date_that_cannot_be_reckoned_is_refused() -> None:
    ended = leeway("config", "check", LEEWAY__INCIDENTS__KEEP_RESOLVED_S="99999999999999")
    assert ended.returncode == 2
    assert "incidents.keep_resolved_s: expected a whole number from 1 to 315360000" in ended.stderr
