"""Asked to stop, by SIGTERM or Ctrl-C, what runs until then ends with status 0: also before it has begun, and once more
when it is done.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

ASKING = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def until_asked() -> Iterator[None]:
    """For the block that runs until it is asked to stop. What it needs to stop in good order it sets itself; before
    that nothing is begun that must be ended, and after that there is nothing left to stop."""
    for name in ASKING:
        signal.signal(name, _leave)
    yield
    _hear_no_more()


def _leave(number: int, frame: object) -> NoReturn:
    _hear_no_more()
    sys.exit(0)


def _hear_no_more() -> None:
    for name in ASKING:
        signal.signal(name, signal.SIG_IGN)
