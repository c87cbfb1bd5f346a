"""`leeway send`: NDJSON events to the topic of their kind."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from typing import IO, TYPE_CHECKING, Any

import click

from stream.cli.options import configured
from stream.settings import Settings, Topics

if TYPE_CHECKING:
    from confluent_kafka import Message, Producer

PATIENCE_MS = 30_000  # for one event to be taken
TOPICS = {"prediction": "predictions", "feature": "features", "label": "labels", "deployment": "deployments"}


@click.command(name="send", short_help="Send events to the topic of their kind.")
@click.argument("source", metavar="FILE|-", type=click.File("rb"))
@click.option(
    "--kind",
    type=click.Choice(tuple(TOPICS)),
    default="prediction",
    show_default=True,
    help='What a line without a "kind" is.',
)
@click.option("--key", metavar="FIELD", help="The field whose value becomes the record's key, as in entity_id.")
@click.option("--check/--no-check", default=True, help="Leave out what cannot be read, and say why. Default: check.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, send nothing.")
@configured
def command(settings: Settings, source: IO[bytes], kind: str, key: str | None, check: bool, dry_run: bool) -> None:
    """Send events, one JSON object a line, to the topic of their kind.

    \b
    leeway send events.ndjson
    tail -f requests.log | leeway send - --key entity_id
    echo '{"model":"churn","features":{"age":41,"plan":"pro"},"prediction":0.83}' | leeway send -

    \b
    Exit codes: 0 all sent, 1 some left out or not delivered, or Kafka is away, 2 wrong usage or configuration.
    """
    post = Post(settings, dry_run)
    refused = 0
    with suppress(KeyboardInterrupt):  # Ctrl-C ends the input; what was read is still delivered
        for event_kind, value in _checked(settings, source, kind) if check else _as_they_are(source, kind):
            if event_kind is None:
                refused += 1
            else:
                post.send(event_kind, value, _key_of(value, key))
    post.finish()
    for topic, count in sorted(post.sent.items()):
        click.echo(f"{'would send' if dry_run else 'sent'} {count:,} to {topic}")
    if refused:
        click.echo(f"left out {refused:,} that cannot be read", err=True)
    for why, count in post.failed.items():
        click.echo(f"Error: {count:,} not delivered: {why}.", err=True)
    if not post.sent and not refused and not post.failed:
        click.echo("There are no events in it.", err=True)
    sys.exit(1 if refused or post.failed else 0)


def _checked(settings: Settings, source: IO[bytes], kind: str) -> Iterator[tuple[str | None, bytes]]:
    """Every line with its kind; None for what cannot be read, which is said."""
    from stream.cli.check import row_of, say
    from stream.cli.lines import read

    for line in read(source, kind, time.time_ns() // 1_000_000, settings.profile.refuse_future_ms):
        if line.event is not None:
            yield line.kind, line.value
            continue
        rows = [row_of(line, finding) for finding in line.findings if finding.level == "error"]
        with redirect_stdout(sys.stderr):
            say(line, rows, "table")
        yield None, line.value


def _as_they_are(source: IO[bytes], kind: str) -> Iterator[tuple[str | None, bytes]]:
    """Every line with its kind as far as it can be told; what cannot be read goes where `kind` goes."""
    from stream.cli.lines import values

    for _, value in values(source):
        said = _field(value, "kind")
        yield said if said in TOPICS else kind, value


def _field(value: bytes, name: str) -> str:
    """The value of a field, `a.b` inside another, as text; empty where there is none.

    >>> _field(b'{"tags":{"shop":"eu-1"}}', "tags.shop"), _field(b"no JSON", "kind")
    ('eu-1', '')
    """
    import orjson

    try:
        found: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return ""
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return "" if found is None or isinstance(found, dict | list) else str(found)


def _key_of(value: bytes, field: str | None) -> bytes | None:
    return (_field(value, field).encode() or None) if field else None


class Post:
    """Sends, and counts what was taken and what was not, by topic and by reason."""

    def __init__(self, settings: Settings, dry_run: bool) -> None:
        self.sent: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._topics: Topics = settings.topics
        self._producer: Producer | None = None
        if not dry_run:
            self._producer, self._present = _producer(settings)

    def send(self, kind: str, value: bytes, key: bytes | None) -> None:
        """Hand one event to the client."""
        topic: str = getattr(self._topics, TOPICS[kind])
        if self._producer is None:
            self.sent[topic] += 1
            return
        if topic not in self._present:
            self.failed[f"there is no topic {topic} that this user may see; 'leeway topics create' creates it"] += 1
            return
        while True:
            try:
                self._producer.produce(topic, value, key=key, on_delivery=self._delivered)
                self._producer.poll(0)
                return
            except BufferError:  # the client's own queue is full: let it drain
                self._producer.poll(0.1)

    def finish(self) -> None:
        """Wait for what is on its way."""
        if self._producer is None:
            return
        if left := self._producer.flush(PATIENCE_MS / 1000 + 5):
            self.failed["Kafka did not answer in time"] += left

    def _delivered(self, error: Any, message: "Message") -> None:
        if error is None:
            self.sent[message.topic() or ""] += 1
        else:
            from stream.kafka_trouble import explained

            self.failed[explained(error)] += 1


def _producer(settings: Settings) -> "tuple[Producer, set[str]]":
    """A producer, and the topics that exist."""
    from confluent_kafka import Producer

    from stream.cli.reach import kafka_properties, listed
    from stream.kafka import LARGEST_BYTES, plain_producer

    limits = {"message.timeout.ms": PATIENCE_MS, "message.max.bytes": LARGEST_BYTES, "linger.ms": 20}
    properties = plain_producer(settings.kafka) | kafka_properties(settings) | limits
    producer = Producer(properties)
    return producer, set(listed(producer, properties["error_cb"], settings).topics)
