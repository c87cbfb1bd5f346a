"""A tree beside the type it should have: what can be forgiven is mended, the rest is a finding with its full path.

The types themselves are walked (`msgspec.inspect`), so there is no second description of an event to keep in step. NaN
and infinities become null, or are left out where null means nothing; null for an optional field is no field; integers
beyond 64 bits become floats; unknown fields are left out. Everything else that does not fit is an error.

>>> from schemas.prediction import Prediction
>>> tree = Object(model="m", features=Object(age=float("nan")), colour="red")
>>> mended, found = mend(tree, inspect.type_info(Prediction))
>>> mended, [finding.path for finding in found]
({'model': 'm', 'features': {'age': None}}, ['features.age', 'colour'])
"""

from collections.abc import Sequence
from math import inf, isfinite
from sys import float_info
from typing import Final, Literal, TypeAlias

from msgspec import UNSET, inspect

from schemas.dead_letter import Code
from schemas.finding import NAME_HINT, Finding, bad_name, nearest, shown
from schemas.json_text import Object, Tree

Number: TypeAlias = inspect.IntType | inspect.FloatType


def mend(tree: Object, kind: inspect.StructType) -> tuple[Object, list[Finding]]:
    """Return what could be read of an object that should be this struct, and everything there is to say about it."""
    walk = _Walk([])
    return walk.struct(tree, kind, ""), walk.found


class _Walk:
    """One pass over one tree. Methods return the mended value, or `UNSET` when the entry is left out."""

    def __init__(self, found: list[Finding]) -> None:
        self.found = found

    def error(self, path: str, message: str, hint: str, code: Code = "schema") -> None:
        self.found.append(Finding("error", path, message, hint, code))

    def warn(self, path: str, message: str, hint: str, code: Literal["schema", "nonfinite"] = "schema") -> None:
        self.found.append(Finding("warning", path, message, hint, code))

    def value(self, value: Tree, kind: inspect.Type, path: str) -> object:
        """One value against its type."""
        if (
            isinstance(value, str)
            and isinstance(kind, inspect.Metadata)
            and "pattern" in (kind.extra_json_schema or {})
        ):
            self.name(value, path)
            return value
        options = _options(kind)
        if isinstance(value, float) and not isfinite(value):
            hint = "Send null for a value that is missing."
            self.warn(path, "not a finite number, counted as null", hint, "nonfinite")
            return None if _nullable(kind) else UNSET
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

    def number(self, value: int | float, kind: Number, options: Sequence[inspect.Type], path: str) -> object:
        """Integers beyond 64 bits become floats where floats are allowed, and null where they are beyond those too."""
        if isinstance(kind, inspect.FloatType) and isinstance(value, int):
            try:
                value = float(value)
            except OverflowError:
                return self.value(inf, inspect.UnionType(tuple(options)), path)
        limits = [f"at least {kind.ge:,.10g}"] if kind.ge is not None and value < kind.ge else []
        limits += [f"at most {kind.le:,.10g}"] if kind.le is not None and value > kind.le else []
        if limits:
            for wider in options:
                if isinstance(kind, inspect.IntType) and isinstance(wider, inspect.FloatType):
                    return self.number(value, wider, options, path)
            self.error(path, f"expected {limits[0]}", "Correct the number, or leave the field out.")
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
            split = ", or split the model's inputs over several models" if path == "features" else ""
            message = f"{len(tree):,} entries; at most {kind.max_length:,} are allowed"
            self.error(path, message, f"Send fewer{split}.", "too_large")
            return Object()
        mended = Object()
        plain = _plain(kind.value_type) if named else {}
        for key, value in tree.items():
            if type(value) in plain and _within(value, plain[type(value)]) and not bad_name(key):
                mended[key] = value  # the usual case, without a path for every feature
                continue
            place = f"{path}.{shown(key)}"
            if named:
                self.name(key, place)
            else:
                self.value(key, kind.key_type, place)
            result = self.value(value, kind.value_type, place)
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
            if value is None and not _nullable(field.type):
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


def _options(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.Metadata):
        kind = kind.type
    return kind.types if isinstance(kind, inspect.UnionType) else (kind,)


def _plain(kind: inspect.Type) -> dict[type, float]:
    """The JSON types that need no mending, and up to which size: numbers by amount, texts by length."""
    sizes: dict[type, float] = {}
    for option in _options(kind):
        match option:
            case inspect.NoneType():
                sizes[type(None)] = 0
            case inspect.BoolType():
                sizes[bool] = 1
            case inspect.StrType(max_length=limit):
                sizes[str] = inf if limit is None else limit
            case inspect.FloatType(ge=None, le=None):
                sizes[float], sizes[int] = float_info.max, 2**53
    return sizes


def _within(value: Tree, size: float) -> bool:
    if isinstance(value, str):
        return len(value) <= size
    return value is None or (isinstance(value, int | float) and -size <= value <= size)


def _nullable(kind: inspect.Type) -> bool:
    return any(isinstance(option, inspect.NoneType) for option in _options(kind))


def _type_hint(value: Tree, options: Sequence[inspect.Type], path: str) -> str:
    feature = path.startswith("features.")
    numeric = any(isinstance(option, inspect.FloatType | inspect.IntType) for option in options)
    if isinstance(value, list) and feature:
        return "Send one value; a list of numbers is an embedding."
    if isinstance(value, Object) and feature:
        return "Flatten it: one feature per value, named like 'address.city'."
    if isinstance(value, str) and numeric:
        return "Send the number without quotation marks."
    textual = any(isinstance(option, inspect.StrType) for option in options)
    if isinstance(value, int | float) and textual and not (isinstance(value, bool) and numeric):
        return "Put it between quotation marks."
    if value is None:
        return "Leave it out, or send a value."
    return f"Send {expected(options)}, or leave it out."
