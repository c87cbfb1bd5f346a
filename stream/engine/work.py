"""What the loop has done at each of its steps, by the two kinds of roles: `Counts` and `Folds`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, cast

import structlog

from stream.clock import Clock
from stream.engine.beginning import Mark
from stream.engine.counts import Counts
from stream.engine.fence import Fence
from stream.engine.folds import Folds, Room
from stream.engine.observed import Observed
from stream.engine.place import Place
from stream.engine.role import Counting, Folding, Lane, Message, Output
from stream.engine.shape import Shapes
from stream.redis import Client, cautions
from stream.settings import Redis, Settings

log = structlog.get_logger()


class Work(Protocol):
    """The steps, in the order in which a record meets them."""

    stateful: bool

    @property
    def wait_s(self) -> float:
        """Between two transactions."""
        ...

    def acquire(self, lanes: Sequence[Lane], shapes: Shapes) -> Mapping[Lane, Mark]:
        """ASSIGN: shut out former owners; the marks that were found. `shapes`: of our topics, as they are now."""
        ...

    def fold(self, place: Place, messages: Sequence[Message]) -> None:
        """FOLD, and keep the outputs."""
        ...

    def outputs(self, name: str) -> list[Output]:
        """COMMIT: hand over what is to be published; `name` names what is not named after one record."""
        ...

    def published(self) -> None:
        """COMMIT: it is out."""
        ...

    def snapshot(self, places: Mapping[Lane, Place]) -> None:
        """SNAPSHOT: every folded record is committed now."""
        ...

    def forget(self) -> None:
        """REVOKE, LOST: the lanes are not ours any more."""
        ...


def work_of(
    role: Counting | Folding[Any, Any],
    settings: Settings,
    redis: Callable[[Redis], Client],
    clock: Clock,
    observed: Observed,
) -> Work:
    """By what the role can do: a role that folds has states to keep."""
    if not hasattr(role, "fold"):
        return Counts(role)
    prefix = f"{settings.redis.prefix}{role.name}:"
    client = redis(settings.redis)
    for caution in cautions(client):
        log.warning("Redis is not set up for this", caution=caution)
    fence = Fence(client, prefix, settings.redis.snapshot_bytes_per_second, clock)
    room = Room(settings.redis.idle_s, settings.redis.memory_bytes, settings.redis.states)
    return Folds(cast(Folding[Any, Any], role), fence, room, observed)
