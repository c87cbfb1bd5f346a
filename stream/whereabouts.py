"""What a worker tells of itself in Redis, for people: where its pages are, and how far it is behind.

Each note fades: a process that died is soon not found any more, and a lag is true for a shorter time than an address.

>>> notes("judge-0", "127.0.0.1:9402", Lag(4_500, 12.34))
[Note(key='http:judge-0', text='127.0.0.1:9402', for_s=60), Note(key='lag:judge-0', text='12.3 4500', for_s=15)]
"""

from typing import NamedTuple

from stream.engine.observed import Lag

ADDRESS, LAG = "http:", "lag:"  # behind the prefix of our keys, before the worker's name
ADDRESS_S, LAG_S = 60, 15
TELL_S = 5.0  # between two notes


class Note(NamedTuple):
    """A text that is kept in Redis for so many seconds, below the prefix of our keys."""

    key: str
    text: str
    for_s: int


def notes(worker: str, address: str, lag: Lag) -> list[Note]:
    """Of a worker, `judge-0` say."""
    return [Note(ADDRESS + worker, address, ADDRESS_S), Note(LAG + worker, lag.text(), LAG_S)]
