"""Nonsense on every topic, for as long as you like: `python -m tests.fuzz --messages 1000000 --seed 1`.

The first violation ends it, with the seed and the batch that lead back to it. Without one it ends with figures.
"""

import argparse
import logging
import random
import sys
import time
from collections import Counter

import structlog

from stream.embedded.redis import EmbeddedRedis
from tests.fuzz.checks import NARROW, ROOMY, Inputs, Orders, Panes, Tables

BATCH = 500
ROUND = 8  # batches of input in one transaction
JUDGED = 5  # of profile's panes of one transaction: a judge takes milliseconds for one, and so for those that are sent
SAY_EVERY_S = 10.0


def run(messages: int, seed: int, *, say: bool = True, batch: int = BATCH) -> dict[str, Counter[str]]:
    """So many messages; what was counted, by topic."""
    chance = random.Random(seed)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with EmbeddedRedis() as redis:
        roomy, narrow = Inputs(chance, **ROOMY), Inputs(chance, one_by_one=False, **NARROW)
        arrow = Inputs(chance, batches=True, **ROOMY)
        panes, tables, orders = Panes(chance), Tables(chance), Orders(chance, redis.url)
        counted = {
            "inputs": roomy.counted,
            "inputs, narrow quotas": narrow.counted,
            "inputs, Arrow": arrow.counted,
            "panes": panes.counted,
            "tables": tables.counted,
            "anomalies and commands": orders.counted,
        }
        began = told = time.monotonic()
        rounds = 0
        while (done := sum(each["messages"] + each["binnings"] for each in counted.values())) < messages:
            rounds += 1
            try:
                for inputs, batches in ((roomy, ROUND), (narrow, ROUND // 4)):
                    for _ in range(batches):
                        inputs.step(batch)
                arrow.step(batch // 4)
                panes.learn(roomy.flush(), JUDGED)
                narrow.flush()
                arrow.flush()
                panes.step(batch // 4)
                tables.step(batch)
                orders.step(batch // 2)
            except BaseException:
                print(f"seed {seed}, round {rounds}, after {done:,} messages", file=sys.stderr)
                raise
            if say and time.monotonic() - told > SAY_EVERY_S:
                told = time.monotonic()
                print(f"{done:>12,} messages, {done / (told - began):,.0f}/s", file=sys.stderr, flush=True)
        return counted


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    asked.add_argument("--messages", type=int, default=100_000)
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    began = time.monotonic()
    counted = run(given.messages, given.seed)
    seconds = time.monotonic() - began
    total = sum((Counter(each) for each in counted.values()), Counter[str]())
    for topic, each in counted.items():
        print(f"{topic:<24}", ", ".join(f"{many:,} {what}" for what, many in sorted(each.items())))
    print(f"{total['messages'] + total['binnings']:,} messages in {seconds:.0f} s, seed {given.seed}: nothing stopped.")


if __name__ == "__main__":
    main()
