"""Which layout a message likely has: that of the last one of its topic, or else that of its model.

A layout costs half a millisecond to make, so a form is seen a few times before it gets one, and the kinds of its
columns are those that were seen most. Whatever fits no layout is left to be read one by one, and is learnt from.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from schemas.layout import Alike, Form, Layout, Path, form_of, kinds_of
from schemas.loose_layout import LooseLayout
from schemas.packed_layout import PackedLayout, packed_form, packed_kinds
from schemas.unreadable import UNREADABLE
from stream.counting.columns import Ints
from stream.counting.route import Known, LayOut, Route, counted

SEEN: Final = 8  # events of a form before it gets a layout, and between two looks at what its columns are
SAMPLES, SAMPLED = 32, 16  # of endless forms only so many events of one call are learnt from, or one of so many
FORMS: Final = 4_096  # that are remembered, and routes to them by model
ROUTES: Final = 65_536
CELLS: Final = 12_000  # of rows that are decoded before they are laid out: half a megabyte, which is still in the cache
ODD: Final = 1 / 8  # if more than this share of a topic does not fit the last layout, one is looked for by model


class Named(msgspec.Struct, gc=False):
    """As much of an event as tells whose it is."""

    model: str


@dataclass(frozen=True)
class Wire:
    """How events are written: what decodes them, and what makes a form and a layout of them."""

    named: Callable[[bytes], Named]
    tree: Callable[[bytes], Any]
    form: Callable[[Mapping[str, Any], Alike], Form | None]
    kinds: Callable[[Mapping[str, Any], Form], dict[Path, str]]
    layout: LayOut
    loose: LayOut | None = None


JSON: Final = Wire(msgspec.json.Decoder(Named).decode, msgspec.json.decode, form_of, kinds_of, Layout, LooseLayout)
PACKED: Final = Wire(
    msgspec.msgpack.Decoder(Named).decode, msgspec.msgpack.decode, packed_form, packed_kinds, PackedLayout
)


@dataclass(slots=True)
class Found:
    """Rows of layouts of one shape, each with the place of its message; and layout by layout, how many there are."""

    rows: list[Any] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    runs: list[tuple[Layout, int]] = field(default_factory=list)

    def add(self, rows: list[Any], layout: Layout, places: Sequence[int]) -> None:
        """Add rows of one layout."""
        self.rows += rows
        self.places += places
        self.runs.append((layout, len(rows)))


Pieces = tuple[Layout, Found]  # by one layout of each shape


class Forms:
    """The layouts that are known. Forgetting them costs time only."""

    def __init__(self, wire: Wire = JSON) -> None:
        self._wire = wire
        self._samples = 0
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._known: dict[Form, Known] = {}
        self._last: dict[str, Layout | None] = {}  # by topic; None: several take turns
        self._by_model: dict[tuple[str, str], Route] = {}
        self._by_shape: dict[tuple[Any, ...], Layout] = {}

    def last(self, topic: str) -> Layout | None:
        """The layout that the next message of a topic likely has."""
        return self._last.get(topic)

    def has_several(self, topic: str) -> bool:
        """Whether the layouts of a topic take turns: then many messages are decoded faster than few."""
        return topic in self._last and self._last[topic] is None

    def likely(self, topic: str, by_model: Mapping[str, Ints], many: int) -> list[tuple[Layout, Ints]]:
        """The layouts that messages of a topic likely have, so many in all, given the models that they likely speak of:
        of each the layout to be tried first."""
        found = [
            (route.first, places)
            for model, places in by_model.items()
            if (route := self._by_model.get((topic, model))) and route.first
        ]
        if len(found) == 1 and len(found[0][1]) >= (1 - ODD) * many:
            self._last[topic] = found[0][0]
        return found

    def decoded(self, topic: str, values: Sequence[bytes], others: list[int], many: int = 0) -> Iterator[Pieces]:
        """The rows of all texts that fit a layout, some at a time, by one layout of each shape; the places of those
        that do not are added to `others`. `many` says of how many these are the rest, if they are."""
        many = many or len(values)
        self._samples = max(SAMPLES, many // SAMPLED)
        last, rest = self._last.get(topic), range(len(values))
        if last is None:
            taken: Counter[Layout] = Counter()
            for like, found in self._route(topic, values, rest, others):
                for layout, each in found.runs:
                    taken[layout] += each
                yield like, found
            most = max(taken, key=taken.__getitem__, default=None)
            if most and taken[most] >= (1 - ODD) * many:
                self._last[topic] = most
            return
        refused: list[int] = []
        for rows, places in fitting(last, values, rest, refused):
            yield last.like, Found(rows, list(places), [(last, len(rows))])
        if len(refused) > ODD * many:
            self._last[topic] = None
        yield from self._route(topic, values, refused, others)

    def learn(self, topic: str, kind: Alike, value: bytes) -> None:
        """Look at an event that fitted no layout and that was accepted all the same."""
        if not self._samples:
            return
        self._samples -= 1
        try:
            tree = self._wire.tree(value)
        except UNREADABLE:
            return
        form = self._wire.form(tree, kind) if isinstance(tree, dict) else None
        if form is None:
            return
        if len(self._by_model) >= ROUTES or len(self._by_shape) >= FORMS:
            self.forget()
        if len(self._known) >= FORMS:
            self._known.clear()
        known = self._known.get(form) or self._known.setdefault(form, Known(form))
        known.seen += 1
        for path, what in self._wire.kinds(tree, form).items():
            known.kinds[path][what] += 1
        if known.seen % SEEN == 0:
            self._lay_out(form, known)
        route = self._by_model.setdefault((topic, tree["model"]), Route())
        if known.layout is not None:
            route.add(known.layout)
            self._last.setdefault(topic, known.layout)
        if self._wire.loose:
            route.miss(known, self._loosely)

    def _lay_out(self, form: Form, known: Known) -> None:
        layout = self._wire.layout(form, counted([known]))
        if known.layout is None or known.layout.columns != layout.columns:
            known.layout = self._like(layout)

    def _loosely(self, form: Form, kinds: Mapping[Path, str]) -> Layout:
        assert self._wire.loose
        return self._like(self._wire.loose(form, kinds))

    def _like(self, layout: Layout) -> Layout:
        layout.like = self._by_shape.setdefault(layout.shape, layout)
        return layout

    def _route(self, topic: str, values: Sequence[bytes], places: Sequence[int], others: list[int]) -> Iterator[Pieces]:
        """Find the layouts of some texts by their models, each layout once: the next text finds its decoder at hand."""
        found: defaultdict[Layout, Found] = defaultdict(Found)
        named, places, unnamed = taken(map(self._wire.named, map(values.__getitem__, places)), places)
        others += unnamed
        by_model: defaultdict[str, list[int]] = defaultdict(list)
        for name, at in zip(named, places, strict=True):
            by_model[name.model].append(at)
        for model, rest in by_model.items():
            route, served = self._by_model.get((topic, model)), dict[Layout, int]()
            for layout in route.layouts if route else ():
                refused: list[int] = []
                for rows, mine in fitting(layout, values, rest, refused):
                    served[layout] = served.get(layout, 0) + len(rows)
                    found[layout.like].add(rows, layout, mine)
                    if len(found[layout.like].rows) >= at_once(layout):
                        yield layout.like, found.pop(layout.like)
                rest = refused
            if route:
                route.served(served)
            others += rest
        others.sort()
        yield from found.items()


def at_once(layout: Layout) -> int:
    """So many rows of a layout are decoded before they are laid out."""
    return max(1, CELLS // max(1, len(layout.columns)))


def fitting(
    layout: Layout, values: Sequence[bytes], places: Sequence[int], refused: list[int]
) -> Iterator[tuple[list[Any], Sequence[int]]]:
    """The rows of the texts at some places that fit a layout, some at a time, with their places; those of the others
    are added to `refused`."""
    step = at_once(layout)
    for begin in range(0, len(places), step):
        some = places[begin : begin + step]
        rows, mine, odd = taken(layout.rows(map(values.__getitem__, some)), some)
        refused += odd
        if rows:
            yield rows, mine


def taken(rows: Iterator[Any], places: Sequence[int]) -> tuple[list[Any], Sequence[int], list[int]]:
    """What a decoder makes of the texts at some places, and the places of those it takes and of those it refuses.

    >>> taken(map(int, [b"4", b"x", b"5"]), range(7, 10))
    ([4, 5], [7, 9], [8])
    """
    good, refused = decoded(rows)
    if not refused:
        return good, places, []
    odd = set(refused)
    return good, [place for at, place in enumerate(places) if at not in odd], [places[at] for at in refused]


def decoded(rest: Iterator[Any]) -> tuple[list[Any], list[int]]:
    """What a decoder makes of each text, and the places of those it refuses.

    >>> decoded(map(int, [b"4", b"x", b"5"]))
    ([4, 5], [1])
    """
    rows: list[Any] = []
    refused: list[int] = []
    while True:
        try:
            rows.extend(rest)  # keeps what came before an exception, and goes on behind it
        except UNREADABLE:
            refused.append(len(rows) + len(refused))
        else:
            return rows, refused
