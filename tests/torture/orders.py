"""What people's commands and the clock have to do to an incident: said once more, and not as Leeway says it.

    comment        nothing                          acknowledge    somebody cares: `acknowledged`, under a silence too
    silence        `silenced`, if it ends later     unsilence      as acknowledged as it was, else `open` and waiting
    resolve        `resolved`                       false_alarm    the same, and so marked, also when it was long ago

Of what is resolved already only the last does anything. Each leaves its step.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args

from confluent_kafka import Message
from msgspec import json
from msgspec.structs import replace

from schemas.anomaly import Severity
from schemas.incident import Command, Incident, Step
from schemas.moment import rfc3339
from stream.incidents import instant
from stream.incidents.apply import STEPS_KEPT

Changes = Mapping[str, Any]
GRAVER: dict[Severity, Severity] = dict(zip(get_args(Severity), get_args(Severity)[1:], strict=False))


class Order(NamedTuple):
    """A command as it lies on its topic, and when it counts: a clock that is ahead is not believed."""

    command: Command
    at_ms: int

    def step(self) -> Step:
        said = self.command
        at = rfc3339(self.at_ms)
        return Step(at=at, what=said.action, actor=said.actor, comment=said.comment, command=said.id, until=said.until)


def orders(messages: Iterable[Message]) -> dict[str, Order]:
    """By id; what was sent again is the same order."""
    found: dict[str, Order] = {}
    for message in messages:
        command = json.decode(message.value() or b"", type=Command)
        found.setdefault(command.id, Order(command, min(instant.ms(command.at), message.timestamp()[1])))
    return found


def obeyed(incident: Incident, order: Order) -> Incident:
    return written(incident, order.step(), changes(incident, order.command, order.at_ms))


def changes(incident: Incident, command: Command, at_ms: int) -> Changes:
    at, live = rfc3339(at_ms), incident.state != "resolved"
    if command.action == "false_alarm":
        return {"state": "resolved", "false_alarm": True, "resolved_at": at if live else incident.resolved_at}
    if not live or command.action == "comment":
        return {}
    if command.action == "resolve":
        return {"state": "resolved", "resolved_at": at}
    silenced = incident.state == "silenced"
    if command.action == "acknowledge":
        return {"state": "silenced" if silenced else "acknowledged", "acknowledged_by": command.actor}
    if command.action == "unsilence":
        return heard(incident, at) if silenced else {}
    until_ms = instant.ms(command.until)
    return {"state": "silenced", "silenced_until": rfc3339(until_ms)} if until_ms > at_ms else {}


def by_the_clock(incident: Incident, step: Step, escalate_after_s: float) -> Incident | None:
    """None: it was not due."""
    at_ms = instant.ms(step.at)
    match step.what:
        case "silence_ended" if incident.state == "silenced" and at_ms >= instant.ms(incident.silenced_until):
            return written(incident, step, heard(incident, step.at))
        case "escalated" if incident.state == "open" and not incident.escalated:
            if at_ms - instant.ms(incident.waiting_since) >= escalate_after_s * 1000:
                graver = GRAVER.get(incident.severity, incident.severity)
                return written(incident, step, {"severity": graver, "escalated": True})
    return None


def heard(incident: Incident, at: str) -> Changes:
    state = "acknowledged" if incident.acknowledged_by else "open"
    return {"state": state, "silenced_until": "", "waiting_since": at}


def written(incident: Incident, step: Step, changed: Changes) -> Incident:
    log = [*incident.steps, step]
    kept = log if len(log) <= STEPS_KEPT else [log[0], *log[1 - STEPS_KEPT :]]
    return replace(incident, **changed, steps=kept, revision=incident.revision + 1, updated_at=step.at)
