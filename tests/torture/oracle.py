"""What has to have come out, worked out from the topics alone, and what is amiss with what did.

Events are counted where they lie, with `read_committed`, one value at a time; panes as they lie are folded by a judge
in this process; anomalies and commands as they lie are applied one by one. Nothing is asked of a worker. Of Redis only
the end is looked at: the snapshots have to be those of the fold.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
import redis
from confluent_kafka import Message
from msgspec.structs import replace

from schemas import records
from schemas.anomaly import Anomaly
from schemas.binning import Binning
from schemas.dead_letter import PREFIX, DeadLetter, Reason, from_headers
from schemas.incident import Incident, Step
from schemas.pane import Deployed, Pane
from stream.engine.fence import packed
from stream.engine.role import Lane
from stream.incidents import instant
from stream.roles.judge import Judge
from stream.settings import Settings
from stream.topics import INPUTS, inputs
from tests.profile.reference import Whole, counted, key_of, merged
from tests.torture.amiss import amiss
from tests.torture.feed import PILL
from tests.torture.ground import committed_records
from tests.torture.history import Histories
from tests.torture.orders import Order, orders
from tests.torture.replay import Replay
from tests.wire.writers import ARROW_SAID, rows, unpacked

Lanes = dict[int, list[Message]]
Content = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
TOLD = 5  # troubles of one kind that are told in words; the rest is counted


@dataclass
class Finding:
    """One kind of output. `repeated` came again under its own name, where at least once is all that is promised."""

    what: str
    expected: int = 0
    seen: int = 0
    missing: int = 0
    double: int = 0
    wrong: int = 0
    repeated: int = 0
    told: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.missing or self.double or self.wrong)

    def tell(self, sentence: str) -> None:
        if len(self.told) < TOLD:
            self.told.append(sentence)


class Oracle:
    """Reads all topics once, when everything has come to rest."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.topics = settings, settings.topics
        self._lanes: dict[str, Lanes] = {}

    def lanes(self, topic: str) -> Lanes:
        if topic not in self._lanes:
            self._lanes[topic] = committed_records(self.settings, topic)
        return self._lanes[topic]

    def all(self, topic: str) -> list[Message]:
        return [message for lane in self.lanes(topic).values() for message in lane]

    def findings(self, incidents: bool = True) -> list[Finding]:
        """Everything there is to hold against the outputs."""
        judged, states = folded(self.settings, self.panes())
        topics = [(name, getattr(self.topics, name)) for name in ("binnings", "anomalies", "heartbeats")]
        found = [self.events(), self.letters(("profile", "judge"))]
        found += [self.outputs(name, topic, judged.get(topic, {})) for name, topic in topics]
        found.append(self.states(states))
        if incidents:
            found += [self.letters(("incidents",), at_least_once=True), *self.incidents()]
        return found

    # ---- profile -----------------------------------------------------------------------------------------------------

    def sent(self) -> list[tuple[dict[str, Any], int]]:
        """Every event that should be counted, and when it arrived."""
        return [
            (event, arrived(message))
            for purpose in INPUTS
            for message in self.all(getattr(self.topics, purpose))
            if not pill(message)
            for event in events_of(message, purpose.removesuffix("s"))
        ]

    def events(self) -> Finding:
        """Every event is in exactly one pane, with all its values."""
        sent = self.sent()
        bodies = [body for m in self.all(self.topics.panes) if not isinstance(body := records.pane(m.value()), Reason)]
        right, seen = counted([event for event, _ in sent], [at for _, at in sent]), merged(list(map(pane_of, bodies)))
        edges = self.edges()
        finding = Finding("events in panes", total(right), total(seen))
        came: defaultdict[str, set[int]] = defaultdict(set)
        for event, at in sent:
            came[key_of(event)].add(at)
        for body in bodies:
            if isinstance(body, Pane) and body.lag_ms and body.at - body.lag_ms not in came[body.subject.key]:
                finding.wrong += 1
                finding.tell(f"{body.subject.key}: a pane waited {body.lag_ms} ms, and nothing came so long before it")
        for subject in sorted(right.keys() | seen.keys()):
            want, have = right.get(subject, Whole()), seen.get(subject, Whole())
            finding.missing += max(0, want.rows - have.rows)
            finding.double += max(0, have.rows - want.rows)
            differ = amiss(want, have, edges[subject])
            if want.rows == have.rows:
                finding.wrong += len(differ)
            if differ:
                finding.tell(f"{subject}: (sent, counted) {dict(sorted(differ.items())[:4])}")
        return finding

    def edges(self) -> dict[str, dict[str, dict[str, list[int]]]]:
        """Of every binning ever published: by subject, column and id."""
        found: dict[str, dict[str, dict[str, list[int]]]] = defaultdict(lambda: defaultdict(dict))
        for message in self.all(self.topics.binnings):
            binning = msgspec.json.decode(message.value() or b"", type=Binning)
            found[binning.subject.key][binning.column][binning.id] = binning.edges
        return found

    def letters(self, stages: tuple[str, ...], at_least_once: bool = False) -> Finding:
        """Every pill is a dead letter, byte for byte: value, key, headers, and where it came from."""
        read_by = {
            "profile": tuple(inputs(self.settings)),
            "judge": (self.topics.panes,),
            "incidents": (self.topics.anomalies, self.topics.commands),
        }
        right = {
            origin(message): content(message.key(), message.value(), message.headers(), stage)
            for stage in stages
            for topic in read_by[stage]
            for message in self.all(topic)
            if pill(message)
        }
        letters = [letter for letter in map(letter_of, self.all(self.topics.dlq)) if letter.stage in stages]
        seen = Counter((letter.topic, letter.partition, letter.offset) for letter in letters)
        repeated = sum(times - 1 for times in seen.values())
        finding = Finding(f"dead letters of {' and '.join(stages)}", len(right), len(letters))
        finding.missing = len(right.keys() - seen.keys())
        finding.repeated, finding.double = (repeated, 0) if at_least_once else (0, repeated)
        for letter in letters:
            at = (letter.topic, letter.partition, letter.offset)
            if right.get(at) != content(letter.key, letter.value, letter.headers, letter.stage):
                finding.wrong += 1
                finding.tell(f"a dead letter of {at} is not what lies there ({letter.reason.message})")
        return finding

    def panes(self) -> Lanes:
        """As the judge reads them."""
        return {lane: [m for m in messages if not pill(m)] for lane, messages in self.lanes(self.topics.panes).items()}

    # ---- judge -------------------------------------------------------------------------------------------------------

    def outputs(self, what: str, topic: str, right: Mapping[bytes | None, list[tuple[str, bytes]]]) -> Finding:
        """Every output once, in order and byte for byte."""
        seen: dict[bytes | None, list[tuple[str, bytes]]] = defaultdict(list)
        for message in self.all(topic):
            if not ours(message):
                seen[message.key()].append((id_of(message.headers()), message.value() or b""))
        finding = Finding(what, sum(map(len, right.values())), sum(map(len, seen.values())))
        for key in right.keys() | seen.keys():
            self._compare(finding, key, right.get(key, []), seen.get(key, []))
        return finding

    def _compare(
        self, finding: Finding, key: bytes | None, right: list[tuple[str, bytes]], seen: list[tuple[str, bytes]]
    ) -> None:
        times, known = Counter(name for name, _ in seen), dict(right)
        gone = [name for name in known if name not in times]
        twice = [name for name, n in times.items() if n > 1]
        once = [each for each in dict(seen).items() if each[0] in known]
        expected = [each for each in right if each[0] in times]
        wrong = [name for name in times if name not in known]
        wrong += [ours[0] for ours, theirs in zip(once, expected, strict=True) if ours != theirs]
        finding.missing += len(gone)
        finding.double += sum(times[name] - 1 for name in twice)
        finding.wrong += len(wrong)
        for trouble, names in (("missing", gone), ("double", twice), ("wrong", wrong)):
            if names:
                finding.tell(f"{finding.what} of {key!r}: {len(names)} {trouble}, first {names[0]}")

    def states(self, right: Mapping[Lane, Mapping[str, bytes]]) -> Finding:
        """The last snapshots are the states of the fold, byte for byte."""
        finding = Finding("states of judge", sum(map(len, right.values())))
        with redis.Redis.from_url(self.settings.redis.url) as client:
            for lane, keys in right.items():
                stored = client.hgetall(f"{self.settings.redis.prefix}judge:{lane}")
                for key, blob in keys.items():
                    found = stored.get(f"k:{key}".encode())  # type: ignore[union-attr]
                    finding.seen += found is not None
                    finding.missing += found is None
                    finding.wrong += found not in (None, blob)
                    if found != blob:
                        finding.tell(f"{lane}: the state of {key} is {'not there' if found is None else 'another'}")
        return finding

    # ---- incidents ---------------------------------------------------------------------------------------------------

    def incidents(self) -> list[Finding]:
        """Every anomaly and every command in its incident once, and every notification says what they add up to."""
        published = [(m, incident_of(m)) for m in self.all(self.topics.incidents)]
        histories = Histories(incident for _, incident in published)
        asked = orders(m for m in self.all(self.topics.commands) if not pill(m))
        replay = Replay(histories.steps, asked, self.settings.incidents)
        for message in self.all(self.topics.anomalies):
            anomaly = records.anomaly(message.value())
            if isinstance(anomaly, Anomaly):
                replay.anomaly(anomaly)
        replay.end()
        right = replay.incidents
        latest = {incident.id: incident for _, incident in published}
        standing = Finding("incidents", len(right), len(latest))
        standing.missing = len(right.keys() - latest.keys())
        applications = Finding("anomalies in incidents", sum(each.anomalies for each in right.values()))
        applications.seen = sum(each.anomalies for each in latest.values())
        for id in sorted(right.keys() | latest.keys()):
            want, have = right.get(id), latest.get(id)
            if have and want != have:
                standing.wrong += 1
                standing.tell(f"{id}: {difference(want, have)}")
            counts = (want.anomalies if want else 0, have.anomalies if have else 0)
            applications.missing += max(0, counts[0] - counts[1])
            applications.double += max(0, counts[1] - counts[0])
        for sentence in (*histories.odd, *replay.odd, *overslept(latest.values(), asked)):
            standing.wrong += 1
            standing.tell(sentence)
        sent = sum(not pill(m) for m in self.all(self.topics.commands))
        return [applications, followed(asked, histories.steps, sent), standing, notifications(published, replay)]


def followed(asked: Mapping[str, Order], histories: Mapping[str, list[Step]], sent: int) -> Finding:
    """Every command left its step, once, in the incident that it names, after those that were asked before it."""
    steps = [(id, step) for id, log in histories.items() for step in log if step.command]
    times = Counter(step.command for _, step in steps)
    finding = Finding("commands in incidents", len(asked), len(steps), repeated=sent - len(asked))
    finding.missing = len(asked.keys() - times.keys())
    finding.double = sum(n - 1 for n in times.values())
    for id, step in steps:
        order = asked.get(step.command)
        if order is None or (order.command.incident, order.step()) != (id, step):
            finding.wrong += 1
            finding.tell(f"{id}: the step of {step.command} is not what was asked for")
    place = {command: number for number, command in enumerate(asked)}  # within one incident as on its topic
    for id, log in histories.items():
        places = [place[step.command] for step in log if step.command in place]
        if places != sorted(places):
            finding.wrong += 1
            finding.tell(f"{id}: commands were not followed in the order in which they were asked")
    for command in sorted(asked.keys() - times.keys())[:TOLD]:
        finding.tell(f"{command}, to {asked[command].command.action}, was never followed")
    return finding


def overslept(incidents: Iterable[Incident], asked: Mapping[str, Order]) -> Iterator[str]:
    """Silences that ended before the last command was sent, and nobody noticed."""
    last_ms = max((order.at_ms for order in asked.values()), default=0)
    for incident in incidents:
        if incident.state == "silenced" and instant.ms(incident.silenced_until) < last_ms:
            yield f"{incident.id} is silenced, and was to be so until {incident.silenced_until}"


def notifications(published: Iterable[tuple[Message, Incident]], replay: Replay) -> Finding:
    """What is published under one name is always the same, and what the incident was at that revision."""
    contents: dict[str, set[bytes]] = defaultdict(set)
    finding, seen = Finding("notifications"), set[str]()
    for message, incident in published:
        name, id = id_of(message.headers()), (incident.id, incident.revision)
        contents[name].add(message.value() or b"")
        finding.seen += 1
        if name not in seen and replay.revisions.get(id) != incident:
            finding.wrong += 1
            finding.tell(f"{name}: {difference(replay.revisions.get(id), incident)}")
        seen.add(name)
    for name, different in contents.items():
        if len(different) > 1:
            finding.wrong += 1
            finding.tell(f"{name} was published with {len(different)} contents")
    finding.expected, finding.repeated = len(contents), finding.seen - len(contents)
    return finding


def incident_of(message: Message) -> Incident:
    incident = records.incident(message.value())
    assert isinstance(incident, Incident), incident
    return incident


def folded(settings: Settings, panes: Lanes) -> tuple[dict[str, Any], dict[Lane, dict[str, bytes]]]:
    """What the judge has to say about these panes, and the states it has to end in."""
    judge, topic = Judge(settings), settings.topics.panes
    right: dict[str, dict[bytes | None, list[tuple[str, bytes]]]] = defaultdict(dict)
    blobs: dict[Lane, dict[str, bytes]] = {}
    for partition, messages in panes.items():
        lane, states, seen = Lane(topic, partition), dict[str, Any](), dict[str, int]()
        for message in messages:
            read = judge.read(lane, message)
            assert isinstance(read, tuple), read
            key, record = read
            states[key], outputs = judge.fold(states.get(key, judge.new()), record, f"{lane}-{message.offset()}")
            seen[key] = message.offset() or 0
            for output in outputs:
                right[output.topic].setdefault(output.key, []).append((id_of(output.headers), output.value or b""))
        blobs[lane] = {key: packed(seen[key], judge.encode(state)) for key, state in states.items()}
    return right, blobs


def difference(want: Incident | None, have: Incident) -> str:
    """The fields in which two incidents differ."""
    if want is None:
        return "nothing leads to it"
    fields = [name for name in have.__struct_fields__ if getattr(want, name) != getattr(have, name)]
    return ", ".join(f"{name} is {short(getattr(have, name))}, not {short(getattr(want, name))}" for name in fields)


def short(value: object) -> str:
    return text if len(text := repr(value)) <= 60 else f"{text[:60]}…"


def events_of(message: Message, kind: str) -> list[dict[str, Any]]:
    """Of JSON, of msgpack, or the rows of an Arrow stream, which are of the kind that their topic is for."""
    value = message.value() or b""
    if ARROW_SAID[0] in (message.headers() or []):
        return rows(value, kind)
    return [orjson.loads(value) if value.startswith(b"{") else unpacked(value)]


def arrived(message: Message) -> int:
    return message.timestamp()[1]


def pane_of(body: Pane | Deployed) -> Pane:
    """A deployment event is a row of a subject of its own."""
    if isinstance(body, Pane):
        return body
    subject, ts = replace(body.subject, source="deployment"), body.event.ts
    assert isinstance(ts, int)
    return Pane(
        subject=subject, at=body.at, worker="", rows=1, volume=1, since=ts, until=ts, versions={body.event.version: 1}
    )


def total(subjects: Mapping[str, Whole]) -> int:
    return sum(each.rows for each in subjects.values())


def pill(message: Message) -> bool:
    return PILL[0] in (message.headers() or [])


def ours(message: Message) -> bool:
    """Whether the feed wrote it, on a topic of Leeway's own."""
    return any(name == PILL[0][0] for name, _ in message.headers() or [])


def origin(message: Message) -> tuple[str, int, int]:
    return message.topic() or "", message.partition() or 0, message.offset() or 0


def content(key: bytes | None, value: bytes | None, headers: Any, stage: str) -> Content:
    """What a dead letter keeps. Faust's client cannot write a null beside a null key: there it becomes empty."""
    if stage == "incidents" and key is None:
        value = value or b""
    return key, value, [(name, text) for name, text in headers or [] if not name.startswith(PREFIX)]


def letter_of(message: Message) -> DeadLetter:
    return from_headers(message.key(), message.value(), message.headers() or [])


def id_of(headers: Any) -> str:
    return dict(headers)["ce_id"].decode()
