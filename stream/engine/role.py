"""What the loop asks of a role, and what a role gives back. Roles know no Kafka client, no Redis and no clock.

A *counting* role keeps nothing between transactions: it is handed messages and asked for what they add up to.
A *folding* role keeps one state per key: it is handed records one by one, and a replay must repeat, not multiply.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from schemas.dead_letter import Headers, Reason


class Lane(NamedTuple):
    """One partition of one input topic, with its fold."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


class Message(Protocol):
    """The part of a Kafka client's message that roles look at."""

    def offset(self) -> int: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...
    def headers(self) -> Headers | None: ...
    def timestamp(self) -> tuple[int, int]: ...  # kind, milliseconds since 1970


@dataclass(frozen=True, slots=True)
class Output:
    """One record to produce. Its partition follows from its key, so one model's outputs keep their order."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class Counting(Protocol):
    """A stateless role: `profile`."""

    name: str
    topics: tuple[str, ...]
    every_s: float  # between transactions; 0 when it has enough for one

    def count(self, lane: Lane, messages: Sequence[Message]) -> Iterable[Output]:
        """Add messages up; return at once what cannot be added up (dead letters)."""
        ...

    def flush(self, name: str) -> Iterable[Output]:
        """What was added up since the last flush, as outputs named `<name>-<i>`; forget it.

        It is asked every `every_s`, also when no message came in between: a name is then used again.
        """
        ...

    def forget(self) -> None:
        """Drop what was added up: its lanes have another owner."""
        ...


State = TypeVar("State")
Rec = TypeVar("Rec")


class Folding(Protocol[State, Rec]):
    """A stateful role: `judge`. All methods but `show` are pure."""

    name: str
    topics: tuple[str, ...]
    every_s: float  # between transactions without outputs
    soon_s: float  # between transactions when there is an output to publish

    def read(self, lane: Lane, message: Message) -> tuple[str, Rec] | Reason:
        """The key of the state that a message belongs to, and its content; or why it cannot be read."""
        ...

    def new(self) -> State:
        """The state of a key that was never met."""
        ...

    def fold(self, state: State, record: Rec, name: str) -> tuple[State, Sequence[Output]]:
        """The next state, and outputs whose ids are `<name>-<i>`."""
        ...

    def dead(self, lane: Lane, message: Message, reason: Reason) -> Output:
        """The dead letter of a message that could not be read."""
        ...

    def encode(self, state: State) -> bytes:
        """Same state, same bytes."""
        ...

    def decode(self, data: bytes) -> State:
        """Raises ValueError with a sentence when the bytes come from a newer version."""
        ...

    def show(self, states: Iterable[tuple[str, State]]) -> None:
        """After a commit: states that changed, for people to look at. Best effort; must not raise."""
        ...
