"""Faust, mode and aiokafka talk much, in colours and with tracebacks; here they say a line, and not twice in a row."""

import logging
import time

import structlog

LIBRARIES = ("faust", "mode", "aiokafka", "aiohttp", "asyncio", "kafka")
AGAIN_S = 30.0  # before the same line is said again: clients repeat it with every attempt to connect
LEVELS = {logging.WARNING: "warning", logging.ERROR: "error", logging.CRITICAL: "error"}

log = structlog.get_logger()


class OneLine(logging.Handler):
    """Hands warnings on to our own log, without traceback, each at most twice a minute."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        lines = record.getMessage().strip().splitlines()
        said = lines[0] if lines else ""
        now = time.monotonic()
        if now - self._said.get(said, -AGAIN_S) >= AGAIN_S:
            self._said = {each: at for each, at in self._said.items() if now - at < AGAIN_S} | {said: now}
            getattr(log, LEVELS.get(record.levelno, "warning"))(said, library=record.name)


def hush() -> None:
    """Take over the libraries' loggers, once at start."""
    handler = OneLine()
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.WARNING)
