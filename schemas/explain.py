"""What is wrong with one event: everything, with the full path, in sentences, and how to mend each.

The typed decoder stops at the first fault and leaves the key of a bad feature out. On the slow path the tree is walked
beside the types themselves (`msgspec.inspect`), so that there is no second description of an event to keep in step:
what can be forgiven is mended (NaN becomes null, unknown fields are left out), the rest is explained.

>>> event = b'{"kind":"prediction","model":"churn","features":{"age":[41]},"latencyms":12}'
>>> for finding in findings(event, "prediction", at_ms=0):
...     print(f"{finding.level}: {finding.path}: {finding.message}. {finding.hint}")
error: features.age: expected a number, text or null, got array. Send one value; a list of numbers is an embedding.
warning: latencyms: unknown field, ignored. Did you mean 'latency_ms'?
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from math import isfinite
from typing import Final, Literal

from msgspec import UNSET, inspect

from schemas import cloudevent
from schemas.dead_letter import Code, Reason
from schemas.deployment import Deployment
from schemas.event import MESSAGE_BYTES, NAME_LENGTH, NAME_PATTERN
from schemas.feature import Feature
from schemas.json_text import Object, Tree, parse
from schemas.label import Label
from schemas.moment import milliseconds
from schemas.prediction import Prediction

KINDS: Final[dict[str, type[Prediction] | type[Feature] | type[Label] | type[Deployment]]] = {
    "prediction": Prediction,
    "feature": Feature,
    "label": Label,
    "deployment": Deployment,
}
NAME = re.compile(NAME_PATTERN[:-1] + r"\Z")  # `$` would let a line break through
NAME_HINT = "Names start with a letter or digit and go on with letters, digits and . _ : / @ + -"
SUGGEST_LENGTH = 64  # longer words are nobody's slip of the finger, and comparing them is slow

WATCHED = {"features", "prediction", "latency_ms", "status", "signals"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing about one event: an `error` refuses it, a `warning` does not."""

    level: Literal["error", "warning"]
    path: str
    message: str
    hint: str
    code: Code = "schema"

    @property
    def reason(self) -> Reason:
        """The finding as the reason of a dead letter."""
        return Reason(self.code, f"{self.path}: {self.message}" if self.path else self.message, self.hint)


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
    if cloudevent.looks_structured(tree):
        envelope = cloudevent.structured(tree)
        if isinstance(envelope, Reason):
            return [Finding("error", "", envelope.message, envelope.hint, envelope.code)]
        tree, kind = envelope.body, envelope.kind or kind
    examined = examine(tree, kind)
    found = [*examined.findings, *_clocks(examined.body, at_ms, refuse_future_ms), *_idle(examined)]
    return sorted((_suggest(finding, examined.kind) for finding in found), key=lambda finding: finding.level)


def examine(tree: Tree, default_kind: str) -> Examined:
    """Walk an event's tree beside the type of its kind; mend what can be mended, and say all there is to say."""
    if not isinstance(tree, Object):
        return Examined(default_kind, Object(), [_not_an_object(tree)])
    kind = tree.get("kind", default_kind)
    if not isinstance(kind, str) or kind not in KINDS:
        return Examined(default_kind, Object(), [_unknown_kind(kind)])
    walk = _Walk([])
    body = walk.struct(tree, inspect_kind(kind), "")
    body["kind"] = kind
    return Examined(kind, body, walk.found)


@cache
def inspect_kind(kind: str) -> inspect.StructType:
    """Return what msgspec knows of the type of this kind."""
    known = inspect.type_info(KINDS[kind])
    assert isinstance(known, inspect.StructType)
    return known


def nearest(word: str, among: Iterable[str]) -> str:
    """Return the sentence that names the likeliest intention, or nothing.

    >>> nearest("modle", ["model", "features"])
    "Did you mean 'model'?"
    """
    close = get_close_matches(word[:SUGGEST_LENGTH], list(among), n=1, cutoff=0.6)
    return f"Did you mean '{close[0]}'?" if close else ""


def too_large(size: int) -> Finding:
    """Return the finding for a message beyond the limit."""
    message = f"the message has {size:,} bytes; at most {MESSAGE_BYTES:,} are read"
    return Finding("error", "", message, "Send fewer features, or shorter texts, per event.", "too_large")


def bad_name(text: str) -> tuple[str, Code] | None:
    """Return why a text cannot be a name."""
    if not text:
        return "a name must not be empty", "schema"
    if len(text) > NAME_LENGTH:
        return f"a name of {len(text)} characters; at most {NAME_LENGTH} are allowed", "too_large"
    if not NAME.match(text):
        return "not a name", "schema"
    return None


class _Walk:
    """One pass over one tree. Methods return the mended value, or `UNSET` when the entry is left out."""

    def __init__(self, found: list[Finding]) -> None:
        self.found = found

    def error(self, path: str, message: str, hint: str, code: Code = "schema") -> None:
        self.found.append(Finding("error", path, message, hint, code))

    def warn(self, path: str, message: str, hint: str, code: Code = "schema") -> None:
        self.found.append(Finding("warning", path, message, hint, code))

    def value(self, value: Tree, kind: inspect.Type, path: str) -> object:
        """One value against its type."""
        if isinstance(kind, inspect.Metadata):
            if isinstance(value, str) and "pattern" in (kind.extra_json_schema or {}):
                self.name(value, path)
                return value
            kind = kind.type
        options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        if isinstance(value, float) and not isfinite(value):
            hint = "Send null for a value that is missing."
            self.warn(path, "not a finite number, counted as null", hint, "nonfinite")
            return None if any(isinstance(option, inspect.NoneType) for option in options) else UNSET
        for option in options:
            if isinstance(option, FITTING[type(value)]):
                return self.fitting(value, option, options, path)
        self.error(path, f"expected {expected(options)}, got {got(value)}", _type_hint(value, options, path))
        return UNSET

    def fitting(self, value: Tree, kind: inspect.Type, options: Sequence[inspect.Type], path: str) -> object:
        """A value whose type is right; its size and content may not be."""
        match kind:
            case inspect.StructType() if isinstance(value, Object):
                return self.struct(value, kind, f"{path}.")
            case inspect.DictType() if isinstance(value, Object):
                return self.mapping(value, kind, path)
            case inspect.ListType() | inspect.TupleType() if isinstance(value, list):
                return self.sequence(value, kind, path)
            case inspect.StrType(max_length=limit) if isinstance(value, str) and limit and len(value) > limit:
                message = f"a text of {len(value):,} characters; at most {limit:,} are allowed"
                self.error(path, message, "Send a shorter text; long ones belong in a store.", "too_large")
            case inspect.LiteralType(values=words) if value not in words:
                hint = nearest(str(value), map(str, words)) or "Send one of these words, or leave the field out."
                self.error(path, f"expected {expected((kind,))}, got another text", hint)
            case inspect.IntType() | inspect.FloatType() if isinstance(value, int | float):
                return self.number(value, kind, options, path)
        return value

    def number(
        self, value: int | float, kind: inspect.IntType | inspect.FloatType, options: Sequence[inspect.Type], path: str
    ) -> object:
        """Integers beyond 64 bits become floats where floats are allowed, and null where they are beyond those too."""
        low, high = kind.ge, kind.le
        outside = (low is not None and value < low) or (high is not None and value > high)
        if isinstance(value, int) and (outside or isinstance(kind, inspect.FloatType)):
            floats = [option for option in options if isinstance(option, inspect.FloatType)]
            if floats and (kind is not floats[0] or abs(value) > 2**63):
                try:
                    return self.value(float(value), floats[0], path)
                except OverflowError:
                    return self.value(float("inf"), inspect.UnionType(tuple(options)), path)
        if outside:
            limits = [f"at least {low:g}" * (low is not None), f"at most {high:g}" * (high is not None)]
            message = f"expected {' and '.join(filter(None, limits))}"
            self.error(path, message, "Correct the number, or leave the field out.")
        return value

    def sequence(self, values: list[Tree], kind: inspect.ListType | inspect.TupleType, path: str) -> object:
        """A list that holds one value which cannot be mended is left out as a whole."""
        if isinstance(kind, inspect.TupleType):
            if len(values) != len(kind.item_types):
                message = f"expected {len(kind.item_types)} values, got {len(values)}"
                self.error(path, message, "Send [lowest, highest].")
                return UNSET
            kinds: Sequence[inspect.Type] = kind.item_types
        else:
            if kind.max_length is not None and len(values) > kind.max_length:
                message = f"{len(values):,} values; at most {kind.max_length:,} are allowed"
                self.error(path, message, "Send fewer.", "too_large")
                return UNSET
            kinds = [kind.item_type] * len(values)
        places = enumerate(zip(values, kinds, strict=True))
        mended = [self.value(value, each, f"{path}[{i}]") for i, (value, each) in places]
        return UNSET if any(value is UNSET for value in mended) else mended

    def mapping(self, tree: Object, kind: inspect.DictType, path: str) -> Object:
        """Features, segments, signals: names of the user's choice, values of one type."""
        named = isinstance(kind.key_type, inspect.Metadata)
        self.repeated(tree, f"{path}.")
        if kind.max_length is not None and len(tree) > kind.max_length:
            hint = "Send fewer, or split the model's inputs over several models."
            self.error(path, f"{len(tree):,} entries; at most {kind.max_length:,} are allowed", hint, "too_large")
            return Object()
        mended = Object()
        for key, value in tree.items():
            if named:
                self.name(key, f"{path}.{shown(key)}")
            else:
                self.value(key, kind.key_type, f"{path}.{shown(key)}")
            result = self.value(value, kind.value_type, f"{path}.{shown(key)}")
            if result is not UNSET:
                mended[key] = result  # type: ignore[assignment]
        return mended

    def struct(self, tree: Object, kind: inspect.StructType, at: str) -> Object:
        """The event itself, or an object of fixed fields inside it. `at` is its path with the dot, or nothing."""
        self.repeated(tree, at)
        fields = {field.encode_name: field for field in kind.fields}
        mended = Object()
        for key, value in tree.items():
            field = fields.get(key)
            if field is None:
                if key != kind.tag_field:
                    self.warn(f"{at}{shown(key)}", "unknown field, ignored", "")
                continue
            if value is None and not field.required and not _nullable(field.type):
                continue  # serialisers write null for what is not there
            result = self.value(value, field.type, f"{at}{key}")
            if result is not UNSET:
                mended[key] = result  # type: ignore[assignment]
        for name, field in fields.items():
            if field.required and name not in mended and not self.blamed(f"{at}{name}"):
                self.error(f"{at}{name}", "missing", MISSING.get(name, f'Add "{name}".'))
        return mended

    def blamed(self, path: str) -> bool:
        """Whether an error has been found at this very path already."""
        return any(finding.path == path and finding.level == "error" for finding in self.found)

    def name(self, text: str, path: str) -> None:
        """The pattern and the length of a name."""
        if trouble := bad_name(text):
            message, code = trouble
            self.error(path, message, NAME_HINT, code)

    def repeated(self, tree: Object, at: str) -> None:
        """Keys that occur twice: nobody can know which one was meant."""
        for key in tree.twice:
            self.error(f"{at}{shown(key)}", "appears twice", "Send it once; two leave open which is meant.")


MISSING = {
    "model": 'Add "model": the name of the model that the event speaks of.',
    "features": 'Add "features": {"name": value, …}.',
    "action": 'Add "action": deployed, promoted, traffic, rolled_back, retired, reference or config.',
}

FITTING: Final[dict[type, tuple[type[inspect.Type], ...]]] = {
    type(None): (inspect.NoneType,),
    bool: (inspect.BoolType,),
    int: (inspect.IntType, inspect.FloatType),
    float: (inspect.FloatType,),
    str: (inspect.StrType, inspect.LiteralType),
    list: (inspect.ListType, inspect.TupleType),
    Object: (inspect.DictType, inspect.StructType),
}

GOT: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number with a fraction",
    str: "text",
    list: "array",
    Object: "object",
}


def got(value: Tree) -> str:
    """Return the JSON type of a value, in a word."""
    return GOT[type(value)]


def expected(options: Sequence[inspect.Type]) -> str:
    """Return the types as a person would name them.

    >>> expected((inspect.IntType(), inspect.FloatType(), inspect.StrType(), inspect.NoneType()))
    'a number, text or null'
    """
    kinds = {type(option) for option in options}
    words: list[str] = []
    if inspect.BoolType in kinds and inspect.StrType not in kinds:
        words.append("true or false")
    if inspect.FloatType in kinds:
        words.append("a number")
    elif inspect.IntType in kinds:
        words.append("a whole number")
    if inspect.StrType in kinds:
        words.append("text")
    for option in options:
        if isinstance(option, inspect.LiteralType):
            words.extend(str(word) for word in sorted(map(str, option.values)))
    if kinds & {inspect.ListType, inspect.TupleType}:
        words.append("an array")
    if kinds & {inspect.DictType, inspect.StructType}:
        words.append("an object")
    if inspect.NoneType in kinds:
        words.append("null")
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def shown(key: str) -> str:
    """Return a key as it can be shown: short, and without characters that could play tricks on a terminal."""
    text = "".join(sign if sign.isprintable() else "?" for sign in key[:SUGGEST_LENGTH])
    return f"{text}…" if len(key) > SUGGEST_LENGTH else text or "''"


def _nullable(kind: inspect.Type) -> bool:
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    options = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return any(isinstance(option, inspect.NoneType) for option in options)


def _type_hint(value: Tree, options: Sequence[inspect.Type], path: str) -> str:
    within = path.partition(".")[0]
    numeric = any(isinstance(option, inspect.FloatType | inspect.IntType) for option in options)
    if isinstance(value, list) and within == "features":
        return "Send one value; a list of numbers is an embedding."
    if isinstance(value, Object) and within == "features":
        return "Flatten it: one feature per value, named like 'address.city'."
    if isinstance(value, str) and numeric:
        return "Send the number without quotation marks."
    if isinstance(value, int | float) and any(isinstance(option, inspect.StrType) for option in options):
        return "Put it between quotation marks."
    if value is None:
        return "Leave the field out, or send a value."
    return f"Send {expected(options)}, or leave it out."


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
        hint = "Add features, a prediction, latency_ms, status or signals."
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
