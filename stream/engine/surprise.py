"""A surprise ends the process: one clear sentence, no clean-up, no retry. Starting again is the only recovery there is.

Crash-only software (Candea & Fox, HotOS 2003): a program that must survive `kill -9` anyway has a recovery path; one
that uses nothing else for its own troubles has a recovery path that is tested. So there is no `close()` here: a process
that does not know where it stands has nothing to say to its consumer group, and its transaction is better timed out.
"""

import os
import sys
from pathlib import Path
from traceback import extract_tb
from typing import Final, NoReturn

import structlog

EXIT_STATUS: Final = 3

log = structlog.get_logger()


class Surprise(Exception):
    """What happened and how to mend it, in whole sentences for the person who operates this."""


def line_of(defect: BaseException) -> str:
    """Where in the program something came up that nobody foresaw. Of what was read it says nothing.

    >>> try:
    ...     round(float("inf"))
    ... except OverflowError as defect:
    ...     line_of(defect).rpartition(":")[2]
    '2'
    """
    last = extract_tb(defect.__traceback__)[-1:]
    return "".join(f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno}" for frame in last)


def end(role: str, slot: str, sentence: str, kind: str = "Surprise", **where: str) -> NoReturn:
    """Say it and stop, at once."""
    log.error("ended by a surprise", role=role, slot=slot, kind=kind, reason=sentence, **where)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_STATUS)
