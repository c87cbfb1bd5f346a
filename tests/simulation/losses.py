"""What a new owner of a lane has to find gone, and to say: the rules of `stream.engine.beginning`, said once more.

A log loses its beginning, and a topic is created anew. Then records are gone that nobody has read, or that were read
and are in no snapshot. The first transaction of the new owner has to tell of it, once, and to go on behind it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from schemas.anomaly import Anomaly
from stream.engine.role import Lane
from stream.engine.shape import remembered

if TYPE_CHECKING:
    from tests.simulation.kafka import Committed
    from tests.simulation.reference import Seen

Gap = tuple[int, int]  # the first offset that is gone, and where reading goes on; both the same: another topic


class Log(NamedTuple):
    """The records of a lane, from when its topic was created until it is deleted."""

    lane: Lane
    topic: str  # the topic's id


@dataclass(frozen=True)
class Begun:
    """How one owner has begun to read one log. `low` is its first record; `kept` are the snapshots that he found."""

    log: Log
    low: int
    gap: Gap | None
    unread: bool  # what is gone was never read, or nothing ever was: he goes on from `low`
    rebuilt: bool  # states are those of the snapshots, and of what follows from `low`
    kept: dict[str, bytes]

    @property
    def lost(self) -> int:
        return self.gap[1] - self.gap[0] if self.gap else 0


def begun(log: Log, low: int, committed: "Committed | None", stored: dict[str, Any] | None) -> Begun | None:
    """None: an operator has to decide, and the owner ends. `stored`: of a folding role, its lane's hash."""
    folding, outdated = stored is not None, of_another(log, stored or {})
    known = {} if stored is None or outdated else stored
    mark = int(known.get("mark") or 0)
    kept = {field[2:]: blob for field, blob in known.items() if field.startswith("k:")}
    if committed is None or committed.topic != log.topic:
        again = (low, low) if committed or outdated else None
        return None if mark else Begun(log, low, again, True, folding and low > 0, kept)
    offset = committed.offset
    if mark > offset:
        return None
    if offset < low:
        return Begun(log, low, (min(mark, offset) if folding else offset, low), True, folding, kept)
    if folding and mark < low:
        return Begun(log, low, (mark, low), False, True, kept)
    return Begun(log, low, None, False, False, kept)


def of_another(log: Log, stored: dict[str, Any]) -> bool:
    """Whether a lane's hash says that it is of another topic than this one."""
    found = remembered(stored.get("topic"))
    return found is not None and found.id != log.topic


def told(one: "Seen", role: str) -> tuple[Lane, Gap] | None:
    """The gap that an output announces, if it does."""
    if not one.id.startswith(f"{role}:"):
        return None
    anomaly = msgspec.json.decode(one.value, type=Anomaly)
    assert anomaly.evidence is not None
    ((topic, lanes),) = anomaly.evidence.offsets.items()
    ((partition, (first, end)),) = lanes.items()
    assert anomaly.statistic.value == end - first
    return Lane(topic, int(partition)), (first, end)
