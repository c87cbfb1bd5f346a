"""Which dead letters wait: how many of what, and the latest. Those that were sent back do not wait any more."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import wraps
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from schemas.dead_letter import CODES, DeadLetter
from stream.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Message


class Found(NamedTuple):
    """A dead letter, and the record that it is in."""

    letter: DeadLetter
    message: "Message"

    @property
    def place(self) -> tuple[int, int]:
        return self.message.partition() or 0, self.message.offset() or 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant. Empty texts: any. `topic` is a name, or what the topic is for (`predictions`)."""

    code: str = ""
    topic: str = ""
    model: str = ""

    def has(self, letter: DeadLetter, settings: Settings) -> bool:
        from stream.cli.tail import model_of

        topic = getattr(settings.topics, self.topic, self.topic)
        return (
            (not self.code or letter.reason.code == self.code)
            and (not self.topic or letter.topic == topic)
            and (not self.model or model_of(letter) == self.model)
        )


@dataclass(slots=True)
class Survey:
    """Letters that wait, by topic and code; the latest, the very latest first; and where each partition ended."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    latest: list[Found] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)  # partition -> last record that was seen
    redriven: int = 0  # letters that were sent back


def wanted(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --code, --topic and --model, and gives the command the `wanted` letters."""

    @click.option("--code", type=click.Choice(CODES), help="Only those with this code.")
    @click.option("--topic", metavar="NAME", help="Only those that came from this topic, as in predictions.")
    @click.option("--model", help="Only those whose bytes name this model.")
    @wraps(command)
    def with_wanted(code: str | None, topic: str | None, model: str | None, **given: Any) -> Any:
        return command(wanted=Wanted(code or "", topic or "", model or ""), **given)

    return with_wanted


def survey(settings: Settings, wanted: Wanted, latest: int) -> Survey:
    """Count the wanted letters, and keep the latest ones."""
    from stream.cli.reading import records

    sent = redriven(settings)
    seen = Survey(redriven=len(sent))
    kept: list[tuple[int, int, Found]] = []  # time, a number that no two share, letter: the oldest on top
    for number, message in enumerate(records(settings, settings.topics.dlq, "beginning", follow=False)):
        seen.ends[message.partition() or 0] = message.offset() or 0
        if (letter := waiting(message, sent)) and wanted.has(letter, settings):
            seen.counts[letter.topic, letter.reason.code] += 1
            heappush(kept, (message.timestamp()[1], number, Found(letter, message)))
            if len(kept) > latest:
                heappop(kept)
    seen.latest = [found for _, _, found in sorted(kept, reverse=True)]
    return seen


def redriven(settings: Settings) -> set[str]:
    """The origins of all letters that were sent back."""
    from stream.cli.reading import records
    from stream.cli.tail import headers_of
    from stream.letters import noted

    found = records(settings, settings.topics.dlq, "beginning", follow=False)
    return {origin for message in found if (origin := noted(headers_of(message)))}


def still(settings: Settings, wanted: Wanted, ends: dict[int, int]) -> Iterator[Found]:
    """The wanted letters again, oldest first in each partition, up to where the survey ended: what fails again is new.

    Notes are read when the first letter is asked for.
    """
    from stream.cli.reading import records

    sent = redriven(settings)
    for message in records(settings, settings.topics.dlq, "beginning", follow=False):
        found = waiting(message, sent)
        within = (message.offset() or 0) <= ends.get(message.partition() or 0, -1)
        if found and within and wanted.has(found, settings):
            sent.add(found.origin)  # a role that died in between may have written a letter twice
            yield Found(found, message)


def waiting(message: "Message", sent: set[str]) -> DeadLetter | None:
    """The letter in a record, if it is one and was not sent back."""
    from stream.cli.tail import read

    letter = read("dlq", message)
    return letter if isinstance(letter, DeadLetter) and letter.origin not in sent else None
