"""Records of our own topics, checked for what their readers rely on.

Anybody who may write to a topic may write nonsense to it. A judge that folds counts must not meet a negative one, a
bucket that no double has, or a list as long as a message: so a record is checked here, once, and trusted after.

>>> pane(b'{"kind":"pane","subject":{"model":"m","deployment":"m"},"at":1,"worker":"0","rows":1,'
...      b'"columns":{"feature:age":{"n":2,"at":[7],"counts":[3]}}}').message
'columns.feature:age: n is 2, and its counts add up to 3'
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from math import isfinite
from operator import lt
from typing import TypeVar

import msgspec
from msgspec import Struct

from schemas.anomaly import Anomaly
from schemas.binning import Binning
from schemas.dead_letter import Reason
from schemas.event import ID_LENGTH, NAME_LENGTH, STANDS_FOR, TEXT_LENGTH
from schemas.heartbeat import Heartbeat
from schemas.incident import Command, Incident
from schemas.moment import Aware
from schemas.pane import Column, Pane, PaneTopic, family
from schemas.subject import Subject
from schemas.unreadable import UNREADABLE, in_words

VERSION = 1  # of every record; a newer one is refused, so that its meaning is not guessed
BUCKETS = 2**21  # universal buckets are the top 22 bits of a double, with their sign (`detectors.binning`)
BINS = 4_096  # of one column
RECORD_BYTES = 16_000_000  # far more than a broker lets through by default
COLUMNS = 16_384  # of one pane
VALUES = 4_096  # distinct texts of one column in one pane
SLICES = 16_384  # of one pane
COLUMN_LENGTH = 2 * NAME_LENGTH  # `feature:` and a name; a slice's name has a key and a value
COUNT = 2**53  # the largest count that is exact as a double
PANE_ROWS = 2**24  # sixty times what a worker counts before it cuts; a judge adds panes up in 32 bits
FOREVER = 253_402_300_799_999  # milliseconds: the end of 9999, the last year that RFC 3339 can write
STEPS = 10_000  # of one incident
MEND = "It was not written by Leeway, or by another version of it: find the writer, then redrive the record."

Record = TypeVar("Record", bound=Struct)
Complaint = Iterator[str]


def pane(value: bytes | None) -> PaneTopic | Reason:
    """Read a record of the panes topic. Its columns say buckets and bins, also those that were written as gaps."""
    return _read(value, _spelled_out, _wrong_with_pane_topic)


def binning(value: bytes | None) -> Binning | Reason:
    """Read a record of the binnings topic."""
    return _read(value, BINNINGS.decode, _wrong_with_binning)


def anomaly(value: bytes | None) -> Anomaly | Reason:
    """Read a record of the anomalies topic."""
    return _read(value, ANOMALIES.decode, _wrong_with_anomaly)


def incident(value: bytes | None) -> Incident | Reason:
    """Read a record of the incidents topic."""
    return _read(value, INCIDENTS.decode, _wrong_with_incident)


def command(value: bytes | None) -> Command | Reason:
    """Read a record of the commands topic: written by people and programs, so its hints are for them."""
    return _read(
        value, COMMANDS.decode, _wrong_with_command, "Write commands with `leeway`, or compare it with the JSON Schema."
    )


def heartbeat(value: bytes | None) -> Heartbeat | Reason:
    """Read a record of the heartbeats topic."""
    return _read(value, HEARTBEATS.decode, _wrong_with_heartbeat)


PANES: msgspec.json.Decoder[PaneTopic] = msgspec.json.Decoder(PaneTopic)
BINNINGS = msgspec.json.Decoder(Binning)
ANOMALIES = msgspec.json.Decoder(Anomaly)
INCIDENTS = msgspec.json.Decoder(Incident)
COMMANDS = msgspec.json.Decoder(Command)
HEARTBEATS = msgspec.json.Decoder(Heartbeat)


def _spelled_out(value: bytes) -> PaneTopic:
    record = PANES.decode(value)
    if isinstance(record, Pane):
        record.spell_out()
    return record


def _read(
    value: bytes | None, decode: Callable[[bytes], Record], wrong: Callable[[Record], Complaint], hint: str = MEND
) -> Record | Reason:
    """Decode, then return the first complaint, if any."""
    if not value:
        return Reason("bad_json", "the message is empty", hint)
    if len(value) > RECORD_BYTES:
        return Reason("too_large", f"the message has {len(value):,} bytes; at most {RECORD_BYTES:,} are read", hint)
    try:
        record = decode(value)
    except msgspec.ValidationError as error:
        return Reason("schema", in_words(error), hint)
    except UNREADABLE as error:
        return Reason("bad_json", f"not JSON: {error}", hint)
    complaint = next(wrong(record), None)
    return record if complaint is None else Reason("schema", complaint, hint)


def _wrong_with_pane_topic(record: PaneTopic) -> Complaint:
    yield from _wrong_with_common(record.v, record.subject)
    yield from _outside("at", record.at, FOREVER)
    if isinstance(record, Pane):
        yield from _wrong_with_pane(record)


def _wrong_with_pane(record: Pane) -> Complaint:
    for field in ("rows", "late", "future"):
        yield from _outside(field, getattr(record, field), PANE_ROWS)
    for field in ("lag_ms", "part", "parts"):
        yield from _outside(field, getattr(record, field), COUNT)
    for field in ("since", "until"):
        yield from _outside(field, getattr(record, field), FOREVER)
    if record.part >= record.parts:
        yield f"part {record.part} of {record.parts}: parts are numbered from 0"
    if record.since > record.until:
        yield "since is later than until"
    if not 0 <= record.volume <= PANE_ROWS * STANDS_FOR:
        yield f"volume: expected a number from 0 to {PANE_ROWS * STANDS_FOR}"
    if len(record.worker) > NAME_LENGTH:
        yield "worker: too long a name"
    yield from _counts("versions", record.versions, VALUES)
    if len(record.columns) > COLUMNS or len(record.slices) > SLICES:
        yield f"more than {COLUMNS:,} columns or {SLICES:,} slices"
    for name, column in record.columns.items():
        yield from _wrong_with_column(name, column, record.rows)
    for name, part in record.slices.items():
        at = f"slices.{name[:NAME_LENGTH]}"
        if len(name) > NAME_LENGTH + TEXT_LENGTH + 1 or "=" not in name:
            yield f"{at}: names of slices look like 'region=eu'"
        yield from _outside(f"{at}.rows", part.rows, PANE_ROWS)
        yield from _counts(f"{at}.nulls", part.nulls, COLUMNS)
        if len(part.columns) > COLUMNS:
            yield f"{at}: more than {COLUMNS:,} columns"
        for name_inside, column in part.columns.items():
            yield from _wrong_with_column(name_inside, column, part.rows, f"{at}.")


def _wrong_with_column(name: str, column: Column, rows: int, at: str = "") -> Complaint:
    at = f"{at}columns.{name[:COLUMN_LENGTH]}"
    yield from _wrong_with_column_name(name, at)
    if not (0 <= column.n <= COUNT and 0 <= column.other <= COUNT and 0 <= column.nulls <= COUNT):
        for field in ("n", "other", "nulls"):
            yield from _outside(f"{at}.{field}", getattr(column, field), COUNT)
    if not (isfinite(column.sum) and isfinite(column.min) and isfinite(column.max)) or column.min > column.max:
        yield f"{at}: sum, min and max are finite, and min is at most max"
    if column.gaps:
        yield f"{at}: expected buckets or gaps, and not both"
    if len(column.at) != len(column.counts) or len(column.at) > (BINS if column.binning != "u" else BUCKETS):
        yield f"{at}: {len(column.at)} buckets, but {len(column.counts)} counts"
    if column.counts and min(column.counts) < 0:
        yield f"{at}: a negative count"
    if sum(column.counts) != column.n:
        yield f"{at}: n is {column.n}, and its counts add up to {sum(column.counts)}"
    if not 0 < len(column.binning) <= ID_LENGTH:
        yield f"{at}: expected the identity of a binning"
    yield from _ascending(f"{at}.at", column.at, *((-BUCKETS, BUCKETS) if column.binning == "u" else (0, BINS)))
    if column.values:
        yield from _counts(f"{at}.values", column.values, VALUES)
    if column.n + column.texts + column.nulls > rows:
        yield f"{at}: more values than the {rows} rows of its pane"


def _wrong_with_binning(record: Binning) -> Complaint:
    yield from _wrong_with_common(record.v, record.subject)
    yield from _wrong_with_column_name(record.column, "column")
    if not 0 < len(record.id) <= ID_LENGTH:
        yield "id: expected the identity of a binning"
    if (record.form == "universal") != (record.id == "u"):
        yield "id: 'u' is the identity of the universal binning, and of no other"
    if len(record.edges) >= BINS or len(record.names) > VALUES:
        yield f"more than {BINS:,} edges or {VALUES:,} names"
    yield from _ascending("edges", record.edges, -BUCKETS, BUCKETS)
    if len(set(record.names)) != len(record.names) or any(len(name) > TEXT_LENGTH for name in record.names):
        yield f"names: expected different texts of at most {TEXT_LENGTH:,} characters"
    yield from _outside("tails", record.tails, BINS)


def _wrong_with_anomaly(record: Anomaly) -> Complaint:
    yield from _version(record.v)
    yield from _too_long(record, ID_LENGTH, ("id", "fingerprint", "model", "version", "deployment", "feature", "owner"))
    yield from _too_long(record, TEXT_LENGTH, ("summary", "runbook_url", "console_url"))
    if not record.id or not record.fingerprint:
        yield "id and fingerprint must not be empty"
    for field, time in (
        ("onset_at", record.onset_at),
        ("onset_until", record.onset_until),
        ("detected_at", record.detected_at),
        ("window.start", record.window.start),
        ("window.end", record.window.end),
    ):
        yield from _time(field, time)
    if len(record.segment) > NAME_LENGTH or len(record.causes) > NAME_LENGTH:
        yield f"more than {NAME_LENGTH} segments or causes"
    shown = record.evidence
    if shown and max(len(shown.labels), len(shown.reference), len(shown.live)) > BINS:
        yield f"evidence: more than {BINS:,} bins"


def _wrong_with_incident(record: Incident) -> Complaint:
    yield from _version(record.v)
    yield from _too_long(record, ID_LENGTH, ("id", "fingerprint", "model", "version", "deployment", "feature", "owner"))
    yield from _too_long(record, TEXT_LENGTH, ("summary", "effect", "runbook_url", "console_url"))
    if not record.id or not record.fingerprint:
        yield "id and fingerprint must not be empty"
    if len(record.steps) > STEPS:
        yield f"steps: more than {STEPS:,}"
    if record.last is not None:
        yield from (f"last: {complaint}" for complaint in _wrong_with_anomaly(record.last))


def _wrong_with_command(record: Command) -> Complaint:
    yield from _version(record.v)
    yield from _too_long(record, ID_LENGTH, ("id", "incident", "actor"))
    yield from _too_long(record, TEXT_LENGTH, ("comment",))
    for field in ("id", "incident", "actor", "at"):
        if not getattr(record, field):
            yield f"{field}: must not be empty"
    yield from _time("at", record.at)
    yield from _time("until", record.until)
    if not record.until and record.action == "silence":
        yield "until: a silence needs an end, as an RFC 3339 time"


def _wrong_with_heartbeat(record: Heartbeat) -> Complaint:
    yield from _wrong_with_common(record.v, record.subject)
    for field in ("rows", "columns", "watching", "lag_ms"):
        yield from _outside(field, getattr(record, field), COUNT)
    if len(record.drifting) > COLUMNS:
        yield f"drifting: more than {COLUMNS:,}"


def _wrong_with_common(version: int, subject: Subject) -> Complaint:
    yield from _version(version)
    yield from _too_long(subject, NAME_LENGTH, ("model", "deployment", "tenant", "environment"), "subject.")
    if not subject.model or not subject.deployment:
        yield "subject: model and deployment must not be empty"


def _wrong_with_column_name(name: str, at: str) -> Complaint:
    if len(name) > COLUMN_LENGTH:
        yield f"{at}: a name of {len(name)} characters"
    elif not _names_a_column(name):
        yield f"{at}: names of columns look like 'feature:age' or 'prediction:value'"


@lru_cache(maxsize=COLUMNS)  # the same few hundred come with every pane
def _names_a_column(name: str) -> bool:
    try:
        return bool(name.removeprefix(f"{family(name)}:"))
    except ValueError:
        return False


def _version(version: int) -> Complaint:
    if version != VERSION:
        yield f"v: version {version} of the format; this program reads version {VERSION}"


def _too_long(record: Struct, limit: int, fields: Iterable[str], at: str = "") -> Complaint:
    for field in fields:
        if len(getattr(record, field)) > limit:
            yield f"{at}{field}: more than {limit:,} characters"


def _time(field: str, text: str) -> Complaint:
    try:
        since_1970 = not text or msgspec.convert(text, Aware).timestamp() >= 0
    except (msgspec.ValidationError, ValueError, OverflowError):
        since_1970 = False
    if not since_1970:
        yield f"{field}: expected an RFC 3339 time with an offset, from 1970 on"


def _outside(field: str, number: int, limit: int) -> Complaint:
    if not 0 <= number <= limit:
        yield f"{field}: expected a whole number from 0 to {limit}"


def _ascending(field: str, numbers: list[int], low: int, high: int) -> Complaint:
    if not numbers:
        return
    if not all(map(lt, numbers, numbers[1:])) or numbers[0] < low or numbers[-1] >= high:
        yield f"{field}: expected ascending numbers from {low} to {high - 1}"


def _counts(field: str, counts: dict[str, int], limit: int) -> Complaint:
    if len(counts) > limit or any(len(name) > TEXT_LENGTH for name in counts):
        yield f"{field}: more than {limit:,} entries, or one longer than {TEXT_LENGTH:,} characters"
    if counts and not 0 <= min(counts.values()) <= max(counts.values()) <= COUNT:
        yield f"{field}: expected counts that are not negative"
