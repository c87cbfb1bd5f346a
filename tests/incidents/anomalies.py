"""Anomalies as a judge would write them, for tests."""

from collections.abc import Mapping
from itertools import count

from schemas.anomaly import Anomaly, Class, DetectorRef, Severity, Statistic, Status, Window
from schemas.incident import Action, Command
from stream.incidents import instant

START_MS = 1_769_851_800_000  # 2026-01-31T09:30:00Z
_numbers = count()


def anomaly(
    status: Status = "firing",
    *,
    at_s: float = 0,
    class_: Class = "feature_drift",
    feature: str = "age",
    segment: Mapping[str, str] | None = None,
    severity: Severity = "warning",
    model: str = "churn",
    id: str | None = None,
    evidence: float = 2e6,
) -> Anomaly:
    at = instant.text(START_MS + round(at_s * 1000))
    places = ",".join(f"{name}={value}" for name, value in (segment or {}).items())
    return Anomaly(
        id=id or f"leeway.panes/0-{next(_numbers)}-0",
        fingerprint=f"{model}|{class_}|{feature}|{places}",
        status=status,
        severity=severity,
        model=model,
        version="7",
        deployment=model,
        class_=class_,
        detector=DetectorRef(kind="urn"),
        window=Window(start=at, end=at, n=1000),
        statistic=Statistic(name="evidence", value=evidence, threshold=1e6, effect="mean +6.1 y"),
        onset_at=at,
        detected_at=at,
        summary=f"{feature} {class_} {places}".strip(),
        feature=feature,
        segment=dict(segment or {}),
    )


def command(action: Action, incident: str, *, at_s: float = 0, until_s: float | None = None, id: str = "") -> Command:
    return Command(
        id=id or f"command-{next(_numbers)}",
        incident=incident,
        action=action,
        actor="ada",
        at=instant.text(START_MS + round(at_s * 1000)),
        until="" if until_s is None else instant.text(START_MS + round(until_s * 1000)),
        comment="as agreed",
    )
