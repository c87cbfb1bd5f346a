"""What of the module `time` the loop and its waits use, so that a simulation can put another in its place."""

from typing import Protocol


class Clock(Protocol):
    """`time` itself is one."""

    def monotonic(self) -> float:
        """Seconds from a point that nobody knows; they never go back."""
        ...

    def time(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float, /) -> None:
        """Return after so many seconds."""
        ...
