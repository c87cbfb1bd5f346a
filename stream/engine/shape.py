"""What a topic is at bottom: which one of its name, and how many partitions it has. Offsets mean nothing without it.

A topic that was deleted and created anew counts its records from 0 again, and an old offset may be a place in the new
log: only its id tells. And a keyed topic keeps its number of partitions, or a model's records go elsewhere than its
state is.

Where it is remembered: in the metadata of every committed offset. So it is as true as the offset, outlives Redis, and
is gone with a topic that is deleted.

>>> note(Shape("9X1hbGk", 8))
'topic=9X1hbGk partitions=8'
>>> remembered(note(Shape("9X1hbGk", 8))), remembered("somebody else's")
(Shape(id='9X1hbGk', partitions=8), None)
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Final, NamedTuple

from stream.clock import Clock
from stream.engine.surprise import Surprise

PATIENCE_S: Final = 10.0  # as with a transaction: brokers that do not answer this would not take that either
PAUSE_S: Final = 0.5


class Shape(NamedTuple):
    """A topic. Brokers before 2.8 give no id: an empty text."""

    id: str
    partitions: int


Shapes = Mapping[str, Shape]  # by topic; those that Kafka tells
Describe = Callable[[Sequence[str]], Shapes]
NOTE = re.compile(r"topic=(\S*) partitions=(\d+)")


def note(shape: Shape | None) -> str:
    """What is written beside a committed offset."""
    return f"topic={shape.id} partitions={shape.partitions}" if shape else ""


def remembered(metadata: str | None) -> Shape | None:
    """What was written there; None by an older version, or by hand."""
    found = NOTE.fullmatch(metadata or "")
    return Shape(found[1], int(found[2])) if found else None


def another(now: Shape | None, before: Shape | None) -> bool:
    """Whether these are two topics, one after the other under the same name."""
    return bool(now and before and now.id and before.id and now.id != before.id)


def came_later(partition: int, now: Shape | None, before: Iterable[Shape]) -> bool:
    """Whether a partition was not there yet when another one of its topic was read.

    >>> came_later(8, Shape("9X1hbGk", 12), [Shape("9X1hbGk", 12), Shape("9X1hbGk", 8)])
    True
    """
    return any(shape.partitions <= partition for shape in before if now and not another(now, shape))


def ask(describe: Describe, topics: Sequence[str], needed: Set[str], clock: Clock) -> Shapes:
    """What topics are now. Raises Surprise when one that is needed is not told of for long, since it is gone or nobody
    answers: what is not known to be the same topic still could be another one."""
    give_up = clock.monotonic() + PATIENCE_S
    while missing := needed - (told := describe(topics)).keys():
        if clock.monotonic() >= give_up:
            raise Surprise(
                f"Kafka has not said for {PATIENCE_S:.0f} s what {' and '.join(sorted(missing))} is: it was deleted, "
                "or the brokers do not answer; the next start goes on as soon as it is there"
            )
        clock.sleep(PAUSE_S)
    return told


def check_same(now: Shapes, before: Shapes) -> None:
    """Raises Surprise when a topic was created anew while it was read."""
    for topic, shape in before.items():
        if another(now.get(topic), shape):
            raise Surprise(
                f"{topic} was deleted and created anew while it was read: what was read since the last transaction "
                "may be of either; the next start begins the new one as kafka.start_at says"
            )


def check_width(topic: str, now: Shape, before: Iterable[Shape]) -> None:
    """Raises Surprise when a topic has another number of partitions than its states were folded with."""
    others = {shape.partitions for shape in before if not another(now, shape)} - {now.partitions}
    for then in others:
        raise Surprise(
            f"{topic} has {now.partitions} partitions and had {then} when its states were folded: a model's records "
            f"may now go to another partition than its state. Create the topic anew with {then} partitions while no "
            f"role runs; or let every model be learnt anew with {now.partitions}: stop all roles, then delete this "
            "role's consumer group and its snapshots in Redis"
        )
