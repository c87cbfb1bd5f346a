"""A Redis in memory that forgets: it goes back to an earlier version, is emptied, goes down, loses replies, and runs
a command that it was given before it hung after its sender has given up (`late`).
"""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import redis

if TYPE_CHECKING:
    from tests.simulation.world import World

VERSIONS = 40  # that it may go back by
LOST_REPLY = 0.02

Hash = dict[str, Any]


def accepts(stored: Hash, token: str, acked: int, number: int) -> bool:
    """The rule of `stream.engine.fence.WRITE`; `test_fence` holds the two together."""
    return stored.get("tok") == token and acked <= stored.get("n", -1) < number


class Redis:
    """The server: one for the whole world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.hashes: dict[str, Hash] = defaultdict(dict)
        self.past: list[dict[str, Hash]] = []
        self.late: list[tuple[int, Callable[[], int]]] = []
        self.down_until = -1
        self.accepts = accepts

    def remember(self) -> None:
        self.past.append({name: dict(fields) for name, fields in self.hashes.items()})
        del self.past[:-VERSIONS]

    def go_back(self, versions: int) -> None:
        if self.past:
            at = len(self.past) - 1 - min(versions, len(self.past) - 1)
            self.hashes = defaultdict(dict, {name: dict(fields) for name, fields in self.past[at].items()})
            del self.past[at + 1 :]

    def flush(self) -> None:
        self.hashes.clear()
        self.past.clear()

    @property
    def down(self) -> bool:
        return self.world.now < self.down_until

    def run_late(self) -> None:
        for due, command in [one for one in self.late if one[0] <= self.world.now]:
            self.late.remove((due, command))
            command()


class Client:
    """One process's connection."""

    def __init__(self, server: Redis) -> None:
        self.server, self.world = server, server.world

    def reach(self) -> None:
        self.world.point()
        if self.server.down:
            raise redis.ConnectionError("down")

    def config_get(self, name: str) -> dict[str, str]:
        return {}

    def register_script(self, script: str) -> Callable[..., int]:
        return self.write

    def write(self, keys: list[str], args: list[Any]) -> int:
        """What `stream.engine.fence.WRITE` does."""
        server, name = self.server, keys[0]
        token, acked, *rest = args
        fields = dict(zip(rest[::2], rest[1::2], strict=True))

        def apply() -> int:
            stored = server.hashes[name]
            if not server.accepts(stored, token, acked, fields["n"]):
                return 0
            stored.update(fields)
            server.remember()
            self.world.check_snapshot(name)
            return 1

        if server.down and self.world.unlucky(0.5):
            server.late.append((server.down_until + self.world.random.randrange(0, 30), apply))
        self.reach()
        accepted = apply()
        if server.down or self.world.unlucky(LOST_REPLY):
            raise redis.ConnectionError("the reply is lost")
        self.world.point()
        return accepted

    def hmget(self, name: str, *fields: str) -> list[bytes | None]:
        self.reach()
        values = [self.server.hashes[name].get(field) for field in fields]
        self.world.point()
        return [None if value is None else on_the_wire(value) for value in values]

    def pipeline(self, transaction: bool) -> "Pipeline":
        return Pipeline(self)


class Pipeline:
    """The one transaction there is: take the hold, read the mark and the names of the fields."""

    def __init__(self, client: Client) -> None:
        self.client, self.name, self.mapping = client, "", {}

    def hset(self, name: str, mapping: Hash) -> "Pipeline":
        self.name, self.mapping = name, mapping
        return self

    def hget(self, name: str, field: str) -> "Pipeline":
        return self

    def hkeys(self, name: str) -> "Pipeline":
        return self

    def execute(self) -> list[Any]:
        self.client.reach()
        stored = self.client.server.hashes[self.name]
        stored.update(self.mapping)
        self.client.server.remember()
        if self.client.world.unlucky(LOST_REPLY):
            raise redis.ConnectionError("the reply is lost")
        mark = stored.get("mark")
        answer = [0, None if mark is None else on_the_wire(mark), [name.encode() for name in stored]]
        self.client.world.point()
        return answer


def on_the_wire(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
