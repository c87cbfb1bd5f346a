"""Sending dead letters back to the topics they came from, each of them once.

A letter is known by its *origin*: topic, partition, offset and time of the record that could not be read. One
transaction carries records and, for each, a *note* in the dead letters' own topic that this origin was sent back. So
there is no moment at which one is there without the other, whoever dies when. Whoever sends takes one transactional id
first, which ends what a sender before it left open and shuts it out, and reads the notes after that. A note is in the
partition of its letter, behind it, so that retention never takes the note first.

>>> from schemas.dead_letter import Reason
>>> letter = DeadLetter(topic="in", partition=3, offset=17, timestamp=5, stage="profile", reason=Reason("clock", ""),
...                     key=b"k", value=b"{}", headers=[("origin", b"a shop")])
>>> returned(letter).headers
[('origin', b'a shop'), ('leeway.redriven', b'1')]
>>> noted(note("leeway.dlq", letter).headers)
'in/3-17@5'
"""

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from schemas.dead_letter import REDRIVEN, DeadLetter, Headers, size
from stream import kafka
from stream.engine.role import Output
from stream.settings import Settings

NOTE = f"{REDRIVEN}.origin"  # the only header of a note
LETTERS = 200  # of one transaction
BYTES = 8_000_000  # of one transaction; one letter may be larger
TIMEOUT_S = 30.0
READ_BY_ROLES = ("predictions", "features", "labels", "deployments", "panes", "anomalies", "commands")


def returned(letter: DeadLetter) -> Output:
    """The record as it came, and how often it was sent back. Kafka's time for it is that of its return."""
    headers = [header for header in letter.headers if header[0] != REDRIVEN]
    return Output(letter.topic, letter.key, letter.value, [*headers, (REDRIVEN, str(letter.redriven + 1).encode())])


def note(dlq: str, letter: DeadLetter) -> Output:
    """That this letter was sent back."""
    return Output(dlq, None, None, [(NOTE, letter.origin.encode())])


def noted(headers: Headers) -> str:
    """The origin that a note is about; empty for any other record."""
    return headers[0][1].decode("utf-8", "replace") if len(headers) == 1 and headers[0][0] == NOTE else ""


def refusal(letter: DeadLetter, topics: Container[str]) -> str:
    """Why a letter cannot be sent back, in a sentence; empty when it can. `topics` are there and read by a role."""
    if letter.topic not in topics:
        return f"it came from '{letter.topic}', which is no topic that a role reads"
    if letter.cut:
        return f"only a part of it was kept: {letter.cut}"
    return ""


class Place(NamedTuple):
    """A dead letter, and the partition of the dead letters' topic that it is in."""

    letter: DeadLetter
    partition: int


class Sender:
    """The only one at a time: an earlier one is shut out, and what it left open is undone."""

    def __init__(self, settings: Settings) -> None:
        self.properties = kafka.producer(settings.kafka, f"{settings.group}-redrive", "none") | {"log_level": 0}
        self.dlq = settings.topics.dlq
        self.producer = self.open()

    def open(self) -> Any:
        """A client without a past: after a refused record the numbers of the next ones have a gap."""
        producer: Any = Producer(self.properties)
        producer.init_transactions(TIMEOUT_S)
        return producer

    def send(self, letters: Iterable[Place]) -> Iterator[tuple[list[Place], list[Place]]]:
        """Send letters back, some at a time: after each transaction those that are sent, and those that do not fit."""
        for rest in batches(letters):
            large: list[Place] = []
            while rest and (refused := self.try_to_send(rest)):
                large += [rest[number] for number in sorted(refused)]
                rest = [place for number, place in enumerate(rest) if number not in refused]
            yield rest, large

    def try_to_send(self, places: Sequence[Place]) -> set[int]:
        """All of them, or none: then the numbers of those that their topic has no room for."""
        large: set[int] = set()
        self.producer.begin_transaction()
        try:
            for number, (letter, partition) in enumerate(places):
                refused = partial(_refused, large, number)
                kafka.produce(self.producer, returned(letter), on_delivery=refused)
                kafka.produce(self.producer, note(self.dlq, letter), on_delivery=refused, partition=partition)
            self.producer.commit_transaction(TIMEOUT_S)
        except KafkaException:  # the broker may refuse a record before the last one is handed over, or after
            with suppress(KafkaException):  # whoever opens next undoes what is left
                self.producer.abort_transaction(TIMEOUT_S)
            if not large:
                raise
            self.producer = self.open()
        return large


def _refused(large: set[int], number: int, error: KafkaError | None, message: Any) -> None:
    """What became of one record."""
    if error is not None and error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        large.add(number)


def batches(places: Iterable[Place]) -> Iterator[list[Place]]:
    """As many as one transaction carries."""
    some: list[Place] = []
    bytes_ = 0
    for place in places:
        bytes_ += size(place.letter)
        if some and (len(some) == LETTERS or bytes_ > BYTES):
            yield some
            some, bytes_ = [], size(place.letter)
        some.append(place)
    if some:
        yield some
