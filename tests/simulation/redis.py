"""A Redis in memory that forgets: it goes back to an earlier version, is emptied, and goes down.

`accepts`, `whole`, `mixed` and `torn` are the rules that seeded bugs take away: who may write, that a write is one
command, that it leaves nothing of another topic, and that a new owner takes the lane and looks at it in one command.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import redis

from stream.engine.fence import TAKE, WRITE
from stream.engine.role import Lane

if TYPE_CHECKING:
    from tests.simulation.world import World

VERSIONS = 40  # that it may go back by
DIES_IN_THE_MIDDLE = 0.05  # of a write in several commands

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
        self.down_until, self.slowness = -1, 0.0
        self.taken: set[str] = set()  # tokens of all owners there were
        self.remembered: set[str] = set()  # tokens of those who own still, and of whose writes nothing was forgotten
        self.accepts = accepts
        self.whole = True  # a snapshot is one command
        self.mixed = False  # what is of another topic stays when the new one's is written
        self.torn = False  # a new owner takes the lane first and looks at it later, and others come in between

    @property
    def down(self) -> bool:
        return self.world.now < self.down_until

    def remember(self) -> None:
        self.past.append({name: dict(fields) for name, fields in self.hashes.items()})
        del self.past[:-VERSIONS]

    def go_back(self, versions: int) -> None:
        if self.past:
            at = len(self.past) - 1 - min(versions, len(self.past) - 1)
            self.hashes = defaultdict(dict, {name: dict(fields) for name, fields in self.past[at].items()})
            del self.past[at + 1 :]
            self.remembered.clear()

    def flush(self) -> None:
        self.hashes.clear()
        self.past.clear()
        self.remembered.clear()

    def delete(self, name: str, for_good: bool) -> None:
        """By an operator. Where hashes do not say of which topic they are, he sees to it that it is gone for good."""
        for hashes in (self.hashes, *(self.past if for_good or self.world.nameless else ())):
            gone = hashes.pop(name, {})
            self.remembered.discard(gone.get("tok", ""))

    # ---- its commands ------------------------------------------------------------------------------------------------

    def take(self, name: str, token: str) -> None:
        """A new owner. One who takes it twice, since the first time was late, has his writes forgotten."""
        stored = self.hashes[name]
        harmless = token not in self.taken or (token in self.remembered and stored["n"] == 0)
        self.remembered -= {token, stored.get("tok", "")}
        if harmless:
            self.remembered.add(token)
        self.taken.add(token)
        stored.update(tok=token, n=0)
        self.remember()

    def write(self, name: str, token: str, acked: int, number: int, anew: bool, fields: Hash) -> int:
        """What `stream.engine.fence.WRITE` does."""
        stored = self.hashes[name]
        if not self.accepts(stored, token, acked, number):
            return 0
        if anew and not self.mixed:
            stored.clear()
        for part in [fields] if self.whole else [{field: value} for field, value in fields.items()]:
            stored.update(part)
            if not self.whole and self.world.unlucky(DIES_IN_THE_MIDDLE):
                break
        self.remember()
        self.world.invariants.written(name)
        return 1


class Client:
    """One process's connection. `found`: what there was of each lane when this process, not the last one, took it."""

    def __init__(self, server: Redis) -> None:
        self.server, self.world = server, server.world
        self.found: dict[Lane, Hash] = {}

    def config_get(self, name: str) -> dict[str, str]:
        return {}

    def register_script(self, script: str) -> Callable[..., Any]:
        return {TAKE: self.take, WRITE: self.write}[script]

    def take(self, keys: list[str], args: list[Any]) -> list[Any]:
        """What `stream.engine.fence.TAKE` does, in one command or in three."""
        (name,), (version, token) = keys, args
        commands: list[Callable[[], Any]] = [
            lambda: self.server.take(name, token),
            lambda: on_the_wire(self.server.hashes[name].get("mark")),
            lambda: dict(self.server.hashes[name]),
        ]
        if self.server.torn:
            _, mark, stored = [self.ask(command) for command in commands]
        else:
            _, mark, stored = self.ask(lambda: [command() for command in commands])
        fields = [field.encode() for field in stored]
        lane = self.world.invariants.lane[name.rpartition(":")[2]]
        self.found[lane] = stored
        self.world.invariants.taken(lane, int(mark or 0), fields, stored.get("topic", ""))
        return [on_the_wire(version), mark, on_the_wire(stored.get("topic")), fields]

    def write(self, keys: list[str], args: list[Any]) -> int:
        token, acked, number, anew, *rest = args
        fields = dict(zip(rest[::2], rest[1::2], strict=True))
        if self.world.nameless:
            del fields["topic"]
        return self.ask(lambda: self.server.write(keys[0], token, acked, number, bool(anew), fields))

    def hmget(self, name: str, *fields: str) -> list[bytes | None]:
        return self.ask(lambda: [on_the_wire(self.server.hashes[name].get(field)) for field in fields])

    def ask(self, command: Callable[[], Any]) -> Any:
        return self.world.request(command, lambda: redis.ConnectionError("no answer"), self.server)


def on_the_wire(value: object) -> bytes | None:
    return value if value is None or isinstance(value, bytes) else str(value).encode()
