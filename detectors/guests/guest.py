"""What makes a River detector a guest: a state that is plain data with a version stamp, never a pickle.

River's objects change in place and hide their state. A guest takes the state out after each value and puts it back
before the next, which costs some 20 us a value and makes the guest what every detector here is: a function of its
state and the data.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from msgspec import Meta

from detectors.contract import Verdict, refuse_newer

Memory = dict[str, Any]  # numbers, text, bytes and lists of these

# What a parameter may be. River checks few of its own, and divides by zero, or worse, where it does not.
Share: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
Amount: TypeAlias = Annotated[float, Meta(ge=0, le=1e300)]
Wait: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]  # values; River's Rust has 32 bits
Length: TypeAlias = Annotated[int, Meta(ge=1, le=100_000)]  # of a window, which the state holds


class GuestState(msgspec.Struct, kw_only=True):
    """What a guest remembers, and which River wrote it."""

    v: int = 1
    river: str = ""
    n: int = 0  # values since the last alarm
    memory: Memory = {}


@dataclass(frozen=True)
class Guest(ABC):
    """One of River's detectors behind the contract of `detectors.contract`. Data: one finite number."""

    kind: ClassVar[str]
    source: ClassVar[str]

    @abstractmethod
    def make(self) -> Any:
        """River's detector, new. River is imported here: it takes a second, and most installations have no guests."""

    def given(self, value: float) -> float:
        """What River's detector is shown of a value: the value, unless its detector is of another mind."""
        return value

    @abstractmethod
    def remember(self, detector: Any) -> Memory:
        """Its state as plain data."""

    @abstractmethod
    def restore(self, detector: Any, memory: Memory) -> None:
        """The reverse of `remember`."""

    def start(self) -> GuestState:
        """Nothing seen."""
        return GuestState(river=river_version())

    def step(self, state: GuestState, data: float, threshold: float) -> tuple[GuestState, Verdict]:
        """One value. After an alarm River's detectors begin anew, and so does the state."""
        detector = self.make()
        if state.n:
            self.restore(detector, state.memory)
        detector.update(self.given(data))
        drifted = bool(detector.drift_detected)
        n = state.n + 1
        verdict = Verdict(drifted=drifted, evidence=float(drifted), threshold=1.0, n=n, effect=f"{self.kind} alarm")
        if drifted:
            return self.start(), verdict
        return GuestState(river=state.river, n=n, memory=self.remember(detector)), verdict

    def encode(self, state: GuestState) -> bytes:
        """MessagePack: numbers round-trip exactly, bytes stay bytes."""
        return msgspec.msgpack.encode(state)

    def decode(self, blob: bytes) -> GuestState:
        """A state of another River starts anew: what its numbers mean is River's business."""
        state = msgspec.msgpack.decode(blob, type=GuestState)
        refuse_newer(f"{self.kind} state", state.v)
        return state if state.river == river_version() else self.start()


@cache
def river_version() -> str:
    """The River that is installed."""
    return version("river")


def mean_of(mean: Any) -> list[float]:
    """River's running mean as plain data."""
    return [mean.n, mean._mean]


def mean_from(mean: Any, plain: list[float]) -> None:
    """The reverse of `mean_of`."""
    mean.n, mean._mean = plain


def clipped(value: float) -> float:
    """The value, or the nearest that a rate can be: some of River's detectors raise outside [0, 1]."""
    return min(1.0, max(0.0, value))
