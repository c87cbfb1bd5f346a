"""What it costs to count an event: the profile worker, transactions and all, against merely reading the bytes.

On real Apache Kafka and the same topic, in alternating runs, each in a process of its own; CPU is user plus system time
of that process, so librdkafka's threads are in it. Ratios travel, absolutes do not.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from confluent_kafka import Consumer, Producer, TopicPartition

from stream.engine.loop import Loop
from stream.roles.profile import profile
from stream.settings import Kafka, Redis, Settings, Topics
from stream.topics import topics
from tests.servers import RealKafka, RealRedis, create_topics

WAYS = ("bare", "orjson", "profile")
PARTITIONS = 4
SEED = 20


def settings(bootstrap: str, redis_url: str) -> Settings:
    """What a worker is given."""
    return Settings(
        kafka=Kafka(bootstrap=bootstrap),
        redis=Redis(url=redis_url),
        topics=Topics(partitions=PARTITIONS),
        group=f"bench-{time.time_ns()}",  # every run reads from the beginning
    )


def produce(bootstrap: str, events: int, features: int) -> int:
    """Events of the usual shape: 80 % numbers, 20 % texts, 1 % nulls. Returns the bytes of one."""
    random = np.random.default_rng(SEED)
    numbers, texts = features - features // 5, features // 5
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "compression.type": "lz4"})
    words = [f"value-{i}" for i in range(12)]
    blanks = random.random((events, features)) < 0.01
    values = random.normal(50, 10, (events, numbers))
    codes = random.integers(0, len(words), (events, texts))
    scores, regions = random.beta(2, 5, events), random.integers(0, 4, events)
    size = 0
    for i in range(events):
        row: dict[str, Any] = {f"number_{j}": round(float(values[i, j]), 6) for j in range(numbers)}
        row |= {f"text_{j}": words[codes[i, j]] for j in range(texts)}
        for name, blank in zip(list(row), blanks[i].tolist(), strict=True):
            if blank:
                row[name] = None
        event = {
            "kind": "prediction",
            "model": "bench",
            "ts": int(time.time() * 1000),
            "features": row,
            "prediction": float(scores[i]),
            "latency_ms": 12.5,
            "segments": {"region": f"r{regions[i]}"},
        }
        body = orjson.dumps(event)
        size = len(body)
        producer.produce("leeway.predictions", body, partition=i % PARTITIONS)
        if i % 500 == 0:
            producer.poll(0)
    producer.flush(60)
    return size


def read_all(way: str, bootstrap: str, redis_url: str, events: int) -> dict[str, float]:
    """One run in this process: seconds of CPU and of the clock from the first event to the last."""
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    if way == "profile":
        chosen = settings(bootstrap, redis_url)
        loop = Loop(profile(chosen, 0), chosen, "0")
        loop.run(lambda: loop.observed.messages >= events and loop.observed.transactions > 0)
    else:
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"bench-{time.time_ns()}",
                "enable.auto.commit": False,
                "fetch.queue.backoff.ms": 10,
            }
        )
        consumer.assign([TopicPartition("leeway.predictions", p, 0) for p in range(PARTITIONS)])
        seen = 0
        while seen < events:
            batch = consumer.consume(500, 0.1)
            if way == "orjson":
                for message in batch:
                    orjson.loads(message.value())
            seen += len(batch)
        consumer.close()
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu_us": 1e6 * cpu / events, "events_per_second": events / (time.monotonic() - began)}


def run(events: int, rounds: int, features: int = 20) -> dict[str, Any]:
    """Alternating runs of all ways; medians and ratios."""
    with tempfile.TemporaryDirectory(prefix="leeway-bench-") as folder:
        kafka_folder, redis_folder = Path(folder, "kafka"), Path(folder, "redis")
        kafka_folder.mkdir()
        redis_folder.mkdir()
        with RealKafka(kafka_folder) as kafka, RealRedis(redis_folder) as redis:
            create_topics(
                kafka.bootstrap, {topic.name: PARTITIONS for topic in topics(settings(kafka.bootstrap, redis.url))}
            )
            size = produce(kafka.bootstrap, events, features)
            figures: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for number in range(rounds):
                for way in WAYS:
                    command = [
                        sys.executable,
                        "-m",
                        "benchmarks.counting",
                        way,
                        kafka.bootstrap,
                        redis.url,
                        str(events),
                    ]
                    ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
                    figures[way].append(json.loads(ran.stdout.splitlines()[-1]))
                print(f"  counting: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    medians = {
        way: {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}
        for way, runs in figures.items()
    }
    bare = medians["bare"]["cpu_us"]
    ratios = {way: round(median["cpu_us"] / bare, 2) for way, median in medians.items()}
    return {
        "events": events, "rounds": rounds, "features": features, "bytes": size,
        "medians": medians, "cpu_times_bare": ratios,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(read_all(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))))
