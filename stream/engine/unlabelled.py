"""A record whose headers cannot be read: a name among them is not UTF-8, and the Kafka client then gives none of them.

Kafka itself does not look at names. The first question for such headers raises, and a second one would be answered with
what must not be touched: so a batch is asked once, here, and such a record is handed on without headers.

Source: confluent-kafka-python 2.16, `c_headers_to_py`, which decodes names strictly.
"""

from collections import deque
from collections.abc import Sequence
from operator import length_hint, methodcaller

from stream.engine.role import Message

WHY = "all of its headers: a name among them is not UTF-8"


HEADERS = methodcaller("headers")


class Unlabelled:
    """The record without its headers."""

    def __init__(self, message: Message) -> None:
        self._message = message
        self.offset = message.offset
        self.key = message.key
        self.value = message.value
        self.timestamp = message.timestamp

    def __len__(self) -> int:
        return len(self.value() or b"")

    def headers(self) -> None:
        """Nobody knows them."""


def legible(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages, those without readable headers as `Unlabelled`."""
    rest = iter(messages)
    odd = set()
    while length_hint(rest):
        try:
            deque(map(HEADERS, rest), maxlen=0)
        except (SystemError, UnicodeDecodeError):
            odd.add(len(messages) - length_hint(rest) - 1)
    return [Unlabelled(each) if at in odd else each for at, each in enumerate(messages)] if odd else messages
