"""Leeway's profile worker: strict decoding, columns, counts, panes, transactions.

It is read between transactions: every event counted has left in a pane. One of several workers is read from where it
has no more than its share of the topic.
"""

from benchmarks.meter import Meter, Stretch
from stream.engine.loop import Loop
from stream.roles.profile import profile
from stream.settings import Kafka, Profile, Redis, Settings, Topics

SEGMENT_VALUES = 128  # more than any shape has: all segments are counted by name


def settings(stretch: Stretch) -> Settings:
    """The defaults, on this topic."""
    return Settings(
        kafka=Kafka(bootstrap=stretch.bootstrap),
        redis=Redis(url=stretch.redis),
        topics=Topics(predictions=stretch.topic, partitions=stretch.partitions),
        profile=Profile(segment_values=SEGMENT_VALUES),
        group=stretch.group,
    )


def run(stretch: Stretch, meter: Meter) -> None:
    chosen = settings(stretch)
    loop = Loop(profile(chosen, stretch.slot), chosen, str(stretch.slot))
    seen, published, before = loop.observed, 0, 0

    def enough() -> bool:
        nonlocal published, before
        if seen.transactions == published:
            return False
        published = seen.transactions
        own = sum(lane.topic == stretch.topic for lane in loop.places)
        if own * stretch.workers > stretch.partitions:
            before = seen.messages
            return False
        return meter.at(seen.messages - before)

    loop.run(enough)
