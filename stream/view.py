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
SHARE = 0.2  # of our time, for drawing and for waiting for Redis: judging comes first
SHARE_OF_ONE = 0.05  # for one picture: that of two thousand columns takes half a second to draw
ROUND_S = 0.1  # at once; the others are next
PATIENCE_S = 2.0  # after an error Redis is left alone for so long


class View:
    """Writes at most once a second per subject, and never for more than a part of the time."""

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self.client, self.prefix = client, prefix
        self.again_at: dict[str, float] = {}  # when a subject may be drawn again
        self.waiting: dict[str, Callable[[], Mapping[str, object]]] = {}  # who has waited longest comes first
        self.quiet_until = 0.0

    @classmethod
    def of(cls, settings: Settings) -> "View":
        """The view in the configured Redis."""
        return cls(connect(settings.redis), settings.redis.prefix)

    def show(self, pictures: Iterable[tuple[str, Callable[[], Mapping[str, object]]]]) -> None:
        """Write what has changed and was not written lately; only that is drawn at all."""
        self.waiting.update(pictures)
        began = time.monotonic()
        due = [key for key in self.waiting if began >= self.again_at.get(key, 0.0)]
        if not due or began < self.quiet_until:
            return
        pipe = self.client.pipeline(transaction=False)
        now = began
        for key in due:
            if now - began > ROUND_S:
                break
            self.draw(key, pipe)
            before, now = now, time.monotonic()
            self.again_at[key] = began + max(EVERY_S, (now - before) / SHARE_OF_ONE)
        try:
            pipe.execute()
        except redis.RedisError:
            self.quiet_until = time.monotonic() + PATIENCE_S
        else:
            now = time.monotonic()
            self.quiet_until = now + (now - began) * (1 / SHARE - 1)

    def draw(self, key: str, pipe: Any) -> None:
        """One subject, on its way to Redis."""
        fields: dict[Any, Any] = {name: orjson.dumps(picture) for name, picture in self.waiting.pop(key)().items()}
        pipe.hset(f"{self.prefix}view:{key}", mapping=fields)
        pipe.sadd(f"{self.prefix}subjects", key)
