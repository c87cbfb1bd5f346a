"""An anomaly: one detector's alarm, with everything a person or a program needs in order to believe it."""

from typing import Literal

from msgspec import Struct

Class = Literal[
    "feature_drift",
    "prediction_drift",
    "signal_drift",
    "concept_drift",
    "performance_drop",
    "null_spike",
    "out_of_range",
    "new_category",
    "stuck_feature",
    "stale_feature",
    "duplicate_spike",
    "volume_drop",
    "volume_spike",
    "label_delay",
    "latency_regression",
    "error_rate",
    "skew",
    "schema_change",
    "calibration_shift",
    "segment_drift",
    "pipeline_health",
]
Severity = Literal["info", "warning", "error", "critical"]
Status = Literal["firing", "moved", "recovered", "accepted"]


class DetectorRef(Struct, kw_only=True):
    """Which detector, with which settings."""

    kind: str
    version: int = 1
    config: str = ""


class Window(Struct, kw_only=True, omit_defaults=True):
    """The stretch of the stream that the alarm speaks of (RFC 3339), and what it is compared with."""

    start: str
    end: str
    n: int
    reference: str = ""
    reference_n: int = 0


class Statistic(Struct, kw_only=True, omit_defaults=True):
    """The number that crossed the line, the line, and what it means in the feature's own units."""

    name: str
    value: float
    threshold: float
    effect: str = ""
    smallest_visible: str = ""


class Cause(Struct, kw_only=True, omit_defaults=True):
    """A candidate for why: a segment, a deployment, a feature."""

    kind: str
    ref: str
    score: float = 0.0
    why: str = ""


class Evidence(Struct, kw_only=True, omit_defaults=True):
    """What to look at: reference and live histogram over the same bins, quantiles, and where in Kafka the panes are."""

    labels: list[str] = []  # one text per bin
    reference: list[float] = []  # counts
    live: list[float] = []
    offsets: dict[str, dict[str, tuple[int, int]]] = {}  # topic -> partition -> first, last


class Anomaly(Struct, tag_field="kind", tag="anomaly", kw_only=True, omit_defaults=True, rename={"class_": "class"}):
    """`status` is an edge: firing, then perhaps `moved`, then `recovered` or `accepted`.

    `id` is `<lane>-<offset>-<i>`, so one position per lane drops a repeat. The fingerprint names the trouble, not its
    size: (tenant, environment, model, deployment, source, class, feature, segment), no version, value or time in it.
    The change began within a pane: between `onset_at` and `onset_until`.
    """

    id: str
    fingerprint: str
    status: Status
    severity: Severity
    model: str
    version: str
    deployment: str
    class_: Class
    detector: DetectorRef
    window: Window
    statistic: Statistic
    onset_at: str
    detected_at: str
    summary: str
    onset_until: str = ""
    tenant: str = ""
    environment: str = ""
    source: str = "prediction"
    feature: str = ""
    segment: dict[str, str] = {}
    causes: list[Cause] = []
    evidence: Evidence | None = None
    owner: str = ""
    runbook_url: str = ""
    console_url: str = ""
    v: int = 1
