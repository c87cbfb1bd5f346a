"""People who do what a worker asks for when it ends, some time after it did.

They delete the snapshots of a lane. Of a topic that has got partitions they stop all workers, wait until all is at
rest, and then create it anew as it was, or delete the role's group and its snapshots, so that all is learnt anew.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.network import Crash

if TYPE_CHECKING:
    from tests.simulation.world import World

COME_WITHIN = 150  # steps, until somebody has read what a worker said
RECREATES = 0.5  # probability
WIDENED = re.compile(r"^(\S+) has \d+ partitions and had (\d+) when")

Work = Callable[[], None]


class Operators:
    """Of one world."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.coming: list[tuple[int, Work]] = []  # in which step, and what is done then
        self.mending: Work | None = None  # once no worker runs and all is at rest: until then none is started

    def hear(self, sentence: str) -> None:
        """The last one of a worker."""
        if "elete the snapshots of this lane in Redis" in sentence:
            self._come(partial(self._delete_snapshots, sentence.split(":")[0]))
        elif found := WIDENED.search(sentence):
            self._come(partial(self._stop_all_workers, found[1], int(found[2])))

    def _come(self, work: Work) -> None:
        self.coming.append((self.world.now + self.world.random.randrange(COME_WITHIN), work))

    def go_on(self) -> None:
        for one in [one for one in self.coming if one[0] <= self.world.now]:
            self.coming.remove(one)
            one[1]()
        if self.mending and self._at_rest():
            mend, self.mending = self.mending, None
            self.world.seen["partitions mended"] += 1
            mend()

    def _at_rest(self) -> bool:
        kafka = self.world.kafka
        return not (kafka.running or kafka.away or self.world.network.late or self.world.redis.down)

    def _delete_snapshots(self, lane: str, for_good: bool = False) -> None:
        self.world.redis.delete(f"{self.world.settings.redis.prefix}{self.world.name}:{lane}", for_good)
        self.world.seen["snapshots deleted by hand"] += 1

    def _stop_all_workers(self, topic: str, width: int) -> None:
        """The topic had `width` partitions."""
        if self.mending or not self.world.kafka.remembers(topic, width):
            return  # somebody else was here before
        recreates = self.world.random.random() < RECREATES
        self.mending = partial(self._recreate, topic, width) if recreates else partial(self._delete_group, topic)
        for process in self.world.processes():
            process.throw(Crash)
        for slot in self.world.slots:
            self.world.kafka.group.leave(self.world.seat(slot))

    def _recreate(self, topic: str, width: int) -> None:
        self.world.kafka.delete(topic, self.world.now)
        self.world.create(topic, width)

    def _delete_group(self, topic: str) -> None:
        """The topic stays the same one, so nothing would tell its old snapshots from new ones if they came back."""
        self.world.kafka.offsets.clear()
        for lane in self.world.invariants.lane:
            self._delete_snapshots(lane, for_good=True)
        self.world.invariants.read_anew(topic)
