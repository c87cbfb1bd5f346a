"""What every detector is: a frozen value, whose state is another value, and a `step` that is a function of the two.

A detector promises five things, and one suite of tests holds every detector to them:

* **Stop anywhere.** `decode(encode(state))` continues exactly as `state` would have, byte for byte.
* **Plain state.** Finite numbers and text, versioned by a field `v`. Never pickle; a newer version is refused in a
  sentence.
* **No side effects.** `step` leaves its arguments as they were, reads no clock and draws no random numbers.
* **Silent on a constant, loud on a cliff.**
* **Cuts do not matter.** The same panes give the same bytes, however the log they came from was cut into polls.

A detector that accumulates evidence keeps an *e-detector*: a statistic M >= 0 with E0[M_t | past] <= M_{t-1} + n_t,
which alarms when M >= threshold. `detectors/budget.py` says why that is the same thing as a budget of alerts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import msgspec

State = TypeVar("State")
Data = TypeVar("Data", contravariant=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a detector says after a step, and why.

    >>> Verdict(drifted=False, evidence=12.5, threshold=1e6, n=420).drifted
    False
    """

    drifted: bool
    evidence: float  # comparable with `threshold`, and with nothing else
    threshold: float
    n: int  # events seen, or events since the onset once there is one
    effect: str = ""  # what kind of change the evidence is for, in words
    onset_events: int = 0  # how many events ago the change began: the start of the pane it began in
    health: str = "ok"  # or why this verdict deserves less trust


class Detector(Protocol[State, Data]):
    """The interface. Implementations are frozen dataclasses: constructor, schema and documentation in one."""

    kind: ClassVar[str]  # the name in the configuration

    def start(self) -> State:
        """Return the state of a detector that has seen nothing."""

    def step(self, state: State, data: Data, threshold: float) -> tuple[State, Verdict]:
        """Return the state after `data`, and the verdict. `state` and `data` are left as they were."""

    def encode(self, state: State) -> bytes:
        """Return the state as bytes that `decode` of this and every later version can read."""

    def decode(self, blob: bytes) -> State:
        """Return the state that `encode` wrote. Raise ValueError, in a sentence, if it cannot be read."""


def unpacked(what: str, blob: bytes) -> dict[str, Any]:
    """Return what was written as a map of MessagePack. Raise ValueError, in a sentence, if it cannot be one.

    >>> unpacked("volume state", bytes([0x81, 0xA1, 0x76, 0x01]))
    {'v': 1}
    """
    try:
        return msgspec.msgpack.decode(blob, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{what} is damaged: {error}") from error


class Versioned(msgspec.Struct):
    """Any state, as far as its version."""

    v: int = 0


def version_of(what: str, blob: bytes) -> int:
    """Return the version of a state in MessagePack. It is asked first: the rest of a newer one may be anything.

    >>> version_of("volume state", bytes([0x82, 0xA1, 0x76, 0x07, 0xA1, 0x78, 0xC0]))
    7
    """
    try:
        return msgspec.msgpack.decode(blob, type=Versioned).v
    except msgspec.MsgspecError as error:
        raise ValueError(f"{what} is damaged: {error}") from error


def refuse_newer(what: str, version: int, known: int = 1) -> None:
    """Raise ValueError, in a sentence, for a state that a newer Leeway wrote.

    >>> refuse_newer("volume state", 2)
    Traceback (most recent call last):
    ValueError: volume state has version 2; this Leeway reads up to 1: upgrade Leeway
    """
    if version > known:
        raise ValueError(f"{what} has version {version}; this Leeway reads up to {known}: upgrade Leeway")
