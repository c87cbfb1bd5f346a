"""Events whose keys come and go, or come in another order every time, for the fast way: one type for all of them.

`schemas.layout` has a type for each form, and some producers have forms without end: they leave out what they do not
know, or their language does not order the keys of a map. A loose layout has every key that was seen. It finds them in
any order, which costs a little for each, and marks what is absent, which is not null.

>>> from schemas.layout import NUMBER, TEXT, form_of
>>> from schemas.prediction import Prediction
>>> some = [b'{"model":"churn","features":{"age":41},"prediction":0.83}',
...         b'{"prediction":0.4,"version":"7","model":"churn","features":{"plan":"pro"}}']
>>> one, other = (form_of(msgspec.json.decode(text), Prediction) for text in some)
>>> layout = LooseLayout(merged(one, other), {("features", "age"): NUMBER, ("features", "plan"): TEXT})
>>> for row in layout.rows(some):
...     print(layout.identity(row), layout.families[0][0](row), row[-1])
('churn', UNSET) _(f0=41.0, f1=-inf) 4
('churn', '7') _(f0=-inf, f1='pro') 5
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from operator import itemgetter
from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from schemas.layout import ANSWERS, EXACT, NESTED, WHOSE, Form, Layout, Path, structure

ABSENT: Final = -inf  # no number of JSON is infinite
NEEDED: Final = ("model", *EXACT, *ANSWERS)  # with another one of these, or without, an event is another thing
STATUS: Final = "ok"  # of predictions that do not say theirs
INSTEAD: Final = {**dict.fromkeys(WHOSE, UNSET), "status": STATUS, "sample_rate": 1.0}  # of a field that is absent


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
    """The layout of all events whose keys are among those of a form. A row says last how many of them it had."""

    loose = True

    def __init__(self, form: Form, kinds: Mapping[Path, str]) -> None:
        super().__init__(form, kinds)
        said = dict(form.keys)
        self._always = sum(len(said[name]) for name in ANSWERS if isinstance(said.get(name), tuple))
        inside = {field.encode_name: field.type for field in msgspec.structs.fields(self.row)}
        self._nested = [(self._place[name], inside[name](), len(said[name])) for name in said if name in NESTED]
        self._instead = [(at, INSTEAD[name]) for name, at in self._place.items() if name in INSTEAD]

    @property
    def shape(self) -> tuple[Any, ...]:
        """As of any layout, but for its being loose."""
        return *super().shape, "loose"

    def rows(self, texts: Iterable[bytes]) -> Iterator[Any]:
        """The row of each text; the iterator goes on behind one that is refused."""
        return map(self._row, map(self._decode, texts))

    def _row(self, event: Any) -> list[Any]:
        row = list(astuple(event))
        keys = len(row) - row.count(ABSENT) + self._always
        for at, empty, wide in self._nested:
            if row[at] == ABSENT:
                row[at] = empty
            else:
                keys += wide - astuple(row[at]).count(ABSENT)
        for at, instead in self._instead:
            if row[at] == ABSENT:
                row[at] = instead
        row.append(keys)
        return row

    def _keys(self, rows: Sequence[Any]) -> list[int]:
        return list(map(itemgetter(-1), rows))

    def _fields(self, fields: Iterable[tuple[str, Any]]) -> type:
        return structure(fields, NEEDED, ABSENT)

    def _names(self, fields: Iterable[tuple[str, Any]]) -> type:
        return structure(fields, (), ABSENT)
