"""What there is to see at one moment of the demo; how it looks is `screen` and `lines`."""

from dataclasses import dataclass

from schemas.incident import Incident
from stream.demo.account import Truth
from stream.demo.gauges import Gauges


@dataclass(frozen=True, slots=True)
class Chapter:
    """One outage of the story and where it stands: `waiting`, `going on`, `mended`."""

    what: str
    state: str
    truth: Truth | None = None

    @property
    def answer(self) -> str:
        """What Leeway has called it so far."""
        truth = self.truth
        if truth is None or truth.first is None:
            return ""
        return f"{truth.first.anomaly.class_} after {truth.delay_events:,} events, {truth.delay_seconds:.1f} s"


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that is shown."""

    where: str  # which Kafka and which Redis
    phase: str
    seconds: float
    sent: int
    total: int
    counted: int
    per_second: float
    gauges: Gauges
    chapters: tuple[Chapter, ...]
    incidents: tuple[Incident, ...]  # the latest first
    garbage: int
    dead: int
    false_alarms: int
