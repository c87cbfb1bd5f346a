"""Packed events (`schemas.packed`) that are alike, for the fast way: what `schemas.layout` is for JSON.

The names of packed features are part of the form, so a decoder made for it compares them as one text, and the numbers
of a row come back in one piece.

>>> from schemas.prediction import Prediction
>>> message = msgspec.msgpack.encode({"model": "churn", "prediction": 0.83,
...     "number_names": "age,nps", "numbers": bytes(16), "text_names": "plan", "texts": ["pro"]})
>>> event = msgspec.msgpack.decode(message)
>>> form = packed_form(event, Prediction)
>>> layout = PackedLayout(form, packed_kinds(event, form))
>>> [row] = layout.rows([message])
>>> layout.columns, layout.packed.wide, next(layout.families[0][0]([row])), layout.unproved([message], [row])
(['number', 'number', 'text'], 2, _(f0='pro'), [])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, get_type_hints

import msgspec
from msgspec import Meta, Raw

from schemas.layout import KINDS, TEXT, TYPES, Alike, Form, Layout, Packed, Path, form_of
from schemas.packed import DOUBLE, FIELDS, NUMBER_NAMES, NUMBERS, PACKED, TEXT_NAMES, TEXTS, names_of

SHORT_MAP, SHORT_MAPS = 0x80, 16  # a map of fewer entries says how many in its first byte
MAP16: Final = b"\xde"


def packed_form(event: Mapping[str, Any], kind: Alike) -> Form | None:
    """The form of a packed event that `schemas.decode` has accepted; None if its like are read one by one."""
    if "features" in event or not event.keys() & PACKED.keys():
        return None
    plain = form_of({name: value for name, value in event.items() if name not in FIELDS}, kind)
    if plain is None:
        return None
    said = dict(plain.keys) | {names: event[names] for names in PACKED.values() if names in event}
    return Form(kind, tuple((name, said.get(name, "")) for name in event))


def packed_kinds(event: Mapping[str, Any], form: Form) -> dict[Path, str]:
    """What the texts of one event are, as far as they are not null; the others are numbers anyway."""
    names = names_of(dict(form.keys).get(TEXT_NAMES, ""))
    return {
        ("features", name): KINDS[type(value)]
        for name, value in zip(names, event.get(TEXTS, ()), strict=True)
        if value is not None
    }


class PackedLayout(Layout):
    """The layout that the JSON of such events would have, with a decoder of its own and the numbers in one piece."""

    wire = "msgpack"

    def __init__(self, form: Form, kinds: Mapping[Path, str]) -> None:
        said = dict(form.keys)
        numbers, texts = names_of(said.get(NUMBER_NAMES, "")), names_of(said.get(TEXT_NAMES, ""))
        rest = tuple((name, what) for name, what in form.keys if name not in FIELDS)
        texts_unless = {("features", name): TEXT for name in texts}
        super().__init__(Form(form.kind, (*rest, ("features", numbers + texts))), {**texts_unless, **kinds})
        self.form = form
        self._place = {name: at for at, (name, _) in enumerate(form.keys)}
        self._find_ways()
        self.packed = Packed(self._values(NUMBERS), len(numbers)) if NUMBERS in said else None
        self.families = [(self._values(TEXTS), len(texts)) for _ in texts[:1]] + self.families
        self.row = self._row(numbers, texts)
        self._decode = msgspec.msgpack.Decoder(self.row).decode
        self._head = head(len(form.keys))
        self._heads = {name: head(len(what)) for name, what in form.keys if isinstance(what, tuple)}
        inside = msgspec.defstruct("_", [(name, Raw) for name in self._heads], gc=False)
        self._inside = msgspec.msgpack.Decoder(inside).decode

    @property
    def shape(self) -> tuple[Any, ...]:
        """As of any layout, with the order of the fields."""
        return *super().shape, tuple(name for name, _ in self.form.keys), self.packed and self.packed.wide

    def _row(self, numbers: Sequence[str], texts: Sequence[str]) -> type:
        size = DOUBLE * len(numbers)
        keys, hints = self.form.keys, get_type_hints(self.kind, include_extras=True)
        said = dict(keys)
        types = {
            NUMBERS: Annotated[bytes, Meta(min_length=size, max_length=size)],
            NUMBER_NAMES: Literal[said.get(NUMBER_NAMES, "")],
            TEXTS: sequence(TYPES[kind] for kind in self.columns[len(numbers) :][: len(texts)]),
            TEXT_NAMES: Literal[said.get(TEXT_NAMES, "")],
        }
        return msgspec.defstruct(
            "_",
            [(f"f{at}", types.get(name) or self._type(name, what, hints, {})) for at, (name, what) in enumerate(keys)],
            rename={f"f{at}": name for at, (name, _) in enumerate(keys)},
            forbid_unknown_fields=True,
            gc=False,
        )

    def unproved(self, values: Sequence[bytes], rows: Sequence[Any], lacking: Sequence[int] = ()) -> list[int]:
        """Places of decoded messages of which it is not proved that no key occurs twice.

        All keys of the form occur in each message, and in each map inside. So it is enough that each map says at its
        begin that it has no more.
        """
        size = len(self._head)
        if [value[:size] for value in values].count(self._head) == len(values) and self._nested_proved(values):
            return []
        return [at for at, value in enumerate(values) if self.unproved((value,), ())] if len(values) > 1 else [0]

    def _nested_proved(self, values: Sequence[bytes]) -> bool:
        if not self._heads:
            return True
        maps = list(map(self._inside, values))
        for name, begin in self._heads.items():
            size = len(begin)
            if [each[:size] for each in map(bytes, map(attrgetter(name), maps))].count(begin) != len(values):
                return False
        return True


def head(entries: int) -> bytes:
    """The first bytes of a map."""
    return bytes([SHORT_MAP | entries]) if entries < SHORT_MAPS else MAP16 + entries.to_bytes(2, "big")


def sequence(kinds: Iterable[Any]) -> type:
    """A type of just these values, in their order."""
    fields = [(f"f{at}", kind) for at, kind in enumerate(kinds)]
    return msgspec.defstruct("_", fields, array_like=True, forbid_unknown_fields=True, gc=False)
