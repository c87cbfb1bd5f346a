"""Traffic whose sums anybody can work out: independent rows of whole numbers, drawn from a seed."""

import random
from collections.abc import Iterator
from typing import Any

Event = dict[str, Any]


def predictions(model: str, seed: int, rows: int, *, amount: int = 1) -> Iterator[Event]:
    """A model with four features, two versions and two regions. `amount` is the unit of one of its features."""
    chance = random.Random(f"{model} {seed}")
    for number in range(rows):
        yield {
            "kind": "prediction",
            "model": model,
            "version": chance.choice("12"),
            "features": {
                "age": round(chance.gauss(40, 8)),
                "amount": round(chance.gauss(1_000, 150)) * amount,
                "plan": chance.choice(("free", "pro", "team")),
                "member": chance.random() < 0.5,
                "nps": None if number % 3 == 0 else chance.randrange(11),
            },
            "prediction": chance.randrange(1_000),
            "latency_ms": chance.randrange(5, 50),
            "segments": {"region": chance.choice(("eu", "us"))},
        }
