"""What Leeway said: a reader of its topics, like anybody's; it keeps alarms, incidents, dead letters and counts."""

from collections.abc import Iterable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.anomaly import Anomaly
from schemas.incident import Incident
from schemas.pane import Pane
from schemas.records import anomaly, incident, pane
from stream.demo.account import Alarm, Span
from stream.demo.story import MODEL
from stream.kafka import connection
from stream.settings import Settings

WAIT_S = 30.0  # for the list of partitions
BATCH = 500


class Listener:
    """Reads from the beginning of every topic, without a group: it commits nothing."""

    def __init__(self, settings: Settings) -> None:
        self.alarms: dict[str, Alarm] = {}  # by id: a repeat is no second alarm
        self.incidents: dict[str, Incident] = {}  # as they stand
        self.dead: set[tuple[int, int]] = set()  # partition and offset of each dead letter
        self.counted = 0  # events that are in committed panes
        self.panes: dict[int, Span] = {}  # by the moment at which they were cut
        self._topics = settings.topics
        self._consumer = Consumer(
            connection(settings.kafka)
            | {
                "group.id": f"{settings.group}-listener",  # the client wants a name; it is never used
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "fetch.queue.backoff.ms": 10,
            }
        )
        self._consumer.assign(list(self._lanes()))

    def _lanes(self) -> Iterable[TopicPartition]:
        known = self._consumer.list_topics(timeout=WAIT_S).topics
        for topic in (self._topics.anomalies, self._topics.incidents, self._topics.panes, self._topics.dlq):
            for partition in known[topic].partitions:
                yield TopicPartition(topic, partition, OFFSET_BEGINNING)

    def listen(self, seconds: float) -> list[Anomaly | Incident]:
        """What was said within so many seconds; returns as soon as there is something."""
        messages = self._consumer.consume(BATCH, seconds)
        heard = (self._hear(message) for message in messages)
        return [news for news in heard if news is not None]

    def close(self) -> None:
        self._consumer.close()

    def _hear(self, message: Message) -> Anomaly | Incident | None:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._ALL_BROKERS_DOWN or error.retriable():
                return None
            raise KafkaException(error)
        topic, value = message.topic(), message.value()
        if topic == self._topics.anomalies:
            return self._hear_anomaly(message)
        if topic == self._topics.incidents:
            said = incident(value)
            if isinstance(said, Incident):
                self.incidents[said.id] = said
                return said
        elif topic == self._topics.panes:
            self._hear_pane(value)
        elif topic == self._topics.dlq:
            self.dead.add((message.partition() or 0, message.offset() or 0))
        return None

    def _hear_anomaly(self, message: Message) -> Anomaly | None:
        said = anomaly(message.value())
        if not isinstance(said, Anomaly) or said.id in self.alarms:
            return None
        self.alarms[said.id] = Alarm(said, readable_ms=message.timestamp()[1])
        return said

    def _hear_pane(self, value: bytes | None) -> None:
        counts = pane(value)
        if isinstance(counts, Pane) and counts.subject.model == MODEL and counts.part == 0:
            self.counted += counts.rows
            if counts.since:
                span = Span(counts.since, counts.until, counts.lag_ms)
                self.panes[counts.at] = self.panes.get(counts.at, span).with_pane(span.since, span.until, span.lag_ms)
