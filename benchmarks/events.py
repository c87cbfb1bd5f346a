"""Events of every shape that the benchmark asks about: how many features, models and segments.

A fifth of the features are texts of twelve values, the others normal numbers; one value in a hundred is null. The same
shape and seed give the same events.

>>> first = next(events(Shape(features=5, models=2), 1))
>>> list(first["features"]), first["segments"]
(['number_0', 'number_1', 'number_2', 'number_3', 'text_0'], {'region': 'r0'})
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

Event = dict[str, Any]

SEED = 20
WORDS = [f"value-{number}" for number in range(12)]
NULLS = 0.01
BLOCK = 10_000  # events drawn at once


@dataclass(frozen=True)
class Shape:
    """What the events of one topic look like."""

    features: int = 20
    models: int = 1
    segments: int = 1
    own_names: bool = False  # every model has features of its own names, not those of all
    absent: float = 0.0  # this share of the features is left out
    shuffled: bool = False  # features stand in another order every time

    def names(self, model: int) -> list[str]:
        """Of a model's features, in the order in which they stand in its events."""
        texts = self.features // 5
        names = [f"number_{i}" for i in range(self.features - texts)] + [f"text_{i}" for i in range(texts)]
        return [f"m{model}_{name}" for name in names] if self.own_names else names


def events(shape: Shape, many: int, seed: int = SEED) -> Iterator[Event]:
    """That many events, all of this moment."""
    random, now_ms = np.random.default_rng(seed), time.time_ns() // 1_000_000
    named = [shape.names(model) for model in range(shape.models)]
    for begin in range(0, many, BLOCK):
        yield from _block(random, shape, named, min(BLOCK, many - begin), now_ms)


def _block(
    random: np.random.Generator, shape: Shape, named: list[list[str]], many: int, now_ms: int
) -> Iterator[Event]:
    texts = shape.features // 5
    numbers = random.normal(50, 10, (many, shape.features - texts)).round(6).tolist()
    codes = random.integers(0, len(WORDS), (many, texts)).tolist()
    blank = (random.random((many, shape.features)) < NULLS).tolist()
    scores = random.beta(2, 5, many).tolist()
    regions, models = random.integers(0, shape.segments, many).tolist(), random.integers(0, shape.models, many).tolist()
    left_out = (random.random((many, shape.features)) < shape.absent).tolist() if shape.absent else None
    orders = random.permuted(np.tile(np.arange(shape.features), (many, 1)), axis=1).tolist() if shape.shuffled else None
    for row in range(many):
        values = [*numbers[row], *(WORDS[code] for code in codes[row])]
        cells = list(zip(named[models[row]], values, blank[row], strict=True))
        if left_out:
            cells = [cell for cell, out in zip(cells, left_out[row], strict=True) if not out]
        if orders:
            cells = [cells[at] for at in orders[row]]
        yield {
            "kind": "prediction",
            "model": f"bench-{models[row]}",
            "ts": now_ms,
            "features": {name: None if null else value for name, value, null in cells},
            "prediction": scores[row],
            "latency_ms": 12.5,
            "segments": {"region": f"r{regions[row]}"},
        }
