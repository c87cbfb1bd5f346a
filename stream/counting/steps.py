"""A layout as the steps of the native decoder: what stands at each place of a text, and where it goes.

They are taken from the very type that the pure decoder of the layout is made of, so both expect the same. Where that
has something that no step reads there is no plan, and such events are decoded as ever.

>>> from schemas.layout import NUMBER, form_of
>>> from schemas.prediction import Prediction
>>> form = form_of({"model": "churn", "features": {"age": 41}}, Prediction)
>>> for step in plan(Layout(form, {("features", "age"): NUMBER})).steps[1:-1]:
...     print(step.kind, step.key, step.sink, step.least, step.most)
text model whose 1 128
open features none -inf inf
number age cell -inf inf
close  none -inf inf
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, count
from math import inf
from typing import Any, Final

from msgspec.inspect import (
    BoolType,
    BytesType,
    FloatType,
    IntType,
    LiteralType,
    Metadata,
    NoneType,
    StrType,
    StructType,
    Type,
    UnionType,
    type_info,
)
from msgspec.structs import astuple

from schemas.layout import Layout
from schemas.packed import DOUBLE

WORDS: Final = ("text", "choice", "numeral", "truth")  # steps whose cells are codes
STAMPS: Final[Mapping[type, Type]] = {str: StrType(), float: FloatType()}  # times that are not whole milliseconds


@dataclass(frozen=True, slots=True)
class Step:
    """One step, as `leeway_native.Step` wants it."""

    kind: str
    key: str = ""
    nullable: bool = False
    least: float = -inf
    most: float = inf
    choices: tuple[str, ...] = ()
    sink: str = "none"
    place: int = 0
    many: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a layout, and what is in their cells: first the cells of a block, then times, then the weight."""

    steps: list[Step]
    width: int  # of a block
    coded: list[int]  # cells that are codes of words
    times: dict[str, int]  # of each time its cell
    stamps: list[int]  # cells of times that are words


def plan(layout: Layout) -> Plan | None:
    """The steps of a layout; None if it has something that no step reads."""
    row = type_info(layout.row)
    assert isinstance(row, StructType)
    sample = astuple(numbered(row, count()))
    cells: list[Any] = [*layout.packed.values([sample])] * layout.packed.wide if layout.packed else []
    cells += chain.from_iterable(astuple(inside) for values, _ in layout.families for inside in values([sample]))
    cells += [int(value) for output in layout.outputs for value in output.values([sample])]
    width = len(cells)
    times = {name: next(values([sample])) for name, values in layout.times.items()}
    cells += times.values()
    if layout.weight is not None:
        cells += layout.weight([sample])
    who = layout.identity(sample)
    sinks = {leaf: ("cell", place) for place, leaf in reversed([*enumerate(cells)])}  # the first of packed ones
    sinks |= {leaf: ("whose", place) for place, leaf in enumerate(who if isinstance(who, tuple) else (who,))}
    stamps = {times[name]: STAMPS[said] for name, said in layout.form.keys if name in times and said in STAMPS}
    steps: list[Step] = []
    for leaf, key, step in walk("", row, count(), stamps):
        if step is None:
            return None
        sink, place = sinks.get(leaf, ("none", 0))
        kind = "numeral" if step.kind == "whole" and sink == "cell" and place < width else step.kind
        steps.append(replace(step, kind=kind, key=key, sink=sink, place=place))
    words = sorted(step.place for step in steps if step.sink == "cell" and step.kind in WORDS)
    if layout.wire != "json" and any(step.kind == "numeral" for step in steps):
        return None  # how an integer is written in digits, only JSON says
    return Plan(
        steps=steps,
        width=width,
        coded=[place for place in words if place < width],
        times={name: cells.index(leaf, width) for name, leaf in times.items()},
        stamps=[place for place in words if place >= width],
    )


def numbered(row: StructType, leaves: Iterator[int]) -> Any:
    """A row whose values are numbers in the order of the text: it shows which value a layout takes from where."""
    return row.cls(
        *(numbered(each.type, leaves) if isinstance(each.type, StructType) else next(leaves) for each in row.fields)
    )


def walk(
    key: str, kind: Type, leaves: Iterator[int], instead: Mapping[int, Type]
) -> Iterator[tuple[int | None, str, Step | None]]:
    """The steps of a type in the order of the text, each with its number if it is a value, and with its key."""
    if isinstance(kind, StructType):
        yield None, key, Step("list" if kind.array_like else "open")
        for each in kind.fields:
            yield from walk("" if kind.array_like else each.encode_name, each.type, leaves, instead)
        yield None, "", Step("close")
    else:
        leaf = next(leaves)
        yield leaf, key, step_of(instead.get(leaf, kind))


def step_of(kind: Type) -> Step | None:
    """How a value of some type is read; None if no step reads it."""
    match kind:
        case Metadata(type=inner):
            return step_of(inner)
        case UnionType(types=kinds):
            others = [other for other in kinds if not isinstance(other, NoneType)]
            step = step_of(others[0]) if len(others) == 1 else None
            return step and replace(step, nullable=True)
        case StrType(min_length=least, max_length=most, pattern=None):
            return Step("text", least=least or 0, most=inf if most is None else most)
        case FloatType(gt=None, ge=least, lt=None, le=most, multiple_of=None):
            return Step("number", least=-inf if least is None else least, most=inf if most is None else most)
        case IntType(gt=None, ge=int(least), lt=int(above), le=None, multiple_of=None):
            return Step("whole", least=least, most=above - 1)
        case IntType(gt=None, ge=int(least), lt=None, le=int(most), multiple_of=None):
            return Step("whole", least=least, most=most)
        case LiteralType(values=choices) if all(isinstance(choice, str) for choice in choices):
            return Step("choice", choices=tuple(map(str, choices)))
        case BytesType(min_length=int(least), max_length=int(most)) if least == most:
            return Step("numbers", many=least // DOUBLE)
        case BoolType():
            return Step("truth")
        case NoneType():
            return Step("null")
    return None
