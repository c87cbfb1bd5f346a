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
FEATURES = 60
ROWS = 200  # different ones of each model, again and again
PAUSE_S = 0.02
LOOK_S = 0.2
QUEUED = 100_000


def event(model: str, chance: random.Random, shift: float = 0.0, features: int = 20) -> dict[str, Any]:
    """A prediction whose features are normal, about `shift`."""
    drawn = {f"f{at}": round(chance.gauss(shift, 1.0), 4) for at in range(features)}
    return {"kind": "prediction", "model": model, "features": drawn, "prediction": round(chance.random(), 4)}


def events(model: str) -> list[bytes]:
    """Many features: they cost the reader more than the sender, who has to be three times as fast."""
    chance = random.Random(model)
    return [orjson.dumps(event(model, chance, features=FEATURES)) for _ in range(ROWS)]


class Flood:
    """Events of some models, in turn. `sent` counts them by model."""

    def __init__(self, service: Installation, models: Sequence[str]) -> None:
        self.sent: Counter[str] = Counter()
        self._topic = service.topic("predictions")
        self._turns = list(zip(*map(events, models), strict=True))  # one event of each model
        self._models = models
        self._at = 0
        self._producer = Producer(
            {
                "bootstrap.servers": service.platform.bootstrap,
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "queue.buffering.max.messages": 2 * QUEUED,
                "log_level": 0,
            }
        )

    def send(self, many: int) -> None:
        """So many more, rounded up to whole turns."""
        for _ in range(-(-many // len(self._models))):
            while len(self._producer) > QUEUED:
                self._producer.poll(0.01)
            turn = self._turns[self._at]
            self._at = (self._at + 1) % len(self._turns)
            assert self._producer.produce_batch(self._topic, [{"value": value} for value in turn]) == len(turn)
            self.sent.update(f"{model} prediction" for model in self._models)

    def pour(
        self,
        seconds: float,
        read: Callable[[], float],
        times: float = TIMES,
        until: Callable[[], bool] = lambda: True,
    ) -> tuple[float, float]:
        """For so long at least, `times` as much as is read meanwhile; events sent and events read, each a second."""
        before, already, began = self.sent.total(), read(), time.monotonic()
        wanted, looked_at = CHUNK, began
        while (now := time.monotonic()) - began < seconds or not until():
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
