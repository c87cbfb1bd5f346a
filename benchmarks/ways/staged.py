"""The profile worker once more, with a clock on its stages: where the main thread is every millisecond of CPU time.

A sample is worth the thread's CPU time since the one before, so that a long call into C counts in full; it belongs to
the innermost function that has a stage. What the main thread has not used is librdkafka's, whose threads fetch,
decompress and send.
"""

import signal
import time
from collections import Counter
from pathlib import Path
from types import FrameType

from benchmarks.meter import Meter, Stretch
from benchmarks.ways import profile

EVERY_S = 0.001
FUNCTIONS = 20  # that are told by name
ROOT = Path(__file__).parent.parent.parent
CLIENT = "librdkafka's threads"
STAGES = (  # the first that fits: file, function ("": all of the file), stage
    ("stream/engine/loop.py", "poll", "taking messages from librdkafka"),
    ("stream/engine/loop.py", "transact", "transactions"),
    ("stream/kafka.py", "", "transactions"),
    ("stream/engine", "", "the loop"),
    ("stream/counting/forms.py", "", "decoding"),
    ("schemas", "", "decoding"),
    ("stream/counting/alike.py", "", "admitting"),
    ("stream/counting/tally.py", "", "admitting"),
    ("stream/counting/block.py", "", "laying out columns"),
    ("stream/counting/rows.py", "", "laying out columns"),
    ("stream/counting/cells.py", "", "laying out columns"),
    ("stream/counting", "", "counting"),
    ("detectors", "", "counting"),
    ("stream/outputs.py", "", "encoding panes"),
    ("stream/roles/profile.py", "", "the role"),
)


class Clock:
    """CPU seconds of the main thread by stage, and by function for those who want to look closer."""

    def __init__(self) -> None:
        self.stages: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()
        self._last = time.thread_time()

    def start(self) -> None:
        self.stages.clear()
        self.functions.clear()
        self._last = time.thread_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _sample(self, number: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        spent, self._last = now - self._last, now
        while frame is not None:
            code = frame.f_code
            file = code.co_filename.removeprefix(f"{ROOT}/")
            for place, function, stage in STAGES:
                if file.startswith(place) and function in ("", code.co_name):
                    self.stages[stage] += spent
                    self.functions[f"{file}:{code.co_qualname}"] += spent
                    return
            frame = frame.f_back
        self.stages["elsewhere"] += spent


class Timed(Meter):
    """A meter that starts and stops the clock with its stretch."""

    def __init__(self, stretch: Stretch) -> None:
        super().__init__(stretch)
        self.clock = Clock()

    def at(self, messages: int) -> bool:
        """Begins with the stretch, and ends with it."""
        fresh = self._begun is None
        done = super().at(messages)
        if fresh and self._begun is not None:
            self.clock.start()
        if done:
            self.clock.stop()
        return done

    @property
    def reading(self) -> dict[str, float]:
        """With microseconds per event of every stage, and of the costliest functions behind `in`."""
        plain = super().reading
        scale = 1e6 / plain["events"]
        stages = {name: spent * scale for name, spent in self.clock.stages.items()}
        functions = {f"in {name}": spent * scale for name, spent in self.clock.functions.most_common(FUNCTIONS)}
        return plain | stages | {CLIENT: plain["cpu_us"] - sum(stages.values())} | functions


def run(stretch: Stretch, meter: Meter) -> None:
    """As `profile`, with a meter of its own."""
    timed = Timed(stretch)
    profile.run(stretch, timed)
    timed.report_and_exit()
