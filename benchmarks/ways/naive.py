"""confluent-kafka, orjson and River, event by event: what a competent engineer writes in an afternoon."""

import orjson

from benchmarks.meter import Meter, Stretch
from benchmarks.ways.reading import batches
from benchmarks.ways.river import Fleet


def run(stretch: Stretch, meter: Meter) -> None:
    fleet = Fleet()
    for batch in batches(stretch):
        for message in batch:
            fleet.see(orjson.loads(message.value()))
        if meter.add(len(batch)):
            return
