"""Packed events: msgpack with the fields of the JSON event, and the numbers among its features in one piece.

A message is a map. `numbers` holds little-endian doubles (NaN: null) and `number_names` their names, separated by
commas; `texts` is a list of texts, truths and nulls, and `text_names` their names. Every producer has these names at
hand as one constant, and who reads them compares them with the last ones at once. `features` may hold others, by name.
The first byte tells such a message from JSON, which is text. What an event is, `schemas.decode` says: here a packed one
becomes the tree that its JSON would be.

>>> from struct import pack
>>> message = msgspec.msgpack.encode({"model": "churn", "prediction": 0.83, "number_names": "age,nps",
...     "numbers": pack("<2d", 41, float("nan")), "text_names": "plan", "texts": ["pro"]})
>>> is_packed(message), unpacked(message)
(True, {'model': 'churn', 'prediction': 0.83, 'features': {'age': 41.0, 'nps': None, 'plan': 'pro'}})
>>> unpacked(message + b"!").message
'not msgpack: MessagePack data is malformed: trailing characters (byte 107)'
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import isnan
from struct import iter_unpack
from typing import Any, Final

import msgspec
from msgspec import Raw

from schemas.dead_letter import Reason, Unfit
from schemas.finding import shown
from schemas.json_text import Object, Tree
from schemas.unreadable import UNREADABLE, in_words

SEPARATOR: Final = ","  # names have none
DOUBLE: Final = 8
NUMBERS, NUMBER_NAMES, TEXTS, TEXT_NAMES = "numbers", "number_names", "texts", "text_names"
PACKED: Final = {NUMBERS: NUMBER_NAMES, TEXTS: TEXT_NAMES}  # what holds values, and what their names
FIELDS: Final = frozenset(chain.from_iterable(PACKED.items()))

DEPTH: Final = 8  # of maps and lists; an event has three
ENTRIES: Final = 8_192  # of all maps of an event together; the longest list has as many
LEAVES: Final = {bool, int, float, str, type(None)}
CONTRACT: Final = "Compare it with the packed format in the documentation of events."


def is_packed(value: bytes | None) -> bool:
    """Whether a message is a map of msgpack that is not empty: no text in UTF-8 begins with its first byte."""
    return bool(value) and value[0] in MAPS  # type: ignore[index]


def unpacked(value: bytes | None) -> Tree | Reason:
    """Return the tree that the JSON of a packed event would be, or why there is none. Never raises."""
    if not value:
        return Reason("bad_json", "the message is empty", "Send one msgpack map per message, and no tombstones.")
    try:
        return with_features(_Walk().value(value, ""))
    except Unfit as unfit:
        return unfit.reason
    except UNREADABLE as error:
        hint = "Encode the message with a msgpack library, as one map of fields."
        return Reason("bad_json", f"not msgpack: {in_words(error)}", hint)


class _Walk:
    """One pass over one message. Nobody can make it long: all maps together have only so many entries."""

    def __init__(self) -> None:
        self.left = ENTRIES

    def value(self, value: bytes, path: str, depth: int = 0) -> Any:
        """A value in which every map remembers the keys that occur twice. Packed numbers stay bytes."""
        kind = kind_of(value)
        if kind is None:
            return self.leaf(value, path)
        if length(value) > self.left or depth > DEPTH:
            message = "maps or lists too deep or too long to be read"
            raise Unfit(Reason("too_large", message, "Events are flat: a map of fields, with one level of features."))
        if kind is list:
            leaves = ANY(value)
            if LEAVES.issuperset(map(type, leaves)):
                return leaves
            self.left -= len(leaves)
            return [self.value(bytes(raw), f"{path}[{at}]", depth + 1) for at, raw in enumerate(LIST(value))]
        self.left -= length(value)
        fields = self.entries(value, path)
        found = Object({key: self.value(bytes(raw), f"{path}.{shown(key)}", depth + 1) for key, raw in fields.items()})
        if len(fields) != length(value):
            found.twice = tuple(key for key in fields if value.count(ENCODE(key)) > 1)[:1] or ("a key",)
        return found

    def entries(self, value: bytes, path: str) -> dict[str, Raw]:
        """What stands in a map, which has texts for keys, as in JSON."""
        try:
            return MAP(value)
        except msgspec.ValidationError as error:
            said = in_words(error).partition(" - at ")[0].replace("Expected", "expected")
            message = f"{path[1:] or 'the message'}: a key that is no text ({said})"
            raise Unfit(Reason("schema", message, "Write keys as texts, numbers too: '7' for 7.")) from None

    def leaf(self, value: bytes, path: str) -> Any:
        """What JSON has, too, and packed numbers."""
        leaf = ANY(value)
        if type(leaf) not in LEAVES and path != f".{NUMBERS}":
            what = "binary data" if isinstance(leaf, bytes) else "an extension type of msgpack"
            raise Unfit(Reason("schema", f"{path[1:] or 'the message'}: {what}, where JSON has none", CONTRACT))
        return leaf


def with_features(event: Tree) -> Tree:
    """The tree with its packed features among its features."""
    if not isinstance(event, Object) or not FIELDS & event.keys():
        return event
    features = event.get("features", Object())
    if not isinstance(features, Object):
        return event  # `schemas.mend` says what is wrong with it
    whole, twice = Object(features), list(features.twice)
    for name, value in chain(numbers(event), texts(event)):
        if name in whole:
            twice.append(name)
        whole[name] = value
    whole.twice = tuple(twice)
    rest = Object({key: value for key, value in event.items() if key not in FIELDS}, features=whole)
    rest.twice = event.twice
    return rest


def numbers(event: Object) -> Iterator[tuple[str, float | None]]:
    """Packed numbers with their names."""
    names, packed = parts(event, NUMBERS, bytes, "binary: doubles, little-endian")
    if len(packed) != DOUBLE * len(names):
        message = f"{NUMBERS}: {len(packed):,} bytes for {len(names):,} names; expected {DOUBLE} bytes for each"
        raise Unfit(Reason("schema", message, "Pack little-endian doubles, NaN where there is no value."))
    for name, (number,) in zip(names, iter_unpack("<d", packed), strict=True):
        yield name, None if isnan(number) else number


def texts(event: Object) -> Iterator[tuple[str, Tree]]:
    """Texts with their names."""
    names, values = parts(event, TEXTS, list, "an array")
    if len(values) != len(names):
        message = f"{TEXTS}: {len(values):,} values for {len(names):,} names"
        raise Unfit(Reason("schema", message, "Send null where there is no value."))
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, str | bool | None):
            message = f"{TEXTS}: expected texts, true, false or null, and '{shown(name)}' is another"
            raise Unfit(Reason("schema", message, f"Numbers go into {NUMBERS}."))
        yield name, value


def parts(event: Object, what: str, kind: type, words: str) -> tuple[list[str], Any]:
    """Names and values of one kind of packed features, as far as there are any."""
    names, values = event.get(PACKED[what]), event.get(what)
    if names is None and values is None:
        return [], kind()
    if not isinstance(names, str):
        raise Unfit(Reason("schema", f"{PACKED[what]}: expected one text, names separated by commas", CONTRACT))
    if not isinstance(values, kind):
        raise Unfit(Reason("schema", f"{what}: expected {words}", CONTRACT))
    return named(names), values


def named(names: str) -> list[str]:
    """The names in a text."""
    return names.split(SEPARATOR) if names else []


def names_of(text: Any) -> tuple[str, ...]:
    """The names in a text, each of them once. Raises ValueError if they are not."""
    names = tuple(named(text))
    if len(set(names)) != len(names):
        raise ValueError("a name occurs twice")
    return names


ANY = msgspec.msgpack.decode
MAP = msgspec.msgpack.Decoder(dict[str, Raw]).decode
LIST = msgspec.msgpack.Decoder(list[Raw]).decode
ENCODE = msgspec.msgpack.encode
FIXED_MAP, FIXED_LIST = 0x80, 0x90
MAPS: Final = bytes([*range(FIXED_MAP + 1, FIXED_LIST), 0xDE, 0xDF])  # first bytes
WIDE: Final[dict[int, tuple[type, int]]] = {0xDC: (list, 2), 0xDD: (list, 4), 0xDE: (dict, 2), 0xDF: (dict, 4)}


def kind_of(value: bytes) -> type | None:
    """Whether a msgpack value is a map or a list, by its first byte."""
    first = value[0]
    if first & 0xF0 in (FIXED_MAP, FIXED_LIST):
        return dict if first & 0xF0 == FIXED_MAP else list
    return WIDE.get(first, (None, 0))[0]


def length(value: bytes) -> int:
    """How many entries a map or a list says it has."""
    width = WIDE.get(value[0], (None, 0))[1]
    return int.from_bytes(value[1 : 1 + width], "big") if width else value[0] & 0x0F
