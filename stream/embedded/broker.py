"""A Kafka for demos and fast tests: the mock cluster inside librdkafka, driven by ctypes, in a process of its own.

librdkafka has a broker for its own tests (`rdkafka_mock.h`), and the library in the confluent-kafka wheel contains it:
a machine that can run Leeway can also run this. It speaks Kafka's protocol over loopback to every client.

    $ python -m stream.embedded.broker leeway.predictions:4 leeway.panes:4
    127.0.0.1:41627

The process reads requests from its standard input, one a line (`topic NAME PARTITIONS`, `down`, `up`), answers each
with a line, and ends when the input ends.

What it cannot promise (`CANNOT`, measured on librdkafka 2.16):

* Records live in memory, about 5 MB a partition; older ones are dropped. Consumers start before producers.
* Offsets sent inside a transaction are dropped. Offsets committed by the consumer itself are kept.
* `read_committed` readers see open and aborted transactions; an older producer of a `transactional.id` is not fenced.
* Transaction markers carry no checksum: clients that verify checksums (aiokafka, hence Faust) must be told not to.
* Group members are not static. One that comes back waits until its former self times out and the group has rejoined:
  about two sessions (11 s with `session.timeout.ms=6000`, 2.5 s with 1500).
* There are no admin requests (create, delete, describe): topics come from `topics` and `create`.
  A topic that a *producer* names first appears by itself, with 4 partitions.
"""

import argparse
import ctypes
import subprocess
import sys
from collections.abc import Iterable, Mapping
from typing import Self

from stream.embedded import child
from stream.embedded.port import NotServing

CANNOT = (
    "The embedded broker keeps the latest 5 MB of each partition in memory, forgets offsets committed in transactions, "
    "shows records before they are committed and does not fence zombies: exactly-once needs a real Kafka."
)

MOCK_CLUSTER = "mockCluster"  # how librdkafka's own broker begins the name of its cluster
ONLY_BROKER = 1  # the mock cluster numbers its brokers from 1; one is enough here
RD_KAFKA_PRODUCER = 0  # rdkafka.h: the mock cluster needs a client to live in
RD_KAFKA_CONF_OK = 0


def is_embedded(cluster_id: str | None) -> bool:
    """Whether a cluster of this name is one of librdkafka's own.

    >>> is_embedded("mockClusterDEADBEEF"), is_embedded(None)
    (True, False)
    """
    return (cluster_id or "").startswith(MOCK_CLUSTER)


class EmbeddedBroker:
    """A broker on loopback with the given topics (name: partitions), for as long as the `with` block lasts."""

    def __init__(self, topics: Mapping[str, int] | None = None) -> None:
        self.bootstrap = ""
        self._topics = dict(topics or {})
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "stream.embedded.broker"]
        command += [f"{name}:{partitions}" for name, partitions in self._topics.items()]
        self._process = child.start(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.bootstrap = self._reply()
        return self

    def __exit__(self, *raised: object) -> None:
        process = self._running()
        child.stop(process)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def kind(self) -> str:
        """What runs here, for people: `librdkafka 2.16.1 (embedded)`."""
        import confluent_kafka

        return f"librdkafka {confluent_kafka.libversion()[0]} (embedded)"

    def create(self, topic: str, partitions: int) -> None:
        """Create a topic; one that exists already is refused with `ValueError`."""
        self._ask(f"topic {topic} {partitions}")

    def down(self) -> None:
        """Close all connections and refuse new ones, as a broker that died would."""
        self._ask("down")

    def up(self) -> None:
        """Accept connections again, on the same port and with the records of before."""
        self._ask("up")

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise NotServing("the embedded broker serves only inside its `with` block")
        return self._process

    def _ask(self, request: str) -> None:
        pipe = self._running().stdin
        assert pipe is not None
        print(request, file=pipe, flush=True)
        reply = self._reply()
        if reply != "ok":
            raise ValueError(f"the embedded broker refused '{request}': {reply}")

    def _reply(self) -> str:
        process = self._running()
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line:
            raise NotServing(f"the embedded broker ended with status {process.wait()}; its last words are above")
        return line


class MockCluster:
    """librdkafka's mock cluster of one broker, inside this process."""

    def __init__(self) -> None:
        self._library = _librdkafka()
        reason = ctypes.create_string_buffer(512)
        conf = self._library.rd_kafka_conf_new()
        for name, value in {"test.mock.num.brokers": "1", "log_level": "0"}.items():
            if self._library.rd_kafka_conf_set(conf, name.encode(), value.encode(), reason, 512) != RD_KAFKA_CONF_OK:
                raise NotServing(f"librdkafka refuses {name}: {reason.value.decode()}")
        client = self._library.rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, 512)
        if not client:
            raise NotServing(f"librdkafka does not start: {reason.value.decode()}")
        self._cluster = self._library.rd_kafka_handle_mock_cluster(client)
        # A group waits this long for its first members; 0 makes the first record arrive in 0.15 s instead of 3 s.
        self._library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)

    @property
    def bootstrap(self) -> str:
        servers: bytes = self._library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        return servers.decode()

    def answer(self, request: str) -> str:
        """Do what one line asks for; `ok`, or what was wrong with it."""
        match request.split():
            case ["topic", name, partitions]:
                return self._create(name, partitions)
            case ["down"]:
                return self._said(self._library.rd_kafka_mock_broker_set_down(self._cluster, ONLY_BROKER))
            case ["up"]:
                return self._said(self._library.rd_kafka_mock_broker_set_up(self._cluster, ONLY_BROKER))
            case _:
                return f"no request '{request}'; there are: topic NAME PARTITIONS, down, up"

    def _create(self, name: str, partitions: str) -> str:
        if not partitions.isdecimal() or int(partitions) < 1:
            return f"a topic has 1 or more partitions, not '{partitions}'"
        return self._said(self._library.rd_kafka_mock_topic_create(self._cluster, name.encode(), int(partitions), 1))

    def _said(self, error: int) -> str:
        reason: bytes = self._library.rd_kafka_err2str(error)
        return "ok" if error == 0 else reason.decode()


def _librdkafka() -> ctypes.CDLL:
    """The librdkafka of confluent-kafka: a look-up in its extension module also searches what that is linked with."""
    import confluent_kafka.cimpl

    library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    signatures = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
        "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
        "rd_kafka_err2str": (text, [number]),
        "rd_kafka_handle_mock_cluster": (pointer, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_topic_create": (number, [pointer, text, number, number]),
        "rd_kafka_mock_broker_set_down": (number, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (number, [pointer, ctypes.c_int32]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def serve(topics: Iterable[str], requests: Iterable[str]) -> None:
    """Say the address, then answer requests until there are no more."""
    cluster = MockCluster()
    for topic in topics:
        name, _, partitions = topic.rpartition(":")
        reply = cluster.answer(f"topic {name} {partitions}")
        if reply != "ok":
            sys.exit(f"the topic '{topic}' cannot be created: {reply}; write NAME:PARTITIONS")
    print(cluster.bootstrap, flush=True)
    for request in requests:
        print(cluster.answer(request.strip()), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A Kafka broker in memory, for demos and tests.", epilog=CANNOT)
    parser.add_argument("topics", nargs="*", metavar="NAME:PARTITIONS")
    serve(parser.parse_args().topics, sys.stdin)
