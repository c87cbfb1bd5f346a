"""Batches of events in Arrow's columns: to counts without a step in Python for a row.

A column is a field of the event, `model`, `ts`, `prediction`; a name inside of a field is a column of its own,
`features.age`, or a member of a column of structs, `features`. Null means null where JSON may say null, and elsewhere
that the field is not there. A message is counted as a whole or, if anything in it is bad, not at all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from schemas import cloudevent
from schemas.dead_letter import Reason, Unfit
from schemas.decode import Reader
from schemas.event import MESSAGE_BYTES
from schemas.explain import too_large
from schemas.feature import Feature
from schemas.layout import NAMED, NUMBER, WHOSE, Alike, Form, Layout
from schemas.prediction import Prediction
from stream.counting.block import Block
from stream.counting.columns import Ints
from stream.counting.tally import Tally
from stream.engine.role import Message

if TYPE_CHECKING:
    from stream.counting.arrow_columns import DecodedBatch, Path

KINDS: Final[dict[str, Alike]] = {"prediction": Prediction, "feature": Feature}
OUTPUTS: Final = ("prediction", "latency_ms", "status")  # in the order of a layout
ALL: Final = slice(None)
LAYOUTS: Final = 256  # that are remembered: each takes a millisecond to make
NO_PYARROW: Final = Reason(
    "bad_json",
    "an Arrow stream, and this worker has no pyarrow to read it",
    "Install 'leeway[arrow]' where the workers run and redrive the message, or send JSON.",
)


class Part(NamedTuple):
    """Rows that have the same fields."""

    layout: Layout
    identities: list[Any]
    block: Block  # whose rows are: by their place among the identities
    ts: Ints


class ArrowRows:
    """Takes messages that are Arrow streams."""

    def __init__(self, reader: Reader, refuse_future_ms: int) -> None:
        self._reader = reader
        self._refuse_future_ms = refuse_future_ms
        self._layouts: dict[Any, Layout] = {}

    def admit(self, tally: Tally, kind: str, message: Message, arrived_ms: int) -> Reason | None:
        """Count the events of a message, or say why none of them is counted."""
        value = message.value() or b""
        said = cloudevent.binary(message.headers() or [])
        if isinstance(said, Reason):
            return said
        if len(value) > MESSAGE_BYTES:
            return too_large(len(value)).reason
        kind = said.kind or kind
        if kind not in KINDS:
            return Reason("schema", f"a {kind} in an Arrow stream", "Send predictions and features so; others as JSON.")
        try:
            from stream.counting import arrow_columns, ipc
        except ImportError:
            return NO_PYARROW
        batches = ipc.batches(value)
        if isinstance(batches, Reason):
            return batches
        reading = arrow_columns.Reading(KINDS[kind], self._reader, tally.codes, arrived_ms, self._refuse_future_ms)
        try:
            found = [part for each in batches for part in self._parts(KINDS[kind], reading.decoded(each), arrived_ms)]
        except Unfit as unfit:
            return unfit.reason
        except ipc.UNREADABLE as error:
            return ipc.unreadable(error)
        return self._admit(tally, found, arrived_ms)

    def _admit(self, tally: Tally, parts: Sequence[Part], arrived_ms: int) -> Reason | None:
        """All parts, or none if one would be too many."""
        for part in parts:
            if reason := tally.refusal(part.layout, part.identities):
                return reason
        for layout, identities, block, ts in parts:
            whose = tally.alike(layout).identities(layout).of(identities)[block.whose]
            tally.admit_block(layout, replace(block, whose=whose), ts, np.full(ts.size, arrived_ms))
        return None

    def _parts(self, kind: Alike, batch: "DecodedBatch", at_ms: int) -> Iterator[Part]:
        """The rows of a batch by what they lack. Mostly, they lack nothing."""
        if not batch.missing:
            yield self._part(kind, batch, ALL, set(), at_ms)
            return
        optional = list(batch.missing)
        lacking = np.zeros(batch.rows, np.int64)
        for bit, path in enumerate(optional):
            lacking |= batch.missing[path].astype(np.int64) << bit
        for pattern in np.unique(lacking).tolist():
            gone = {path for bit, path in enumerate(optional) if pattern >> bit & 1}
            yield self._part(kind, batch, np.flatnonzero(lacking == pattern), gone, at_ms)

    def _part(self, kind: Alike, batch: "DecodedBatch", rows: Ints | slice, gone: "set[Path]", at_ms: int) -> Part:
        """The rows that lack just these fields."""
        kinds = {path: what for path, what in batch.kinds.items() if path not in gone}
        cells = {path: batch.cells[path][rows] for path in kinds}
        ts = batch.times.get("ts", np.zeros(batch.rows, np.int64))[rows]
        if (null := ("prediction", "")) in gone:  # a null answer is a null number, whatever the others are
            kinds[null], cells[null] = NUMBER, np.full(ts.size, np.nan)
        whose = {name: said for name, said in batch.whose.items() if (name, "") not in gone}
        layout = self._layout(kind, kinds, [name for name in WHOSE if name in whose])
        identities, place = dictionary_encoded([(whose[name].at[rows], whose[name].words) for name in layout.whose])
        matrix = [cells[path] for path in in_order(layout, kinds)]
        block = Block(
            whose=place,
            times={},
            weight=cells.get(("sample_rate", "")),
            cells=np.column_stack(matrix) if matrix else np.empty((ts.size, 0)),
        )
        return Part(layout, identities, block, np.where(ts == 0, at_ms, ts))

    def _layout(self, kind: Alike, kinds: "dict[Path, str]", whose: Sequence[str]) -> Layout:
        """The layout that the JSON of such events has."""
        key = (kind, tuple(kinds.items()), tuple(whose))
        layout = self._layouts.get(key)
        if layout is None:
            if len(self._layouts) >= LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[key] = Layout(form_of(kind, kinds, whose), kinds)
        return layout


def form_of(kind: Alike, kinds: "dict[Path, str]", whose: Sequence[str]) -> Form:
    """The form of events with these fields.

    >>> form_of(Prediction, {("features", "age"): NUMBER, ("prediction", ""): NUMBER}, ["model"]).keys
    (('model', ''), ('features', ('age',)), ('prediction', 'number'))
    """
    keys: dict[str, Any] = dict.fromkeys(whose, "")
    for (name, key), what in kinds.items():
        if name == "prediction" and key:
            keys[name] = (*keys.get(name, ()), (key, float if what == NUMBER else str))
        elif key:
            keys[name] = (*keys.get(name, ()), key)
        else:
            keys[name] = what if name == "prediction" else ""
    return Form(kind, tuple(keys.items()))


def in_order(layout: Layout, kinds: "dict[Path, str]") -> "list[Path]":
    """The columns of a layout, and then its outputs."""
    columns = [(name, key) for name, keys in zip(NAMED, layout.named, strict=True) for key in keys]
    return columns + [path for output in OUTPUTS for path in kinds if path[0] == output]


def dictionary_encoded(fields: Sequence[tuple[Ints, list[str]]]) -> tuple[list[Any], Ints]:
    """What rows say of whose they are, a text or a tuple of texts, each once; and of each row its place among them.

    >>> dictionary_encoded([(np.array([0, 1, 1]), ["churn", "fraud"]), (np.array([0, 0, 0]), ["7"])])
    ([('churn', '7'), ('fraud', '7')], array([0, 1, 1]))
    """
    said: list[tuple[str, ...]] = [()]
    place: Ints = np.zeros(fields[0][0].size, np.int64)
    for at, words in fields:
        keys, place = np.unique(place * len(words) + at, return_inverse=True)
        said = [(*said[key // len(words)], words[key % len(words)]) for key in keys.tolist()]
    return [who[0] for who in said] if len(fields) == 1 else list(said), place
