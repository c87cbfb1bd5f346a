"""Bytes to a JSON tree on the slow path: forgiving where producers commonly err, exact about what it cannot forgive.

The fast path refuses NaN and forgets which of two equal keys came first. This one reads NaN and infinities (as Python's
own writer puts them), remembers keys that occur twice, and explains everything that is not JSON at all: other
encodings, other formats, text cut off in the middle.

>>> parse(b'{"a": NaN, "b": 1, "b": 2}').twice
('b',)
>>> parse(b"{'a': 1}").hint
'This looks like the text of a Python dict: write it with json.dumps, not with str.'
"""

from __future__ import annotations

import json
import re
from collections import Counter
from math import inf
from typing import TypeAlias

from schemas.dead_letter import Reason

Tree: TypeAlias = "bool | int | float | str | list[Tree] | Object | None"


class Object(dict[str, Tree]):
    """A JSON object that remembers which of its keys occurred more than once; the last value was kept."""

    twice: tuple[str, ...] = ()


DIGITS = 4_300  # Python reads no longer integers; they are beyond every float anyway
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
PLAIN = "Send plain JSON without the framing: the JsonConverter in Kafka Connect, a text serialiser elsewhere."
COMPRESSED = "Send plain JSON, and let the producer compress whole batches (compression.type=lz4)."
OTHER = "Send one JSON object per message."
WIDE = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff", b"{\0", b"\0{\0", b"\0\0\0{\0")
SIGNATURES = (
    (b"\x1f\x8b", "gzip", COMPRESSED),
    (b"\x28\xb5\x2f\xfd", "Zstandard", COMPRESSED),
    (b"\0", "Avro, Protobuf or JSON behind the five bytes of a schema registry", PLAIN),
    (b"Obj\x01", "an Avro file", OTHER),
    (b"PAR1", "a Parquet file", OTHER),
    (b"\x80\x04\x95", "a Python pickle", "Send json.dumps(event).encode() instead."),
    (b"\x80\x05\x95", "a Python pickle", "Send json.dumps(event).encode() instead."),
    (b"<", "XML or HTML", OTHER),
)
PYTHON = re.compile(r"[{\[,:]\s*'|:\s*(True|False|None)\b")
FORM = re.compile(r"[A-Za-z_][\w.%+-]*=[^{}\"\s]*(&|$)")
YAML = re.compile(r"(---\s|[A-Za-z_]\w*:\s)")
UNQUOTED = re.compile(r"[{,]\s*[A-Za-z_]\w*\s*:")


def parse(value: bytes | None) -> Tree | Reason:
    """Return the tree, or the reason (`bad_json`) why there is none. Never raises."""
    if not value or value.isspace():
        return Reason("bad_json", "the message is empty", "Send one JSON object per message, and no tombstones.")
    if encoding := _encoding(value):
        return encoding
    try:
        text = value.decode()
    except UnicodeDecodeError as error:
        hint = "Encode the text as UTF-8, not as Latin-1 or Windows-1252, and send no binary formats."
        return Reason("bad_json", f"byte {error.start} is not UTF-8", hint)
    try:
        tree: Tree = json.loads(text, object_pairs_hook=_object, parse_int=_integer)
    except json.JSONDecodeError as error:
        return _not_json(text, error)
    except RecursionError:
        hint = "Events are flat: an object of fields, with one level of features."
        return Reason("bad_json", "objects or lists nested too deeply to be read", hint)
    if SURROGATE.search(text) and not _encodable(tree):
        hint = "Write characters beyond U+FFFF as a pair \\ud83d\\ude00, or directly in UTF-8."
        return Reason("bad_json", "half of a surrogate pair (\\ud800 to \\udfff) stands alone", hint)
    return tree


def twice(value: bytes) -> bool:
    """Whether some key of some object occurs more than once. For text that has been read without an error."""
    repeated = False

    def count(pairs: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) != len(pairs)

    json.loads(value, object_pairs_hook=count, parse_int=len, parse_float=len)
    return repeated


def _object(pairs: list[tuple[str, Tree]]) -> Object:
    tree = Object(pairs)
    if len(tree) != len(pairs):
        tree.twice = tuple(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
    return tree


def _integer(digits: str) -> int | float:
    if len(digits) < DIGITS:
        return int(digits)
    return -inf if digits.startswith("-") else inf


def _encodable(tree: Tree) -> bool:
    try:
        json.dumps(tree, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _encoding(value: bytes) -> Reason | None:
    """Why these bytes cannot be JSON on the wire, which is UTF-8 without a byte order mark (RFC 8259, 8.1)."""
    if value.startswith(b"\xef\xbb\xbf"):
        hint = "Write UTF-8 without a BOM ('utf-8', not 'utf-8-sig')."
        return Reason("bad_json", "the message starts with a byte order mark", hint)
    if value.startswith(WIDE):
        return Reason("bad_json", "the message is UTF-16 or UTF-32", "Encode it as UTF-8.")
    for signature, name, hint in SIGNATURES:
        if value.startswith(signature):
            return Reason("bad_json", f"the message is not JSON but {name}", hint)
    return None


def _not_json(text: str, error: json.JSONDecodeError) -> Reason:
    """The commonest ways to write something like JSON, told apart by their looks."""
    where = f"byte {len(text[: error.pos].encode())}"
    if error.lineno > 1:
        where = f"line {error.lineno} column {error.colno}"
    rest = text[error.pos :].strip()
    if error.msg == "Extra data":
        if rest.startswith(("{", "[")):
            return Reason("bad_json", f"more than one JSON object, the second at {where}", OTHER)
        return Reason("bad_json", f"text after the end of the JSON object at {where}", OTHER)
    start = text.lstrip()[:200]
    if PYTHON.search(start):
        hint = "This looks like the text of a Python dict: write it with json.dumps, not with str."
        return Reason("bad_json", f"not JSON at {where}", hint)
    if FORM.match(start):
        return Reason("bad_json", "the message is form-encoded (a=1&b=2), not JSON", OTHER)
    if YAML.match(start):
        return Reason("bad_json", "the message is YAML, not JSON", OTHER)
    if error.msg.startswith("Invalid control character"):
        hint = "Escape line breaks and tabs in texts as \\n and \\t; a JSON library does so."
        return Reason("bad_json", f"an unescaped control character at {where}", hint)
    if not rest or error.msg.startswith("Unterminated string"):
        hint = "Send the whole object; look for a limit on the length of messages or a cut buffer in the producer."
        return Reason("bad_json", f"the message ends in the middle, {len(text)} characters long", hint)
    if UNQUOTED.search(start):
        return Reason("bad_json", f"not JSON at {where}: a key without quotation marks", 'Write keys as "model".')
    hint = "Write the message with a JSON library instead of by hand."
    return Reason("bad_json", f"not JSON at {where}: {error.msg[0].lower()}{error.msg[1:]}", hint)
