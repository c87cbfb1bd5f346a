"""Events whose keys come in one order, with one kind of value each: they are decoded by a type made for them.

Producers send the same keys in the same order a million times. A typed decoder that expects just these is twice as fast
as one that expects any, and what it returns needs no looking up: every row has the same columns. Whatever does not
fit in every detail is refused, and read by `schemas.decode`, which decides what is right; here is only what is fast.

>>> text = b'{"model":"churn","features":{"age":41,"plan":"pro"},"prediction":0.83}'
>>> form = form_of(msgspec.json.decode(text), Prediction)
>>> layout = Layout(form, {("features", "age"): NUMBER, ("features", "plan"): TEXT})
>>> [row] = layout.rows([text])
>>> row, layout.identity(row), [list(column.values([row])) for column in layout.outputs]
(('churn', _(f0=41.0, f1='pro'), 0.83), 'churn', [[0.83]])
>>> next(layout.rows([b'{"model":"churn","features":{"age":"41","plan":"pro"},"prediction":0.83}']))
Traceback (most recent call last):
    ...
msgspec.ValidationError: Expected `float | null`, got `str` - at `$.features.age`
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, Union, get_args, get_type_hints

import msgspec
import numpy as np
from msgspec import Meta, UnsetType
from msgspec.structs import astuple

from schemas.event import Text, Whole
from schemas.feature import Feature
from schemas.label import Label
from schemas.moment import EARLIEST_MS, MICROSECONDS
from schemas.prediction import Prediction
from schemas.subject import Source, Subject

Alike: TypeAlias = type[Prediction] | type[Feature] | type[Label]
Path: TypeAlias = tuple[str, str]  # a field, and a name within it

NUMBER, TEXT, TRUTH = "number", "text", "truth"  # what the values of a column are; any of them may be null
TYPES: Final[dict[str, Any]] = {NUMBER: float | None, TEXT: Text | None, TRUTH: bool | None}
KINDS: Final[dict[type, str]] = {int: NUMBER, float: NUMBER, str: TEXT, bool: TRUTH}

NAMED: Final = ("features", "signals", "segments")  # their names are columns, in this order
NESTED: Final[dict[str, Any]] = {"features": None, "signals": float | None, "segments": Text, "tags": Text}
TIMES: Final = ("ts", "feature_ts", "label_ts")
Believed = Annotated[int, Meta(ge=EARLIEST_MS, lt=MICROSECONDS)]
EXACT: Final = ("kind", "op")  # their values are part of the form
ANSWERS: Final = ("prediction", "label")  # numbers, texts, truths, or a whole answer
ANSWER: Final[dict[str, dict[type, Any]]] = {
    "value": {int: float, float: float},
    "label": {str: Text, bool: bool, int: Whole},
    "score": {int: float, float: float},
}
OUTPUTS: Final[dict[type, tuple[str, ...]]] = {Prediction: ("prediction", "latency_ms", "status"), Label: ("label",)}
WHOSE: Final = ("model", "version", "deployment", "environment", "tenant", "feature_set")
SOURCES: Final[dict[type, Source]] = {Prediction: "prediction", Feature: "feature", Label: "label"}

COLON, QUOTE, BACKSLASH, BLANK = b':"\\ '


class Form(NamedTuple):
    """What makes two events alike: their kind, and their keys in their order, each with what is said of its value."""

    kind: Alike
    keys: tuple[tuple[str, Any], ...]


Values: TypeAlias = Callable[[Iterable[Any]], Iterator[Any]]  # of rows


class Output(NamedTuple):
    """An output as a column: its role, what its values are, and how to take them from rows."""

    role: str
    kind: str
    values: Values


class Packed(NamedTuple):
    """The first columns of a row in one piece: how to take it, and how many doubles it has."""

    values: Values
    wide: int


def form_of(tree: Mapping[str, Any], kind: Alike) -> Form | None:
    """The form of an event that `schemas.decode` has accepted; None if its like are read one by one."""
    if not tree.keys() <= {"kind", *kind.__struct_fields__}:
        return None
    keys = tuple((name, said_of(name, value)) for name, value in tree.items())
    return None if any(said is None for _, said in keys) else Form(kind, keys)


def said_of(name: str, value: Any) -> Any:
    """What a form says of a value. None: too rare, or too varied, for a form of its own."""
    if name in NESTED:
        return tuple(value or ()) if isinstance(value, dict | None) else None  # NaN of msgpack: null, once mended
    if name in EXACT:
        return value if value != "retract" else None
    if name in TIMES:
        return type(value)
    if name in ANSWERS and isinstance(value, dict):
        rare = any(part is not None and type(part) not in ANSWER.get(key, {}) for key, part in value.items())
        return None if rare else tuple((key, type(part)) for key, part in value.items())
    if name in ANSWERS:
        return KINDS.get(type(value), NUMBER)
    return None if isinstance(value, dict | list) else ""


def kinds_of(tree: Mapping[str, Any], form: Form) -> dict[Path, str]:
    """What the features of one event are, as far as they are not null."""
    return {
        (name, key): KINDS[type(value)]
        for name, said in form.keys
        if name == "features"
        for key, value in (tree[name] or {}).items()  # null: no features
        if value is not None
    }


class Layout:
    """One form with the kinds of its features, as a decoder and the ways to its columns.

    A row is a tuple of the values of its fields: what is inside of a tuple is found without asking its type, and with a
    thousand layouts there are a thousand types to ask.
    """

    wire = "json"
    loose = False  # every row has every key, in this order
    packed: Packed | None = None  # JSON has one value each

    def __init__(self, form: Form, kinds: Mapping[Path, str]) -> None:
        self.form = form
        self.kinds = kinds
        self.kind = form.kind
        self._place = {name: at for at, (name, _) in enumerate(form.keys)}
        self._said = dict(form.keys)
        hints = get_type_hints(form.kind, include_extras=True)
        self.row = self._fields((name, self._type(name, said, hints, kinds)) for name, said in form.keys)
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(self.row).decode
        self.keys = len(form.keys) + sum(len(said) for _, said in form.keys if isinstance(said, tuple))
        self.named = tuple(tuple(self._said.get(name, ())) for name in NAMED)
        self.columns = [
            {"features": kinds.get((name, key), NUMBER), "signals": NUMBER, "segments": TEXT}[name]
            for name in NAMED
            for key in self._said.get(name, ())
        ]
        self.whose = tuple(name for name in WHOSE if name in self._place)
        self.like: Layout = self  # one of the same shape, perhaps another: what it makes of rows is right for these
        self._find_ways()

    def _find_ways(self) -> None:
        """How to take the columns from rows."""
        place, said = self._place, self._said
        self.families = [(self._values(name), len(said[name])) for name in NAMED if said.get(name) and name in place]
        self.outputs = [output for name in OUTPUTS.get(self.kind, ()) for output in self._outputs(name)]
        # Of a row: a text if there is one field in `whose`, else a tuple.
        self.identity = itemgetter(*(place[name] for name in self.whose))
        self.times = {name: self._values(name) for name in TIMES if name in place}
        self.weight = self._values("sample_rate") if "sample_rate" in place else None

    def rows(self, texts: Iterable[bytes]) -> Iterator[Any]:
        """The row of each text; the iterator goes on behind one that is refused."""
        return map(astuple, map(self._decode, texts))

    @property
    def shape(self) -> tuple[Any, ...]:
        """What the ways to columns depend on: all of the form and the kinds but the names of features and the like."""
        keys = ((name, len(said) if name in NESTED else said) for name, said in self._said.items())
        return self.kind, tuple(keys), tuple(self.columns)

    def in_milliseconds(self, time: str) -> bool:
        """Whether a field of `TIMES` is a number of milliseconds that can be believed, as far as its size goes."""
        return self._said[time] is int

    def said(self, who: Any) -> dict[str, str]:
        """What a row says of whose it is, given its identity."""
        return dict(zip(self.whose, (who,) if isinstance(who, str) else who, strict=True))

    def subject(self, said: Mapping[str, str]) -> Subject:
        """Whom rows speak of that say this of `whose` they are."""
        deployment = said.get("deployment", said["model"])
        return Subject(
            model=said["model"],
            deployment=said.get("feature_set", deployment),
            source=SOURCES[self.kind],
            tenant=said.get("tenant", ""),
            environment=said.get("environment", ""),
        )

    def unproved(self, values: Sequence[bytes], rows: Sequence[Any], lacking: Sequence[int] = ()) -> list[int]:
        """Places of decoded texts of which it is not proved that no key occurs twice (`schemas.decode`). Of a loose
        layout it has to be said how many of the `columns` each row lacks.

        All keys of a row occur in its text, so a text of as many colons as keys has no other key. Nearly always that
        holds for all texts together, which is one look at all their bytes.
        """
        keys = self._keys(rows, lacking)
        if proved(values, sum(keys)):
            return []
        each = enumerate(zip(values, keys, strict=True))
        return [at for at, (value, many) in each if value.count(b":") != many and not proved((value,), many)]

    def _keys(self, rows: Sequence[Any], lacking: Sequence[int]) -> list[int]:
        """How many keys each row had."""
        return [self.keys] * len(rows)

    def _values(self, name: str) -> Values:
        """How to take a field from rows."""
        return partial(map, itemgetter(self._place[name]))

    def _fields(self, fields: Iterable[tuple[str, Any]]) -> type:
        """The type of a row."""
        return structure(fields)

    def _names(self, fields: Iterable[tuple[str, Any]]) -> type:
        """The type of what has names of the user's choice."""
        return structure(fields)

    def _type(self, name: str, said: Any, hints: Mapping[str, Any], kinds: Mapping[Path, str]) -> Any:
        if name in NESTED:
            own = NESTED[name]
            return self._names((key, own or TYPES[kinds.get((name, key), NUMBER)]) for key in said)
        if name in EXACT:
            return Literal[said]
        if name in TIMES and said is int:
            return Believed
        if name in ANSWERS and isinstance(said, tuple):
            return structure((key, None if kind is type(None) else ANSWER[key][kind]) for key, kind in said)
        if name in ANSWERS:
            return {NUMBER: float | None, TEXT: Text, TRUTH: bool}[said]
        return present(hints[name])

    def _outputs(self, name: str) -> list[Output]:
        if name not in self._place:
            return []
        said, values = self._said[name], self._values(name)
        if name == "latency_ms":
            return [Output("latency", NUMBER, values)]
        if name == "status":
            return [Output("status", TEXT, values)]
        if self.kind is Label:
            return [Output("truth", said, values)]
        if not isinstance(said, tuple):
            return [Output("value" if said == NUMBER else "label", said, values)]
        return [
            Output(key, TEXT if key == "label" else NUMBER, answered(values, at, kind, key))
            for at, (key, kind) in enumerate(said)
            if kind is not type(None)
        ]


def answered(answers: Values, at: int, kind: type, key: str) -> Values:
    """A part of whole answers; a class that is called by an integer is a class all the same."""
    spelled = key == "label" and kind is int

    def values(rows: Iterable[Any]) -> Iterator[Any]:
        parts = map(itemgetter(at), map(astuple, answers(rows)))
        return map(str, parts) if spelled else parts

    return values


def proved(values: Sequence[bytes], keys: int) -> bool:
    """Whether some texts have no more than so many keys together."""
    signs = np.frombuffer(b"".join(values), np.uint8)
    colons = signs == COLON
    if np.count_nonzero(colons) == keys:
        return True
    ends = np.count_nonzero(colons[1:] & (signs[:-1] == QUOTE))
    gaps = np.any(colons[1:] & (signs[:-1] <= BLANK))
    return bool(ends == keys and not gaps and not np.any(signs == BACKSLASH))


def structure(fields: Iterable[tuple[str, Any]], needed: Container[str] | None = None, absent: Any = None) -> type:
    """A type of just these keys. In their order, for speed; all of them needed, or else some are `absent`."""
    named = list(fields)
    return msgspec.defstruct(
        "_",
        [
            (f"f{at}", kind) if needed is None or name in needed else (f"f{at}", kind, absent)
            for at, (name, kind) in enumerate(named)
        ],
        rename={f"f{at}": name for at, (name, _) in enumerate(named)},
        forbid_unknown_fields=True,
        kw_only=needed is not None,
        gc=False,
    )


def present(hint: Any) -> Any:
    """The type of a field that is there."""
    kinds = get_args(hint)
    return Union[tuple(kind for kind in kinds if kind is not UnsetType)] if UnsetType in kinds else hint  # noqa: UP007
