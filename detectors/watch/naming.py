"""From a finding to the words people use: its class, its severity and one sentence.

Severity follows impact, never evidence: the movement of the predictions, or of the thing itself where it is an output
or a rate, times the share of the traffic concerned. The cuts .25, .10 and .03 were measured on broken inputs of a model
on the Adult data, where they separate mean losses of accuracy of .22, .03, .008 and .002.
"""

import math
from datetime import UTC, datetime

from detectors.alternatives import ANY_SHAPE, HEAP
from detectors.margin import Margin
from detectors.watch.finding import Finding
from schemas.anomaly import Class, Severity
from schemas.pane import Family, family

CUTS: tuple[tuple[float, Severity], ...] = ((0.25, "critical"), (0.10, "error"), (0.03, "warning"))
ORDER: tuple[Severity, ...] = ("info", "warning", "error", "critical")
DRIFT: dict[Family, Class] = {
    "feature": "feature_drift",
    "prediction": "prediction_drift",
    "latency": "latency_regression",
    "status": "error_rate",
    "signal": "signal_drift",
    "label": "concept_drift",  # the labels themselves have moved
    "segment": "segment_drift",
    "embedding": "feature_drift",
}
LOCATION = "location"  # how the changes begin that are of the mean (`detectors.alternatives`)
PLAIN = 9  # digits before the point up to which a mean is written without an exponent
CLEAR = 3.0  # standard errors that a mean has moved, to be spoken of where the change is another one
FAR = 0.5  # standard deviations that a mean has moved, to say more of a new shape than the values that are frequent
GONE = 0.1  # a segment with less than this share of its usual traffic has stopped rather than shrunk


def class_of(finding: Finding) -> Class:
    """What the failure is called."""
    if finding.alarm is not None:
        return finding.alarm.kind
    if finding.detector == Margin.kind:
        return "skew"
    if finding.part == "model":
        return "feature_drift"
    if finding.part == "volume":
        return "volume_drop" if finding.after < finding.before else "volume_spike"
    if finding.part == "nulls":
        return "null_spike"
    if finding.part == "errors":
        return "schema_change"
    if finding.part == "values" and family(finding.column) == "segment" and vanished(finding):
        return "volume_drop"
    if finding.unseen:
        return "new_category"
    if finding.stuck:
        return "stuck_feature"
    return DRIFT[family(finding.column)]


def vanished(finding: Finding) -> str:
    """The value of a segment (or a category) that has all but stopped, or nothing."""
    before, after = sum(finding.histogram.reference), sum(finding.histogram.live)
    if before <= 0 or after <= 0:
        return ""
    losses = [
        (r / before - x / after, label)
        for label, r, x in zip(
            finding.histogram.labels, finding.histogram.reference, finding.histogram.live, strict=True
        )
        if r > 0 and x / after <= GONE * r / before
    ]
    loss, label = max(losses, default=(0.0, ""))
    return label if loss > finding.histogram.movement() / 2 else ""


def segment_of(finding: Finding) -> dict[str, str]:
    """Where it happens: the slice, or the value of a segment that has stopped."""
    if finding.alarm is not None:
        return dict(finding.alarm.segment)
    segment = dict(finding.segment)
    if finding.part == "values" and finding.column.startswith("segment:") and (value := vanished(finding)):
        segment[name_of(finding)] = value
    return segment


def severity_of(finding: Finding) -> Severity:
    """How much it matters."""
    if finding.edge in ("recovered", "accepted"):
        return "info"
    kind = class_of(finding)
    own = impact(finding)
    by_impact: Severity = next((severity for cut, severity in CUTS if own * finding.share >= cut), "info")
    if kind in ("stuck_feature", "schema_change"):
        return at_least("error", by_impact)
    if kind == "latency_regression" and finding.after < finding.before:
        return "info"
    if kind in ("feature_drift", "new_category", "segment_drift", "signal_drift", "null_spike", "skew"):
        return at_least("warning", by_impact)
    return by_impact


def at_least(floor: Severity, severity: Severity) -> Severity:
    """The severity, but not below the floor."""
    return ORDER[max(ORDER.index(floor), ORDER.index(severity))]


def impact(finding: Finding) -> float:
    """0 to 1: what moved, or what it did to the predictions."""
    if finding.part in ("nulls", "errors"):
        return abs(finding.after - finding.before)
    if finding.part == "volume":
        return min(1.0, abs(finding.after - finding.before) / max(finding.before, 1e-9))
    if finding.part == "model":
        return finding.movement
    if family(finding.column) == "segment":
        return finding.histogram.movement()
    if family(finding.column) in ("feature", "signal", "embedding"):
        return finding.movement
    return max(finding.movement, finding.histogram.movement())


def name_of(finding: Finding) -> str:
    """`age` for `feature:age`."""
    return finding.column.partition(":")[2] or "volume"


def label_of(finding: Finding) -> str:
    """`age`, `prediction value`, `latency`: what the sentence is about."""
    if not finding.column:
        return "the columns together" if finding.part == "model" else "volume"
    kind, name = family(finding.column), name_of(finding)
    if kind == "feature":
        return name
    if kind in ("latency", "status"):
        return kind
    if kind == "embedding":
        name, _, direction = name.rpartition(".")
        return f"embedding {name} ({'length' if direction == 'norm' else f'direction {direction}'})"
    return f"{kind} {name}"


def effect_of(finding: Finding) -> str:
    """How much, in the stream's own units."""
    if finding.part in ("nulls", "errors"):
        return f"{_percent(finding.before)} -> {_percent(finding.after)}"
    if finding.part == "volume":
        return f"{_number(finding.before)} -> {_number(finding.after)} rows a bucket"
    if finding.form == "texts" or (finding.change == ANY_SHAPE and _reshaped(finding)):
        return _shares(finding)
    told = [_mean(finding), "" if finding.change.startswith(LOCATION) and finding.telling else _range(finding)]
    return "; ".join(filter(None, told)) or finding.change


def _reshaped(finding: Finding) -> bool:
    """Whether other values became frequent, and the mean says next to nothing of it."""
    return finding.change in (ANY_SHAPE, HEAP) and not abs(finding.after - finding.before) >= FAR * finding.spread


def _mean(finding: Finding) -> str:
    """How far the mean moved, if it did, and if that says what most rows do."""
    move = finding.after - finding.before
    located = finding.change.startswith(LOCATION) or not finding.histogram.labels
    moved = abs(move) * math.sqrt(max(finding.n, 1)) >= CLEAR * finding.spread
    if not math.isfinite(move) or not finding.telling or not (located or moved):
        return ""
    before, after = (_beside(value, move) for value in (finding.before, finding.after))
    return f"mean {before} -> {after} ({'+' if move >= 0 else ''}{_number(move)})"


def _beside(value: float, move: float) -> str:
    """A number with as many digits as it takes to see the move.

    >>> _beside(1_000_002.9, 57.5), _beside(40.083, 11.6), _beside(0.0, 1.0)
    ('1000003', '40.08', '0')
    """
    if not value or not move:
        return _number(value)
    digits = max(4, math.floor(math.log10(abs(value))) - math.floor(math.log10(abs(move))) + 2)
    return f"{value:.0f}" if digits < math.log10(abs(value)) + 1 <= PLAIN else f"{value:.{min(digits, 17)}g}"


def _range(finding: Finding) -> str:
    """The range whose share of the rows changed most: what the mean does not say of spikes, of spread, and of a value
    that comes more often.
    """
    place, before, after = finding.histogram.most_moved() if finding.form == "numbers" else ("", 0.0, 0.0)
    return f"{place}: {_percent(before)} -> {_percent(after)} of rows" if place else ""


def _shares(finding: Finding) -> str:
    """The largest changes of share, in points, at most three."""
    before, after = sum(finding.histogram.reference), sum(finding.histogram.live)
    if before <= 0 or after <= 0:
        return finding.change
    moves = [
        (x / after - r / before, label)
        for label, r, x in zip(
            finding.histogram.labels, finding.histogram.reference, finding.histogram.live, strict=True
        )
    ]
    largest = sorted(moves, key=lambda move: (-abs(move[0]), move[1]))[:3]
    return (
        ", ".join(f"{label} {100 * move:+.1f} points" for move, label in largest if abs(move) >= 0.001)
        or finding.change
    )


VERBS: dict[str, str] = {
    "feature_drift": "shifted",
    "prediction_drift": "shifted",
    "signal_drift": "shifted",
    "concept_drift": "shifted",
    "null_spike": "is missing more often",
    "new_category": "has values never seen before",
    "stuck_feature": "is stuck",
    "skew": "is not like the reference",
    "schema_change": "comes with another type",
    "segment_drift": "is mixed differently",
    "volume_drop": "dropped",
    "volume_spike": "rose",
    "latency_regression": "changed",
    "error_rate": "changed",
}


def summary_of(finding: Finding) -> str:
    """One sentence: what, how much, where, since when, how sure."""
    kind = class_of(finding)
    verb = VERBS.get(kind, "changed")
    if kind == "null_spike" and finding.after < finding.before:
        verb = "is missing less often"
    if kind == "latency_regression":
        verb = "rose" if finding.after >= finding.before else "fell"
    if _reshaped(finding) and verb == "shifted":
        verb = f"has {finding.change}"
    subject = label_of(finding)
    if kind == "volume_drop" and finding.part == "values":
        gone = segment_of(finding).get(name_of(finding), "")
        subject, verb = f"{name_of(finding)}={gone}", "has stopped arriving"
    where = "".join(f" in {key}={value}" for key, value in finding.segment)
    if finding.part == "model" and finding.edge != "firing":
        return f"{subject}: {'back to what they were' if finding.edge == 'recovered' else finding.change}"
    if kind == "skew" and finding.edge in ("recovered", "accepted"):
        return f"{subject} is {'again like its' if finding.edge == 'recovered' else 'compared with a new'} reference"
    if finding.edge == "recovered":
        return f"{subject} is back to what it was{where}"
    if finding.edge == "accepted":
        return f"{subject} has stayed where it is{where} ({effect_of(finding)}): accepted as the new normal"
    if finding.returned:
        verb = f"is back to what it was until {clock(finding.returned)}"
    return f"{subject} {verb}{where}: {effect_of(finding)} since {clock(finding.onset)}, n={finding.n}"


def clock(at: int) -> str:
    """The time of day.

    >>> clock(1_000_000)
    '00:16:40 UTC'
    """
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S UTC")


def smallest_of(finding: Finding) -> str:
    """The smallest change that this many rows could have shown, four times of five."""
    if finding.smallest <= 0:
        return ""
    return _percent(finding.smallest) if finding.part in ("nulls", "errors") else _number(finding.smallest)


def _percent(rate: float) -> str:
    return f"{100 * rate:.3g} %"


def _number(value: float) -> str:
    return f"{value:.4g}"
