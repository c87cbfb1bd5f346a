"""How the roles talk: structured lines on standard error, text on a terminal and JSON everywhere else.

Lines of libraries (Faust, aiokafka) take the same way. A line never carries feature values or secrets: that is a rule
for whoever writes one, and what is logged of a record is its topic, partition and offset.

>>> form(Log(format="auto"), terminal=False), form(Log(format="text"), terminal=False)
('json', 'text')
"""

import json
import logging
import sys
import threading
from typing import Literal

import structlog
from structlog.typing import EventDict, Processor

from stream.settings import Log


def form(log: Log, *, terminal: bool) -> Literal["text", "json"]:
    """Which of the two forms lines take."""
    if log.format == "auto":
        return "text" if terminal else "json"
    return log.format


def begin(log: Log, **context: str | int) -> None:
    """Set up logging for this process; `context`, the role and its slot say, is in every line."""
    level = logging.getLevelNamesMapping()[log.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    terminal = sys.stderr.isatty()
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _last(log, terminal)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(level)
    structlog.contextvars.bind_contextvars(**context)
    threading.excepthook = _say_thread_ended


def _say_thread_ended(ended: threading.ExceptHookArgs) -> None:
    """One line instead of a traceback; whoever needs the thread has a watchdog that notices."""
    name = ended.thread.name if ended.thread else "?"
    kind, reason = ended.exc_type.__name__, str(ended.exc_value or "")
    structlog.get_logger().warning("a thread ended early", thread=name, kind=kind, reason=reason)


def _last(log: Log, terminal: bool) -> Processor:
    if form(log, terminal=terminal) == "text":
        return structlog.dev.ConsoleRenderer(colors=terminal, pad_event_to=30)
    return _json


def _json(logger: object, method: str, line: EventDict) -> str:
    """When, how bad and what come first: people read these lines too."""
    first = {name: line.pop(name) for name in ("timestamp", "level", "role", "slot", "event") if name in line}
    return json.dumps(first | dict(line), default=str, ensure_ascii=False)
