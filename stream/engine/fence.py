"""Snapshots of a lane in Redis, behind a fence: who writes must be the last owner still, and Redis must remember it.

A lane is one hash: `tok` (a random token of the owner), `n` (the number of its last write), `mark` (every record below
it is inside some snapshot), `topic` (of which topic it is a mark), `k:<key>` (a state with the offset it has seen) and
`v` (the version of this layout). Redis may lose what it acknowledged (a restart with `appendfsync everysec` loses a
second), so "the higher offset wins" is not enough: a live owner would believe that Redis still has what it forgot, and
raise the mark past it. With a token per owner and a number per write, a Redis that went back, or met another owner,
does not match any more, and the owner ends itself.

What is of another topic of the same name, one that was deleted, counts for nothing: its mark and its snapshots are not
there. They leave Redis with the first write, before which the loop has looked again which topic it is. `topic` is what
is written beside a committed offset, too (`shape.py`). Where Kafka tells no id, or an older Leeway wrote the hash,
nobody knows, and it is taken for this one's. An older Leeway ignores `topic` at no harm: it is of the same version.

Source: fencing tokens as in Kleppmann, "Designing Data-Intensive Applications" (2017), chapter 8, with the number
checked in both directions because here the store, too, may be the one that went back in time.
"""

import struct
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis

from stream.clock import Clock
from stream.engine.role import Lane
from stream.engine.shape import Shape, another, note, remembered
from stream.engine.surprise import Surprise
from stream.redis import Client, patient

VERSION: Final = 1  # of a lane's hash; one that does not say it is of the first

# A new owner: KEYS[1] = lane, ARGV = version, tok. A hash of another version is left as it is, and only that is told.
TAKE: Final = """
local found = redis.call('HMGET', KEYS[1], 'v', 'mark', 'topic')
if found[1] and found[1] ~= ARGV[1] then return {found[1]} end
redis.call('HSET', KEYS[1], 'v', ARGV[1], 'tok', ARGV[2], 'n', 0)
return {ARGV[1], found[2], found[3], redis.call('HKEYS', KEYS[1])}"""

# One write, all or nothing: KEYS[1] = lane, ARGV = tok, acked, n, anew ("1": nothing of what is there stays), and then
# all that is to be there: field, value, field, value, ...
# A number below acked: Redis has forgotten. At n or above: the write is late, and would look as if Redis had forgotten.
WRITE: Final = """
local fence = redis.call('HMGET', KEYS[1], 'tok', 'n')
local stored = tonumber(fence[2])
if fence[1] ~= ARGV[1] or stored < tonumber(ARGV[2]) or stored >= tonumber(ARGV[3]) then return 0 end
if ARGV[4] == '1' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
return 1"""

KEYS_PER_WRITE: Final = 1_000  # Lua's `unpack` takes some 8,000 arguments
IDLE_S: Final = 5.0  # an owner with nothing to write asks this often, or it never notices that Redis forgot
BACK_OFF_S: Final = 2.0  # after an error: detection must not wait for a Redis that is down


@dataclass(slots=True)
class Hold:
    """Our hold on one lane's hash. A write that got no answer may have happened, so each attempt has a number."""

    name: str
    token: str
    topic: Shape | None  # as Kafka tells it
    mark: int | None
    known: set[str]  # keys with a snapshot; any other key is new and needs no Redis
    outdated: bool = False  # what is there is of another topic, and leaves with the first write
    acked: int = 0  # number of the last write that was acknowledged
    attempt: int = 0  # number of the last write that was tried
    wrote_at: float = 0.0


@dataclass(slots=True)
class Allowance:
    """A budget of bytes per second: one write of 4 MB keeps Redis busy for some 35 ms."""

    per_second: float
    left: float = 0.0
    at: float = field(default=float("-inf"))

    def refill(self, now: float) -> None:
        self.left = min(self.per_second, self.left + (now - self.at) * self.per_second)
        self.at = now


class Fence:
    """The snapshots of one role in one Redis."""

    def __init__(self, client: Client, prefix: str, bytes_per_second: float, clock: Clock = time) -> None:
        self.client: Any = client
        self.prefix = prefix
        self.clock = clock
        self.allowance = Allowance(bytes_per_second)
        self.down_until = float("-inf")
        self._take, self._write = client.register_script(TAKE), client.register_script(WRITE)

    def acquire(self, lane: Lane, topic: Shape | None = None) -> Hold:
        """Shut out every former owner, then see what there is. Comes before Kafka is asked for committed offsets."""
        name = f"{self.prefix}{lane}"

        def take() -> tuple[str, list[Any]]:
            token = uuid.uuid4().hex  # of this attempt: one that comes late must not vouch for what was forgotten since
            return token, self._take(keys=[name], args=[VERSION, token])

        token, (version, *found) = patient(take, self.clock)
        if not found:
            raise Surprise(
                f"the snapshots in {name} have version {version.decode()}; this Leeway reads version {VERSION}: "
                "upgrade Leeway, or delete this key in Redis to have its states rebuilt from the log"
            )
        return held(name, token, topic, *found)

    def load(self, hold: Hold, keys: Sequence[str]) -> list[tuple[int, bytes]]:
        """The snapshots of known keys, each with the offset it has seen."""
        found = patient(lambda: self.client.hmget(hold.name, "tok", "n", *(f"k:{key}" for key in keys)), self.clock)
        token, number, *blobs = found
        if not self.holds(hold, token, number) or None in blobs:
            raise self.lost(hold)
        return [unpacked(blob) for blob in blobs]

    def holds(self, hold: Hold, token: bytes | None, number: bytes | None) -> bool:
        return token == hold.token.encode() and number is not None and int(number) >= hold.acked

    def lost(self, hold: Hold) -> Surprise:
        return Surprise(
            f"Redis has forgotten what this worker wrote to {hold.name}, or another worker has taken it over; "
            "the states are rebuilt from the log at the next start"
        )

    def due(self, hold: Hold, mark: int, waiting: bool) -> bool:
        """Whether there is anything to write now, and a Redis to write it to."""
        now = self.clock.monotonic()
        self.allowance.refill(now)
        return now >= self.down_until and (
            (waiting and self.allowance.left > 0) or mark != hold.mark or now - hold.wrote_at >= IDLE_S
        )

    def affordable(self, blobs: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
        """As many as the budget allows; the last one may overdraw it, so that a large state is not left out forever."""
        taken: dict[str, bytes] = {}
        for key, blob in blobs:
            taken[key] = blob
            self.allowance.left -= len(blob)
            if self.allowance.left <= 0 or len(taken) == KEYS_PER_WRITE:
                break
        return taken

    def write(self, hold: Hold, mark: int, blobs: Mapping[str, bytes]) -> bool:
        """False when Redis did not answer: nothing is known, and all of it will be written again."""
        hold.attempt += 1
        lane = ("v", VERSION, "tok", hold.token, "n", hold.attempt, "mark", mark, "topic", note(hold.topic))
        states = [word for key, blob in blobs.items() for word in (f"k:{key}", blob)]
        fence = (hold.token, hold.acked, hold.attempt, int(hold.outdated))
        try:
            accepted = self._write(keys=[hold.name], args=[*fence, *lane, *states])
        except redis.RedisError:
            self.down_until = self.clock.monotonic() + BACK_OFF_S
            return False
        if not accepted:
            raise self.lost(hold)
        hold.acked, hold.mark, hold.wrote_at = hold.attempt, mark, self.clock.monotonic()
        hold.outdated = False
        hold.known.update(blobs)
        return True


def held(
    name: str, token: str, topic: Shape | None, mark: bytes | None, of: bytes | None, fields: Iterable[bytes]
) -> Hold:
    """What a new owner finds: a mark `of` this topic, or of another one that is gone."""
    if another(topic, remembered((of or b"").decode())):
        return Hold(name, token, topic, None, set(), outdated=True)
    known = {name[2:].decode() for name in fields if name.startswith(b"k:")}
    return Hold(name, token, topic, None if mark is None else int(mark), known)


OFFSET: Final = struct.Struct("<q")


def packed(offset: int, data: bytes) -> bytes:
    """A state and the offset it has seen.

    >>> unpacked(packed(7, b"state"))
    (7, b'state')
    """
    return OFFSET.pack(offset) + data


def unpacked(blob: bytes) -> tuple[int, bytes]:
    return OFFSET.unpack_from(blob)[0], blob[OFFSET.size :]
