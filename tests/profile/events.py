"""What the tests of profile share: messages without a Kafka, a role with a clock that stands, and panes read back."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.binning import Binning
from schemas.dead_letter import Headers
from schemas.pane import Deployed, Pane
from schemas.records import pane as read_pane
from stream.engine.role import Lane, Output
from stream.roles.profile import Profile
from stream.settings import Settings

NOW = 1_790_000_000_000
TOPICS = {
    "prediction": "leeway.predictions",
    "feature": "leeway.features",
    "label": "leeway.labels",
    "deployment": "leeway.deployments",
}


@dataclass
class Sent:
    """A message as the Kafka client hands it over."""

    body: bytes | None
    at: int = NOW
    number: int = 0
    clock: int = 1

    def offset(self) -> int:
        return self.number

    def key(self) -> bytes | None:
        return b"a key"

    def value(self) -> bytes | None:
        return self.body

    def headers(self) -> Headers | None:
        return [("origin", b"a test")]

    def timestamp(self) -> tuple[int, int]:
        return self.clock, self.at


class Clock:
    """Stands still until it is told."""

    def __init__(self, now_ms: int = NOW) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def role(*, slot: int = 1, clock: Clock | None = None, binnings: Iterable[Binning] = (), **settings: Any) -> Profile:
    """A role that some binnings were published for before it started. `tests.native` asks for the native decoder."""
    settings["profile"] = {"native": "off", **settings.get("profile", {})}
    news = [list(binnings)]
    return Profile(
        msgspec.convert(settings, Settings), slot, now_ms=clock or Clock(), news=lambda: news.pop() if news else ()
    )


def sent(event: dict[str, Any], at: int = NOW) -> Sent:
    return Sent(json.dumps(event).encode(), at)


def count(counting: Profile, events: Sequence[dict[str, Any]], kind: str = "prediction", at: int = NOW) -> list[Output]:
    """Hand events over; their dead letters."""
    return list(counting.count(Lane(TOPICS[kind], 0), [sent(event, at) for event in events]))


def flushed(counting: Profile, name: str = "profile/1-1") -> list[Pane]:
    """The panes of a transaction, each of which must pass the door of its readers."""
    return [body for body in map(read, counting.flush(name)) if isinstance(body, Pane)]


def read(output: Output) -> Pane | Deployed:
    body = read_pane(output.value)
    assert isinstance(body, Pane | Deployed), body
    return body


def one_pane(events: Sequence[dict[str, Any]], kind: str = "prediction", **given: Any) -> Pane:
    """The only pane that some events make up."""
    counting = role(**given)
    assert count(counting, events, kind) == []
    (pane,) = flushed(counting)
    return pane
