"""Does the profile worker keep its size? Resident memory while it reads millions of events of a thousand models.

The command as people run it, sampled from outside (`/proc`) with the offsets it has committed. Of each tenth of the
events the largest size counts, which is what a container's limit must hold; the first two tenths are the warm-up.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.bars import Bar
from benchmarks.events import Shape
from benchmarks.place import PARTITIONS, Place
from stream.embedded import child

MODELS = 1_000
EVERY_S = 0.25
PATIENCE_S = 1_800.0
WARM = 2  # tenths
BAR = Bar("largest resident memory of a later tenth against the first one after warm-up", 1.05)

Sample = tuple[int, float]  # events committed, megabytes


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """One long run."""
    many = 1_000_000 if quick else 10_000_000
    group = "bench-memory"
    stretch = place.stretch("bench.memory", 0, many, 0, Shape(models=MODELS, segments=4))
    say(f"{many:,} events are on the topic")
    variables = {
        "LEEWAY__TOPICS__PREDICTIONS": stretch.topic,
        "LEEWAY__GROUP": group,
        "LEEWAY__KAFKA__BOOTSTRAP": place.bootstrap,
        "LEEWAY__REDIS__URL": place.redis,
    }
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LEEWAY")}
    command = [sys.executable, "-m", "stream.cli", "profile", "--slot", "0"]
    worker = child.start(command, stderr=subprocess.DEVNULL, env=environ | variables)
    try:
        samples = watch(worker.pid, place, stretch.topic, f"{group}-profile", many)
    finally:
        child.stop(worker)
    tenths = by_tenth(samples, many)
    rows = [
        {"events": f"to {tenth * many // 10:,}", "median MB": round(median(sizes)), "largest MB": round(max(sizes))}
        for tenth, sizes in tenths.items()
    ]
    later = [max(sizes) for tenth, sizes in tenths.items() if tenth > WARM]
    growth = max(later) / later[0] if 10 in tenths else None  # else it has not read them all
    return {"rows": rows, "bars": [BAR.verdict(growth)], "samples": len(samples)}


def by_tenth(samples: list[Sample], many: int) -> Mapping[int, list[float]]:
    """Sizes by the tenth of the events that was being read.

    >>> by_tenth([(5, 100.0), (10, 101.0), (95, 102.0), (100, 103.0)], 100)
    {1: [100.0, 101.0], 10: [102.0, 103.0]}
    """
    found: dict[int, list[float]] = {}
    for done, size in samples:
        found.setdefault(-(-10 * done // many), []).append(size)
    return found


def watch(pid: int, place: Place, topic: str, group: str, many: int) -> list[Sample]:
    """Samples from the first event on until all are committed."""
    consumer = Consumer({"bootstrap.servers": place.bootstrap, "group.id": group, "enable.auto.commit": False})
    lanes = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    samples: list[Sample] = []
    give_up = time.monotonic() + PATIENCE_S
    done = 0
    while done < many and time.monotonic() < give_up:
        with suppress(KafkaException):  # the group's coordinator is not there yet
            done = sum(max(0, lane.offset) for lane in consumer.committed(lanes, 10))
        if done:
            samples.append((done, round(resident_mb(pid), 1)))
        time.sleep(EVERY_S)
    consumer.close()
    return samples


def resident_mb(pid: int) -> float:
    """Of a process, as the kernel counts it."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
