"""Merely reading the bytes: `consume` in a loop. What all others are measured against."""

from benchmarks.meter import Meter, Stretch
from benchmarks.ways.reading import batches


def run(stretch: Stretch, meter: Meter) -> None:
    for batch in batches(stretch):
        if meter.add(len(batch)):
            return
