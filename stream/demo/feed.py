"""The serving system of the demo: it writes one JSON event per request to Kafka, at a steady pace, and keeps a diary.

It waits for nobody, as people do not, except on the embedded broker, which would forget what is not read soon.
"""

import threading
import time
from collections.abc import Callable

import orjson
from confluent_kafka import KafkaException, Producer

from stream.demo.diary import Diary
from stream.demo.traffic import Traffic
from stream.kafka import plain_producer
from stream.settings import Settings

TICK_S = 0.02
FLUSH_S = 30.0


class Feed(threading.Thread):
    """Sends the whole traffic at `per_second` requests. `backlog()` says how many events nobody has counted yet."""

    def __init__(
        self, settings: Settings, traffic: Traffic, per_second: int, backlog: Callable[[], int], at_most: int | None
    ) -> None:
        super().__init__(name="feed", daemon=True)
        self.diary = Diary(traffic.story.length)
        self.garbage = 0  # malformed events sent
        self.failure = ""  # why it ended early, in a sentence
        self._traffic, self._topics = traffic, settings.topics
        self._per_second, self._backlog, self._at_most = per_second, backlog, at_most
        self._producer = Producer(plain_producer(settings.kafka) | {"linger.ms": 20, "compression.type": "lz4"})
        self._stopping = threading.Event()

    def run(self) -> None:
        try:
            self._send_all()
        except (KafkaException, BufferError) as reason:
            self.failure = f"the traffic could not be sent: {reason}"

    def stop(self) -> None:
        """Send no more, soon."""
        self._stopping.set()

    def _send_all(self) -> None:
        length = self._traffic.story.length
        chunk = max(1, round(self._per_second * TICK_S))
        due = time.monotonic()
        for begin in range(0, length, chunk):
            if self._stopping.is_set():
                break
            self._send(begin, min(length, begin + chunk))
            due = max(due + chunk / self._per_second, time.monotonic() - 1.0)  # after a pause: no flood
            while not self._stopping.is_set() and (time.monotonic() < due or self._too_far_ahead()):
                self._producer.poll(TICK_S / 2)
        self._producer.flush(FLUSH_S)

    def _too_far_ahead(self) -> bool:
        return self._at_most is not None and self._backlog() > self._at_most

    def _send(self, begin: int, end: int) -> None:
        for place, event in zip(range(begin, end), self._traffic.events(begin, end), strict=True):
            now = time.time_ns() // 1_000_000
            if (deployment := self._traffic.deployment(place)) is not None:
                self._produce(self._topics.deployments, orjson.dumps(deployment | {"ts": now}))
            if (garbage := self._traffic.garbage(place)) is not None:
                self._produce(self._topics.predictions, garbage)
                self.garbage += 1
            if event is not None:
                event["ts"] = now
                self._produce(self._topics.predictions, orjson.dumps(event))
            self.diary.note(now, sent=event is not None)

    def _produce(self, topic: str, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value)
                return
            except BufferError:  # the client's own queue is full: let it drain
                self._producer.poll(TICK_S)
