"""A record batch as the columns of a tally: numbers as doubles, texts as codes. `schemas.decode` in columns.

What a column may hold is what the field of its name may hold in JSON, and the sentences are the same.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schemas.dead_letter import Reason, Unfit
from schemas.decode import Reader
from schemas.event import FEATURES, ID_LENGTH, NAME_LENGTH, SEGMENTS, STANDS_FOR, TEXT_LENGTH
from schemas.feature import Feature, Origin
from schemas.finding import NAME_HINT, Finding, bad_name, shown
from schemas.layout import NUMBER, TEXT, TIMES, TRUTH, WHOSE, Alike
from schemas.moment import EARLIEST_MS, MICROSECONDS, milliseconds
from schemas.prediction import Status
from stream.counting.cells import NULL_CODE, Codes
from stream.counting.columns import Floats, Ints

MEMBERS: Final = {"features": FEATURES, "signals": FEATURES, "segments": SEGMENTS, "tags": 64, "prediction": 3}
IDS: Final = ("id", "request_id", "traceparent", "prediction_id", "entity_id")
WORDS: Final[dict[str, tuple[str, ...]]] = {"status": get_args(Status), "origin": get_args(Origin)}
AMOUNTS: Final = {"latency_ms": (0.0, np.inf), "sample_rate": (1.0, STANDS_FOR)}
AS_JSON: Final = "Send such events as JSON."
TEXTUAL: Final = {kind.id for kind in (pa.string(), pa.large_string(), pa.string_view())}
INTEGERS: Final = {getattr(pa, f"{sign}int{bits}")().id for sign in ("", "u") for bits in (8, 16, 32, 64)}
FLOATS: Final = {kind.id for kind in (pa.float16(), pa.float32(), pa.float64())}
NUMERIC: Final = INTEGERS | FLOATS | {kind.id for kind in (pa.decimal128(9), pa.decimal256(9), pa.null())}

Path = tuple[str, str]  # a field, and a name inside of it or nothing
Mask = NDArray[np.bool_]
ANSWER: Final[Path] = ("prediction", "")


class Texts(NamedTuple):
    """Of each row its place among the different texts; -1 for null."""

    at: Ints
    words: list[str]

    def coded(self, codes: Codes) -> Floats:
        """As cells of a tally."""
        return np.array([*map(codes.__getitem__, self.words), NULL_CODE], np.float64)[self.at]


@dataclass(slots=True)
class DecodedBatch:
    """A record batch as it was read: each array has one entry a row."""

    rows: int
    kinds: dict[Path, str] = field(default_factory=dict)
    cells: dict[Path, Floats] = field(default_factory=dict)
    whose: dict[str, Texts] = field(default_factory=dict)
    times: dict[str, Ints] = field(default_factory=dict)  # milliseconds; 0: not said
    missing: dict[Path, Mask] = field(default_factory=dict)  # of the fields that some rows do not have


class Reading:
    """Reads batches of events of one kind that arrived at one time. Raises `Unfit` at the first bad value."""

    def __init__(self, kind: Alike, reader: Reader, codes: Codes, at_ms: int, refuse_future_ms: int) -> None:
        self._kind = kind
        self._reader = reader
        self._codes = codes
        self._at_ms = at_ms
        self._refuse_future_ms = refuse_future_ms

    def decoded(self, batch: Any) -> DecodedBatch:
        """Everything in a batch."""
        found = DecodedBatch(batch.num_rows)
        met: set[Path] = set()
        for path, array in columns_of(batch):
            if path in met:
                raise unfit(spelled(path), "appears twice", "Send it once; two leave open which is meant.")
            met.add(path)
            self._column(found, path, array)
        for name, most in MEMBERS.items():
            if (many := sum(path[0] == name and path[1] != "" for path in met)) > most:
                raise unfit(name, f"{many:,} entries; at most {most:,} are allowed", "Send fewer.", "too_large")
        if batch.num_rows and ("model" not in found.whose or ("model", "") in found.missing):
            raise unfit("model", "missing", 'Add "model": the name of the model that the event speaks of.')
        if self._kind is Feature and not any(name == "features" for name, _ in met):
            raise unfit("features", "missing", "Add a column 'features.NAME' for each feature.")
        return found

    def _column(self, found: DecodedBatch, path: Path, array: Any) -> None:
        name, key = path
        if name == "kind":
            hint = "Leave the column out: the topic says what its events are, or the header ce_type."
            raise unfit("kind", "all events of an Arrow stream are of one kind", hint)
        if name not in self._kind.__struct_fields__ or (name in MEMBERS) < bool(key):
            self._reader.count(Finding("warning", shown(spelled(path)), "unknown field, ignored", ""), found.rows)
        elif name in READ:
            READ[name](self, found, path, array)
        elif name in TIMES:
            found.times[name] = self._times(name, array)
        elif name in WHOSE:
            found.whose[name] = self._names(found, path, array)
        elif name in IDS:
            texts(path, array, ID_LENGTH)
        else:
            raise unfit(spelled(path), "not read from an Arrow stream", AS_JSON)

    def _feature(self, found: DecodedBatch, path: Path, array: Any) -> None:
        """A number, text, truth or null. Its name is the user's."""
        self._named(path)
        found.kinds[path], found.cells[path] = self._value(path, array)

    def _signal(self, found: DecodedBatch, path: Path, array: Any) -> None:
        self._named(path)
        found.kinds[path], found.cells[path] = NUMBER, self._numbers(path, array)

    def _segment(self, found: DecodedBatch, path: Path, array: Any) -> None:
        self._named(path)
        said = texts(path, array, TEXT_LENGTH)
        if path[0] == "segments":  # tags are for people
            found.kinds[path], found.cells[path] = TEXT, said.coded(self._codes)
            lacking(found, path, said.at < 0)

    def _answer(self, found: DecodedBatch, path: Path, array: Any) -> None:
        """A number, a class, or a part of a whole answer."""
        if path[1] not in ("", "value", "label", "score"):
            raise unfit(spelled(path), "unknown part of an answer", "An answer has value, label and score.")
        if path[1] in ("value", "score"):
            kind, cells = NUMBER, self._numbers(path, array)
        else:
            if path[1] == "label" and array.type.id in INTEGERS:
                array = array.cast(pa.string())  # a class that is called by an integer is a class all the same
            kind, cells = self._value(path, array)
        found.kinds[path], found.cells[path] = kind, cells
        if path[1]:
            lacking(found, path, np.isnan(cells) if kind == NUMBER else cells == NULL_CODE)
        elif kind != NUMBER:
            lacking(found, path, cells == NULL_CODE)

    def _amount(self, found: DecodedBatch, path: Path, array: Any) -> None:
        """A number within limits."""
        cells, (least, most) = self._numbers(path, array), AMOUNTS[path[0]]
        for outside, limit in ((cells < least, f"at least {least:,.10g}"), (cells > most, f"at most {most:,.10g}")):
            if np.any(outside):
                raise unfit(path[0], f"expected {limit}", "Correct the number, or leave the field out.")
        found.kinds[path], found.cells[path] = NUMBER, cells
        if path[0] == "sample_rate":
            lacking(found, path, np.isnan(cells))

    def _word(self, found: DecodedBatch, path: Path, array: Any) -> None:
        """One of a few words."""
        said, words = texts(path, array, TEXT_LENGTH), WORDS[path[0]]
        if not set(words).issuperset(said.words):
            raise unfit(path[0], f"expected {', '.join(words)}, got another text", "Send one of these words.")
        if path[0] == "status":
            found.kinds[path], found.cells[path] = TEXT, said.coded(self._codes)
            lacking(found, path, said.at < 0)

    def _named(self, path: Path) -> None:
        if not path[1]:
            raise unfit(path[0], "expected a column of structs", f"Or name the columns '{path[0]}.NAME'.")
        if not self._reader.good((path[1],)):
            raise bad(spelled(path), path[1])

    def _names(self, found: DecodedBatch, path: Path, array: Any) -> Texts:
        said = texts(path, array, NAME_LENGTH)
        if not self._reader.good(said.words):
            raise bad(path[0], next(filter(bad_name, said.words)))
        lacking(found, path, said.at < 0)
        return said

    def _value(self, path: Path, array: Any) -> tuple[str, Floats]:
        if pa.types.is_boolean(array.type):
            cells = np.array([self._codes[False], self._codes[True], NULL_CODE], np.float64)
            return TRUTH, cells[array.cast(pa.int8()).fill_null(-1).to_numpy()]
        if is_text(array.type):
            return TEXT, texts(path, array, TEXT_LENGTH).coded(self._codes)
        return NUMBER, self._numbers(path, array)

    def _numbers(self, path: Path, array: Any) -> Floats:
        """Doubles; null, and what is not finite, as NaN."""
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if array.type.id not in NUMERIC:
            what = "a number, text or null" if path[0] == "features" else "a number or null"
            raise unfit(spelled(path), f"expected {what}, got {array.type}"[:200], "Cast the column to double.")
        if array.type.id != pa.float64().id:
            array = array.cast(pa.float64(), safe=False)
        cells = array.to_numpy(zero_copy_only=False)
        finite = np.isfinite(cells)
        if strange := int(finite.size - np.count_nonzero(finite)) - array.null_count:
            self._reader.count(Finding("warning", spelled(path), "not a finite number", "", "nonfinite"), strange)
        return np.where(finite, cells, np.nan) if strange else cells

    def _times(self, name: str, array: Any) -> Ints:
        """Milliseconds since 1970; 0 where there is no time."""
        kind = array.type
        if is_text(kind):
            said = texts((name, ""), array, TEXT_LENGTH)
            return np.array([*(self._believed(word, name) for word in said.words), 0], np.int64)[said.at]
        if pa.types.is_timestamp(kind):
            if kind.tz is None:
                hint = "Give the column a time zone, as in pyarrow.timestamp('ms', tz='UTC')."
                raise unfit(name, "a time without an offset, so it could be any of 26 hours", hint, "clock")
            array = array.cast(pa.timestamp("ms", kind.tz), safe=False)
        elif kind.id not in INTEGERS and not pa.types.is_null(kind):
            raise unfit(name, f"expected a time, got {kind}"[:200], "Send milliseconds since 1970, or a timestamp.")
        times = array.cast(pa.int64()).fill_null(0).to_numpy()
        doubtful = (times < EARLIEST_MS) | (times >= MICROSECONDS)
        doubtful |= times - self._refuse_future_ms > self._at_ms
        for row in np.flatnonzero(doubtful).tolist():
            if array[row].is_valid:
                self._believed(int(times[row]), name)
        return np.asarray(times)

    def _believed(self, time: str | int, name: str) -> int:
        when = milliseconds(time, self._at_ms, self._refuse_future_ms, name)
        if isinstance(when, Reason):
            raise Unfit(when)
        return when


READ: Final[dict[str, Callable[[Reading, DecodedBatch, Path, Any], None]]] = {
    "features": Reading._feature,
    "signals": Reading._signal,
    "segments": Reading._segment,
    "tags": Reading._segment,
    "prediction": Reading._answer,
    "latency_ms": Reading._amount,
    "sample_rate": Reading._amount,
    "status": Reading._word,
    "origin": Reading._word,
}


def columns_of(batch: Any) -> Iterator[tuple[Path, Any]]:
    """Columns, and those inside of columns of structs, each with its path."""
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        head, _, key = name.partition(".")
        if name in MEMBERS and pa.types.is_struct(array.type):
            for inner, child in zip(array.type, array.flatten(), strict=True):
                yield (name, inner.name), child
        else:
            yield ((head, key) if head in MEMBERS else (name, "")), array


def texts(path: Path, array: Any, longest: int) -> Texts:
    """A column of texts, null among them."""
    if pa.types.is_null(array.type):
        return Texts(np.full(len(array), -1), [])
    if not is_text(array.type):
        raise unfit(spelled(path), f"expected text, got {array.type}"[:200], "Cast the column to string.")
    if not pa.types.is_dictionary(array.type):
        array = (array.cast(pa.string()) if pa.types.is_string_view(array.type) else array).dictionary_encode()
    at = array.indices.to_numpy(zero_copy_only=False)
    if array.indices.null_count:
        at = np.where(np.isnan(at), -1, at)
    at = at.astype(np.int64)
    many = len(array.dictionary)
    used = np.zeros(many + 1, np.bool_)
    used[at] = True
    words = array.dictionary.to_pylist()
    places: dict[str, int] = {}  # a dictionary may have a text twice, or null
    into = np.full(many + 1, -1)
    for old in np.flatnonzero(used[:many]).tolist():
        if words[old] is not None:
            into[old] = places.setdefault(words[old], len(places))
    if (most := max(map(len, places), default=0)) > longest:
        message = f"a text of {most:,} characters; at most {longest:,} are allowed"
        raise unfit(spelled(path), message, "Send a shorter text; long ones belong in a store.", "too_large")
    return Texts(into[at], list(places))


def is_text(kind: Any) -> bool:
    """Whether a column holds texts, be it in a dictionary."""
    return (kind.value_type.id if pa.types.is_dictionary(kind) else kind.id) in TEXTUAL


def lacking(found: DecodedBatch, path: Path, mask: Mask) -> None:
    """Remember which rows do not have a field."""
    if mask.any():
        found.missing[path] = mask


def spelled(path: Path) -> str:
    """As findings call it."""
    return f"{path[0]}.{shown(path[1])}" if path[1] else path[0]


def bad(path: str, name: str) -> Unfit:
    """A name that is none."""
    message, code = bad_name(name) or ("not a name", "schema")
    return Unfit(Finding("error", path, message, NAME_HINT, code).reason)


def unfit(path: str, message: str, hint: str, code: Any = "schema") -> Unfit:
    """Something that a column must not be."""
    return Unfit(Reason(code, f"{path}: {message}", hint))
