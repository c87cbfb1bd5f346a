"""How events are written to a topic: a table from the format's name to what encodes events in it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from math import nan
from struct import pack

import msgspec
import orjson
import pyarrow as pa
from confluent_kafka import Producer

from benchmarks.events import Event, Shape, events
from schemas.cloudevent import ARROW

POOL = 60_000  # distinct events; a topic repeats them. More than a worker counts at once
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True)
class Format:
    """`encode` makes one message of `per_message` events."""

    encode: Callable[[Sequence[Event]], bytes]
    per_message: int = 1
    headers: Headers = field(default_factory=tuple)


def json(rows: Sequence[Event]) -> bytes:
    """As most producers write: one JSON text an event."""
    return orjson.dumps(rows[0])


def packed(rows: Sequence[Event]) -> bytes:
    """The same event in msgpack, its numbers as one piece of little-endian doubles (`schemas.packed`)."""
    event = dict(rows[0])
    features = event.pop("features")
    numbers = {name: value for name, value in features.items() if not name.rpartition("_")[0].endswith("text")}
    texts = {name: value for name, value in features.items() if name not in numbers}
    values = (nan if value is None else value for value in numbers.values())
    return msgspec.msgpack.encode(
        event
        | {"number_names": ",".join(numbers), "numbers": pack(f"<{len(numbers)}d", *values)}
        | {"text_names": ",".join(texts), "texts": list(texts.values())}
    )


def arrow(rows: Sequence[Event]) -> bytes:
    """Many events in columns, as one Arrow stream; a fifth of the columns are texts, in dictionaries."""
    first = rows[0]
    columns = {name: pa.array([row[name] for row in rows]) for name in ("ts", "prediction", "latency_ms")}
    columns["model"] = pa.array([row["model"] for row in rows]).dictionary_encode()
    for group in ("features", "segments"):
        for name in first[group]:
            column = pa.array([row[group][name] for row in rows])
            columns[f"{group}.{name}"] = column.dictionary_encode() if pa.types.is_string(column.type) else column
    batch, sink = pa.record_batch(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return bytes(sink.getvalue())


FORMATS: dict[str, Format] = {
    "json": Format(json),
    "packed": Format(packed),  # its first byte tells
    "arrow": Format(arrow, per_message=1_000, headers=(("content-type", ARROW.encode()),)),
}


def produce(bootstrap: str, topic: str, partitions: int, name: str, shape: Shape, many: int) -> int:
    """Fill a topic with at least `many` events; the bytes of one event on average."""
    chosen = FORMATS[name]
    rows = list(events(shape, min(many, POOL)))
    step = chosen.per_message
    bodies = [chosen.encode(rows[begin : begin + step]) for begin in range(0, len(rows) - step + 1, step)]
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "compression.type": "lz4"})
    messages = -(-many // step)
    for number, body in enumerate(islice(cycle(bodies), messages)):
        send(producer, topic, body, chosen.headers, number % partitions)
    producer.flush(60)
    return round(sum(map(len, bodies)) / (len(bodies) * step))


def send(producer: Producer, topic: str, body: bytes, headers: Headers, partition: int) -> None:
    """One message, as soon as the client has room for it."""
    while True:
        try:
            producer.produce(topic, body, partition=partition, headers=list(headers) or None)
            return
        except BufferError:  # the client's queue is full
            producer.poll(0.1)
