"""Messages that nobody should send: valid ones of every kind, changed in every way that a dice can think of.

Everything comes from one `random.Random`: the seed and the number of a message are the bug report.
"""

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.dead_letter import Headers
from tests.schemas.corpus import AT_MS, CASES
from tests.schemas.test_nothing_raises import FULL, places, replaced
from tests.schemas.test_records import GOOD_RECORDS
from tests.wire.writers import arrow, columns, packed

HEADERS: tuple[Headers | None, ...] = (
    None,
    [],
    [("origin", b"a test"), ("origin", b"twice"), ("blank", b"")],
    [("content-type", b"application/json"), ("ce_id", b"17"), ("ce_type", b"dev.acme.prediction.v1")],
    [("content-type", b"application/cloudevents+json")],
    [("leeway.error.code", b"schema"), ("leeway.redriven", b"1")],
)
NAMES = ("ce_id", "ce_time", "ce_type", "ce_source", "content-type", "traceparent", "CE_ID", "leeway.redriven", "x", "")
NUMBERS = (b"1e999", b"-1e999", b"1" + b"0" * 400, b"-0", b"1e-999", b"9" * 19, b"-9223372036854775809", b"1.", b"NaN")
NASTY: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**53 + 1,
    -(2**63) - 1,
    2**64,
    10**400,
    1e308,
    5e-324,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\0",
    "\ud800",
    "é" * 300,
    "x" * 5_000,
    "2026-09-21T09:30:00Z",
    [],
    [None],
    [0.0] * 600,
    {},
    {"a": {}},
    {"value": 1, "label": "a", "scores": {"a": 1}},
)
WORDS = ("age", "plan", "region", "eu", "m", "churn", "prediction", "label", "feature:age", "u", "\u00fc", "a b", "")
DEPTHS = (3, 20, 200, 1_000, 1_100, 20_000)
SMALL = [case for case in CASES if len(case.value or b"") < 20_000]
RARE = 0.0005  # of messages: those that are large


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as the Kafka client hands it over."""

    number: int
    body: bytes | None
    name: bytes | None = b"key"
    said: Headers | None = None
    clock: int = 1
    at: int = AT_MS

    def __len__(self) -> int:
        return len(self.body or b"")

    def offset(self) -> int:
        return self.number

    def key(self) -> bytes | None:
        return self.name

    def value(self) -> bytes | None:
        return self.body

    def headers(self) -> Headers | None:
        return self.said

    def timestamp(self) -> tuple[int, int]:
        return self.clock, self.at


class Source:
    """Messages of one kind. `good` are valid ones, with these headers; more may be given later, as they are seen."""

    def __init__(self, chance: random.Random, good: Sequence[bytes], headers: Headers | None = None) -> None:
        self.chance, self.good, self.headers, self.number = chance, list(good), headers, 0

    def messages(self, many: int) -> list[Sent]:
        """A batch. In half of them most messages are alike, as those of one producer: they have a way of their own."""
        alike = self.chance.choice(self.good) if self.chance.random() < 0.5 else None
        return [
            self.like(alike) if alike is not None and self.chance.random() < 0.9 else self.message()
            for _ in range(many)
        ]

    def like(self, body: bytes) -> Sent:
        """As it was, or with other digits."""
        self.number += 1
        if self.chance.random() < 0.7:
            old, new = (b"%d" % self.chance.randrange(10) for _ in range(2))
            body = body.replace(old, new, self.chance.randrange(3))
        return Sent(self.number, body, said=self.headers)

    def message(self) -> Sent:
        """The next one. A fifth are as they should be."""
        chance = self.chance
        self.number += 1
        headers = chance.choice(HEADERS) if chance.random() < 0.3 else self.headers
        key = b"key" if chance.random() < 0.9 else chance.choice((None, b"", b"\xff", chance.randbytes(2_000)))
        clock, at = (1, AT_MS - chance.randrange(1_000_000)) if chance.random() < 0.9 else self.odd_time()
        body: bytes | None = chance.choice(self.good)
        rolled = chance.random()
        if rolled < 0.05:
            case = chance.choice(SMALL)
            body, headers = case.value, case.headers or headers
        elif rolled < 0.1:
            headers = self.odd_headers()
        elif rolled < 0.8:
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                body = chance.choice(CHANGES)(self, body or b"")
        if chance.random() < RARE:
            body = chance.choice(LARGE)(self, body or b"")
        return Sent(self.number, body, key, headers, clock, at)

    def odd_time(self) -> tuple[int, int]:
        return self.chance.randrange(3), self.chance.choice((-1, 0, 1, AT_MS * 1_000, 2**62, -(2**62), AT_MS + 10**9))

    def odd_headers(self) -> Headers:
        chance = self.chance
        if chance.random() < 0.01:  # a flood
            return [(f"{chance.choice(NAMES)}{number}", b"x" * 20) for number in range(chance.choice((1_000, 5_000)))]
        values = (
            chance.randbytes(9),
            b"",
            b"x" * 100_000 if chance.random() < 0.02 else b"1",
            b"application/json",
            b"7",
        )
        return [(chance.choice(NAMES), chance.choice(values)) for _ in range(chance.randrange(6))]


Change = Callable[[Source, bytes], bytes]


def flipped(source: Source, body: bytes) -> bytes:
    """One to eight bits are not what they were."""
    if not body:
        return b"\0"
    value = bytearray(body)
    for _ in range(source.chance.randint(1, 8)):
        value[source.chance.randrange(len(value))] ^= 1 << source.chance.randrange(8)
    return bytes(value)


def cut(source: Source, body: bytes) -> bytes:
    """Its beginning, its end or its middle."""
    first, last = sorted(source.chance.randrange(len(body) + 1) for _ in range(2))
    return source.chance.choice((body[:first], body[first:], body[first:last]))


def spliced(source: Source, body: bytes) -> bytes:
    """Its beginning, and the end of another."""
    other = source.chance.choice(source.good)
    return body[: source.chance.randrange(len(body) + 1)] + other[source.chance.randrange(len(other) + 1) :]


def stuttered(source: Source, body: bytes) -> bytes:
    """A piece is there twice, or many times."""
    first, last = sorted(source.chance.randrange(len(body) + 1) for _ in range(2))
    return body[:last] + body[first:last][:200] * source.chance.choice((1, 1, 3, 30)) + body[last:]


def left_out(source: Source, body: bytes) -> bytes:
    """A piece is missing."""
    first = source.chance.randrange(len(body) + 1)
    return body[:first] + body[first + source.chance.randrange(40) :]


def inserted(source: Source, body: bytes) -> bytes:
    """Something is in it that does not belong there."""
    chance, at = source.chance, source.chance.randrange(len(body) + 1)
    what = (
        chance.randbytes(chance.randrange(9)),
        *NUMBERS,
        b'"',
        b"{",
        b"}",
        b"[",
        b",",
        b":",
        b"null",
        b"\\u0000",
        b" ",
    )
    return body[:at] + chance.choice(what) + body[at:]


def another_value(source: Source, body: bytes) -> bytes:
    """A value of another type, another size, or with another meaning."""
    if len(body) > 20_000:
        return flipped(source, body)
    for read, write in ((json.loads, written), (msgspec.msgpack.decode, msgspec.msgpack.encode)):
        try:
            tree = read(body)
            where = list(places(tree)) if isinstance(tree, dict | list) else []
            value = source.chance.choice(NASTY)
            return write(replaced(tree, source.chance.choice(where), value) if where else value)
        except (ValueError, RecursionError, OverflowError, TypeError, msgspec.MsgspecError):
            continue
    return flipped(source, body)


def written(tree: Any) -> bytes:
    """As the most careless of producers do it."""
    return json.dumps(tree).encode()


def another_name(source: Source, body: bytes) -> bytes:
    """A word is another one, everywhere."""
    old, new = (json.dumps(source.chance.choice(WORDS)).encode() for _ in range(2))
    return body.replace(old, new)


def another_number(source: Source, body: bytes) -> bytes:
    """One number, as it is written, is another one."""
    numbers = [at for at in range(len(body)) if body[at : at + 1].isdigit()]
    if not numbers:
        return inserted(source, body)
    at = source.chance.choice(numbers)
    return body[:at] + source.chance.choice(NUMBERS) + body[at + 1 :]


def numbered(source: Source, body: bytes) -> bytes:
    """A name that only few messages have."""
    return body.replace(b'"age"', b'"f%d"' % source.chance.randrange(300), 1)


def encoded(source: Source, body: bytes) -> bytes:
    """The bytes of another format or alphabet."""
    ways = (
        lambda: gzip.compress(body, 1),
        lambda: b"\xef\xbb\xbf" + body,
        lambda: body.decode("latin-1").encode("utf-16-le"),
        lambda: b"\0\0\0\0\x07" + body,
        lambda: msgspec.msgpack.encode(body),
        lambda: b"  \n" + body + b"\n",
        lambda: source.chance.randbytes(source.chance.randrange(300)),
    )
    return source.chance.choice(ways)()


def nested(source: Source, body: bytes) -> bytes:
    """Deeper than anybody reads, closed or not."""
    depth = source.chance.choice(DEPTHS[:4] if source.chance.random() < 0.98 else DEPTHS)
    ways = (
        b"[" * depth + b"]" * depth,
        b"[" * depth,
        b'{"a":' * depth + b"1" + b"}" * depth,
        body[:-1] + b',"deep":' + b"[" * depth + b"]" * depth + b"}",
    )
    return source.chance.choice(ways)


def huge(source: Source, body: bytes) -> bytes:
    """More than a megabyte, in one text, one number, or many."""
    filling = source.chance.choice(
        (b'"' + b"x" * 1_100_000 + b'"', b"9" * 1_100_000, b"[" + b"1," * 600_000 + b"1]", b" " * 1_100_000)
    )
    return body[:-1] + b',"huge":' + filling + b"}"


def wide(source: Source, body: bytes) -> bytes:
    """As many fields as fit into a megabyte."""
    return body[:-1] + b"," + b",".join(b'"w%d":%d' % (at, at) for at in range(60_000)) + b"}"


CHANGES: tuple[Change, ...] = (
    *(flipped, flipped, cut, spliced, stuttered, left_out, inserted, another_value, another_value, another_value),
    *(another_name, another_number, numbered, encoded, nested),
)
LARGE: tuple[Change, ...] = (huge, wide)


def events(kind: str) -> list[bytes]:
    """Valid events of a kind, as different producers write them."""
    full = FULL[kind]
    few = {name: full[name] for name in ("kind", "model", "action", "features", "label", "prediction") if name in full}
    ways = [full, few, {name: value for name, value in few.items() if name != "kind"}]
    if kind == "prediction":
        ways += [few | {"features": {"age": 20 + 7 * at, "plan": "pro"}, "prediction": at / 7} for at in range(6)]
        ways += [few | {"prediction": answer, "ts": AT_MS - 5} for answer in ("yes", 1, True, {"score": 0.5})]
    return [json.dumps(way).encode() for way in ways] + [msgspec.json.encode(way) for way in ways]


def packed_events() -> list[bytes]:
    """Valid predictions in msgpack."""
    few = {"model": "churn", "prediction": 0.5}
    ways = [few | {"features": {"age": at, "income": 1.5 * at, "nps": None}} for at in range(4)]
    ways += [few | {"features": {"age": 41.0, "plan": "pro", "new": True}, "ts": AT_MS, "segments": {"region": "eu"}}]
    return [packed(way) for way in ways]


def arrow_events() -> list[bytes]:
    """Valid predictions in streams of batches of Arrow, compressed and not."""
    few = [{"model": "churn", "prediction": at / 9, "features": {"age": 20.0 + at, "plan": "pro"}} for at in range(9)]
    rich = [one | {"id": f"p-{at}", "ts": AT_MS - at, "segments": {"region": "eu"}} for at, one in enumerate(few)]
    tables = [columns(few), columns(rich), columns(few[:1])]
    return [arrow(table, compression=way) for table in tables for way in (None, "lz4", "zstd")]


def of_ours(*kinds: str) -> list[bytes]:
    """Valid records of our own topics."""
    return [msgspec.json.encode(GOOD_RECORDS[kind]) for kind in kinds]
