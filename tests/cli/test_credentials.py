"""Servers that are there and refuse us: one sentence that says what, where and how to mend it, and no secret in it."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka import KafkaError

from stream.embedded import child
from stream.embedded.port import LOOPBACK, free_port
from stream.kafka_trouble import Heard
from tests.cli.command import leeway, running, said
from tests.conftest import left_out
from tests.servers import Missing, RealKafka

pytestmark = pytest.mark.slow  # processes that wait for servers

SECRET = "s3cr3t-of-ours"
LOGIN = "org.apache.kafka.common.security.plain.PlainLoginModule"


class GuardedKafka(RealKafka):
    """A Kafka with a second listener that asks for a password, and with access rules: `alice` may do anything, `bob`
    nothing."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.guarded = f"{LOOPBACK}:{free_port()}"

    def _format(self, jars: Path) -> None:
        super()._format(jars)
        listeners = f"PLAINTEXT://{self.bootstrap},SASL://{self.guarded}"
        further = {
            "listeners": f"{listeners},CONTROLLER://{LOOPBACK}:{self._controller}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl.plain.sasl.jaas.config": (
                f'{LOGIN} required user_alice="{SECRET}-alice" user_bob="{SECRET}-bob";'
            ),
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS;User:alice",
        }
        with self._properties.open("a") as properties:  # of two lines about one property the later one counts
            properties.writelines(f"{name}={value}\n" for name, value in further.items())


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    try:
        with GuardedKafka(tmp_path_factory.mktemp("guarded")) as server:
            server.create({"leeway.anomalies": 1, "leeway.predictions": 1})
            yield server
    except Missing as part:
        left_out(str(part))


def as_user(server: GuardedKafka, user: str = "alice", password: str = "", **further: str) -> dict[str, str]:
    return {
        "LEEWAY__KAFKA__BOOTSTRAP": server.guarded,
        "LEEWAY__KAFKA__SECURITY_PROTOCOL": "sasl_plaintext",
        "LEEWAY__KAFKA__SASL_MECHANISM": "PLAIN",
        "LEEWAY__KAFKA__SASL_USERNAME": user,
        "LEEWAY__KAFKA__SASL_PASSWORD": password or f"{SECRET}-{user}",
        **further,
    }


def refused(*arguments: str, **variables: str) -> str:
    """What a command that could not be done says, in one sentence."""
    ended = leeway(*arguments, given='{"model":"churn","prediction":1}\n', **variables)
    assert ended.returncode == 1
    assert SECRET not in ended.stdout + ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    return ended.stderr


@pytest.mark.kafka
@pytest.mark.parametrize("command", [["tail", "anomalies"], ["topics", "check"], ["send", "-"], ["dlq", "list"]])
def test_a_kafka_that_refuses_the_password_says_so(guarded: GuardedKafka, command: list[str]) -> None:
    assert refused(*command, **as_user(guarded, password=f"{SECRET}-not")) == (
        f"Error: Kafka at {guarded.guarded} cannot be used: it refuses this user or password; "
        "check kafka.sasl_username and kafka.sasl_password_file.\n"
    )


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        (
            {"LEEWAY__KAFKA__SASL_MECHANISM": "SCRAM-SHA-256"},
            "it takes no SCRAM-SHA-256 but PLAIN; set kafka.sasl_mech",
        ),
        ({"LEEWAY__KAFKA__SECURITY_PROTOCOL": "plaintext"}, "it hangs up; set kafka.security_protocol to what this"),
        ({"LEEWAY__KAFKA__SECURITY_PROTOCOL": "ssl"}, "no TLS comes about; if this listener speaks none"),
    ],
)
def test_another_way_of_speaking_than_the_listener_s_is_named(
    guarded: GuardedKafka, variables: dict[str, str], sentence: str
) -> None:
    assert sentence in refused("topics", "check", **as_user(guarded) | variables)


@pytest.mark.kafka
def test_a_password_that_nobody_asks_for_is_named(guarded: GuardedKafka) -> None:
    variables = as_user(guarded, LEEWAY__KAFKA__BOOTSTRAP=guarded.bootstrap)
    assert "this listener asks for no password; set kafka.security_protocol" in refused("topics", "check", **variables)


@pytest.mark.kafka
def test_whoever_may_not_read_a_topic_is_not_told_that_there_is_none(guarded: GuardedKafka) -> None:
    assert "The topic leeway.anomalies cannot be used: the brokers' access rules do not let this user" in refused(
        "tail", "anomalies", **as_user(guarded, "bob")
    )


@pytest.mark.kafka
def test_the_demo_says_what_a_kafka_refuses(guarded: GuardedKafka, redis_url: str) -> None:
    servers = ("--kafka", guarded.guarded, "--redis", redis_url)
    wrong = refused("demo", *servers, **as_user(guarded, password=f"{SECRET}-not"))
    assert "which --kafka names, cannot be used: it refuses this user or password" in wrong
    assert refused("demo", *servers, **as_user(guarded, "bob")).endswith(
        "could not be created: Authorization failed.\n"
    )


@pytest.mark.kafka
def test_a_worker_says_at_once_what_a_kafka_refuses(guarded: GuardedKafka, redis_url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    user = as_user(guarded, password=f"{SECRET}-not", LEEWAY__REDIS__URL=redis_url, LEEWAY__LOG__FORMAT="json")
    with running(log, "profile", **user):
        said(log, "waiting for Kafka.*it refuses this user or password; check kafka.sasl_username")
    with running(log, "profile", **as_user(guarded, "bob", LEEWAY__REDIS__URL=redis_url)) as process:
        assert process.wait(60) == 3
    assert "allow Read, Write and Describe on our topics" in log.read_text()
    assert SECRET not in log.read_text()


@pytest.mark.kafka
def test_the_doctor_says_what_a_kafka_refuses(guarded: GuardedKafka) -> None:
    examined = leeway("doctor", **as_user(guarded, password=f"{SECRET}-not"))
    assert examined.returncode == 1
    assert "it refuses this user or password" in examined.stdout
    denied = leeway("doctor", **as_user(guarded, "bob"))
    assert "access rules do not let this user use transactions" in denied.stdout
    assert SECRET not in examined.stdout + denied.stdout
    assert examined.stderr == denied.stderr == ""


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [  # as librdkafka 2.16 says it
        ("_SSL", "SSL handshake failed: certificate verify failed: broker certificate could", "kafka.ssl_ca_location"),
        (
            "_TRANSPORT",
            "h:1/bootstrap: Connect to ipv4#h:1 failed: Connection refused (after 0ms in state CONNECT)",
            "",
        ),
        (
            "_TRANSPORT",
            "h:1/bootstrap: Connect to ipv4#h:1 failed: Connection refused (after 0ms in state CONNECT, 1 identical "
            "error(s) suppressed)",
            "",
        ),
        ("_TRANSPORT", "h:1/bootstrap: Send failed: Broken pipe (after 0ms in state UP)", "it hangs up"),
        ("_ALL_BROKERS_DOWN", "1/1 brokers are down", "it hangs up"),
        ("_RESOLVE", "Failed to resolve 'h:1': Name or service not known (after 5ms in state CONNECT)", ""),
    ],
)
def test_what_a_client_says_beside_its_answers_is_understood(name: str, text: str, sentence: str) -> None:
    heard = Heard()
    heard(KafkaError(getattr(KafkaError, name), text))
    assert sentence in heard.refusal if sentence else not heard.refusal
    assert bool(heard.silence) == (name in ("_TRANSPORT", "_RESOLVE"))


@contextmanager
def guarded_redis(url: str) -> Iterator[redis.Redis]:
    """The tests' Redis with a password and two users, until the block ends."""
    with redis.Redis.from_url(url) as client:
        client.config_set("requirepass", SECRET)
        client.auth(SECRET)
        client.acl_setuser(
            "elsewhere", enabled=True, passwords=[f"+{SECRET}"], keys=["other:*"], commands=["+@all", "-info"]
        )
        try:
            yield client
        finally:
            client.acl_deluser("elsewhere")
            client.config_set("requirepass", "")


@pytest.mark.kafka
def test_a_redis_that_refuses_us_says_why(redis_url: str) -> None:
    def sentence(**variables: str) -> str:
        named = {f"LEEWAY__REDIS__{name.upper()}": value for name, value in variables.items()}
        return refused("incident", "list", **{"LEEWAY__REDIS__URL": redis_url, **named})

    with guarded_redis(redis_url):
        assert f"Redis at {redis_url} cannot be used: it asks for a password; set redis.password_file" in sentence()
        assert "it refuses this user or password" in sentence(password=f"{SECRET}-not")
        assert "it refuses this user or password" in sentence(url=redis_url.replace("//", f"//me:{SECRET}-not@"))
        denied = sentence(username="elsewhere", password=SECRET)
        assert "it does not let this user do that" in denied
        assert "ACL SETUSER leeway ~leeway:* +@all -@dangerous" in denied
        assert "if it speaks none, write redis://" in sentence(url=redis_url.replace("redis:", "rediss:"))


@pytest.mark.kafka
def test_the_doctor_does_without_what_the_roles_do_without(kafka: str, redis_url: str) -> None:
    where = {"LEEWAY__KAFKA__BOOTSTRAP": kafka, "LEEWAY__REDIS__URL": redis_url, "LEEWAY__REDIS__PASSWORD": SECRET}
    with guarded_redis(redis_url) as client:
        rules = {"keys": ["leeway:*"], "commands": ["+@all", "-@dangerous"], "passwords": [f"+{SECRET}"]}
        client.acl_setuser("elsewhere", enabled=True, reset=True, **rules)
        told = leeway("doctor", LEEWAY__REDIS__USERNAME="elsewhere", **where).stdout
    assert "its version is not told" in told
    assert "whether it evicts keys, and keeps them over a restart, is not told" in told
    assert "ok  Redis writes" in told
    assert "ok  Redis scripts" in told


@pytest.mark.kafka
def test_a_judge_that_redis_refuses_ends_with_what_to_mend(kafka: str, redis_url: str, tmp_path: Path) -> None:
    names = {"LEEWAY__KAFKA__BOOTSTRAP": kafka, "LEEWAY__REDIS__URL": redis_url, "LEEWAY__GROUP": "refused"}
    assert leeway("topics", "create", **names).returncode == 0
    with guarded_redis(redis_url), running(tmp_path / "log", "judge", LEEWAY__LOG__FORMAT="json", **names) as process:
        assert process.wait(60) == 3
    assert "it asks for a password; set redis.password_file" in (tmp_path / "log").read_text()


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A Redis that speaks TLS only: its address, and the certificate that vouches for it."""
    if not (shutil.which("redis-server") and shutil.which("openssl")):
        left_out("redis-server or openssl is not on PATH; on Debian: apt-get install redis-server openssl")
    key, certificate, port = tmp_path / "key", tmp_path / "certificate", free_port()
    asked = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={LOOPBACK} -addext subjectAltName=IP:{LOOPBACK}"
    subprocess.run(
        ["openssl", *asked.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=60
    )
    settings = f"--port 0 --tls-port {port} --bind {LOOPBACK} --tls-auth-clients no --save".split()
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(key), "--tls-ca-cert-file", str(certificate)]
    log = tmp_path / "log"
    with log.open("w") as lines:
        server = child.start(["redis-server", *settings, "", *files], stdout=lines)
    try:
        said(log, "Ready to accept connections")
        yield f"{LOOPBACK}:{port}/0", certificate
    finally:
        child.stop(server)


@pytest.mark.kafka
def test_tls_and_none_are_told_apart(encrypted: tuple[str, Path]) -> None:
    address, certificate = encrypted
    assert "if it speaks TLS, write rediss://" in refused("status", "--redis", f"redis://{address}")
    assert "name who signed it in redis.ca_file" in refused("status", "--redis", f"rediss://{address}")
    trusted = leeway("status", "--redis", f"rediss://{address}", LEEWAY__REDIS__CA_FILE=str(certificate))
    assert trusted.returncode == 0
