"""Bytes to an event, or to the reason why not. Nothing here raises: a record that cannot be read is a value.

The fast path is one strict typed decode (msgspec), then proof in a few counts that no key occurred twice, for JSON
leaves open which of two equal keys is meant and decoders silently keep the last. What fails is read again on the slow
path (`schemas.explain`), which mends NaN and unknown fields, counts both, and explains the rest.

>>> reader = Reader()
>>> four_fields = b'{"kind":"prediction","model":"churn","features":{"age":41,"nps":null},"prediction":0.83}'
>>> event = reader.event(four_fields, None, "prediction", 1_790_000_000_000)
>>> event.model, event.ts, event.features
('churn', 1790000000000, {'age': 41, 'nps': None})
>>> reader.event(b'{"model":"churn","features":{"age":NaN},"colour":"red"}', None, "prediction", 0).features
{'age': None}
>>> dict(reader.nonfinite), dict(reader.unknown)
({'features.age': 1}, {'colour': 1})
>>> print(reader.event(b'{"model":"churn","features":{"age":[41]}}', None, "prediction", 0).message)
features.age: expected a number, text or null, got array
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple

from schemas import cloudevent
from schemas.cloudevent import ARROW, PACKED, Envelope
from schemas.dead_letter import Headers, Reason
from schemas.deployment import Deployment
from schemas.event import ID_LENGTH, MESSAGE_BYTES
from schemas.explain import KINDS, examine, too_large
from schemas.feature import Feature
from schemas.finding import NAME_HINT, Finding, bad_name, shown
from schemas.json_text import Tree, parse, twice
from schemas.label import Label
from schemas.moment import EARLIEST_MS, MICROSECONDS, milliseconds
from schemas.packed import is_packed, unpacked
from schemas.prediction import Answer, Prediction
from schemas.unreadable import UNREADABLE, in_words

Incoming: TypeAlias = Prediction | Feature | Label | Deployment
Mappings: TypeAlias = list[Mapping[str, object]]

NAMES: Final = 65_536  # known good names a reader remembers: some megabytes, whatever producers send
PATHS: Final = 512  # distinct paths counted by name; the rest are counted together
OTHERS: Final = "(others)"
FIELDS: Final = {kind: 1 + len(kind.__struct_fields__) for kind in KINDS.values()}  # with "kind" itself
NAME_FIELDS: Final = ("model", "version", "deployment", "environment", "tenant", "feature_set", "previous_version")
MAPPINGS: Final[dict[type[Incoming], tuple[str, ...]]] = {
    Prediction: ("features", "segments", "tags", "signals", "embeddings"),
    Feature: ("features", "segments", "tags"),
    Label: ("signals", "segments", "tags"),
    Deployment: ("traffic", "segments", "tags"),
}
MAPPINGS_OF: Final = {kind: attrgetter(*fields) for kind, fields in MAPPINGS.items()}
OTHER_TIMES: Final[dict[type[Incoming], str]] = {Prediction: "feature_ts", Label: "label_ts"}
GAPS: Final = (b" :", b"\t:", b"\n:", b"\r:")  # JSON allows white space before a colon; hardly anybody writes it


class Reader:
    """Reads events of all four kinds. Keeps nothing but counts and the names it knows to be good."""

    def __init__(self, refuse_future_ms: int = 86_400_000) -> None:
        self.unknown: Counter[str] = Counter()  # unknown fields by path
        self.nonfinite: Counter[str] = Counter()  # NaN and infinities by path
        self._refuse_future_ms = refuse_future_ms
        self._names: set[str | UnsetType] = {UNSET}
        self._decode = msgspec.json.Decoder(Incoming).decode
        self._decode_kind = {name: msgspec.json.Decoder(kind).decode for name, kind in KINDS.items()}

    def event(self, value: bytes | None, headers: Headers | None, kind: str, at_ms: int) -> Incoming | Reason:
        """Read one message of a topic whose events are of this kind unless they say otherwise.

        `at_ms` is Kafka's timestamp. `ts` and the other times come back as whole milliseconds, `ts` always (0: nobody
        knows); every other field that is absent stays `UNSET`.
        """
        if not 0 <= at_ms < MICROSECONDS:  # a topic may be without timestamps (-1), and producers may set them
            at_ms = 0
        envelope = cloudevent.NONE
        if headers:
            said = cloudevent.binary(headers)
            if isinstance(said, Reason):
                return said
            envelope, kind = said, said.kind or kind
        if not value or envelope.structured or envelope.media:
            return self._slowly(value, envelope, kind, at_ms)
        if len(value) > MESSAGE_BYTES:
            return too_large(len(value)).reason
        untagged = 0
        try:
            event: Incoming = self._decode(value)
        except UNREADABLE:
            try:  # without "kind" the topic says what it is
                event = self._decode_kind[kind](value)
            except (*UNREADABLE, KeyError):
                return self._slowly(value, envelope, kind, at_ms)
            untagged = 1
        mappings = _mappings(event)
        if not _each_key_once(value, event, mappings, untagged) and twice(value):
            return self._slowly(value, envelope, kind, at_ms)
        return self._finish(event, mappings, envelope, at_ms)

    def _slowly(self, value: bytes | None, envelope: Envelope, kind: str, at_ms: int) -> Incoming | Reason:
        """Read with forgiveness, or find the first thing that cannot be forgiven."""
        if value and len(value) > MESSAGE_BYTES:
            return too_large(len(value)).reason
        if envelope.media == ARROW:
            return Reason("bad_json", "a batch of events in columns, where one event is read", "Send it to a worker.")
        packed = envelope.media == PACKED or (not envelope.structured and is_packed(value))
        tree = unpacked(value) if packed else parse(value)
        if isinstance(tree, Reason):
            return tree
        if packed:
            return self._from_tree(tree, envelope, kind, at_ms)
        if envelope.structured or cloudevent.looks_structured(tree):
            said = cloudevent.structured(tree)
            if isinstance(said, Reason):
                return said
            tree, envelope, kind = said.body, said, said.kind or kind
        return self._from_tree(tree, envelope, kind, at_ms)

    def _from_tree(self, tree: Tree, envelope: Envelope, kind: str, at_ms: int) -> Incoming | Reason:
        examined = examine(tree, kind)
        for finding in examined.findings:
            if finding.level == "error":
                return finding.reason
        try:
            event = msgspec.convert(examined.body, KINDS[examined.kind])
        except UNREADABLE as error:
            return Reason("schema", in_words(error), "Compare it with the JSON Schema of its kind.")
        for finding in examined.findings:
            self.count(finding)
        return self._finish(event, _mappings(event), envelope, at_ms)

    def _finish(self, event: Incoming, mappings: Mappings, envelope: Envelope, at_ms: int) -> Incoming | Reason:
        """Names, then what the envelope says and the body does not, then times."""
        if not self._names_known(event, mappings) and (reason := self._learn_names(event)):
            return reason
        if envelope is not cloudevent.NONE and (reason := _fill_in(event, envelope)):
            return reason
        ts = event.ts
        if ts is UNSET:
            event.ts = at_ms
        elif not (type(ts) is int and EARLIEST_MS <= ts <= at_ms):  # the usual case needs no call
            when = milliseconds(ts, at_ms, self._refuse_future_ms)
            if isinstance(when, Reason):
                return when
            event.ts = when
        return self._other_times(event, at_ms) or event

    def _other_times(self, event: Incoming, at_ms: int) -> Reason | None:
        field = OTHER_TIMES.get(type(event))
        if field is None or (time := getattr(event, field)) is UNSET:
            return None
        when = milliseconds(time, at_ms, self._refuse_future_ms, field)
        if isinstance(when, Reason):
            return when
        setattr(event, field, when)
        return None

    def _names_known(self, event: Incoming, mappings: Mappings) -> bool:
        """Whether every name in an event was found good before: the usual case, and a few set operations."""
        known = self._names.issuperset
        for mapping in mappings:
            if not known(mapping):
                return False
        kind = type(event)
        if kind is Deployment or (kind is Feature and event.feature_set not in self._names):  # type: ignore[union-attr]
            return False
        return known((event.model, event.version, event.deployment, event.environment, event.tenant))

    def _learn_names(self, event: Incoming) -> Reason | None:
        for path, name in _names(event):
            if name in self._names:
                continue
            if trouble := bad_name(name):
                return Finding("error", path, trouble[0], NAME_HINT, trouble[1]).reason
            self._remember(name)
        return None

    def good(self, names: Iterable[str]) -> bool:
        """Whether names that another way than `event` brought (`schemas.layout`) are good ones."""
        for name in names:
            if name not in self._names:
                if bad_name(name):
                    return False
                self._remember(name)
        return True

    def _remember(self, name: str) -> None:
        if len(self._names) >= NAMES:
            self._names = {UNSET}
        self._names.add(name)

    def count(self, finding: Finding, many: int = 1) -> None:
        """Count something that was forgiven, as often as it occurred."""
        counter = self.nonfinite if finding.code == "nonfinite" else self.unknown
        known = finding.path in counter or len(counter) < PATHS
        counter[finding.path if known else OTHERS] += many


def _each_key_once(value: bytes, event: Incoming, mappings: Mappings, untagged: int) -> bool:
    """Prove by counting that no key of a decoded event occurred twice. False: it could not be proved so cheaply.

    Let K be the keys in the text, S the colons inside of texts and F the fields that the event has. F <= K, and there
    are K + S colons. So if there are F colons, K is F: every key occurred once. Known colons may be taken off first.
    """
    fields = FIELDS[type(event)] - astuple(event).count(UNSET) - untagged
    for mapping in mappings:
        fields += len(mapping)
    colons = value.count(b":")
    if colons == fields:
        return True
    fields += _nested(event)
    if colons == fields:
        return True
    if b"\\" in value:
        return False
    if isinstance(event.ts, str) and colons - event.ts.count(":") == fields:
        return True
    return value.count(b'":') == fields and not any(gap in value for gap in GAPS)


def _nested(event: Incoming) -> int:
    """At least how many fields the objects of fixed fields in an event have."""
    if not isinstance(event, Prediction):
        return 0
    count = 0
    if isinstance(event.prediction, Answer):
        answer = astuple(event.prediction)
        count += len(answer) - answer.count(None) + len(event.prediction.scores or ())
    if event.error is not UNSET:
        count += bool(event.error.code) + bool(event.error.message)
    return count


def _mappings(event: Incoming) -> Mappings:
    """The objects of an event whose keys are names of the user's choice, as far as there are any."""
    return list(filter(None, MAPPINGS_OF[type(event)](event)))


def _names(event: Incoming) -> Iterator[tuple[str, str]]:
    """Every name in an event, with its path."""
    for field in NAME_FIELDS:
        if name := getattr(event, field, None):
            yield field, name
    for field in MAPPINGS[type(event)]:
        for name in getattr(event, field) or ():
            yield f"{field}.{shown(name)}", name
    for i, spec in enumerate(getattr(event, "feature_schema", None) or ()):
        yield f"feature_schema[{i}].name", spec.name


def _fill_in(event: Incoming, envelope: Envelope) -> Reason | None:
    """What the envelope says where the body says nothing."""
    for field, text in (("id", envelope.id), ("traceparent", envelope.traceparent)):
        if text and getattr(event, field) is UNSET:
            if len(text) > ID_LENGTH:
                message = (
                    f"{field} of the CloudEvents envelope: {len(text):,} characters; at most {ID_LENGTH} are allowed"
                )
                return Reason("too_large", message, "Send a shorter identifier.")
            setattr(event, field, text)
    if envelope.time and event.ts is UNSET:
        event.ts = envelope.time
    return None
