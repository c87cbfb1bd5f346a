"""The short way of an event: messages that are alike are decoded, proved and admitted in columns, hundreds at once.

`schemas.decode` says what an event is; here nothing is decided that it would decide otherwise. Whatever is odd in any
way (a key that may occur twice, a time that is not believed, a name that is not known, one subject too many) is handed
back, and is read one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas import cloudevent
from schemas.cloudevent import PACKED, Envelope
from schemas.dead_letter import Reason
from schemas.decode import Reader
from schemas.event import ID_LENGTH, MESSAGE_BYTES
from schemas.layout import Alike, Layout
from schemas.loose_layout import ABSENT
from schemas.moment import milliseconds
from schemas.packed import is_packed
from stream.counting import forms
from stream.counting.block import Block, block, lacking
from stream.counting.cells import INTS
from stream.counting.columns import Ints
from stream.counting.forms import Forms, at_once
from stream.counting.glance import arrivals
from stream.counting.native import Natives, ways
from stream.counting.rows import Identities
from stream.counting.tally import Tally
from stream.engine.asking import asking
from stream.engine.role import Lane, Message

TOGETHER: Final = 256  # rows of one shape that are admitted at once; fewer wait for more
NATIVELY: Final = 1_024  # messages decoded at once natively: what is done once a batch, and of a batch for each model
MANY: Final = 8_192  # messages of models that take turns: each model's decoder is then used a few times
UNBELIEVED: Final = -1
ASKED: Final = ("value", "headers", "timestamp")  # every message

Odd = tuple[Lane, Message]  # to be read by itself


@dataclass(slots=True)
class Waiting:
    """Decoded rows of layouts of one shape with their messages, which are needed if one turns out to be odd."""

    rows: list[Any] = field(default_factory=list)
    whose: list[Identities] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    arrived: Ints = field(default_factory=lambda: INTS)
    messages: list[Message] = field(default_factory=list)
    lanes: list[Lane] = field(default_factory=list)

    def add(self, more: "Waiting") -> None:
        """Let others wait, too."""
        self.rows += more.rows
        self.whose += more.whose
        self.values += more.values
        self.arrived = np.concatenate([self.arrived, more.arrived])
        self.messages += more.messages
        self.lanes += more.lanes

    def at(self, places: list[int]) -> "Waiting":
        """Those at some places, in this order, of some that are not decoded yet."""
        if places == list(range(len(self.values))):
            return self
        return Waiting(
            values=list(map(self.values.__getitem__, places)),
            arrived=self.arrived[places],
            messages=list(map(self.messages.__getitem__, places)),
            lanes=list(map(self.lanes.__getitem__, places)),
        )

    def odd(self, places: Ints) -> list[Odd]:
        """Those at some places are odd."""
        return [(self.lanes[at], self.messages[at]) for at in places.tolist()]


class AlikeRows:
    """Takes messages and admits most of them to a tally; the others come back, now or later."""

    def __init__(self, reader: Reader, refuse_future_ms: int, natively: bool = False) -> None:
        self.forms, self.packed = Forms(), Forms(forms.PACKED)
        self._natives, self.ways = Natives(natively), ways(natively)
        self._reader = reader
        self._refuse_future_ms = refuse_future_ms
        self.forget()

    def forget(self) -> None:
        """Drop all rows that wait."""
        self._waiting: dict[Layout, Waiting] = {}  # by one layout of each shape
        self._undecoded: dict[tuple[Forms, str], Waiting] = {}  # by topic
        self.rows = 0  # that wait

    def take(self, tally: Tally, kind: str, lane: Lane, messages: Sequence[Message], now_ms: int) -> list[Odd]:
        """Take messages of one lane; return those that have to be read one by one."""
        asked: tuple[list[Any], ...] = tuple(list(map(asking(what, messages), messages)) for what in ASKED)
        values, headers, stamps = asked
        arrived = arrivals(stamps, now_ms, self.ways.times)
        media = self.ways.at_a_glance(values, headers)
        if media is not None:
            return self._take(tally, self.packed if media else self.forms, lane, messages, values, arrived)
        wires = [wire(value, said, kind) for value, said in zip(values, headers, strict=True)]
        odd = [(lane, message) for message, how in zip(messages, wires, strict=True) if how not in ("", PACKED)]
        for known, wanted in ((self.forms, ""), (self.packed, PACKED)):
            mine = [how == wanted for how in wires]
            some, texts = list(compress(messages, mine)), list(compress(values, mine))
            odd += self._take(tally, known, lane, some, texts, arrived[mine])
        return odd

    def learn(self, topic: str, kind: Alike, message: Message) -> None:
        """Look at an event that was read by itself and accepted: others like it may come."""
        media = media_of(message)
        if media in ("", PACKED):
            (self.packed if media else self.forms).learn(topic, kind, message.value() or b"")

    def _take(
        self,
        tally: Tally,
        known: Forms,
        lane: Lane,
        messages: Sequence[Message],
        values: Sequence[bytes],
        arrived: Ints,
    ) -> list[Odd]:
        """Take messages that are written in one way."""
        waiting = self._undecoded.setdefault((known, lane.topic), Waiting())
        waiting.values += values
        waiting.arrived = np.concatenate([waiting.arrived, arrived])
        waiting.messages += messages
        waiting.lanes += [lane] * len(values)
        self.rows += len(values)
        return self._decode(tally, known, lane.topic) if len(waiting.values) >= self._enough(known, lane.topic) else []

    def _enough(self, known: Forms, topic: str) -> int:
        """So many messages are worth decoding."""
        if known.has_several(topic):
            return MANY
        return NATIVELY if self._natives.of(known.last(topic)) else 0

    def _decode(self, tally: Tally, known: Forms, topic: str) -> list[Odd]:
        """Decode all messages of a topic that wait: natively, where there is a way, and else purely."""
        waiting = self._undecoded.pop((known, topic))
        many = len(waiting.values)
        self.rows -= many
        natively = self._natives.runs(known, topic, waiting.values)
        if not natively:
            return self._decode_purely(tally, known, topic, waiting, many)
        odd: list[Odd] = []
        arrived, left = waiting.arrived, np.ones(many, np.bool_)
        for runs in natively:
            like = runs[0].layout.like
            alike, places = self._natives.block(runs, waiting.values, tally.alike(like), tally.codes)
            left[places] = False
            odd += waiting.odd(places[self._odd(tally, like, alike, arrived[places])])
        if left.any():
            odd += self._decode_purely(tally, known, topic, waiting.at(np.flatnonzero(left).tolist()), many)
        return odd

    def _decode_purely(self, tally: Tally, known: Forms, topic: str, fresh: Waiting, many: int) -> list[Odd]:
        """Decode messages, which are what is left of so many, and let them wait for others of their shape."""
        odd: list[Odd] = []
        others: list[int] = []
        for layout, rows in known.decoded(topic, fresh.values, others, many):
            waiting = self._waiting.setdefault(layout, Waiting())
            waiting.rows += rows.rows
            for own, each in rows.runs:
                waiting.whose += [tally.alike(own).identities(own)] * each
            waiting.add(fresh.at(rows.places))
            self.rows += len(rows.rows)
            if len(waiting.rows) >= min(TOGETHER, at_once(layout)):
                odd += self._admit(tally, layout)
        return odd + [(fresh.lanes[at], fresh.messages[at]) for at in others]

    def settle(self, tally: Tally) -> list[Odd]:
        """Admit all rows that wait; return those that have to be read one by one after all."""
        odd = [odd for known, topic in list(self._undecoded) for odd in self._decode(tally, known, topic)]
        return odd + [odd for layout in list(self._waiting) for odd in self._admit(tally, layout)]

    def _admit(self, tally: Tally, layout: Layout) -> list[Odd]:
        waiting = self._waiting.pop(layout)
        self.rows -= len(waiting.rows)
        alike = block(layout, waiting.rows, waiting.whose, tally.codes)
        odd = boundless(layout, alike)
        odd[layout.unproved(waiting.values, waiting.rows, lacking(layout, alike.cells))] = True  # no key twice
        return waiting.odd(np.flatnonzero(self._odd(tally, layout, alike, waiting.arrived, odd)))

    def _odd(
        self, tally: Tally, layout: Layout, alike: Block, arrived: Ints, known: NDArray[np.bool_] | bool = False
    ) -> NDArray[np.bool_]:
        """Admit rows, and say which of them are odd. Of some it is known."""
        ts, odd = self._times(layout, alike, arrived)
        odd |= known
        if not odd.any():
            refused = tally.admit_block(layout, alike, ts, arrived, self._reader.good)
            return odd if refused is None else refused
        refused = tally.admit_block(layout, alike.only(~odd), ts[~odd], arrived[~odd], self._reader.good)
        if refused is not None:
            odd[np.flatnonzero(~odd)[refused]] = True
        return odd

    def _times(self, layout: Layout, alike: Block, arrived: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The time of each row in milliseconds, and whether any of its times cannot be believed."""
        ts, odd = arrived, np.zeros(len(alike), np.bool_)
        for name, said in alike.times.items():
            if layout.loose:
                said = [at if time == ABSENT else time for time, at in zip(said, arrived.tolist(), strict=True)]
            if layout.in_milliseconds(name):
                when = np.array(said, np.int64)
                odd |= when - self._refuse_future_ms > arrived
            else:
                when = np.fromiter(map(self._milliseconds, said, arrived.tolist()), np.int64, len(said))
                odd |= when == UNBELIEVED
            ts = when if name == "ts" else ts
        return ts, odd

    def _milliseconds(self, time: Any, at_ms: int) -> int:
        when = milliseconds(time, at_ms, self._refuse_future_ms)
        return UNBELIEVED if isinstance(when, Reason) else when


def wire(value: bytes | None, headers: Any, kind: str) -> str | None:
    """The media type of a message if its headers add nothing that is counted, nor anything to refuse."""
    if not value or len(value) > MESSAGE_BYTES:
        return None
    said = cloudevent.binary(headers or [])
    if (
        isinstance(said, Envelope)
        and not said.structured
        and not said.time
        and said.kind in ("", kind)
        and max(len(said.id), len(said.traceparent)) <= ID_LENGTH
    ):
        return said.media or (PACKED if is_packed(value) else "")
    return None


def media_of(message: Message) -> str:
    """The media type of a message: what its headers say, or its first byte."""
    value, headers = message.value(), message.headers()
    said = cloudevent.binary(headers) if headers else cloudevent.NONE
    media = said.media if isinstance(said, Envelope) else ""
    return media or (PACKED if is_packed(value) else "")


def boundless(layout: Layout, alike: Block) -> NDArray[np.bool_]:
    """Rows with a number that JSON does not have: infinite, or NaN where that is not how null is written."""
    if layout.packed is None:
        return np.zeros(len(alike), np.bool_)
    strange = np.isinf(alike.cells)
    strange[:, layout.packed.wide :] |= np.isnan(alike.cells[:, layout.packed.wide :])
    odd = np.asarray(strange.any(axis=1))
    return odd if alike.weight is None else odd | ~np.isfinite(alike.weight)
