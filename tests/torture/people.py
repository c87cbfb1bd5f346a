"""People who look after incidents: they read of one, and say on the commands topic what is to be done about it.

They know only what is published. Their clocks are not right to the second, and some are impatient: what they asked for
is sent again under its own id, as a client does that got no answer. Of a silence they want the end soon, or not before
the campaign's.

What a judge found they do not resolve: to which incident its next anomaly belongs would then depend on who came first,
and no reader of the topics could tell. Of probes, which have an incident for each feature, they may do anything.
"""

import threading
import time
from random import Random
from typing import get_args

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Producer
from confluent_kafka import TopicPartition as Position

from schemas.incident import Action, Command, Incident
from schemas.moment import rfc3339
from stream.settings import Settings
from tests.torture.ground import reader

PAUSE_S = 0.4  # between two commands, on average
CLOCK_MS = 2_000  # that a person's clock is wrong by, at most
AGAIN = 0.15  # of what is sent
SOON_MS, LONG_MS = 3_000, 86_400_000
ANYTHING: tuple[Action, ...] = get_args(Action)
HARMLESS: tuple[Action, ...] = ("acknowledge", "silence", "unsilence", "comment")


class People(threading.Thread):
    """At work until told to stop; then Kafka has all they said."""

    def __init__(self, settings: Settings, seed: int) -> None:
        super().__init__(name="people", daemon=True)
        self.random, self.topic, self.sent = Random(seed), settings.topics.commands, 0
        self.refused: list[str] = []  # what Kafka did not take, which would be the test's own fault
        self._known: dict[str, str] = {}  # incident -> model
        self._impatient: list[Command] = []  # what will be sent again
        self._reader = reader(settings)
        lanes = range(settings.topics.partitions)
        self._reader.assign([Position(settings.topics.incidents, lane, OFFSET_BEGINNING) for lane in lanes])
        shared = {"bootstrap.servers": settings.kafka.bootstrap, "message.timeout.ms": 600_000, "log_level": 0}
        self._producer = Producer(shared | {"partitioner": "murmur2_random"})
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(self.random.uniform(0.5, 1.5) * PAUSE_S):
            self.read()
            self.say_something()
        self._reader.close()
        assert self._producer.flush(120.0) == 0, "Kafka does not take what is sent"

    def read(self) -> None:
        for message in self._reader.consume(100, 0.05):
            if message.error() is None:
                incident = msgspec.json.decode(message.value() or b"", type=Incident)
                self._known[incident.id] = incident.model

    def say_something(self) -> None:
        if self._impatient and self.random.random() < AGAIN:
            self.send(self._impatient.pop(self.random.randrange(len(self._impatient))))
        elif self._known:
            command = self.command(*self.random.choice(list(self._known.items())))
            self.send(command)
            if self.random.random() < AGAIN:
                self._impatient.append(command)

    def command(self, incident: str, model: str) -> Command:
        at_ms = time.time_ns() // 1_000_000 + self.random.randrange(-CLOCK_MS, CLOCK_MS)
        action = self.random.choice(ANYTHING if model.startswith("probe-") else HARMLESS)
        until_ms = at_ms + (LONG_MS if self.random.random() < 0.3 else self.random.randrange(1, SOON_MS))
        return Command(
            id=f"said-{self.sent}",
            incident=incident,
            action=action,
            actor=self.random.choice(("ada", "grace", "emmy")),
            at=rfc3339(at_ms),
            comment=self.random.choice(("", "as agreed", f"the {self.sent}th")),
            until=rfc3339(until_ms) if action == "silence" else "",
        )

    def send(self, command: Command) -> None:
        self.sent += 1
        body, key = msgspec.json.encode(command), command.incident.encode()
        self._producer.produce(self.topic, body, key=key, on_delivery=self._delivered)
        self._producer.poll(0)

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self.refused.append(str(error))
