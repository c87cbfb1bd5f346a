"""Who watches the watchers: a reader that notes when each lane of each role last showed that it is looked after.

A pane shows from which partitions it was counted (`feed.py`), a heartbeat which lane of panes it follows from, and an
incident of a probe which lane of anomalies. Each carries the time of what it follows from, so what is seen after a
fault counts as recovery only if it follows from something newer than the fault.
"""

import threading
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import orjson
from confluent_kafka import OFFSET_BEGINNING, Message
from confluent_kafka import TopicPartition as Position

from stream.incidents import instant
from tests.torture.ground import Ground, reader
from tests.torture.oracle import id_of, ours

EVERY_S = 0.02  # two sightings of a lane are at least so far apart


@dataclass
class Sightings:
    """Of one lane, in seconds since 1970: when it was seen, and of when what was seen tells."""

    seen: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)

    def add(self, seen: float, told: float) -> None:
        if not self.seen or seen - self.seen[-1] >= EVERY_S or told > self.told[-1] + EVERY_S:
            self.seen.append(seen)
            self.told.append(told)

    def after(self, moment: float) -> float | None:
        """When something was first seen that tells of a later time than this."""
        for seen, told in zip(
            *(times[bisect_left(self.seen, moment) :] for times in (self.seen, self.told)), strict=True
        ):
            if told >= moment:
                return seen
        return None

    def longest_gap(self) -> float:
        return max((after - before for before, after in zip(self.seen, self.seen[1:], strict=False)), default=0.0)


class Watch(threading.Thread):
    """Reads what is committed, from the beginning until told to stop."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(name="watch", daemon=True)
        self.lanes: dict[str, dict[int, Sightings]] = defaultdict(lambda: defaultdict(Sightings))  # of each role
        self.records: Counter[str] = Counter()  # by purpose
        self._purposes = {
            getattr(ground.settings.topics, purpose): purpose
            for purpose in ("panes", "heartbeats", "anomalies", "incidents", "dlq")
        }
        self._consumer = reader(ground.settings)
        self._consumer.assign(
            [
                Position(topic, lane, OFFSET_BEGINNING)
                for topic in self._purposes
                for lane in range(ground.settings.topics.partitions)
            ]
        )
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.is_set():
            for message in self._consumer.consume(200, 0.1):
                purpose = self._purposes.get(message.topic() or "", "")
                if message.error() is None and (purpose == "dlq" or not ours(message)):
                    self.records[purpose] += 1
                    self._note(purpose, message)
        self._consumer.close()

    def _note(self, purpose: str, message: Message) -> None:
        now, body = time.time(), orjson.loads(message.value() or b"{}") if purpose != "dlq" else {}
        match purpose:
            case "panes":
                for version in body.get("versions", {}):
                    self.lanes["profile"][int(version[1:])].add(now, body["at"] / 1000)
            case "heartbeats":
                lane = int(id_of(message.headers()).rpartition("/")[2].partition("-")[0])
                self.lanes["judge"][lane].add(now, instant.ms(body["at"]) / 1000)
            case "incidents" if body["model"].startswith("probe-") and follows_from_an_anomaly(body["steps"][-1]):
                lane = int(body["model"].partition("-")[2])
                self.lanes["incidents"][lane].add(now, instant.ms(body["updated_at"]) / 1000)

    def recovered(self, role: str, moment: float) -> float | None:
        """Seconds from this moment until every lane of a role was watched again; None: not all were."""
        seen = [lane.after(moment) for lane in list(self.lanes[role].values())]
        return None if None in seen or not seen else max(each for each in seen if each) - moment

    def longest_stall(self, role: str) -> float:
        return max((lane.longest_gap() for lane in self.lanes[role].values()), default=0.0)

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def follows_from_an_anomaly(step: dict[str, str]) -> bool:
    """Else it tells of a lane of commands, or of the clock. The last member that recovers resolves its incident."""
    return "anomaly" in step or step["what"] == "resolved"
