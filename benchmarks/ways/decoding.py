"""Reading the bytes and `orjson.loads`: the least that looks into a JSON event."""

import orjson

from benchmarks.meter import Meter, Stretch
from benchmarks.ways.reading import batches


def run(stretch: Stretch, meter: Meter) -> None:
    for batch in batches(stretch):
        for message in batch:
            orjson.loads(message.value())
        if meter.add(len(batch)):
            return
