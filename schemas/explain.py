"""What is wrong with one event: everything, with the full path, in sentences, and how to mend each.

The typed decoder stops at the first fault and leaves the key of a bad feature out. This is the slow path: it reads
what can be forgiven (`schemas.json_text`, `schemas.mend`), and says all there is to say.

>>> event = b'{"kind":"prediction","model":"churn","features":{"age":[41]},"latencyms":12}'
>>> for finding in findings(event, "prediction", at_ms=0):
...     print(f"{finding.level}: {finding.path}: {finding.message}. {finding.hint}")
error: features.age: expected a number, text or null, got array. Send one value; a list of numbers is an embedding.
warning: latencyms: unknown field, ignored. Did you mean 'latency_ms'?
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from msgspec import inspect

from schemas import cloudevent
from schemas.dead_letter import Reason
from schemas.deployment import Deployment
from schemas.event import MESSAGE_BYTES
from schemas.feature import Feature
from schemas.finding import Finding as Finding
from schemas.finding import nearest, shown
from schemas.json_text import Object, Tree, parse
from schemas.label import Label
from schemas.mend import got, mend
from schemas.moment import milliseconds
from schemas.prediction import Prediction

KINDS: Final[dict[str, type[Prediction] | type[Feature] | type[Label] | type[Deployment]]] = {
    "prediction": Prediction,
    "feature": Feature,
    "label": Label,
    "deployment": Deployment,
}
WATCHED = {"features", "embeddings", "prediction", "latency_ms", "status", "signals", "segments"}


@dataclass(frozen=True, slots=True)
class Examined:
    """What could be read of an event, ready for `msgspec.convert` if no finding is an error."""

    kind: str
    body: Object
    findings: list[Finding]


def findings(value: bytes, kind: str, at_ms: int, refuse_future_ms: int = 86_400_000) -> list[Finding]:
    """Return everything that is wrong with one event of a topic whose events are `kind` unless they say otherwise."""
    if len(value) > MESSAGE_BYTES:
        return [too_large(len(value))]
    tree = parse(value)
    if isinstance(tree, Reason):
        return [Finding("error", "", tree.message, tree.hint, tree.code)]
    time: Tree = None
    if cloudevent.looks_structured(tree):
        envelope = cloudevent.structured(tree)
        if isinstance(envelope, Reason):
            return [Finding("error", "", envelope.message, envelope.hint, envelope.code)]
        tree, time, kind = envelope.body, envelope.time or None, envelope.kind or kind
    examined = examine(tree, kind)
    if not examined.body:
        return examined.findings
    examined.body.setdefault("ts", time)
    found = [*examined.findings, *_clocks(examined.body, at_ms, refuse_future_ms), *_idle(examined)]
    return sorted((_suggest(finding, examined.kind) for finding in found), key=lambda finding: finding.level)


def examine(tree: Tree, default_kind: str) -> Examined:
    """Walk an event's tree beside the type of its kind; mend what can be mended, and say all there is to say."""
    if not isinstance(tree, Object):
        return Examined(default_kind, Object(), [_not_an_object(tree)])
    kind = tree.get("kind", default_kind)
    if not isinstance(kind, str) or kind not in KINDS:
        return Examined(default_kind, Object(), [_unknown_kind(kind)])
    body, found = mend(tree, inspect_kind(kind))
    body["kind"] = kind
    return Examined(kind, body, found)


@cache
def inspect_kind(kind: str) -> inspect.StructType:
    """Return what msgspec knows of the type of this kind."""
    known = inspect.type_info(KINDS[kind])
    assert isinstance(known, inspect.StructType)
    return known


def too_large(size: int) -> Finding:
    """Return the finding for a message beyond the limit."""
    message = f"the message has {size:,} bytes; at most {MESSAGE_BYTES:,} are read"
    return Finding("error", "", message, "Send fewer features, or shorter texts, per event.", "too_large")


def _not_an_object(tree: Tree) -> Finding:
    hint = 'Send one object per message, such as {"kind":"prediction","model":"churn","features":{},"prediction":0.8}.'
    if isinstance(tree, list):
        hint = "Send one message per event instead of a list of events."
    elif isinstance(tree, str) and tree.lstrip().startswith("{"):
        hint = "The event was encoded twice: hand the object to the JSON serialiser, not its text."
    return Finding("error", "", f"expected an object, got {got(tree)}", hint)


def _unknown_kind(kind: Tree) -> Finding:
    if kind in ("", None):
        return Finding("error", "kind", "missing", f'Add "kind": {", ".join(KINDS)}.', "unknown_kind")
    if not isinstance(kind, str):
        message = f"expected {', '.join(KINDS)}, got {got(kind)}"
        return Finding("error", "kind", message, "Send one of these words.", "unknown_kind")
    hint = nearest(kind, KINDS) or f"Send one of {', '.join(KINDS)}."
    return Finding("error", "kind", f"no kind '{shown(kind)}'", hint, "unknown_kind")


def _clocks(body: Object, at_ms: int, refuse_future_ms: int) -> Iterable[Finding]:
    for field in ("ts", "label_ts", "feature_ts"):
        time = body.get(field)
        if isinstance(time, str | int | float):
            when = milliseconds(time, at_ms, refuse_future_ms, field)
            if isinstance(when, Reason):
                yield Finding("error", field, when.message.removeprefix(f"{field}: "), when.hint, when.code)


def _idle(examined: Examined) -> Iterable[Finding]:
    """Events that are right, and from which nothing follows."""
    body = examined.body
    if examined.kind == "prediction" and not body.keys() & WATCHED:
        hint = "Add features, embeddings, a prediction, latency_ms, status or signals."
        yield Finding("warning", "", "nothing in it to watch", hint)
    if examined.kind == "label" and "label" not in body and body.get("op") != "retract":
        hint = 'Add "label", or "op": "retract" to take one back.'
        yield Finding("warning", "label", "a label event without a label", hint)
    if examined.kind == "label" and not body.keys() & {"prediction_id", "prediction"}:
        hint = "Add prediction_id, so that it can be compared with what was predicted."
        yield Finding("warning", "prediction_id", "the label belongs to no prediction", hint)


def _suggest(finding: Finding, kind: str) -> Finding:
    if finding.hint or finding.code != "schema":
        return finding
    head, _, word = finding.path.rpartition(".")
    fields = [field.encode_name for field in inspect_kind(kind).fields] if not head else []
    hint = nearest(word, fields) or "Remove it, or put it into tags, segments or features."
    return Finding(finding.level, finding.path, finding.message, hint, finding.code)
