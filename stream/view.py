"""The view: what people look at, kept in Redis beside the snapshots and never read back by the judge.

Best effort by design: it may be late or lost, and the next pane writes it again. One hash per subject: the field
`subject`, and a field `column|<name>` for each column.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
import redis

from stream.redis import connect
from stream.settings import Settings

EVERY_S = 1.0  # a person cannot read faster
PATIENCE_S = 2.0  # after an error Redis is left alone for so long


class View:
    """Writes at most once a second per subject."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client, self.prefix = client, prefix
        self.shown: dict[str, float] = {}
        self.waiting: dict[str, Callable[[], Mapping[str, object]]] = {}
        self.quiet_until = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "View":
        """The view in the configured Redis."""
        return cls(connect(settings.redis), settings.redis.prefix)

    def show(self, pictures: Iterable[tuple[str, Callable[[], Mapping[str, object]]]]) -> None:
        """Write what has changed and was not written within the last second; only that is drawn at all."""
        self.waiting.update(pictures)
        now = time.monotonic()
        due = [key for key in self.waiting if now - self.shown.get(key, 0.0) >= EVERY_S]
        if not due or now < self.quiet_until:
            return
        pipe = self.client.pipeline(transaction=False)
        for key in due:
            fields: dict[Any, Any] = {name: orjson.dumps(picture) for name, picture in self.waiting.pop(key)().items()}
            pipe.hset(f"{self.prefix}view:{key}", mapping=fields)
            pipe.sadd(f"{self.prefix}subjects", key)
            self.shown[key] = now
        try:
            pipe.execute()
        except redis.RedisError:
            self.quiet_until = now + PATIENCE_S
