"""The way of a command to a server and of its answer back. Both can be lost, and a command can be late.

Whoever sent it may have given up meanwhile, or have died, or have sent another one that came first: what is on its way
arrives all the same. A connection that was closed still delivers what its kernel holds, and a server that hung reads
first what it was sent before.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from confluent_kafka import KafkaException

from tests.simulation.faults import SWARM

if TYPE_CHECKING:
    from tests.simulation.world import World

Answer = TypeVar("Answer")

LOST, UNANSWERED, LATE = 0.004, 0.008, 0.008  # of every command, as probabilities that differ by `SWARM`
QUIET = 0.5  # neither lost nor late on its way, nor is its answer
LATE_OF_THE_DEAD = 0.4  # the command at which a process died is under way already
LATE_OF_THE_DOWN = 0.5
LATE_STEPS = (5, 60, 400)  # a late command takes up to one of these: sooner than a retry, about as long, much longer


class Crash(BaseException):
    """The process is gone, at this very point."""


class Server(Protocol):
    """What can be down, or slow."""

    down_until: int
    slowness: float  # so many more commands are late

    @property
    def down(self) -> bool: ...


class Network:
    """What is on its way."""

    def __init__(self, world: "World") -> None:
        self.world = world
        often = world.random.choice
        self.is_late, self.is_lost, self.is_unanswered = (
            LATE * often(SWARM),
            LOST * often(SWARM),
            UNANSWERED * often(SWARM),
        )
        self.late: list[tuple[int, Callable[[], object]]] = []

    def request(self, command: Callable[[], Answer], failure: Callable[[], Exception], server: Server) -> Answer:
        """The answer; `failure` when none comes in time, whatever became of the command."""
        try:
            self.world.point()
        except Crash:
            if self.world.unlucky(LATE_OF_THE_DEAD):
                self.delay(command, server)
            raise
        if server.down:
            if self.world.unlucky(LATE_OF_THE_DOWN):
                self.delay(command, server)
            raise failure()
        fate = self.world.random.random() if self.world.faulty else QUIET
        is_late = self.is_late + server.slowness
        if fate < is_late:
            self.delay(command, server)
        if fate < is_late + self.is_lost:
            raise failure()
        answer = command()
        if fate > 1 - self.is_unanswered or server.down:
            raise failure()
        self.world.point()
        return answer

    def delay(self, command: Callable[[], object], server: Server) -> None:
        self.world.seen["late command"] += 1
        due = max(self.world.now, server.down_until) + self.world.random.randrange(self.world.random.choice(LATE_STEPS))
        self.late.append((due, command))

    def deliver(self) -> None:
        for one in [one for one in self.late if one[0] <= self.world.now]:
            self.late.remove(one)
            try:
                one[1]()
            except KafkaException:
                self.world.seen["late command refused"] += 1  # nobody is there to hear it
