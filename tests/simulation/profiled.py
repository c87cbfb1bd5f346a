"""The real profile in the simulation: all four kinds of events as JSON, and what is none.

What its panes must add up to is counted as `tests.profile.reference` does it: one value at a time. All numbers are
whole, so that sums are exact in whatever order they are added.
"""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from random import Random
from typing import Any

import numpy as np

from detectors.binning import universal
from schemas.pane import Column, Deployed, Pane
from schemas.records import pane as read_pane
from stream.clock import Clock
from stream.engine.role import Lane
from stream.roles.profile import Profile
from stream.settings import Privacy, Settings
from stream.settings import Profile as ProfileSettings
from tests.profile.reference import cells, finite, key_of
from tests.simulation.group import Entry
from tests.simulation.logs import BEGAN_MS
from tests.simulation.reference import Counts, Seen
from tests.simulation.scenario import Scenario

EVENTS = 120  # of a lane
USUAL = 0.9  # of them are alike, as those of one producer: they have a way of their own
SETTINGS = Settings(profile=ProfileSettings(pane_ms=2_000, heartbeat_ms=8_000), privacy=Privacy(public=["*"]))
POISON = (
    b"",
    b"{bad",
    b"[1, 2]",
    b"\xff\xfe",
    b'{"kind":"prediction"}',
    b'{"kind":"gossip","model":"churn"}',
    b'{"kind":"prediction","model":"churn","features":{"age":[41]}}',
    b'{"kind":"prediction","model":"churn","ts":"2199-01-01T00:00:00Z","prediction":1}',
)


def profile(clock: Clock) -> Profile:
    return Profile(SETTINGS, 1, now_ms=lambda: BEGAN_MS + int(clock.time() * 1000))


def values(random: Random, lane: Lane) -> Iterator[bytes]:
    kind = {
        SETTINGS.topics.predictions: "prediction",
        SETTINGS.topics.features: "feature",
        SETTINGS.topics.labels: "label",
        SETTINGS.topics.deployments: "deployment",
    }[lane.topic]
    many = 5 if kind == "deployment" else EVENTS
    for _ in range(many):
        yield random.choice(POISON) if random.random() < 0.03 else json.dumps(event(random, kind)).encode()


def event(random: Random, kind: str) -> dict[str, Any]:
    made: dict[str, Any] = {"kind": kind, "model": random.choice(("churn", "fraud", "price"))}
    odd = random.random() > USUAL
    if odd and random.random() < 0.5:
        made["version"] = str(random.randrange(3))
    if odd and random.random() < 0.5:
        made["ts"] = BEGAN_MS - random.choice((1_000, 3_600_000))
    ages, plans = (1, 17, 400, None), ("pro", "basic")
    features = {
        "age": random.choice((*ages, float("nan")) if odd else ages),
        "plan": random.choice((*plans, True) if odd else plans),
    }
    if kind == "deployment":
        made["action"] = "deployed"
    elif kind == "label":
        made |= {"prediction_id": f"p{random.randrange(99)}", "label": random.choice((0, 1, 25))}
    elif kind == "feature":
        made["features"] = features
    else:
        made |= {"features": features, "prediction": random.randrange(9), "segments": {"region": random.choice("ab")}}
    return made


def to_count(lane: Lane, entry: Entry) -> Counts | None:
    """Of one event: its row, its cells, and the part of its slice."""
    if entry.value in POISON:
        return None
    event = json.loads(entry.value)
    if event["kind"] == "deployment":
        return Counter({(event["model"], "deployed"): 1})
    subject = key_of(event)
    counts: Counts = Counter({(subject, "rows"): 1, (subject, "version", event.get("version", "unversioned")): 1})
    counts[subject, "late"] += entry.timestamp_ms - event.get("ts", entry.timestamp_ms) > SETTINGS.profile.late_ms
    counts[subject, "future"] += event.get("ts", entry.timestamp_ms) - entry.timestamp_ms > SETTINGS.profile.future_ms
    for column, value in cells(event):
        if isinstance(value, str | bool):
            counts[subject, column, str(value).lower() if isinstance(value, bool) else value] += 1
        elif value is None or not finite(value):
            counts[subject, column, "nulls"] += 1
        else:
            counts.update({(subject, column, "sum"): value, (subject, column, bucket(value)): 1})
    for segment, value in event.get("segments", {}).items():
        counts[subject, f"{segment}={value}", "rows"] += 1
    return counts


@cache
def bucket(value: float) -> int:
    return int(universal(np.array([float(value)]))[0])


def counts(output: Seen) -> Counts:
    """What a pane says."""
    pane = read_pane(output.value)
    if isinstance(pane, Deployed):
        return Counter({(pane.subject.model, "deployed"): 1})
    assert isinstance(pane, Pane), pane
    subject = pane.subject.key
    counts: Counts = Counter({(subject, "rows"): pane.rows, (subject, "late"): pane.late})
    counts[subject, "future"] = pane.future
    counts.update({(subject, "version", version): n for version, n in pane.versions.items()})
    for name, column in pane.columns.items():
        counts.update(of_column(subject, name, column))
    counts.update({(subject, name, "rows"): part.rows for name, part in pane.slices.items()})
    return +counts


def of_column(subject: str, name: str, column: Column) -> dict[Any, int]:
    said = {(subject, name, "nulls"): column.nulls, (subject, name, "sum"): int(column.sum)}
    said |= {(subject, name, at): n for at, n in zip(column.at, column.counts, strict=True)}
    return said | {(subject, name, value): n for value, n in column.values.items()}


TOPICS = SETTINGS.topics
PROFILE = Scenario(profile, values, SETTINGS, TOPICS.panes, counts, to_count, TOPICS.dlq)
