"""What the oracle holds against panes: nothing while every event is in one of them, and any count that is changed."""

import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
import pytest

from detectors.binning import derive, identity
from schemas.binning import Binning
from stream.engine.role import Lane, Output
from stream.outputs import encode
from stream.settings import Settings
from stream.topics import inputs
from tests.profile.events import read, role
from tests.torture.feed import COLUMNAR, PILLS, Feed
from tests.torture.oracle import Finding, Oracle
from tests.wire.writers import ARROW_SAID, Message, arrow, columns, rows

pytest.importorskip("pyarrow")

EVENTS = 400  # that are counted in one way
SETTINGS = Settings()
TOPICS = SETTINGS.topics
Pane = dict[str, Any]


class Unsent(Feed):
    """What would be sent, as messages by topic."""

    def __init__(self, seed: int) -> None:
        self.random, self.settings, self.pills, self.sent = random.Random(seed), SETTINGS, 0.0, 0
        self.messages: dict[str, list[Message]] = {topic: [] for topic in inputs(SETTINGS)}

    def put(self, topic: str, value: bytes | None, lane: int, key: Any = None, headers: Any = None) -> None:
        message = Message(value, time.time_ns() // 1_000_000, self.sent, said=headers or [])
        self.messages[topic].append(message)
        self.sent += 1

    def counted(self, events: int, binnings: list[Binning]) -> list[Output]:
        """The panes of some more events, in bins of their own where there are any."""
        before = {topic: len(messages) for topic, messages in self.messages.items()}
        self.hand_over(events)
        counting = role(privacy={"public": ["*"]}, binnings=binnings)
        for topic, messages in self.messages.items():
            assert counting.count(Lane(topic, 0), messages[before[topic] :]) == []
        return counting.flush("profile/1-1")


class Laid(Oracle):
    """Of messages that lie in no Kafka."""

    def __init__(self, laid: dict[str, list[Message]]) -> None:
        super().__init__(SETTINGS)
        self._lanes = {topic: {0: messages} for topic, messages in laid.items()}  # type: ignore[misc]


@pytest.fixture(scope="module")
def topics() -> dict[str, list[Message]]:
    """Events, and their panes: counted universally, in the bins of these, and in the bins of other ones."""
    feed = Unsent(7)
    first = feed.counted(EVENTS, [])
    binnings = [binnings_of(first, every) for every in (1, 3)]
    panes = [*first, *(pane for some in binnings for pane in feed.counted(EVENTS, some))]
    published = [Message(encode(binning)) for some in binnings for binning in some]
    return feed.messages | {TOPICS.panes: [Message(pane.value) for pane in panes], TOPICS.binnings: published}


def binnings_of(panes: list[Output], every: int) -> list[Binning]:
    """Of the numbers in some panes; and of these, every so manieth edge."""
    found = []
    for pane in map(read, panes):
        for name, column in getattr(pane, "columns", {}).items():
            edges = derive(np.array(column.at, np.int32), np.array(column.counts))[::every]
            own = Binning(subject=pane.subject, column=name, form="numbers", id=identity(edges), edges=edges.tolist())
            found += [own] if column.n else []
    return found


def judged(topics: dict[str, list[Message]]) -> Finding:
    return Laid(topics).events()


def test_of_panes_in_which_every_event_is_nothing_is_said(topics: dict[str, list[Message]]) -> None:
    found = judged(topics)
    assert (found.expected, found.missing, found.double, found.wrong, found.told) == (3 * EVENTS, 0, 0, 0, [])
    batches = [message for message in topics[TOPICS.predictions] if message.said == ARROW_SAID]
    assert sum(len(rows(message.body or b"")) for message in batches) > EVENTS / 2


def numbers(universally: bool) -> Callable[[Pane], list[Pane]]:
    """The columns of a pane that are counted so, and of which numbers are in more than one bin."""
    return lambda pane: [
        column
        for column in pane.get("columns", {}).values()
        if len(column.get("gaps", ())) > 1 and (column.get("binning", "u") == "u") is universally
    ]


def texts(pane: Pane) -> list[Pane]:
    return [
        column for column in pane.get("columns", {}).values() if max(column.get("values", {}).values(), default=0) > 1
    ]


def slices(pane: Pane) -> list[Pane]:
    return list(pane.get("slices", {}).values())


def outputs(pane: Pane) -> list[Pane]:
    columns = [each["columns"].get("latency:ms", {}) for each in slices(pane)]
    return [column for column in columns if len(column.get("gaps", ())) > 1]


def counts(pane: Pane) -> list[Pane]:
    return [pane] if pane.get("rows") else []


def moved(column: Pane) -> None:
    """One number into the next bin."""
    column["counts"][0] -= 1
    column["counts"][1] += 1


def less(column: Pane) -> None:
    """One number was never counted."""
    column["n"] -= 1
    at = column["counts"].index(max(column["counts"]))
    column["counts"][at] -= 1


def as_null(column: Pane) -> None:
    less(column)
    column["nulls"] = column.get("nulls", 0) + 1


def as_rest(column: Pane) -> None:
    """One text is counted by no name."""
    column["values"][max(column["values"], key=column["values"].get)] -= 1
    column["other"] = 1


def more(name: str, by: float = 1) -> Callable[[Pane], None]:
    return lambda part: part.update({name: part.get(name, 0) + by})


def another_null(part: Pane) -> None:
    part["nulls"] = part.get("nulls", {}) | {"feature:age": 1}


SABOTAGES: dict[str, tuple[Callable[[Pane], list[Pane]], Callable[[Pane], None]]] = {
    "a bucket": (numbers(universally=True), moved),
    "a bin": (numbers(universally=False), moved),
    "a binning": (numbers(universally=False), lambda column: column.update(binning="another")),
    "a number": (numbers(universally=False), less),
    "a minimum": (numbers(universally=False), more("min", -1_000)),
    "a maximum": (numbers(universally=True), more("max", 1_000)),
    "a sum": (numbers(universally=False), more("sum", 0.5)),
    "the nulls of a column": (numbers(universally=False), as_null),
    "the rest of a column": (texts, as_rest),
    "the rows of a slice": (slices, more("rows")),
    "the nulls of a slice": (slices, another_null),
    "a number of a slice": (outputs, less),
    "a bucket of a slice": (outputs, moved),
    "the sum of a slice": (outputs, more("sum")),
    "how many were late": (counts, more("late")),
    "how many were ahead": (counts, more("future")),
    "how long a row waited": (counts, more("lag_ms", 10**9)),
    "what rows stand for": (counts, more("volume", 0.5)),
    "since when": (counts, more("since", -1_000_000)),
    "until when": (counts, more("until", 1_000_000)),
    "the versions": (counts, lambda pane: pane["versions"].update(nobody=1)),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_count_that_is_changed_is_wrong(name: str, topics: dict[str, list[Message]]) -> None:
    parts, change = SABOTAGES[name]
    panes = [orjson.loads(message.body or b"") for message in topics[TOPICS.panes]]
    part = next(part for pane in panes for part in parts(pane))
    change(part)
    found = judged(topics | {TOPICS.panes: [Message(orjson.dumps(pane)) for pane in panes]})
    assert (found.missing, found.double) == (0, 0)
    assert found.wrong > 0


@pytest.mark.parametrize("kind", COLUMNAR)
def test_a_row_that_an_arrow_message_lacks_was_counted_twice_and_one_that_it_has_in_addition_was_not(
    kind: str, topics: dict[str, list[Message]]
) -> None:
    topic = getattr(TOPICS, f"{kind}s")
    messages = topics[topic]
    place = next(place for place, message in enumerate(messages) if message.said == ARROW_SAID)
    events = rows(messages[place].body or b"", kind)
    for others, amiss in ((events[1:], (0, 1)), ([*events, events[0]], (1, 0))):
        changed = list(messages)
        changed[place] = Message(arrow(columns(others)), messages[place].at, said=ARROW_SAID)
        found = judged(topics | {topic: changed})
        assert (found.missing, found.double) == amiss


def test_every_pill_is_refused_on_every_topic_whatever_its_header_says() -> None:
    feed = Unsent(7)
    for number, make in enumerate(PILLS):
        for topic in inputs(SETTINGS):
            for said in ([], ARROW_SAID):
                feed.put(topic, make(number), 0, headers=said)
    counting = role()
    for topic, messages in feed.messages.items():
        assert len(counting.count(Lane(topic, 0), messages)) == len(messages)
    assert counting.flush("profile/1-1") == []
