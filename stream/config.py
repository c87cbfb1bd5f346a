"""From a TOML file, environment variables and flags to one `Settings`: accepted whole or refused whole.

Later sources win: defaults, then the file, then variables like `LEEWAY__KAFKA__BOOTSTRAP`, then flags. The file is the
one that is named, else the one that `LEEWAY_CONFIG` names, else `leeway.toml` in the current folder, else none.

>>> load(None, {"LEEWAY__JUDGE__REFERENCE": "800"}, {"kafka.bootstrap": "broker:9092", "kafka.allow_plaintext": True})
... # doctest: +ELLIPSIS
Settings(kafka=Kafka(bootstrap='broker:9092', ...), ... judge=Judge(budget=..., reference=800, ...)
>>> load(None, {"LEEWAY__JUDGE__REFERENC": "800"}, {})
Traceback (most recent call last):
stream.config.Misconfigured: variable LEEWAY__JUDGE__REFERENC: there is no setting 'judge.referenc'; did you mean \
'judge.reference'?
"""

import json
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from stream.contradictions import contradictions
from stream.settings import Settings

DEFAULT_FILE = "leeway.toml"
FILE_VARIABLE = "LEEWAY_CONFIG"
PREFIX = "LEEWAY__"

# Never shown, neither by `leeway config show` nor in a sentence about a wrong value.
SECRETS = frozenset({"kafka.sasl_password", "kafka.ssl_key_password", "redis.password", "privacy.key", "redis.url"})


class Misconfigured(Exception):
    """The configuration is refused. One problem a line, each a sentence with its place."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True)
class Given:
    """One value as somebody wrote it: `key` is `section.name`, `place` says where it stands."""

    key: str
    value: object
    place: str
    as_text: bool = False  # from a variable: numbers and lists still have to be read


def load(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """The settings, or `Misconfigured` with everything that is wrong. Flags that are None were not given."""
    given = [*_from_file(_chosen(file, environ)), *_from_variables(environ), *_from_flags(flags)]
    tree: dict[str, Any] = {}
    problems = []
    for item in given:
        try:
            value = _read(item)
        except ValueError as wrong:
            problems.append(f"{item.place}: {wrong}")
            continue
        section, _, name = item.key.rpartition(".")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    if problems:
        raise Misconfigured(problems)
    settings = msgspec.convert(tree, Settings)
    if problems := contradictions(settings):
        raise Misconfigured(problems)
    return settings


def keys() -> dict[str, Any]:
    """Every setting by its name `section.name`, with its type.

    >>> keys()["kafka.bootstrap"], "group" in keys()
    (<class 'str'>, True)
    """
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        if field.name in _sections():
            found |= {f"{field.name}.{inner.name}": inner.type for inner in msgspec.structs.fields(field.type)}
        else:
            found[field.name] = field.type
    return found


def _sections() -> tuple[str, ...]:
    fields = msgspec.structs.fields(Settings)
    return tuple(field.name for field in fields if isinstance(field.default, msgspec.Struct))


def _chosen(file: Path | None, environ: Mapping[str, str]) -> Path | None:
    if file is not None:
        return file
    if named := environ.get(FILE_VARIABLE):
        return Path(named)
    default = Path(DEFAULT_FILE)
    return default if os.path.lexists(default) else None  # a folder or a link to nothing is refused, not passed over


def _from_file(path: Path | None) -> Iterator[Given]:
    if path is None:
        return
    try:
        tree = tomllib.loads(path.read_text("utf-8-sig"))  # some editors begin a file with a byte order mark
    except OSError as reason:
        raise Misconfigured([f"The configuration file {path} cannot be read: {_why(reason)}."]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as reason:
        raise Misconfigured([f"{path} is not TOML: {reason}."]) from None
    for name, value in tree.items():
        if name in _sections() and isinstance(value, dict):
            yield from (Given(f"{name}.{inner}", each, str(path)) for inner, each in value.items())
        elif name in _sections():
            raise Misconfigured([f"{path}: '{name}' is a section; write [{name}] on a line, its settings below it."])
        else:
            yield Given(name, value, str(path))


def _why(reason: OSError) -> str:
    return (reason.strerror or str(reason)).lower()


def _from_variables(environ: Mapping[str, str]) -> Iterator[Given]:
    """Names are read in any case, so one setting may be there twice; one underscore where there should be two is an
    easy slip, and its value would be missing without a word."""
    names: dict[str, str] = {}
    for name, value in sorted(environ.items()):
        if name.startswith(PREFIX):
            key = name.removeprefix(PREFIX).lower().replace("__", ".")
            if other := names.get(key):
                raise Misconfigured([f"variables {other} and {name} set the same setting, '{key}'; keep one"])
            names[key] = name
            yield Given(key, value, f"variable {name}", as_text=True)
        elif name.startswith("LEEWAY_") and (slipped := _slipped(name)):
            raise Misconfigured([f"variable {name} sets nothing; did you mean {slipped}?"])


def _slipped(name: str) -> str:
    """The variable that was meant, where underscores are missing.

    >>> _slipped("LEEWAY_KAFKA_BOOTSTRAP"), _slipped("LEEWAY_TRACEBACK")
    ('LEEWAY__KAFKA__BOOTSTRAP', '')
    """
    meant = (PREFIX + key.replace(".", "__").upper() for key in keys())
    flat = re.sub("_+", "_", name.upper())
    return next((one for one in meant if re.sub("_+", "_", one) == flat), "")


def _from_flags(flags: Mapping[str, object]) -> Iterator[Given]:
    for key, value in flags.items():
        if value is not None:
            yield Given(key, value, "on the command line")


def _read(given: Given) -> object:
    """The value in the type of its setting. Raises ValueError with what was expected and what came."""
    types = keys()
    if given.key in _sections():
        one = given.place.removeprefix("variable ") if given.as_text else given.key
        raise ValueError(f"'{given.key}' is a section; set one of its settings, as in {_first_in(given.key, one)}")
    if given.key not in types:
        raise ValueError(f"there is no setting '{given.key}'{_meant(given.key, types)}")
    kind = types[given.key]
    described = inspect.type_info(kind)
    value = given.value
    try:
        if given.as_text and isinstance(value, str):
            value = _from_text(value, described)
        if isinstance(described, inspect.DictType) and isinstance(value, dict):
            value = _flat(value, described)
        return msgspec.convert(value, kind, strict=not given.as_text)
    except msgspec.ValidationError as wrong:
        came = "" if given.key in SECRETS else f", got {_shown(given.value)}"
        raise ValueError(f"{given.key}: expected {_expected(described)}{came}{_inside(wrong, described)}") from None


def _first_in(section: str, written: str) -> str:
    """The first setting of a section, as it is written where the section was."""
    first = next(known for known in keys() if known.startswith(section + ".")).partition(".")[2]
    return f"{written}__{first.upper()}" if written.startswith(PREFIX) else f"{written}.{first}"


def _meant(key: str, types: Mapping[str, object]) -> str:
    """`; did you mean 'kafka.bootstrap'?`, also when only the section is wrong."""
    by_last_name = [known for known in types if known.rpartition(".")[2] == key.rpartition(".")[2]]
    close = by_last_name or get_close_matches(key, types, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    section = key.partition(".")[0]
    if close := get_close_matches(section, [name for name in _sections() if name != section], n=1):
        return f"; did you mean the section [{close[0]}]?"
    names = [known.partition(".")[2] for known in types if known.startswith(section + ".")]
    if names:
        return f"; [{section}] has {', '.join(names)}"
    return f"; there are the sections {', '.join(_sections())}"


def _from_text(text: str, described: inspect.Type) -> object:
    """Lists and tables from a variable: JSON, or `a,b` and `name=value,name=value`.

    >>> _from_text("age, plan:*", inspect.type_info(list[str]))
    ['age', 'plan:*']
    >>> _from_text("churn=team-growth", inspect.type_info(dict[str, str]))
    {'churn': 'team-growth'}
    """
    if isinstance(described, inspect.ListType | inspect.DictType) and text.lstrip().startswith(("[", "{")):
        try:
            return json.loads(text)
        except ValueError as reason:
            raise msgspec.ValidationError(f"not JSON: {reason}") from None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(described, inspect.ListType):
        return parts
    if isinstance(described, inspect.DictType):
        if not all("=" in part for part in parts):
            raise msgspec.ValidationError("a part without '='")
        return {name.strip(): value.strip() for name, _, value in (part.partition("=") for part in parts)}
    return text


def _flat(table: Mapping[str, object], described: inspect.DictType, above: str = "") -> dict[str, object]:
    """TOML reads `ssl.ca.location = "x"` as tables in tables; librdkafka's names have dots, its values are texts."""
    flat: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= _flat(value, described, f"{above}{name}.")
        elif isinstance(described.value_type, inspect.StrType) and isinstance(value, bool | int | float):
            flat[above + name] = str(value).lower()
        else:
            flat[above + name] = value
    return flat


def _expected(described: inspect.Type) -> str:
    """A type in words.

    >>> _expected(inspect.type_info(keys()["profile.pane_ms"]))
    'a whole number from 50 to 60000'
    """
    match described:
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=None, le=None):
            return "a whole number"
        case inspect.IntType(ge=least, le=None):
            return f"a whole number of at least {least}"
        case inspect.IntType(ge=least, le=most):
            return f"a whole number from {least} to {most}"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(str(value) for value in values)
        case inspect.ListType(item_type=inspect.StructType(cls=cls)):
            return f"a list of tables with {', '.join(cls.__struct_fields__)}"
        case inspect.ListType():
            return "a list of texts"
        case inspect.DictType(value_type=inspect.LiteralType(values=values)):
            return "a table whose values are " + " or ".join(str(value) for value in values)
        case inspect.DictType():
            return "a table of texts"
        case inspect.FloatType(ge=None) | inspect.FloatType(le=None):
            return "a number"
        case inspect.FloatType(ge=least, le=most):
            return f"a number from {least:g} to {most:g}"
        case _:
            return "a text"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _inside(wrong: msgspec.ValidationError, described: inspect.Type) -> str:
    """What is wrong inside a list or a table: the type in words says nothing about that."""
    inner = isinstance(described, inspect.ListType | inspect.DictType)
    return f" ({str(wrong)[:1].lower()}{str(wrong)[1:]})" if inner else ""


def current(file: Path | None, flags: Mapping[str, object]) -> Settings:
    """The settings of this process."""
    return load(file, os.environ, flags)
