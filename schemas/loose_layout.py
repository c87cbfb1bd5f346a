"""Events whose keys come and go, or come in another order every time, for the fast way: one type for all of them.

`schemas.layout` has a type for each form, and some producers have forms without end: they leave out what they do not
know, or their language does not order the keys of a map. A loose layout has every key that was seen. It finds them in
any order, which costs a little for each, and marks what is absent, which is not null.

>>> from msgspec.json import decode
>>> from schemas.layout import NUMBER, TEXT, form_of
>>> from schemas.prediction import Prediction
>>> some = [b'{"model":"churn","features":{"age":41},"prediction":0.83}',
...         b'{"prediction":0.4,"version":"7","model":"churn","features":{"plan":"pro"}}']
>>> one, other = (form_of(decode(text), Prediction) for text in some)
>>> layout = LooseLayout(merged(one, other), {("features", "age"): NUMBER, ("features", "plan"): TEXT})
>>> rows = list(layout.rows(some))
>>> [layout.identity(row) for row in rows], list(layout.families[0][0](rows))
([('churn', -inf), ('churn', '7')], [_(f0=41.0, f1=-inf), _(f0=-inf, f1='pro')])
"""

from collections.abc import Iterable, Sequence
from itertools import repeat
from math import inf
from operator import add
from typing import Any, Final

import msgspec
from msgspec.structs import astuple

from schemas.layout import ANSWERS, EXACT, NESTED, Form, Layout, Values, structure

ABSENT: Final = -inf  # no number of JSON is infinite
NEEDED: Final = (*EXACT, *ANSWERS)  # with another one of these, or without, an event is another thing
INSTEAD: Final = {"status": "ok", "sample_rate": 1.0}  # of a field that is absent


def merged(one: Form, other: Form) -> Form | None:
    """A form with the keys of both; None if they say different things of one, or only one has what is needed."""
    said, others = dict(one.keys), dict(other.keys)
    if one.kind is not other.kind or any((name in said) != (name in others) for name in NEEDED):
        return None
    for name, what in others.items():
        if name in NESTED:
            said[name] = tuple(dict.fromkeys((*said.get(name, ()), *what)))
        elif said.setdefault(name, what) != what:
            return None
    return Form(one.kind, tuple(said.items()))


class LooseLayout(Layout):
    """The layout of all events whose keys are among those of a form."""

    loose = True

    @property
    def shape(self) -> tuple[Any, ...]:
        """As of any layout, but for its being loose."""
        return *super().shape, "loose"

    def _find_ways(self) -> None:
        super()._find_ways()
        self._tags = self._values("tags") if "tags" in self._said else None

    def said(self, who: Any) -> dict[str, str]:
        """What a row says of whose it is."""
        return {name: part for name, part in super().said(who).items() if isinstance(part, str)}

    def _keys(self, rows: Sequence[Any], lacking: Sequence[int]) -> list[int]:
        absent = list(map(add, lacking, map(tuple.count, rows, repeat(ABSENT))))
        if self._tags is not None:
            absent = list(map(add, absent, map(tuple.count, map(astuple, self._tags(rows)), repeat(ABSENT))))
        return [self.keys - many for many in absent]

    def _values(self, name: str) -> Values:
        strict = super()._values(name)
        instead = self._empty(name) if name in NESTED else INSTEAD.get(name, ABSENT)
        return strict if instead is ABSENT else lambda rows: (instead if v is ABSENT else v for v in strict(rows))

    def _empty(self, name: str) -> Any:
        """What a field is whose names are all absent."""
        return next(field.type for field in msgspec.structs.fields(self.row) if field.encode_name == name)()

    def _fields(self, fields: Iterable[tuple[str, Any]]) -> type:
        required = (field.encode_name for field in msgspec.structs.fields(self.kind) if field.required)
        return structure(fields, {*NEEDED, *required}, ABSENT)

    def _names(self, fields: Iterable[tuple[str, Any]]) -> type:
        return structure(fields, (), ABSENT)
