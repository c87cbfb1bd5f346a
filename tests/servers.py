"""A real Apache Kafka and a real Redis for the tests: on loopback, in folders of their own, gone when the tests are.

    with RealKafka(folder) as kafka, RealRedis(folder) as redis:
        kafka.create({"leeway.panes": 4})
        ...
        kafka.kill()     # as kill -9 does
        kafka.start()    # same port, same records

Kafka is what `tests/kafka/pom.xml` names. Maven brings its jars into `.kafka/`, once.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from stream.embedded import child
from stream.embedded.port import LOOPBACK, NotServing, answers, wait_until
from stream.topics import unled

ROOT = Path(__file__).parent.parent
POM = Path(__file__).parent / "kafka" / "pom.xml"

PATIENCE_S = 90.0  # Kafka starts in 2.5 s, and in 15 s when two cores are busy with everything else
DOWNLOAD_S = 240.0  # it takes 10 s; the rest is for a slow network, within the time a test has

# A small heap and the quick compiler: a test broker starts faster and leaves the cores to the tests.
JAVA = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # After a kill the controller waits for the dead broker's session: 9 s by default, which only makes tests slower.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "300",
    "log.cleaner.dedupe.buffer.size": "2097152",
}


class Missing(Exception):
    """This machine lacks a program that the real servers need; the message says which and how to get it."""


class OwnPort:
    """A port on loopback that stays ours while the server on it starts, is down and comes back.

    Tests in other processes ask for free ports at the same time. Linux gives nobody else a port that a socket is bound
    to, and lets a server listen on it all the same when both say SO_REUSEADDR (man 7 socket), as Java and Redis do.
    Elsewhere the port is only likely to stay free.

    >>> port = OwnPort()
    >>> with socket.create_server((LOOPBACK, port.number)) as server:  # it says SO_REUSEADDR
    ...     server.getsockname()[1] == port.number
    True
    >>> port.close()
    """

    def __init__(self) -> None:
        self._held = socket.socket()
        self._held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._held.bind((LOOPBACK, 0))
        self.number: int = self._held.getsockname()[1]
        if sys.platform != "linux":
            self._held.close()

    def close(self) -> None:
        self._held.close()


class RealKafka:
    """One Apache Kafka in KRaft mode. `kill` and `start` keep its port and its records.

    Clients come to the port that it tells them to, `told`: set it, before it starts, to that of a proxy in front.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "kafka"
        self._process: subprocess.Popen[str] | None = None
        self._ports = (OwnPort(), OwnPort())
        self.port, self._controller = (port.number for port in self._ports)
        self.told = self.port

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        return _running(self._process, "Kafka").pid

    def __enter__(self) -> Self:
        self._format(kafka_jars())
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._process is not None:
            self.kill()
        for port in self._ports:
            port.close()

    def start(self) -> None:
        with (self._folder / "log").open("a") as log:
            command = _java(kafka_jars(), "kafka.Kafka", str(self._properties))
            self._process = child.start(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(self._serving, self._process, PATIENCE_S)
        except NotServing as reason:
            self.kill()
            last_words = (self._folder / "log").read_text()[-2000:]
            raise NotServing(f"Kafka does not start: {reason}. The end of its log:\n{last_words}") from None

    def kill(self) -> None:
        """End it as a power cut would."""
        process = _running(self._process, "Kafka")
        process.kill()
        process.wait()
        self._process = None

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def create(self, topics: Mapping[str, int], **config: str) -> None:
        """Create topics (name: partitions), with the same settings for all, e.g. `**{"cleanup.policy": "compact"}`."""
        create_topics(self.bootstrap, topics, config)

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _format(self, jars: Path) -> None:
        self._folder.mkdir(parents=True)
        listeners = f"PLAINTEXT://{self.bootstrap},CONTROLLER://{LOOPBACK}:{self._controller}"
        settings = SETTINGS | {
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.told}",
            "controller.quorum.bootstrap.servers": f"{LOOPBACK}:{self._controller}",
            "log.dirs": str(self._folder / "records"),
        }
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        cluster = "TGVld2F5LXRlc3RzLW9ubA"  # any base64 UUID
        arguments = ["format", "-t", cluster, "-c", str(self._properties), "--standalone"]
        formatted = subprocess.run(
            _java(jars, "kafka.tools.StorageTool", *arguments),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        if formatted.returncode != 0:
            raise NotServing(f"Kafka does not format its storage: {formatted.stdout}{formatted.stderr}")

    def _serving(self) -> bool:
        try:
            return bool(_admin(self.bootstrap).list_topics(timeout=1).brokers)
        except KafkaException:
            return False


class RealRedis:
    """One Redis with an append-only file, as production has it. `kill` and `start` keep its port and what it wrote."""

    def __init__(self, folder: Path) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            raise Missing("redis-server is not on PATH; on Debian: apt-get install redis-server")
        self._folder = folder / "redis"
        self._own = OwnPort()
        self._port = self._own.number
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"redis://{LOOPBACK}:{self._port}/0"

    @property
    def pid(self) -> int:
        return _running(self._process, "Redis").pid

    @property
    def appended(self) -> Path:
        """The file that grows with every write; cutting its end while Redis is down is how a Redis forgets."""
        return max((self._folder / "appendonlydir").glob("*.incr.aof"))

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        self.start()
        return self

    def __exit__(self, *raised: object) -> None:
        if self._process is not None:
            self.kill()
        self._own.close()

    def start(self) -> None:
        assert self._program is not None
        settings = {
            "bind": LOOPBACK,
            "port": str(self._port),
            "dir": str(self._folder),
            "save": "",
            "appendonly": "yes",
            "aof-load-truncated": "yes",
            "maxmemory-policy": "noeviction",
        }
        command = [self._program, *(word for name, value in settings.items() for word in (f"--{name}", value))]
        with (self._folder / "log").open("a") as log:
            self._process = child.start(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: answers(self._port, b"PING\r\n", b"+PONG"), self._process, PATIENCE_S)
        except NotServing as reason:
            self.kill()
            last_words = (self._folder / "log").read_text()[-2000:]
            raise NotServing(f"Redis does not start: {reason}. The end of its log:\n{last_words}") from None

    def kill(self) -> None:
        """End it as a power cut would."""
        process = _running(self._process, "Redis")
        process.kill()
        process.wait()
        self._process = None


def kafka_jars() -> Path:
    """The folder with Kafka's jars; the first call downloads them, and calls from other processes wait for it."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not on PATH; on Debian: apt-get install default-jre-headless maven")
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()[:16]
    jars = ROOT / ".kafka" / wanted
    jars.parent.mkdir(exist_ok=True)
    with (jars.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jars.exists():
            _download(jars)
    return jars


def create_topics(bootstrap: str, topics: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
    """Create topics (name: partitions) and return when they can be read: at first nobody leads them."""
    admin = _admin(bootstrap)
    wanted = [NewTopic(name, partitions, 1, config=dict(config or {})) for name, partitions in topics.items()]
    for created in admin.create_topics(wanted, operation_timeout=30).values():
        created.result(60)
    if headless := unled(admin, topics, PATIENCE_S):
        raise NotServing(f"nobody leads {', '.join(headless)} within {PATIENCE_S:.0f} s")


def _download(jars: Path) -> None:
    partial = jars.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    fetched = subprocess.run(
        [*command, f"-DoutputDirectory={partial}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DOWNLOAD_S,
    )
    if fetched.returncode != 0:
        raise Missing(f"Maven cannot bring Kafka's jars: {fetched.stdout[-2000:]}")
    partial.rename(jars)


def _java(jars: Path, main: str, *arguments: str) -> list[str]:
    return ["java", *JAVA, "-cp", f"{jars}/*", main, *arguments]


def _admin(bootstrap: str) -> AdminClient:
    # Log level 0: while a server starts, refused connections are what we wait out, not news.
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 200})


def _running(process: subprocess.Popen[str] | None, name: str) -> subprocess.Popen[str]:
    if process is None:
        raise NotServing(f"{name} is not running: it serves only inside its `with` block, between `start` and `kill`")
    return process
