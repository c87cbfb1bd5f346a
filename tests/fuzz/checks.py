"""What must hold whatever is sent: every message is counted, or is a dead letter that has all of it, and a reason.

`Inputs` hands batches to one `Profile` and the same messages one by one to another: panes and letters must be the same.
`Panes` hands records of the panes topic to a `Judge`, `Orders` anomalies and commands to the desk of the incidents.
Readers of the tables are asked on the way.
"""

import asyncio
import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from schemas import records
from schemas.binning import Binning
from schemas.dead_letter import CODES, PREFIX, DeadLetter, Headers, Reason, from_headers
from schemas.pane import Deployed, Pane
from stream.engine.role import Lane, Output
from stream.incidents.desk import Desk, Record
from stream.incidents.numbers import Numbers
from stream.incidents.store import Store
from stream.kafka import LARGEST_BYTES
from stream.roles.judge import Judge
from stream.roles.profile import Profile
from stream.settings import Settings
from tests.fuzz.messages import Sent, Source, arrow_events, events, of_ours, packed_events
from tests.schemas.corpus import AT_MS
from tests.wire.writers import ARROW_SAID, PACKED_SAID

KINDS = ("prediction", "feature", "label", "deployment")
LONGEST = 2_000  # characters of a reason or a hint: a header is no place for a message
READERS = {
    "binning": records.binning,
    "heartbeat": records.heartbeat,
    "incident": records.incident,
}
ROOMY = {"profile": {"columns": 16_384, "subjects": 1_000_000, "distinct_values": 4_096, "segment_values": 4_096}}
NARROW = {"profile": {"columns": 40, "subjects": 20, "distinct_values": 8, "segment_values": 8}}
SOON = {"judge": {"budget": "1 per 100000 events", "reference": 300, "burn_in": 100, "independent": True}}


def settings(**given: Any) -> Settings:
    return msgspec.convert(given, Settings)


def letter_of(output: Output) -> DeadLetter:
    return from_headers(output.key, output.value, output.headers)


def check_letter(letter: DeadLetter, lane: Lane, sent: Sent, stage: str) -> None:
    """It has all of the message, and says why."""
    assert (letter.topic, letter.partition, letter.offset) == (*lane, sent.number)
    assert (letter.key, letter.value, letter.stage) == (sent.name, sent.body, stage)
    assert letter.timestamp == sent.at
    assert letter.headers == theirs(sent.said)
    check_reason(letter.reason)
    assert letter.cut == ""


def check_reason(reason: Reason) -> None:
    assert reason.code in CODES
    assert 0 < len(reason.message.encode()) <= LONGEST, reason.message[:3_000]
    assert 0 < len(reason.hint.encode()) <= LONGEST, reason.hint[:3_000]


def theirs(headers: Headers | None) -> Headers:
    return [(name, text or b"") for name, text in headers or () if not name.startswith(PREFIX)]


class Inputs:
    """The four input topics. `one_by_one` hands the same messages to a second worker, one at a time.

    With `batches` messages are streams of Arrow, each with as many events as it likes.
    """

    def __init__(
        self,
        chance: random.Random,
        *,
        one_by_one: bool = True,
        binnings: bool = True,
        batches: bool = False,
        **given: Any,
    ) -> None:
        self.chance = chance
        self.settings = settings(**given)
        names = self.settings.topics
        topics = (names.predictions, names.features, names.labels, names.deployments)
        self.sources = {
            Lane(topic, number): Source(chance, events(kind))
            for number, (kind, topic) in enumerate(zip(KINDS, topics, strict=True))
        }
        self.packed = Source(chance, packed_events(), PACKED_SAID)
        self.batches = Source(chance, arrow_events(), ARROW_SAID) if batches else None
        self.news: list[list[Binning]] = []
        self.workers = [self._worker() for _ in range(2 if one_by_one else 1)]
        self.sent: dict[tuple[str, int], Sent] = {}
        self.letters: list[dict[tuple[str, int], Output]] = [{} for _ in self.workers]
        self.binnings = Source(chance, of_ours("binning")) if binnings else None
        self.counted: Counter[str] = Counter()
        self.flushes = 0

    def _worker(self) -> Profile:
        news: list[Binning] = []
        self.news.append(news)

        def latest() -> Iterable[Binning]:
            told, news[:] = list(news), []
            return told

        return Profile(self.settings, 1, now_ms=lambda: AT_MS, news=latest)

    def step(self, many: int) -> None:
        """One batch of one topic."""
        predictions = next(iter(self.sources))
        rolled = self.chance.random()
        if self.batches is not None:
            self.take(predictions, self.batches.messages(many))
        elif rolled < 0.25:
            self.packed.number = self.sources[predictions].number
            self.take(predictions, self.packed.messages(many))
            self.sources[predictions].number = self.packed.number
        else:
            lane = predictions if rolled < 0.7 else self.chance.choice(list(self.sources))
            self.take(lane, self.sources[lane].messages(many))
        if self.binnings is not None and self.chance.random() < 0.2:
            self._publish(self.binnings.message())

    def take(self, lane: Lane, batch: Sequence[Sent]) -> None:
        """Have a batch counted, by each worker in its way."""
        self.sent.update(((lane.topic, sent.number), sent) for sent in batch)
        first, *others = self.workers
        self._dead(0, first.count(lane, batch))
        for other in others:
            for sent in batch:
                self._dead(1, other.count(lane, [sent]))

    def _dead(self, worker: int, outputs: Iterable[Output]) -> list[Output]:
        """Keep the letters among outputs; the others."""
        others = []
        for output in outputs:
            if output.topic != self.settings.topics.dlq:
                others.append(output)
                continue
            letter = letter_of(output)
            place = letter.topic, letter.offset
            assert place not in self.letters[worker], f"two letters of {place}"
            self.letters[worker][place] = output
        return others

    def _publish(self, message: Sent) -> None:
        self.counted["binnings"] += 1
        binning = records.binning(message.body)
        if isinstance(binning, Reason):
            return check_reason(binning)
        for news in self.news:
            news.append(binning)

    def flush(self) -> list[Output]:
        """What the transaction has; everything since the last one is accounted for."""
        self.flushes += 1
        panes = [self._dead(at, worker.flush(f"fuzz-{self.flushes}")) for at, worker in enumerate(self.workers)]
        for letters, outputs in zip(self.letters, panes, strict=True):
            self._complete(letters, outputs)
        if len(panes) == 2:
            assert self.letters[0] == self.letters[1], differing(*self.letters)
            check_alike(*(list(map(read, outputs)) for outputs in panes))
        self.counted["messages"] += len(self.sent)
        self.counted["letters"] += len(self.letters[0])
        self.counted["panes"] += len(panes[0])
        self.sent, self.letters = {}, [{} for _ in self.workers]
        return panes[0]

    def _complete(self, letters: dict[tuple[str, int], Output], outputs: Sequence[Output]) -> None:
        lanes = {lane.topic: lane for lane in self.sources}
        for (topic, number), output in letters.items():
            check_letter(letter_of(output), lanes[topic], self.sent[topic, number], "profile")
        bodies = list(map(read, outputs))
        rows = sum(body.rows if isinstance(body, Pane) else 1 for body in bodies if getattr(body, "part", 0) == 0)
        if letters is self.letters[0]:
            self.counted["events"] += rows
        if self.batches is None:
            assert rows + len(letters) == len(self.sent), f"{rows} rows, {len(letters)} letters, {len(self.sent)} sent"


def read(output: Output) -> Pane | Deployed:
    """As its readers will, who refuse nothing that a worker wrote."""
    body = records.pane(output.value)
    assert isinstance(body, Pane | Deployed), body
    return body


def differing(one: dict[Any, Output], other: dict[Any, Output]) -> object:
    """For the failure's report: some letters that are not the same."""
    return [(place, one.get(place), other.get(place)) for place in one | other if one.get(place) != other.get(place)][
        :3
    ]


def check_alike(batches: list[Pane | Deployed], single: list[Pane | Deployed]) -> None:
    """The same panes, in an order of their own; only sums may differ in their last digits."""
    for one, other in zip(sorted(batches, key=place_of), sorted(single, key=place_of), strict=True):
        same(msgspec.to_builtins(one), msgspec.to_builtins(other), one.subject.key)


def place_of(body: Pane | Deployed) -> tuple[object, ...]:
    """Deployments of one subject may come in any order, too."""
    if isinstance(body, Pane):
        return "pane", body.subject.key, body.part
    return "deployed", body.subject.key, msgspec.json.encode(body)


def same(one: Any, other: Any, at: str) -> None:
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys(), (at, one.keys() ^ other.keys())
        for name in one:
            same(one[name], other[name], f"{at}/{name}")
    elif isinstance(one, float) and isinstance(other, float):
        assert math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) or at.endswith("/sum"), (at, one, other)
    else:
        assert one == other, (at, one, other)


class Panes:
    """The panes topic: what profile writes, and what nobody should."""

    def __init__(self, chance: random.Random) -> None:
        self.settings = settings(**SOON)
        self.judge = Judge(self.settings)
        self.lane = Lane(self.settings.topics.panes, 3)
        self.source = Source(chance, of_ours("pane", "deployed"))
        self.states: dict[str, Any] = {}
        self.counted: Counter[str] = Counter()

    def step(self, many: int) -> None:
        for sent in self.source.messages(many):
            self.take(sent)

    def learn(self, outputs: Sequence[Output], many: int) -> None:
        """Panes of profile, as they are; some are changed from now on."""
        for number, output in enumerate(outputs[:many]):
            self.take(Sent(number, output.value, output.key, output.headers))
        self.source.good = [*self.source.good[:50], *(output.value for output in outputs[:5] if output.value)]

    def take(self, sent: Sent) -> None:
        self.counted["messages"] += 1
        content = self.judge.read(self.lane, sent)
        if isinstance(content, Reason):
            self.counted["letters"] += 1
            return check_letter(letter_of(self.judge.dead(self.lane, sent, content)), self.lane, sent, "judge")
        key, record = content
        if len(self.states) > 200 and key not in self.states:
            self.states.clear()
        state = self.states.get(key) or self.judge.new()
        self.states[key], outputs = self.judge.fold(state, record, f"{self.lane}-{sent.number}")
        for output in outputs:
            self._check(output)
        self.counted["folded"] += 1
        if self.counted["folded"] % 50 == 0:
            encoded = self.judge.encode(self.states[key])
            assert self.judge.encode(self.judge.decode(encoded)) == encoded

    def _check(self, output: Output) -> None:
        """Whatever follows from nonsense is readable."""
        topics = self.settings.topics
        readers = {
            topics.binnings: records.binning,
            topics.anomalies: records.anomaly,
            topics.heartbeats: records.heartbeat,
        }
        record = readers[output.topic](output.value)
        assert not isinstance(record, Reason), (output, record)
        self.counted[output.topic.rpartition(".")[2]] += 1


class Tables:
    """Topics that are only read as tables, or by people."""

    def __init__(self, chance: random.Random) -> None:
        self.sources = {kind: Source(chance, of_ours(kind)) for kind in READERS}
        self.counted: Counter[str] = Counter()

    def step(self, many: int) -> None:
        for kind, source in self.sources.items():
            for sent in source.messages(many // len(READERS)):
                self.counted["messages"] += 1
                record = READERS[kind](sent.body)
                if isinstance(record, Reason):
                    self.counted["refused"] += 1
                    check_reason(record)


class Orders:
    """Anomalies and commands, on a real Redis. It is emptied now and then: a fuzzer has no end of incidents."""

    def __init__(self, chance: random.Random, url: str) -> None:
        self.settings = settings()
        topics = self.settings.topics
        self.sources = {
            Lane(topics.anomalies, 1): Source(chance, of_ours("anomaly")),
            Lane(topics.commands, 2): Source(chance, of_ours("command")),
        }
        self.url = url
        self.counted: Counter[str] = Counter()

    def step(self, many: int) -> None:
        asyncio.run(self._step(many))

    async def _step(self, many: int) -> None:
        redis = Redis.from_url(self.url)
        await redis.flushdb()
        outputs: list[Output] = []

        async def send(output: Output) -> None:
            outputs.append(output)

        desk = Desk(
            Store(redis, "fuzz:", self.settings.incidents),
            send,
            self.settings.topics,
            Numbers(),
            letter_bytes=LARGEST_BYTES,
        )
        try:
            for lane, source in self.sources.items():
                take = desk.anomaly if lane.topic == self.settings.topics.anomalies else desk.command
                for sent in source.messages(many // 2):
                    await take(Record(*lane, sent.number, sent.at, sent.name, sent.body, sent.said or []))
                    self._check(lane, sent, outputs)
            await desk.tick()
        finally:
            await redis.aclose()

    def _check(self, lane: Lane, sent: Sent, outputs: list[Output]) -> None:
        self.counted["messages"] += 1
        for output in outputs:
            if output.topic == self.settings.topics.dlq:
                self.counted["letters"] += 1
                check_letter(letter_of(output), lane, sent, "incidents")
            else:
                incident = records.incident(output.value)
                assert not isinstance(incident, Reason), (output, incident)
                self.counted["incidents"] += 1
        outputs.clear()
