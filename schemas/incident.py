"""An incident: what a person sees. One cause, many anomalies, and everything that was done about it.

`leeway.incidents` is compacted by incident id and holds the whole incident after every step: the last record is the
state, the log is the audit.
"""

from typing import Literal

from msgspec import Struct

from schemas.anomaly import Anomaly, Class, Severity, Status

State = Literal["open", "acknowledged", "silenced", "resolved"]
Action = Literal["acknowledge", "silence", "unsilence", "resolve", "false_alarm", "comment"]


class Step(Struct, kw_only=True, omit_defaults=True):
    """One thing that happened to an incident. `what` is an action of a person or an edge of a detector."""

    at: str
    what: str
    actor: str = "leeway"
    comment: str = ""
    anomaly: str = ""  # id of the anomaly that it follows from
    command: str = ""  # id of the command that it follows from
    until: str = ""


class Member(Struct, kw_only=True, omit_defaults=True, rename={"class_": "class"}):
    """One trouble (fingerprint) that belongs to an incident, and whether it still stands."""

    class_: Class
    status: Status
    summary: str
    at: str
    segment: dict[str, str] = {}


class Incident(Struct, tag_field="kind", tag="incident", kw_only=True, omit_defaults=True, rename={"class_": "class"}):
    """The whole incident as it stands. `revision` grows with every change: the later of two copies is known by it."""

    id: str
    fingerprint: str
    state: State
    severity: Severity
    model: str
    deployment: str
    class_: Class
    summary: str
    opened_at: str
    updated_at: str
    tenant: str = ""
    environment: str = ""
    source: str = "prediction"
    version: str = ""
    feature: str = ""
    segment: dict[str, str] = {}
    onset_at: str = ""
    resolved_at: str = ""
    silenced_until: str = ""
    false_alarm: bool = False
    escalated: bool = False
    reopened: int = 0
    anomalies: int = 0
    evidence: float = 0.0
    threshold: float = 0.0
    effect: str = ""
    owner: str = ""
    runbook_url: str = ""  # as they were set when it opened
    console_url: str = ""
    revision: int = 0
    waiting_since: str = ""  # since when it waits for somebody to acknowledge it
    acknowledged_by: str = ""
    members: dict[str, Member] = {}  # fingerprint -> what belongs to this incident, its own trouble first
    steps: list[Step] = []  # the first and the latest; the log of the topic has all
    last: Anomaly | None = None
    v: int = 1


class Command(Struct, tag_field="kind", tag="command", kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a person or a program asks for on `leeway.commands`: who, what, why, until when."""

    id: str
    incident: str
    action: Action
    actor: str
    at: str
    comment: str = ""
    until: str = ""
    v: int = 1
