"""Leeway's profile worker: strict decoding, columns, counts, panes, transactions.

It is read between transactions: every event counted has left in a pane. One of several workers is read from where it
has no more than its share of the topic.

Its seconds are those of its own CPU. A pane is cut every second, and costs the more per event the fewer events come
in a second: on a machine that does other things besides, a worker would seem dearer than with a core to itself.
"""

import sys
import time

from benchmarks.meter import Meter, Stretch
from stream import settings as given
from stream.counting import native
from stream.engine import memory
from stream.engine.loop import Loop
from stream.roles.profile import Profile, published
from stream.settings import Kafka, Redis, Settings, Topics

SEGMENT_VALUES = 128  # more than any shape has: all segments are counted by name


class OwnCore:
    """A clock that stands still while others compute."""

    monotonic, time, sleep = staticmethod(time.process_time), staticmethod(time.time), staticmethod(time.sleep)

    def __init__(self) -> None:
        self._began_ms = time.time() * 1000

    def now_ms(self) -> int:
        """The hour of the day, by such a clock."""
        return round(self._began_ms + time.process_time() * 1000)


def settings(stretch: Stretch) -> Settings:
    """The defaults, on this topic."""
    return Settings(
        kafka=Kafka(bootstrap=stretch.bootstrap),
        redis=Redis(url=stretch.redis),
        topics=Topics(
            predictions=stretch.topic, partitions=stretch.partitions, binnings=stretch.binnings or Topics().binnings
        ),
        profile=given.Profile(segment_values=SEGMENT_VALUES, native="auto" if stretch.native else "off"),
        group=stretch.group,
    )


def run(stretch: Stretch, meter: Meter) -> None:
    if stretch.native and not native.fits():
        sys.exit(f"{native.installed()}: make native")
    memory.keep()  # as every worker does
    chosen = settings(stretch)
    clock = OwnCore()
    news = published(chosen, stretch.slot) if stretch.binnings else tuple
    role = Profile(chosen, stretch.slot, now_ms=clock.now_ms, news=news)
    loop = Loop(role, chosen, str(stretch.slot), clock=clock)
    seen, transactions, before = loop.observed, 0, 0

    def enough() -> bool:
        nonlocal transactions, before
        if seen.transactions == transactions:
            return False
        transactions = seen.transactions
        own = sum(lane.topic == stretch.topic for lane in loop.places)
        if own * stretch.workers > stretch.partitions:
            before = seen.messages
            return False
        return meter.at(seen.messages - before)

    loop.run(enough)
