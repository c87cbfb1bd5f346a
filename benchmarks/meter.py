"""What a stretch of a topic costs the process that reads it: CPU, of the user and the system, of all its threads.

A stretch begins some way into the topic, when all is connected and warm, and ends before the topic does: the client
has then as much fetched ahead at the end as it had at the beginning.
"""

import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True)
class Stretch:
    """Which part of which topic one run reads. Events, not messages, are counted."""

    bootstrap: str
    redis: str
    topic: str
    partitions: int
    begin: int
    end: int
    per_message: int = 1
    group: str = ""
    slot: int = 0
    workers: int = 1
    native: bool = False  # Leeway's worker with the decoder in C++
    binnings: str = ""  # the topic where its bins are published, if they are


def cpu_s() -> float:
    """Of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Meter:
    """Told how many messages have been dealt with, it takes the reading of the stretch."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch, self.seen = stretch, 0
        self._begun: tuple[int, float, float] | None = None
        self._ended: tuple[int, float, float] | None = None

    def add(self, messages: int) -> bool:
        """So many further ones. True when the stretch is over."""
        return self.at(self.seen + messages)

    def at(self, messages: int) -> bool:
        """So many in all. True when the stretch is over."""
        self.seen = messages
        done = messages * self.stretch.per_message
        if self._begun is None and done >= self.stretch.begin:
            self._begun = (done, cpu_s(), time.monotonic())
        elif self._ended is None and done >= self.stretch.end:
            self._ended = (done, cpu_s(), time.monotonic())
        return self._ended is not None

    @property
    def reading(self) -> dict[str, float]:
        """Of the whole stretch."""
        assert self._begun is not None
        assert self._ended is not None
        first, cpu_before, began = self._begun
        last, cpu_after, ended = self._ended
        events = last - first
        return {
            "cpu_us": 1e6 * (cpu_after - cpu_before) / events,
            "events_per_second": events / (ended - began),
            "events": events,
        }

    def report(self) -> None:
        """The reading as the last line of what this process says."""
        print(json.dumps({name: round(value, 4) for name, value in self.reading.items()}), flush=True)

    def report_and_exit(self) -> NoReturn:
        """The end for those that cannot be asked to stop: a framework's own loop."""
        self.report()
        sys.stderr.flush()
        os._exit(0)
