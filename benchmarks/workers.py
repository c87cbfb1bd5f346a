"""Two workers against one, in one consumer group: do they get in each other's way?

Capacity is what a worker could count if it had a core to itself: its events by its CPU time, summed over the workers.
Events by the clock are shown beside it; there the workers share the cores with Kafka itself, and with whatever else
this machine does. Two are read only while each has its half of the topic.
"""

from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

from benchmarks.bars import Bar
from benchmarks.events import Shape
from benchmarks.place import Place
from benchmarks.turns import Ratio, Reading, Turn, read

TAIL = 600_000  # while the last one joins, the first one reads what it is going to lose
BAR = Bar("CPU-bound capacity of two workers against one", 1.8, at_least=True)


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """One, then two, in turns."""
    events, rounds = (200_000, 3) if quick else (400_000, 5)
    stretch = place.stretch("bench.workers", 0, events, 2 * events + 2 * TAIL, Shape(segments=4))
    found: dict[int, list[list[Reading]]] = {1: [], 2: []}
    for number in range(rounds):
        for workers in found:
            turn = Turn("profile", replace(stretch, workers=workers))
            group = f"bench-{workers}-{number}"
            started = [turn.start(group=group, slot=slot) for slot in range(workers)]
            found[workers].append([read(process) for process in started])
        say(f"round {number + 1} of {rounds}")
    gain = sorted(capacity(two) / capacity(one) for one, two in zip(found[1], found[2], strict=True))
    rows = [
        {
            "workers": workers,
            "us per event": round(median(one["cpu_us"] for readings in runs for one in readings), 2),
            "events/s of CPU": round(median(map(capacity, runs))),
            "events/s by the clock": round(median(sum(one["events_per_second"] for one in each) for each in runs)),
        }
        for workers, runs in found.items()
    ]
    ratio = Ratio(median(gain), gain[0], gain[-1])
    return {"rows": rows, "bars": [BAR.verdict(ratio.median, str(ratio))], "readings": found, "rounds": rounds}


def capacity(readings: list[Reading]) -> float:
    """Events a second, were every worker given a core."""
    return sum(1e6 / reading["cpu_us"] for reading in readings)
