"""Faust, mode and aiokafka talk much, in colours and with tracebacks; here each says a line at a time."""

import logging
import time

import structlog

LIBRARIES = ("faust", "mode", "aiokafka", "aiohttp", "asyncio", "kafka")
AGAIN_S = 10.0  # of silence after a line of one logger: clients say much about one trouble, with every attempt

log = structlog.get_logger()


class OneLine(logging.Handler):
    """Hands warnings on to our own log, without traceback; what follows at once is only for debugging."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said_at: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lines = record.getMessage().strip().splitlines()
        now = time.monotonic()
        fresh = now - self._said_at.get(record.name, -AGAIN_S) >= AGAIN_S
        if fresh:
            self._said_at[record.name] = now
        say = log.warning if fresh else log.debug  # never an error: these clients try again, or we end by ourselves
        say(lines[0] if lines else "", library=record.name)


def hush() -> None:
    """Take over the libraries' loggers, once at start."""
    handler = OneLine()
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
    logging.getLogger("mode.timers").setLevel(logging.ERROR)  # late timers follow from what was said already
