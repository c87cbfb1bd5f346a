"""Events as producers write them in the two fast formats, and messages of them without a Kafka."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from random import Random
from struct import pack, unpack
from typing import Any

import msgspec

from schemas.cloudevent import ARROW, PACKED
from schemas.dead_letter import Headers
from tests.profile.events import Sent

Event = Mapping[str, Any]
PACKED_SAID: Headers = [("content-type", PACKED.encode())]
ARROW_SAID: Headers = [("content-type", ARROW.encode())]


@dataclass
class Message(Sent):
    """A message with headers of its own."""

    said: Headers | None = None

    def headers(self) -> Headers | None:
        return self.said


def packed(event: Event, numbers: Sequence[str] | None = None) -> bytes:
    """An event with its features packed: as numbers those that are named so, or that look so."""
    features = event["features"]
    if numbers is None:
        numbers = [name for name, value in features.items() if is_double(value)]
    others = [name for name in features if name not in numbers]
    doubles = [nan if features[name] is None else features[name] for name in numbers]
    body = {name: value for name, value in event.items() if name != "features"}
    body |= {"number_names": ",".join(numbers), "numbers": pack(f"<{len(numbers)}d", *doubles)}
    body |= {"text_names": ",".join(others), "texts": [features[name] for name in others]}
    return msgspec.msgpack.encode(body)


def unpacked(body: bytes) -> dict[str, Any]:
    """The event that `packed` wrote of one without nulls among its numbers."""
    event: dict[str, Any] = msgspec.msgpack.decode(body)
    numbers, texts = event.pop("numbers"), event.pop("texts")
    doubles = unpack(f"<{len(numbers) // 8}d", numbers)
    names = event.pop("number_names").split(","), event.pop("text_names").split(",")
    return event | {"features": dict(zip(names[0], doubles, strict=True)) | dict(zip(names[1], texts, strict=True))}


def is_double(value: Any) -> bool:
    """Whether a value is a number that a double can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return float(value) == value
    except OverflowError:
        return False


def broken(random: Random, good: Sequence[bytes]) -> bytes:
    """One of some good messages after a few of its bits flipped; now and then it is cut, too."""
    body = bytearray(random.choice(good))
    for _ in range(random.choice([1, 1, 2, 8])):
        body[random.randrange(len(body))] ^= 1 << random.randrange(8)
    if random.random() < 0.25:
        del body[random.randrange(len(body)) :]
    return bytes(body)


def columns(events: Sequence[Event]) -> dict[str, list[Any]]:
    """Events as columns, `features.age` and the like among them. What an event lacks is null."""
    paths: dict[str, None] = {}
    rows = [dict(flat(event)) for event in events]
    for row in rows:
        paths.update(dict.fromkeys(row))
    return {path: [row.get(path) for row in rows] for path in paths if path != "kind"}


def flat(event: Event) -> list[tuple[str, Any]]:
    return [
        (f"{name}.{key}" if key else name, inner)
        for name, value in event.items()
        for key, inner in (value.items() if isinstance(value, dict) else [("", value)])
    ]


def arrow(*tables: Mapping[str, Any], **options: Any) -> bytes:
    """A stream of a batch for each table."""
    import pyarrow as pa

    batches = [pa.record_batch({name: pa.array(values) for name, values in table.items()}) for table in tables]
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def rows(body: bytes, kind: str = "prediction") -> list[dict[str, Any]]:
    """The events of the streams that `arrow` wrote of their `columns`: only of a feature null is a value, all else that
    is null was not there."""
    import pyarrow as pa

    found: list[dict[str, Any]] = []
    for flat_row in pa.ipc.open_stream(body).read_all().to_pylist():
        event: dict[str, Any] = {"kind": kind}
        for path, value in flat_row.items():
            name, _, key = path.partition(".")
            if key and (value is not None or name == "features"):
                event.setdefault(name, {})[key] = value
            elif not key and value is not None:
                event[name] = value
        found.append(event)
    return found
