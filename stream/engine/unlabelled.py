"""Records whose headers cannot be read: a name among them is not UTF-8, and the Kafka client then gives none of them.

Kafka itself does not look at names. The first question for such headers raises, and a second one would be answered with
what must not be touched: so a batch is asked once, here, and such a record is handed on without headers.

Source: confluent-kafka-python 2.16, `c_headers_to_py`, which decodes names strictly.
"""

from collections import deque
from collections.abc import Sequence
from operator import length_hint

from schemas.dead_letter import Headers
from stream.engine.asking import asking
from stream.engine.role import Message

WHY = "all of its headers: a name among them is not UTF-8"


class Neighbour:
    """A record of a batch in which there are such records; `unlabelled` if it is one."""

    def __init__(self, message: Message, unlabelled: bool) -> None:
        self._message = message
        self.unlabelled = unlabelled

    def __len__(self) -> int:
        return len(self.value() or b"")

    def offset(self) -> int:
        return self._message.offset()

    def key(self) -> bytes | None:
        return self._message.key()

    def value(self) -> bytes | None:
        return self._message.value()

    def timestamp(self) -> tuple[int, int]:
        return self._message.timestamp()

    def headers(self) -> Headers | None:
        """Nobody knows those of an unlabelled one."""
        return None if self.unlabelled else self._message.headers()


def legible(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages, all of one type, and none with headers that must not be asked for."""
    headers, rest = asking("headers", messages), iter(messages)
    odd = set()
    while length_hint(rest):
        try:
            deque(map(headers, rest), maxlen=0)
        except (SystemError, UnicodeDecodeError):
            odd.add(len(messages) - length_hint(rest) - 1)
    return [Neighbour(message, at in odd) for at, message in enumerate(messages)] if odd else messages
