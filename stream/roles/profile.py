"""The role that counts: messages of the four input topics become one pane per subject and transaction.

It keeps nothing that it could lose. What it remembers between transactions only saves work (names of texts) or is said
again when it is forgotten (binnings, from their topic; for whom to speak in silence). Event times are compared with
Kafka's timestamps, so a replay calls the same events late; the worker's clock says when a pane was cut and how long
its oldest row waited.

A very large transaction makes more than one pane of a subject: memory stays bounded, and the counts add up alike.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from schemas.binning import Binning
from schemas.cloudevent import ARROW
from schemas.dead_letter import Reason
from schemas.decode import Reader
from schemas.deployment import Deployment
from schemas.feature import Feature
from schemas.label import Label
from schemas.moment import rfc3339
from schemas.pane import Deployed, Pane, PaneTopic
from schemas.prediction import Prediction
from schemas.records import binning as read_binning
from schemas.subject import subject_of
from stream.counting.alike import AlikeRows, media_of
from stream.counting.arrow import ArrowRows
from stream.counting.binnings import Binnings
from stream.counting.follower import Follower
from stream.counting.glance import arrival
from stream.counting.panes import panes
from stream.counting.parts import MESSAGE_BYTES, parts
from stream.counting.silence import Silence
from stream.counting.tally import Tally
from stream.counting.texts import Texts
from stream.engine.role import Lane, Message, Output
from stream.outputs import dead_letter, encode, record
from stream.secret import secret
from stream.settings import Settings

ROWS = 65_536  # of one cut: about 15 MB of cells, and at most as many buckets of one subject as fit into one message
ROWS_OF_EACH, MANY_ROWS = 384, 393_216  # of a cut with many subjects: a pane of a few rows costs as much as a full one
CUTTING = 1 / 4  # of a worker's time at most: with more subjects than that allows, panes are cut less often
FIRST_SLOT = 0
spelled = lru_cache(maxsize=8)(rfc3339)  # thousands of panes are cut in the same millisecond
KINDS: dict[type, str] = {Prediction: "prediction", Feature: "feature", Label: "label"}


class Profile:
    """Counts what it is handed; cuts panes when it is asked to."""

    name = "profile"

    def __init__(
        self,
        settings: Settings,
        slot: int,
        *,
        now_ms: Callable[[], int],
        news: Callable[[], Iterable[Binning]] = tuple,
    ) -> None:
        topics, self._bounds, self._dlq = settings.topics, settings.profile, settings.topics.dlq
        self._kinds = {
            topics.predictions: "prediction",
            topics.features: "feature",
            topics.labels: "label",
            topics.deployments: "deployment",
        }
        self.topics = tuple(self._kinds)
        self._pane_s = self.every_s = self._bounds.pane_ms / 1000
        self.events: Counter[str] = Counter()  # by kind, of those that were counted
        self.dead: Counter[str] = Counter()  # by code
        self.binnings_refused = 0
        self.reader = Reader(self._bounds.refuse_future_ms)
        self._alike = AlikeRows(self.reader, self._bounds.refuse_future_ms, self._bounds.native == "auto")
        self._arrow = ArrowRows(self.reader, self._bounds.refuse_future_ms)
        self._worker = f"profile-{slot}"
        self._speaks_for_all = slot == FIRST_SLOT
        self._panes_topic = topics.panes
        self._now_ms = now_ms
        self._news = news
        self._binnings = Binnings()
        self._silence = Silence(self._bounds.heartbeat_ms, self._bounds.subjects)
        key = secret(settings.privacy.key, settings.privacy.key_file)
        self._texts = Texts(key.encode(), tuple(settings.privacy.public))
        self.forget()
        self._learn(now_ms())

    def forget(self) -> None:
        """Drop what was added up: its lanes have another owner."""
        self._alike.forget()
        self._tally = Tally(self._bounds.columns, self._bounds.subjects, self._bounds.projections)
        self._panes: list[Pane] = []
        self._deployed: list[Deployed] = []

    def count(self, lane: Lane, messages: Sequence[Message]) -> list[Output]:
        """Add messages up; return the dead letters of those that cannot be."""
        now_ms = self._now_ms()
        odd = self._alike.take(self._tally, self._kinds[lane.topic], lane, messages, now_ms)
        dead = self._one_by_one(odd, now_ms)
        enough = max(ROWS, min(MANY_ROWS, ROWS_OF_EACH * len(self._tally.sheets)))
        if self._tally.rows + self._alike.rows >= enough:
            if enough > ROWS:
                self.every_s = 0.0  # panes of many leave at once: the next cut makes as many again
            else:
                dead += self._cut(now_ms)
        return dead

    def _one_by_one(self, odd: Iterable[tuple[Lane, Message]], now_ms: int) -> list[Output]:
        """Read messages that have nothing in common; return the dead letters of those that cannot be read."""
        dead: list[Output] = []
        for lane, message in odd:
            kind, arrived = self._kinds[lane.topic], arrival(message.timestamp(), now_ms)
            if media_of(message) == ARROW:
                refused = self._arrow.admit(self._tally, kind, message, arrived)
                if self._tally.rows >= ROWS:  # one message may have as many
                    dead += self._cut(now_ms)
            else:
                refused = self._read(lane, message, kind, arrived, now_ms)
            if refused is not None:
                self.dead[refused.code] += 1
                dead.append(dead_letter(self._dlq, lane, message, refused, self.name))
        return dead

    def _read(self, lane: Lane, message: Message, kind: str, arrived: int, now_ms: int) -> Reason | None:
        """Count the event in a message, or say why it cannot be."""
        event = self.reader.event(message.value(), message.headers(), kind, arrived)
        if isinstance(event, Reason):
            return event
        if isinstance(event, Deployment):
            self._deployed.append(Deployed(subject=subject_of(event), at=now_ms, event=event))
            return None
        refused = self._tally.admit(event, arrived)
        if refused is None and (KINDS[type(event)] == kind or not message.headers()):
            self._alike.learn(lane.topic, type(event), message)  # else a header may have said what it is
        return refused

    def flush(self, name: str) -> list[Output]:
        """The panes of everything since the last flush, and a word for subjects that nothing came from."""
        began_ms = self._now_ms()
        outputs = self._flushed(name, began_ms)
        self.every_s = max(self._pane_s, (self._now_ms() - began_ms) / 1000 / CUTTING)
        return outputs

    def _flushed(self, name: str, now_ms: int) -> list[Output]:
        self._learn(now_ms)
        dead = self._cut(now_ms)
        deployed, whole = self._deployed, self._panes
        self._deployed, self._panes = [], []
        if deployed:
            self.events["deployment"] += len(deployed)
        for pane in whole:
            self._silence.spoke(pane.subject, now_ms)
        silent = [Pane(subject=subject, at=now_ms, worker=self._worker) for subject in self._silence.due(now_ms)]
        bodies: list[PaneTopic] = [*deployed, *whole, *silent]
        outputs: list[Output] = []  # numbered; dead letters are not, their offsets name them
        for body in bodies:
            output = self._output(body, f"{name}-{len(outputs)}")
            if isinstance(body, Pane) and len(output.value or b"") > MESSAGE_BYTES:
                outputs += [
                    self._output(part, f"{name}-{number}")
                    for number, part in enumerate(parts(body, encode), start=len(outputs))
                ]
            else:
                outputs.append(output)
        return [*dead, *outputs]

    def _output(self, body: PaneTopic, id: str) -> Output:
        kind = "pane" if isinstance(body, Pane) else "deployed"
        time = spelled(body.at)
        return record(self._panes_topic, body, id=id, key=body.subject.model, kind=kind, time=time, role=self.name)

    def _cut(self, now_ms: int) -> list[Output]:
        """Make panes of everything so far; return the dead letters of rows that waited for others of their kind."""
        dead = self._one_by_one(self._alike.settle(self._tally), now_ms)
        if self._tally.rows:
            self._panes += panes(
                self._tally, self._binnings, self._texts, self._bounds, now_ms, self._worker, self._alike.ways
            )
            for kind, many in self._tally.admitted.items():
                self.events[KINDS[kind]] += many
            self._tally = Tally(self._bounds.columns, self._bounds.subjects, self._bounds.projections)
        return dead

    def _learn(self, now_ms: int) -> None:
        for binning in self._news():
            self.binnings_refused += not self._binnings.learn(binning)
            if self._speaks_for_all:
                self._silence.expect([binning.subject], now_ms)


def profile(settings: Settings, slot: int) -> Profile:
    """The role as a process runs it: with a clock, and with all binnings that were published before it started."""
    return Profile(settings, slot, now_ms=lambda: time.time_ns() // 1_000_000, news=published(settings, slot))


def published(settings: Settings, slot: int) -> Callable[[], Iterable[Binning]]:
    """Where binnings come from, as they are published."""
    name = f"{settings.group}-profile-{slot}-binnings"
    return Follower(settings.kafka, settings.topics.binnings, name, read_binning).news
