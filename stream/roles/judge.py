"""The judge: a pure fold of the panes topic. Panes in; binnings, anomalies and heartbeats out; nothing else matters.

What drift is, is said in `detectors.watch`. Here is only how its findings leave: with deterministic ids, fingerprints
and words.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from math import isnan
from typing import Any

import msgspec

from detectors.budget import parse
from detectors.guests import invite
from detectors.watch import naming
from detectors.watch.finding import Finding, Histogram
from detectors.watch.fold import News, Watch
from detectors.watch.picture import pictures
from detectors.watch.signal import Signal
from detectors.watch.state import WatchState
from detectors.watch.track import key_of
from schemas.anomaly import Anomaly, Cause, DetectorRef, Evidence, Statistic, Window
from schemas.dead_letter import Reason
from schemas.heartbeat import Heartbeat
from schemas.moment import rfc3339
from schemas.pane import Pane, PaneTopic, family
from schemas.records import pane
from schemas.subject import Subject
from stream import links
from stream.engine.role import Lane, Message, Output
from stream.outputs import dead_letter, record
from stream.roles.said import Said
from stream.settings import Settings
from stream.view import View


class Judge:
    """The folding role of `stream.engine.role`: one `WatchState` per subject."""

    name = "judge"
    every_s = 1.0
    soon_s = 0.05  # an anomaly waits for no pane but its own

    def __init__(self, settings: Settings, view: View | None = None) -> None:
        self.settings = settings
        self.topics: tuple[str, ...] = (settings.topics.panes,)
        self.view = view
        self.watch = watch(settings)
        self.said = Said(self.watch.budget)
        self.config = "blake2b:" + blake2b(msgspec.json.encode(settings.judge), digest_size=8).hexdigest()

    def read(self, lane: Lane, message: Message) -> tuple[str, PaneTopic] | Reason:
        """A pane or a deployment note, and the subject it belongs to."""
        content = pane(message.value())
        return content if isinstance(content, Reason) else (content.subject.key, content)

    def new(self) -> WatchState:
        """Nothing known yet."""
        return self.watch.start()

    def fold(self, state: WatchState, record: PaneTopic, name: str) -> tuple[WatchState, Sequence[Output]]:
        """One pane further."""
        after, news = self.watch.step(state, record)
        return after, self._outputs(after, record, news, name)

    def _outputs(self, state: WatchState, content: PaneTopic, news: News, name: str) -> list[Output]:
        """Binnings first: what profile is to do does not wait for what people are to read."""
        topics, subject = self.settings.topics, content.subject
        bodies: list[tuple[str, str, str, msgspec.Struct]] = [
            (topics.binnings, "binning", binning.key, binning) for binning in news.binnings
        ]
        for finding in news.findings:
            id = f"{name}-{len(bodies)}"
            body = self.anomaly(subject, finding, id, name)
            bodies.append((topics.anomalies, "anomaly", subject.model, body))
        if news.heartbeat:
            bodies.append((topics.heartbeats, "heartbeat", subject.key, self.heartbeat(state, content)))
        time = rfc3339(content.at) if bodies else ""
        return [
            record(topic, body, kind=kind, id=f"{name}-{i}", key=key, time=time, role=self.name)
            for i, (topic, kind, key, body) in enumerate(bodies)
        ]

    def anomaly(self, subject: Subject, finding: Finding, id: str, name: str) -> Anomaly:
        """A finding with its names: all that a person or a program needs in order to believe it."""
        kind, segment = naming.class_of(finding), naming.segment_of(finding)
        feature, rules = feature_of(finding), self.settings.incidents
        trouble = fingerprint(subject, kind, feature, segment)
        return Anomaly(
            id=id,
            fingerprint=trouble,
            status=finding.edge,
            severity=naming.severity_of(finding),
            model=subject.model,
            version=finding.version,
            deployment=subject.deployment,
            class_=kind,
            detector=DetectorRef(kind=finding.detector, config=self.config),
            window=Window(
                start=rfc3339(finding.onset),
                end=rfc3339(finding.at),
                n=finding.n,
                reference="learnt",
                reference_n=finding.reference_n,
            ),
            statistic=Statistic(
                name="evidence",
                value=written(finding.evidence),
                threshold=written(finding.threshold),
                effect=naming.effect_of(finding),
                smallest_visible=naming.smallest_of(finding),
            ),
            onset_at=rfc3339(finding.onset),
            onset_until=rfc3339(finding.onset_until) if finding.onset_until else "",
            detected_at=rfc3339(finding.at),
            summary=naming.summary_of(finding),
            tenant=subject.tenant,
            environment=subject.environment,
            source=subject.source,
            feature=feature,
            segment=segment,
            causes=[
                Cause(kind=what, ref=ref, score=round(score, 3), why=why) for what, ref, score, why in finding.causes
            ],
            evidence=evidence(finding.histogram, name),
            owner=rules.owners.get(subject.model, ""),
            runbook_url=links.runbook(rules, subject.model, kind),
            console_url=links.search(rules, trouble),
        )

    def heartbeat(self, state: WatchState, content: PaneTopic) -> Heartbeat:
        """Which of the five states the subject is in."""
        columns, slices = unwatched(state, content)
        return Heartbeat(
            subject=content.subject,
            state=state.health,
            at=rfc3339(content.at),
            since=rfc3339(state.health_since),
            rows=state.rows,
            columns=len(state.columns),
            watching=self.watch.watching(state),
            drifting=self.watch.drifting(state),
            unwatched_columns=columns,
            unwatched_slices=slices if self.watch.segments else 0,
            lag_ms=state.lag_ms,
            budget=str(self.watch.budget),
        )

    def dead(self, lane: Lane, message: Message, reason: Reason) -> Output:
        """A record on our own topic that is no pane."""
        return dead_letter(self.settings.topics.dlq, lane, message, reason, self.name)

    def encode(self, state: WatchState) -> bytes:
        """Same state, same bytes."""
        return self.watch.encode(state)

    def decode(self, data: bytes) -> WatchState:
        """Raises ValueError with a sentence when the bytes come from a newer version."""
        return self.watch.decode(data)

    def show(self, states: Iterable[tuple[str, WatchState]]) -> None:
        """Keep what people look at up to date."""
        if self.view is not None:
            self.view.show((key, partial(self.pictures, key, state)) for key, state in states)

    def pictures(self, key: str, state: WatchState) -> dict[str, dict[str, Any]]:
        """What people look at: the subject and its columns, and what is beyond its quota."""
        found = pictures(self.watch, state)
        columns, slices = self.said.beyond(key)
        found["subject"] |= {"unwatched_columns": columns, "unwatched_slices": slices}
        return found

    def sent(self, output: Output) -> None:
        """Count what is on its way to Kafka."""
        if output.topic == self.settings.topics.anomalies:
            self.said.anomaly(output.value or b"")
        elif output.topic == self.settings.topics.heartbeats:
            self.said.heartbeat(msgspec.json.decode(output.value or b"", type=Heartbeat))


def watch(settings: Settings) -> Watch:
    """What drift is, as configured."""
    judge = settings.judge
    return Watch(
        budget=parse(judge.budget),
        reference=judge.reference,
        burn_in=judge.burn_in,
        independent=judge.independent,
        season=tuple(judge.season.items()),
        margin=judge.margin,
        segments=judge.segments,
        bucket_ms=judge.bucket_s * 1000,
        lagging_ms=judge.lagging_s * 1000,
        silence_ms=judge.silence_s * 1000,
        heartbeat_ms=judge.heartbeat_s * 1000,
        signals=tuple(
            Signal(invite(guest.kind, guest.parameters), tuple(guest.columns), guest.signal) for guest in judge.guests
        ),
    )


def judge(settings: Settings) -> Judge:
    """The role as the command line starts it, with the view people read in Redis."""
    return Judge(settings, View.of(settings))


def written(number: float) -> float:
    """As JSON can have it: evidence beyond all numbers is the largest one, and what is no number is none.

    >>> written(float("inf")) > 1e308, written(float("nan")), written(2.5)
    (True, 0.0, 2.5)
    """
    return 0.0 if isnan(number) else min(number, sys.float_info.max)


def feature_of(finding: Finding) -> str:
    """A feature by its bare name, directions of an embedding by the embedding's, everything else by its column's."""
    if not finding.column:
        return ""
    match family(finding.column):
        case "feature":
            return naming.name_of(finding)
        case "embedding":
            return finding.column.rpartition(".")[0]
    return finding.column


def unwatched(state: WatchState, content: PaneTopic) -> tuple[int, int]:
    """How many columns and slices of a pane are beyond what is watched of one subject."""
    if not isinstance(content, Pane):
        return 0, 0
    columns = sum(1 for name in content.columns if key_of(name, "") not in state.tracks)
    slices = {track.segment for track in state.tracks.values()}
    return columns, sum(1 for name in content.slices if name not in slices)


def fingerprint(subject: Subject, kind: str, feature: str, segment: Mapping[str, str]) -> str:
    """The same trouble has the same fingerprint: no version, value or time in it. Deployments of two models may have
    the same name.

    >>> churn, fraud = (Subject(model=model, deployment="production") for model in ("churn", "fraud"))
    >>> fingerprint(churn, "feature_drift", "age", {}) == fingerprint(fraud, "feature_drift", "age", {})
    False
    """
    parts = [subject.key, kind, feature]
    parts += [f"{key}={value}" for key, value in sorted(segment.items())]
    return blake2b("\x00".join(parts).encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def evidence(histogram: Histogram, name: str) -> Evidence:
    """What to look at, and the record in Kafka that tipped the scales."""
    lane, _, offset = name.rpartition("-")
    topic, _, partition = lane.rpartition("/")
    return Evidence(
        labels=list(histogram.labels),
        reference=[written(round(count, 2)) for count in histogram.reference],
        live=[written(round(count, 2)) for count in histogram.live],
        offsets={topic: {partition: (int(offset), int(offset))}},
    )
