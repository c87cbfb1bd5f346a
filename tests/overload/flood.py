"""A producer that always sends a multiple of what is read: however fast the workers are, it is too much for them."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from confluent_kafka import Producer

from tests.pipeline.installation import Installation

TIMES = 3.0
CHUNK = 4_000
FEATURES = 20
ROWS = 200  # different ones of each model, again and again
PAUSE_S = 0.02
LOOK_S = 0.2


def events(model: str, seed: int = 1, rows: int = ROWS, shift: float = 0.0) -> list[bytes]:
    """Predictions with twenty features."""
    chance = random.Random(f"{model} {seed}")
    return [orjson.dumps(event(model, chance, shift)) for _ in range(rows)]


def event(model: str, chance: random.Random, shift: float = 0.0) -> dict[str, Any]:
    features = {f"f{at}": round(chance.gauss(shift, 1.0), 4) for at in range(FEATURES)}
    return {"kind": "prediction", "model": model, "features": features, "prediction": round(chance.random(), 4)}


class Flood:
    """Events of some models, in turn. `sent` counts them by model."""

    def __init__(self, service: Installation, models: Sequence[str]) -> None:
        self.sent: Counter[str] = Counter()
        self._topic = service.topic("predictions")
        self._pool = [(model, value) for of_one in zip(*map(events, models), strict=True)
                      for model, value in zip(models, of_one, strict=True)]  # fmt: skip
        self._at = 0
        self._producer = Producer(
            {
                "bootstrap.servers": service.platform.bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "queue.buffering.max.messages": 200_000,
                "log_level": 0,
            }
        )

    def send(self, many: int) -> None:
        """So many more."""
        for _ in range(many):
            model, value = self._pool[self._at]
            self._at = (self._at + 1) % len(self._pool)
            self.sent[f"{model} prediction"] += 1
            self._put(value)

    def pour(self, seconds: float, read: Callable[[], float], times: float = TIMES) -> tuple[float, float]:
        """For so long, `times` as much as is read meanwhile; events sent and events read, each a second."""
        before, already, began = self.sent.total(), read(), time.monotonic()
        wanted, looked_at = CHUNK, began
        while (now := time.monotonic()) - began < seconds:
            if now - looked_at > LOOK_S:
                wanted, looked_at = CHUNK + round(times * (read() - already)), now
            if self.sent.total() - before < wanted:
                self.send(CHUNK)
            else:
                time.sleep(PAUSE_S)
        took_s, done = time.monotonic() - began, read() - already
        self.flush()
        return (self.sent.total() - before) / took_s, done / took_s

    def flush(self) -> None:
        assert self._producer.flush(240) == 0

    def _put(self, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value)
                return
            except BufferError:
                self._producer.poll(0.05)
