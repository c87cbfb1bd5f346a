"""Models beyond every quota beside ordinary ones: what is cut off says so, and the ordinary ones are served as ever."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from tests.conftest import Platform
from tests.overload.flood import event
from tests.overload.flooded import WORKERS, highest, rounded
from tests.overload.gauges import Gauges, told
from tests.pipeline.installation import Installation, Records

MILLION = 1_000_000
NAMES, AT_ONCE = 10_000, 400  # features of a wide model, and of one event of it: 512 is the most
SETTLING = 1_600
CHUNK = 20
EVERY_S = 0.1
Stream = Iterator[dict[str, Any]]


def wide(chance: random.Random) -> Stream:
    """Ten thousand features, some hundred in each event."""
    while True:
        first = chance.randrange(NAMES)
        features = {f"f{(first + at) % NAMES}": round(chance.gauss(0, 1), 3) for at in range(AT_ONCE)}
        yield {"kind": "prediction", "model": "wide", "features": features, "prediction": chance.random()}


def spelled(chance: random.Random) -> Stream:
    """A million categories."""
    while True:
        features = {"user": f"user-{chance.randrange(MILLION)}", "age": chance.gauss(40, 8)}
        yield {"kind": "prediction", "model": "spelled", "features": features, "prediction": chance.random()}


def sliced(chance: random.Random) -> Stream:
    """A million values of a segment."""
    while True:
        made = event("sliced", chance)
        yield made | {"segments": {"user": f"user-{chance.randrange(MILLION)}", "region": chance.choice(("eu", "us"))}}


def renamed(chance: random.Random) -> Stream:
    """Names that change with every event, as when an id is part of them."""
    for number in range(MILLION):
        features = {"age": chance.gauss(40, 8), f"session-{number}": 1.0}
        yield {"kind": "prediction", "model": "renamed", "features": features, "prediction": chance.random()}


GIANTS: dict[str, Callable[[random.Random], Stream]] = {
    "wide": wide,
    "spelled": spelled,
    "sliced": sliced,
    "renamed": renamed,
}


def run(platform: Platform, folder: Path, seconds: float, giants: tuple[str, ...] = tuple(GIANTS)) -> dict[str, Any]:
    """What the giants cost, what was said of them, and how long alarms of the others took before and beside them."""
    service = Installation(platform, folder, {"profile.pane_ms": 500, "judge.heartbeat_s": 5})
    with service.up(), Gauges(service, WORKERS, platform.redis_url) as gauges, Records(service) as records:
        feed = Feed(service)
        feed.settle(records, ("early", "late"))
        alone_s = feed.until_alarm("early", records)
        began_s = time.monotonic() - gauges.began
        feed.invite(giants)
        feed.go_on(seconds, records)
        beside_s = feed.until_alarm("late", records)
        service.flush()
        records.until(lambda: all_there(records, feed.sent), "every event in a pane or a dead letter")
        time.sleep(2.0)  # for a last look
        judge, profile = gauges.metrics("judge-0"), gauges.metrics("profile-0")
        status = service.run("status").stdout
        restarts = {worker: len(service.pids(worker)) - 1 for worker in WORKERS}
        curves = dict(gauges.curves)
    refused = letters(records)
    assert not any(restarts.values()), restarts
    assert set(refused) <= {f"{model} over_quota" for model in ("wide", "renamed")}, refused
    assert not {"early", "late"} & {beat.subject.model for beat in records.heartbeats if beat.unwatched_columns}
    return {
        "seconds_to_anomaly": {"alone": alone_s, "beside_giants": beside_s},
        "events": dict(feed.sent),
        "dead_letters": dict(refused),
        "in_panes": {model: rows for model, rows in records.rows.items()},
        "unwatched": {name: judge[name] for name in judge if name.startswith("leeway_unwatched{")},
        "over_quota_metric": profile.get("leeway_dead_letters_total{over_quota}", 0.0),
        "state_bytes": judge["leeway_state_bytes"],
        "largest_pane_bytes": largest(records),
        "longest_lag_s": {worker: round(max(one.lag_s for one in curve), 1) for worker, curve in curves.items()},
        "before_mb": rounded(highest(curves, 0.0, began_s)),
        "beside_mb": rounded(highest(curves, began_s, float("inf"))),
        "curves": {worker: told(curve) for worker, curve in curves.items()},
        "status_said": [line.strip() for line in status.splitlines() if "not watched" in line],
    }


class Feed:
    """A few hundred events a second of everyone who was invited."""

    def __init__(self, service: Installation) -> None:
        self.service = service
        self.sent: Counter[str] = Counter()
        self._shifts = {"early": 0.0, "late": 0.0}
        self._streams: dict[str, Stream] = {model: self._plain(model) for model in self._shifts}

    def invite(self, giants: tuple[str, ...]) -> None:
        self._streams |= {model: GIANTS[model](random.Random(model)) for model in giants}

    def _plain(self, model: str) -> Stream:
        chance = random.Random(model)
        while True:
            yield event(model, chance, self._shifts[model])

    def send(self, rows: int) -> None:
        for model, stream in self._streams.items():
            self.service.send("predictions", islice(stream, rows))
            self.sent[model] += rows

    def settle(self, records: Records, models: tuple[str, ...]) -> None:
        self.send(SETTLING)
        quiet = dict.fromkeys(models, "quiet")
        records.until(lambda: {b.subject.model: b.state for b in records.heartbeats} == quiet, "calm", self._chunk)

    def go_on(self, seconds: float, records: Records) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._chunk()
            records.read(0.0)

    def until_alarm(self, model: str, records: Records) -> float:
        """Let a model drift; seconds until its first alarm can be read."""
        self._shifts[model], began = 3.0, time.monotonic()

        def firing() -> bool:
            return any(one.model == model and one.status == "firing" for one in records.anomalies)

        records.until(firing, f"an alarm of {model}", self._chunk)
        return round(time.monotonic() - began, 2)

    def _chunk(self) -> None:
        self.send(CHUNK)
        time.sleep(EVERY_S)


def letters(records: Records) -> Counter[str]:
    """Dead letters by model and code."""
    models = ("wide", "spelled", "sliced", "renamed", "early", "late")
    whose = ((next(m for m in models if f'"{m}"'.encode() in (one.value or b"")), one) for one in records.letters)
    return Counter(f"{model} {one.reason.code}" for model, one in whose)


def all_there(records: Records, sent: Counter[str]) -> bool:
    """Whether every event was counted or refused."""
    seen: Counter[str] = Counter()
    for name, many in (*records.rows.items(), *letters(records).items()):
        seen[name.split()[0]] += many
    return seen == sent


def largest(records: Records) -> dict[str, int]:
    """The largest pane of each model, as it is in Kafka."""
    sizes: dict[str, int] = {}
    for message in records["panes"]:
        model = (message.key() or b"").decode()
        sizes[model] = max(sizes.get(model, 0), len(message.value() or b""))
    return sizes
