"""The life of an incident as one pure function: an incident and something that happened give the next incident.

    open ──acknowledge──▶ acknowledged        any of them ──silence──▶ silenced ──until──▶ open or acknowledged
      │                        │
      └── the last member recovers or is accepted, or a person says so ──▶ resolved ──fires again soon──▶ open

Detectors speak in edges (`firing`, `moved`, `recovered`, `accepted`), so an incident changes when something changes
and at no other time. Which incident an anomaly belongs to is `home`: its own; or that of a graver fault of the same
feature, which *inhibits* it; or that of the same trouble in the whole model (for a slice) or in a slice (for the whole
model); or that of the columns together, if they were heard before this one could be told from chance.

The words follow Prometheus Alertmanager (inhibition, silence) and PagerDuty (acknowledge, escalate, resolve).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, get_args

from msgspec.structs import replace

from schemas.anomaly import Anomaly, Class, Severity, Status
from schemas.dead_letter import Reason
from schemas.incident import Command, Incident, Member, State, Step
from stream import links
from stream.incidents import instant
from stream.settings import Incidents

SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # mildest first
STANDING: tuple[Status, ...] = ("firing", "moved")
INHIBITORS: tuple[Class, ...] = ("schema_change", "null_spike", "stuck_feature")  # each explains a feature's drift
STEPS_KEPT = 100  # about 20 kB of JSON: an incident that flaps for a month stays far below a message's 1 MB


@dataclass(frozen=True, slots=True)
class Tick:
    """The clock says that something may be due."""


Happening = Anomaly | Command | Tick


class Applied(NamedTuple):
    """What became of the incident (None: there is none), what is new in its log, and whether the world must hear it."""

    incident: Incident | None
    steps: list[Step]
    publish: bool


def step(incident: Incident | None, what: Happening, now_ms: int, rules: Incidents) -> Applied:
    """The next incident. `now_ms` is the anomaly's or command's own time, so that a replay repeats."""
    match what:
        case Anomaly():
            return _edge(incident, what, now_ms, rules)
        case Command():
            return _done(*_ordered(incident, what, now_ms), now_ms) if incident else Applied(None, [], False)
        case Tick():
            return _done(*_ticked(incident, now_ms, rules), now_ms) if incident else Applied(None, [], False)


def home(anomaly: Anomaly, own: Incident | None, around: Sequence[Incident]) -> Incident | None:
    """The incident an anomaly belongs to: `own` is the latest of its fingerprint, `around` are those of its places."""
    if (own and own.state != "resolved") or anomaly.status not in STANDING:
        return own
    standing = sorted((each for each in around if each.state != "resolved"), key=lambda each: each.opened_at)
    for belongs in (_inhibits, _same, _foretold):
        hosts = [each for each in standing if belongs(each, anomaly)]
        if hosts:
            return hosts[0]
    return own


def place(of: Anomaly | Incident) -> str:
    """What anomalies must share to belong together: subject and feature (the fingerprint without class and segment)."""
    return _placed(of, of.feature)


def places(anomaly: Anomaly) -> list[str]:
    """Where incidents are that it may belong to: those of its feature, and those of the columns together."""
    return list(dict.fromkeys((place(anomaly), _placed(anomaly, ""))))


def _placed(of: Anomaly | Incident, feature: str) -> str:
    parts = (of.tenant, of.environment, of.model, of.deployment, of.source, feature)
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()


def told(incident: Incident, what: Anomaly | Command, now_ms: int) -> bool:
    """Whether the incident's own log has it already, or something that can only have come after it.

    The anomalies of one model come in the order in which their ids name the panes they follow from. So an incident
    whose log came back from its topic knows what it was told, also when Redis has forgotten every mark of it.
    """
    if isinstance(what, Command):
        return any(each.command == what.id for each in incident.steps)
    if incident.model != what.model:
        return False
    lane, *position = named(what.id)
    later = (named(each.anomaly) for each in incident.steps if each.anomaly and each.at >= instant.text(now_ms))
    return any(there == lane and at >= position for there, *at in later)


def named(id: str) -> tuple[str, int, int]:
    """The lane, the offset and the number in the name of an anomaly; of any other name, the name.

    >>> named("leeway.panes/3-91230-1"), named("one of somebody else's")
    (('leeway.panes/3', 91230, 1), ("one of somebody else's", 0, 0))
    """
    match id.rsplit("-", 2):
        case [lane, offset, number] if offset.isdecimal() and number.isdecimal():
            return lane, int(offset), int(number)
    return id, 0, 0


def refusal(incident: Incident | None, command: Command) -> Reason | None:
    """Why a command cannot be followed, if so."""
    if incident is None:
        message = f"there is no incident '{command.incident}'"
        return Reason("schema", message, "take an id that `leeway tail incidents` shows")
    if command.action == "silence":
        try:
            instant.ms(command.until)
        except ValueError:
            hint = 'say until when, for instance "until": "2026-01-31T09:30:00Z"'
            return Reason("schema", f"until: '{command.until}' is not a time", hint)
    return None


def due_ms(incident: Incident, rules: Incidents) -> int | None:
    """When the clock will next have something to do for this incident."""
    match incident.state:
        case "silenced":
            return instant.ms(incident.silenced_until)
        case "open" if not incident.escalated:
            return instant.ms(incident.waiting_since) + rules.escalate_after_s * 1000
        case "resolved":
            return instant.ms(incident.resolved_at) + rules.keep_resolved_s * 1000
        case _:
            return None


def forgotten(incident: Incident, now_ms: int, rules: Incidents) -> bool:
    """Whether a resolved incident has been kept long enough."""
    return incident.state == "resolved" and instant.ms(incident.resolved_at) + rules.keep_resolved_s * 1000 <= now_ms


def _edge(incident: Incident | None, anomaly: Anomaly, now_ms: int, rules: Incidents) -> Applied:
    """What a detector says."""
    standing = anomaly.status in STANDING
    if incident is None:
        return _opened(anomaly, now_ms, rules) if standing else Applied(None, [], False)
    if incident.state == "resolved" and standing:
        soon = now_ms - instant.ms(incident.resolved_at) <= rules.reopen_within_s * 1000
        if not soon:
            return _opened(anomaly, now_ms, rules)
        return _done(*_joined(_reopened(incident, now_ms), anomaly, "reopened", now_ms), now_ms)
    known = incident.members.get(anomaly.fingerprint)
    if known is None and not standing:
        return Applied(incident, [], False)
    word = anomaly.status if known else "inhibited" if _inhibits(incident, anomaly) else "joined"
    after, steps = _joined(incident, anomaly, word, now_ms)
    if after.state != "resolved" and not any(member.status in STANDING for member in after.members.values()):
        after = replace(after, state="resolved", resolved_at=instant.text(now_ms))
        steps = [*steps, Step(at=instant.text(now_ms), what="resolved")]
    return _done(after, steps, now_ms)


def _opened(anomaly: Anomaly, now_ms: int, rules: Incidents) -> Applied:
    at = instant.text(now_ms)
    # With its time: a topic that is created anew numbers its records anew, and so its anomalies.
    id = "inc-" + blake2b(f"{anomaly.id} {anomaly.detected_at}".encode(), digest_size=8).hexdigest()
    blank = Incident(
        id=id,
        fingerprint=anomaly.fingerprint,
        state="open",
        severity=anomaly.severity,
        model=anomaly.model,
        deployment=anomaly.deployment,
        class_=anomaly.class_,
        summary=anomaly.summary,
        opened_at=at,
        updated_at=at,
        tenant=anomaly.tenant,
        environment=anomaly.environment,
        source=anomaly.source,
        version=anomaly.version,
        feature=anomaly.feature,
        segment=anomaly.segment,
        onset_at=anomaly.onset_at,
        waiting_since=at,
        owner=rules.owners.get(anomaly.model, anomaly.owner),
        runbook_url=links.runbook(rules, anomaly.model, anomaly.class_) or anomaly.runbook_url,
        console_url=links.page(rules, id),
    )
    return _done(*_joined(blank, anomaly, "opened", now_ms), now_ms)


def _reopened(incident: Incident, now_ms: int) -> Incident:
    """Back to life, and waiting for somebody again, unless it was silenced for longer than it slept."""
    silenced = incident.silenced_until and instant.ms(incident.silenced_until) > now_ms
    return replace(
        incident,
        state="silenced" if silenced else "open",
        resolved_at="",
        false_alarm=False,
        escalated=False,
        acknowledged_by="",
        waiting_since=instant.text(now_ms),
        reopened=incident.reopened + 1,
    )


def _joined(incident: Incident, anomaly: Anomaly, word: str, now_ms: int) -> tuple[Incident, list[Step]]:
    """The incident with one more edge, of its own trouble or of one that belongs to it."""
    at = instant.text(now_ms)
    member = Member(
        class_=anomaly.class_, status=anomaly.status, summary=anomaly.summary, at=at, segment=anomaly.segment
    )
    after = replace(
        incident,
        severity=max(incident.severity, anomaly.severity, key=SEVERITIES.index),
        anomalies=incident.anomalies + 1,
        members={**incident.members, anomaly.fingerprint: member},
    )
    if anomaly.fingerprint == incident.fingerprint and anomaly.status in STANDING:
        statistic = anomaly.statistic
        after = replace(
            after,
            version=anomaly.version,
            onset_at=incident.onset_at or anomaly.onset_at,
            evidence=max(incident.evidence, statistic.value),
            threshold=statistic.threshold,
            effect=statistic.effect,
            last=anomaly,
        )
    edge = Step(at=at, what=word, comment=anomaly.summary, anomaly=anomaly.id)
    return replace(after, summary=_summary(after)), [edge]


def _summary(incident: Incident) -> str:
    """What its own trouble says of itself, and the slices in which the same was found."""
    places = sorted({_words(each.segment) for each in incident.members.values() if each.class_ == incident.class_})
    elsewhere = [place for place in places if place != _words(incident.segment)]
    told = incident.last.summary if incident.last else incident.summary
    return f"{told} (also: {', '.join(elsewhere)})" if elsewhere else told


def _words(segment: dict[str, str]) -> str:
    return " and ".join(f"{name}={value}" for name, value in sorted(segment.items())) or "the whole model"


def _inhibits(incident: Incident, anomaly: Anomaly) -> bool:
    return incident.class_ in INHIBITORS and anomaly.class_ == "feature_drift" and incident.feature == anomaly.feature


def _same(incident: Incident, anomaly: Anomaly) -> bool:
    """The same trouble seen once in the whole model and once in a slice of it."""
    alike = incident.class_ == anomaly.class_ and incident.feature == anomaly.feature
    return alike and bool(incident.segment) != bool(anomaly.segment)


def _foretold(incident: Incident, anomaly: Anomaly) -> bool:
    """Part of what the columns said together: it began before they were heard."""
    together = incident.class_ == "feature_drift" and not incident.feature and bool(anomaly.feature)
    return together and instant.ms_or(anomaly.onset_at, 0) <= instant.ms_or(incident.opened_at, 0)


def _ordered(incident: Incident, command: Command, now_ms: int) -> tuple[Incident, list[Step]]:
    """What a person or a program asks for. Every command leaves its step, also one that finds nothing left to do."""
    at = instant.text(now_ms)
    order = Step(
        at=at,
        what=command.action,
        actor=command.actor,
        comment=command.comment,
        command=command.id,
        until=command.until,
    )
    said = [order]
    live = incident.state != "resolved"
    match command.action:
        case "acknowledge" if live:
            silenced = incident.state == "silenced"
            state: State = "silenced" if silenced else "acknowledged"
            return replace(incident, state=state, acknowledged_by=command.actor), said
        case "silence" if live and instant.ms(command.until) > now_ms:
            until = instant.text(instant.ms(command.until))
            return replace(incident, state="silenced", silenced_until=until), said
        case "unsilence" if live and incident.state == "silenced":
            return _heard(incident, now_ms), said
        case "resolve" if live:
            return replace(incident, state="resolved", resolved_at=at), said
        case "false_alarm":
            resolved_at = at if live else incident.resolved_at
            return replace(incident, state="resolved", resolved_at=resolved_at, false_alarm=True), said
        case _:
            return incident, said


def _ticked(incident: Incident, now_ms: int, rules: Incidents) -> tuple[Incident, list[Step]]:
    """What the clock does: a silence ends, or nobody came and the incident is escalated."""
    at, due = instant.text(now_ms), due_ms(incident, rules)
    if due is None or due > now_ms:
        return incident, []
    if incident.state == "silenced":
        return _heard(incident, now_ms), [Step(at=at, what="silence_ended")]
    if incident.state == "open":
        graver = SEVERITIES[min(SEVERITIES.index(incident.severity) + 1, len(SEVERITIES) - 1)]
        why = f"nobody acknowledged it for {(now_ms - instant.ms(incident.waiting_since)) // 1000} s"
        return replace(incident, severity=graver, escalated=True), [Step(at=at, what="escalated", comment=why)]
    return incident, []


def _heard(incident: Incident, now_ms: int) -> Incident:
    """After a silence: as acknowledged as it was, else waiting for somebody from now on."""
    state: State = "acknowledged" if incident.acknowledged_by else "open"
    return replace(incident, state=state, silenced_until="", waiting_since=instant.text(now_ms))


def _done(incident: Incident, steps: list[Step], now_ms: int) -> Applied:
    """Write the steps down; the oldest but the first give way when there are too many."""
    if not steps:
        return Applied(incident, [], False)
    log = [*incident.steps, *steps]
    if len(log) > STEPS_KEPT:
        log = [log[0], *log[-(STEPS_KEPT - 1) :]]
    after = replace(incident, steps=log, revision=incident.revision + 1, updated_at=instant.text(now_ms))
    return Applied(after, steps, True)
