"""How soon the lanes of a killed judge are watched again: `kill -9`, on defaults.

A heartbeat of the judge says which lane of panes it follows from, and of what time its pane is. So a lane is watched
again when a heartbeat is readable that tells of a pane from after the kill; the slowest lane counts. Twice: under
`leeway up`, which starts the judge again at once and in its seat; and where nobody starts it again, so that the other
judge takes its lanes when Kafka has missed it for `kafka.session_ms`. That nothing is lost or doubled on the way is
what `make torture` is for.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import orjson
from confluent_kafka import Consumer, TopicPartition

from benchmarks.bars import Bar
from benchmarks.latency import Traffic
from benchmarks.place import PARTITIONS, Place
from stream.embedded import child
from stream.incidents import instant
from stream.supervisor import PROVED_S

BAR = Bar("kill -9 of a judge: until its lanes are watched again, slowest", 15.0, unit="s")
VARIABLES = {
    "LEEWAY__JUDGE__HEARTBEAT_S": "1",  # to see it; that of a minute is for people
    "LEEWAY__TOPICS__PARTITIONS": str(PARTITIONS),
}
MODELS = [f"model-{number}" for number in range(24)]  # more than lanes, so that every lane has panes
PER_S = 240
PATIENCE_S = 120.0
SETTLED_S = PROVED_S  # between all lanes being watched and the next kill: who dies again sooner is started again later

Step = Callable[[], None]
Steps = tuple[Step, Step]  # what kills a judge, and what brings it back before it is killed again


@dataclass
class Heartbeats:
    """When each lane was last seen, and of what time what was seen told: seconds since 1970."""

    place: Place
    told: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)

    def start(self) -> None:
        """Read for as long as this process lives."""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        reader = {"bootstrap.servers": self.place.bootstrap, "group.id": "bench-heartbeats", "log_level": 0}
        consumer = Consumer(reader | {"enable.auto.commit": False, "isolation.level": "read_committed"})
        topic = self.place.settings().topics.heartbeats
        consumer.assign([TopicPartition(topic, lane, 0) for lane in range(PARTITIONS)])
        while True:
            message = consumer.poll(1.0)
            if message is None or message.error() is not None:
                continue
            id = dict(message.headers() or [])["ce_id"].decode()
            lane = int(id.rpartition("/")[2].partition("-")[0])
            self.told[lane] = instant.ms(orjson.loads(message.value() or b"")["at"]) / 1000
            self.seen[lane] = time.time()

    def all_since(self, moment: float) -> bool:
        """Whether every lane was seen to be watched after some moment."""
        return len(self.told) == PARTITIONS and all(told >= moment for told in self.told.values())


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """Kill a judge again and again, in both ways."""
    heartbeats, kills = Heartbeats(place), 3 if quick else 7
    heartbeats.start()
    traffic, done = Traffic(place), threading.Event()
    sending = threading.Thread(target=traffic.flow, args=(PER_S, lambda: MODELS, done.is_set), daemon=True)
    sending.start()
    taken: dict[str, list[float]] = {}
    try:
        for name, way in (("started again by leeway up", supervised), ("its lanes go to another judge", left_alone)):
            taken[name] = []
            with way(place) as (kill, bring_back):
                for number in range(kills):
                    wait_for(heartbeats, time.time())
                    time.sleep(SETTLED_S)
                    moment = time.time()
                    kill()
                    wait_for(heartbeats, moment)
                    taken[name].append(round(time.time() - moment, 2))
                    bring_back()
                    say(f"{name}: {taken[name][-1]} s, kill {number + 1} of {kills}")
    finally:
        done.set()
        sending.join()
    rows = [
        {"the judge is": name, "kills": len(each), "median s": median(each), "slowest s": max(each)}
        for name, each in taken.items()
    ]
    slowest = max(max(each) for each in taken.values())
    return {"rows": rows, "bars": [BAR.verdict(slowest)], "taken": taken}


def wait_for(heartbeats: Heartbeats, moment: float) -> None:
    """Until all lanes are watched after a moment."""
    give_up = time.monotonic() + PATIENCE_S
    while not heartbeats.all_since(moment):
        if time.monotonic() > give_up:
            raise TimeoutError(f"of {PARTITIONS} lanes only {heartbeats.told} are watched after {PATIENCE_S:.0f} s")
        time.sleep(0.02)


@contextmanager
def supervised(place: Place) -> Iterator[Steps]:
    """`leeway up` with two workers a role, which brings everybody back by itself."""
    with tempfile.NamedTemporaryFile("r", prefix="leeway-bench-") as said:

        def kill() -> None:
            said.seek(0)
            pids = re.findall(r"judge-0 .*started.*, pid (\d+)", said.read())
            os.kill(int(pids[-1]), signal.SIGKILL)

        with started(place, "up", "--workers", "2", said=Path(said.name)):
            yield kill, lambda: None


@contextmanager
def left_alone(place: Place) -> Iterator[Steps]:
    """A profile worker and two judges."""
    with ExitStack() as running:
        running.enter_context(started(place, "profile"))
        running.enter_context(started(place, "judge", "--slot", "1"))
        seat: list[subprocess.Popen[str]] = []

        def bring_back() -> None:
            seat[:] = [running.enter_context(started(place, "judge", "--slot", "0"))]

        bring_back()
        yield lambda: seat[0].kill(), bring_back


@contextmanager
def started(place: Place, *words: str, said: Path = Path(os.devnull)) -> Iterator["subprocess.Popen[str]"]:
    """A command, until the block ends."""
    command = [sys.executable, "-m", "stream.cli", *words, "--kafka", place.bootstrap, "--redis", place.redis]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LEEWAY")}
    with said.open("w") as log:
        running = child.start(command, stdout=log, stderr=log, env=environ | VARIABLES)
    try:
        yield running
    finally:
        child.stop(running, 30)
