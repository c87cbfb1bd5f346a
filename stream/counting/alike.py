"""The short way of an event: messages that are alike are decoded, proved and admitted in columns, hundreds at once.

`schemas.decode` says what an event is; here nothing is decided that it would decide otherwise. Whatever is odd in any
way (a key that may occur twice, a time that is not believed, a name that is not known, one subject too many) is handed
back, and is read one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter, methodcaller
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas import cloudevent
from schemas.cloudevent import Envelope
from schemas.dead_letter import Reason
from schemas.decode import Reader
from schemas.event import ID_LENGTH, MESSAGE_BYTES
from schemas.layout import Layout
from schemas.moment import MICROSECONDS, believed, milliseconds
from stream.counting.block import Block, block
from stream.counting.columns import Ints
from stream.counting.forms import Forms
from stream.counting.tally import Tally
from stream.engine.role import Lane, Message

TOGETHER: Final = 256  # rows of one layout that are admitted at once; fewer wait for more
GOOD: Final = 65_536  # identities that are remembered
TIMESTAMP_NOT_AVAILABLE: Final = 0
UNBELIEVED: Final = -1

VALUE, HEADERS, TIMESTAMP = methodcaller("value"), methodcaller("headers"), methodcaller("timestamp")

Odd = tuple[Lane, Message]  # to be read by itself


@dataclass(slots=True)
class Waiting:
    """Decoded rows of one layout with their messages, which are needed if one turns out to be odd."""

    rows: list[Any] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    whence: list[Odd] = field(default_factory=list)


class AlikeRows:
    """Takes messages and admits most of them to a tally; the others come back, now or later."""

    def __init__(self, reader: Reader, refuse_future_ms: int) -> None:
        self.forms = Forms()
        self._reader = reader
        self._refuse_future_ms = refuse_future_ms
        self._good: set[str | tuple[str, ...]] = set()  # identities whose names are good ones
        self.forget()

    def forget(self) -> None:
        """Drop all rows that wait."""
        self._waiting: dict[Layout, Waiting] = {}
        self.rows = 0  # that wait

    def take(self, tally: Tally, kind: str, lane: Lane, messages: Sequence[Message], now_ms: int) -> list[Odd]:
        """Take messages of one lane; return those that have to be read one by one."""
        values: list[Any] = list(map(VALUE, messages))
        headers = list(map(HEADERS, messages))
        odd: list[Odd] = []
        if any(headers) or not all(values) or max(map(len, values), default=0) > MESSAGE_BYTES:
            short = [
                bool(value) and len(value) <= MESSAGE_BYTES and (not said or says_nothing(said, kind))
                for value, said in zip(values, headers, strict=True)
            ]
            odd = [(lane, message) for message, fits in zip(messages, short, strict=True) if not fits]
            messages, values = list(compress(messages, short)), list(compress(values, short))
        found, others = self.forms.decoded(lane.topic, values)
        arrived = arrivals(messages, now_ms)
        for layout, rows in found.items():
            waiting = self._waiting.setdefault(layout, Waiting())
            waiting.rows += rows.rows
            waiting.values += map(values.__getitem__, rows.places)
            waiting.arrived += map(arrived.__getitem__, rows.places)
            waiting.whence += [(lane, messages[at]) for at in rows.places]
            self.rows += len(rows.rows)
            if len(waiting.rows) >= TOGETHER:
                odd += self._admit(tally, layout)
        return odd + [(lane, messages[at]) for at in others]

    def settle(self, tally: Tally) -> list[Odd]:
        """Admit all rows that wait; return those that have to be read one by one after all."""
        return [odd for layout in list(self._waiting) for odd in self._admit(tally, layout)]

    def _admit(self, tally: Tally, layout: Layout) -> list[Odd]:
        waiting = self._waiting.pop(layout)
        self.rows -= len(waiting.rows)
        odd = self._odd(tally, layout, block(layout, waiting.rows, tally.codes), waiting)
        return list(compress(waiting.whence, odd))

    def _odd(self, tally: Tally, layout: Layout, alike: Block, waiting: Waiting) -> NDArray[np.bool_]:
        """Admit rows, and say which of them are odd."""
        arrived = np.array(waiting.arrived, np.int64)
        ts, odd = self._times(layout, alike, arrived)
        odd[layout.unproved(waiting.values)] = True
        if bad := self._bad(alike.identities):
            odd |= np.isin(alike.whose, bad)
        if not odd.any():
            refused = tally.admit_block(layout, alike, ts, arrived)
            return odd if refused is None else refused
        refused = tally.admit_block(layout, alike.only(~odd), ts[~odd], arrived[~odd])
        if refused is not None:
            odd[np.flatnonzero(~odd)[refused]] = True
        return odd

    def _times(self, layout: Layout, alike: Block, arrived: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """The time of each row in milliseconds, and whether any of its times cannot be believed."""
        at_ms = np.where((arrived >= 0) & (arrived < MICROSECONDS), arrived, 0)
        ts, odd = at_ms, np.zeros(len(alike), np.bool_)
        for name, said in alike.times.items():
            if layout.in_milliseconds(name):
                when = np.array(said, np.int64)
                odd |= (when - self._refuse_future_ms > at_ms) & (at_ms > 0)
            else:
                when = np.fromiter(map(self._milliseconds, said, at_ms.tolist()), np.int64, len(said))
                odd |= when == UNBELIEVED
            ts = when if name == "ts" else ts
        return ts, odd

    def _milliseconds(self, time: Any, at_ms: int) -> int:
        when = milliseconds(time, at_ms, self._refuse_future_ms)
        return UNBELIEVED if isinstance(when, Reason) else when

    def _bad(self, identities: list[Any]) -> list[int]:
        """The places of identities of which a name is not known to be good."""
        if self._good.issuperset(identities):
            return []
        if len(self._good) > GOOD:
            self._good.clear()
        good = [self._reader.good((who,) if isinstance(who, str) else who) for who in identities]
        self._good.update(compress(identities, good))
        return [at for at, fine in enumerate(good) if not fine]


def arrivals(messages: Sequence[Message], now_ms: int) -> list[int]:
    """Kafka's time for each message; the worker's where Kafka has none, or none that can be."""
    stamps = list(map(TIMESTAMP, messages))
    arrived = list(map(itemgetter(1), stamps))
    untimed = TIMESTAMP_NOT_AVAILABLE in map(itemgetter(0), stamps)
    if untimed or not all(map(believed, (min(arrived, default=now_ms), max(arrived, default=now_ms)))):
        return [now_ms if clock == TIMESTAMP_NOT_AVAILABLE or not believed(at) else at for clock, at in stamps]
    return arrived


def says_nothing(headers: Any, kind: str) -> bool:
    """Whether the headers of a message add nothing that is counted, nor anything to refuse."""
    said = cloudevent.binary(headers)
    return (
        isinstance(said, Envelope)
        and not said.structured
        and not said.time
        and said.kind in ("", kind)
        and max(len(said.id), len(said.traceparent)) <= ID_LENGTH
    )
