"""Asking many messages the same thing: the method is looked up once, and not in every message.

A worker asks each of millions of messages for half a dozen things; `methodcaller` would spend three quarters of its
time on finding the method.
"""

from collections.abc import Callable, Sequence
from operator import methodcaller
from typing import Any


def asking(what: str, messages: Sequence[Any]) -> Callable[[Any], Any]:
    """The method of this name, to be called with each of some messages, which are all of one type.

    >>> list(map(asking("upper", ["a", "b"]), ["a", "b"]))
    ['A', 'B']
    """
    return getattr(type(messages[0]), what) if messages else methodcaller(what)
