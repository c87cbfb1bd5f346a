"""Rows by a decoder in C++ (`leeway-native`), where one is installed: the same blocks, or less.

It takes only events, of JSON or packed, that fit the layout exactly as they stand, and proves on the way that no key
occurs twice. What it refuses is read by the pure decoders, which stay the rule of what an event is; without it they
read everything.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import pairwise
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from schemas.cloudevent import PACKED
from schemas.event import MESSAGE_BYTES
from schemas.layout import Layout
from stream.counting import columns, glance, written
from stream.counting.block import Block
from stream.counting.cells import INTS, Codes
from stream.counting.columns import NOTHING, Buckets, Floats, Ints, Runs, Table, ascending
from stream.counting.forms import Forms
from stream.counting.glance import Glance, Times
from stream.counting.rows import Rows
from stream.counting.steps import Plan, plan
from stream.counting.written import Lists

try:
    import leeway_native
except ImportError:
    leeway_native = None

INTERFACE: Final = 6  # of `leeway_native`, that the calls below are written for
FEW: Final = 64  # texts of models that take turns: fewer of a shape cost less together with those that come later


def fits() -> bool:
    """Whether a native decoder is installed that understands these steps."""
    return leeway_native is not None and leeway_native.INTERFACE == INTERFACE


def installed() -> str:
    """What there is, in words."""
    if leeway_native is None:
        return "leeway-native is not installed"
    return f"leeway-native {version('leeway-native')}" + ("" if fits() else ", which is for another version of Leeway")


def way(setting: str) -> str:
    """How events are decoded with some setting of `profile.native`, in words.

    >>> way("off")
    'by msgspec: profile.native = "off"'
    """
    if setting == "off":
        return 'by msgspec: profile.native = "off"'
    return f"by {installed()} where it can" if fits() else f"by msgspec: {installed()}"


class Ways(NamedTuple):
    """What is done for each message or number: in C++ where that is installed, else purely, with the same results."""

    at_a_glance: Glance
    times: Times
    buckets: Buckets
    lists: Lists


def ways(wanted: bool) -> Ways:
    """Natively, if that is wanted and can be. For one thread: what counts buckets keeps its memory."""
    if wanted and fits():
        return Ways(at_a_glance, leeway_native.times, buckets(), leeway_native.lists)
    return Ways(glance.at_a_glance, glance.times, columns.buckets, written.lists)


def at_a_glance(values: Sequence[Any], headers: Sequence[Any]) -> str | None:
    """What the pure one says."""
    packed = leeway_native.alike(values, headers, MESSAGE_BYTES)
    if packed is None:
        return glance.at_a_glance(values, headers)
    return PACKED if packed else ""


def buckets() -> Buckets:
    """What counts a table's numbers, by bucket or bin, in one pass over them."""
    counted = leeway_native.Buckets().counted

    def count(table: Table, starts: Ints, edges: Mapping[int, Ints]) -> list[Runs]:
        groups = table.groups[table.place[starts]].T.ravel()
        own = [edges.get(group, NOTHING) for group in groups.tolist()] if edges else []
        lengths = np.fromiter(map(len, own), np.int64, len(own)) if own else np.zeros(groups.size, np.int64)
        cuts = np.concatenate(own) if own else NOTHING
        return [Runs(groups, *counted(table.values, starts, cuts, lengths))]

    return count


class Run(NamedTuple):
    """The places of texts that are tried by one layout."""

    layout: Layout
    native: "NativeLayout"
    places: Ints


class Owned:
    """Whose rows of one shape are, by the numbers that the native decoder gives: each is looked up once."""

    def __init__(self) -> None:
        self.owners = leeway_native.Owners()
        self._places: list[int] = []
        self._place_of: Ints = INTS

    def places(self, owners: Ints, fresh: Sequence[int]) -> Ints:
        """Of each row the place of its identity; those of owners that are new are given."""
        if fresh:
            self._places += fresh
            self._place_of = np.array(self._places, np.int64)
        return np.asarray(self._place_of[owners])


class Natives:
    """The layouts that have a native decoder; it is made when a layout is first asked for."""

    def __init__(self, wanted: bool) -> None:
        self.used = wanted and fits()
        self._known: WeakKeyDictionary[Layout, NativeLayout | None] = WeakKeyDictionary()
        self._owned: WeakKeyDictionary[Rows, Owned] = WeakKeyDictionary()

    def runs(self, known: Forms, topic: str, values: Sequence[bytes]) -> list[list[Run]]:
        """By which layouts texts of a topic are to be tried, all of one shape together. What is left out, and what is
        refused, is for the pure decoders."""
        if (last := known.last(topic)) is not None:
            native = self.of(last)
            return [[Run(last, native, np.arange(len(values)))]] if native else []
        if not self.used or not known.has_several(topic):
            return []
        found: defaultdict[Layout, list[Run]] = defaultdict(list)
        for layout, places in known.likely(topic, by_likely_model(values), len(values)):
            if native := self.of(layout):
                found[layout.like].append(Run(layout, native, places))
        return [runs for runs in found.values() if sum(run.places.size for run in runs) >= FEW]

    def block(self, runs: Sequence[Run], values: Sequence[bytes], rows: Rows, codes: Codes) -> tuple[Block, Ints]:
        """The rows of the texts that fit their layouts, all of the shape of `rows`, and their places."""
        places = np.concatenate([run.places for run in runs])
        if len(runs) > 1 or places.size < len(values):
            values = list(map(values.__getitem__, places.tolist()))
        like, owned = runs[0].native, self._owned.get(rows) or self._owned.setdefault(rows, Owned())
        decoders = [(run.native.decoder, run.places.size) for run in runs]
        refused, words, fresh, owners, cells = leeway_native.block(decoders, values, owned.owners)
        whose = [rows.identities(runs[at].layout)[who[0] if like.alone else who] for at, who in fresh]
        own = cells[:, : like.plan.width]
        if coded := like.plan.coded:
            own[:, coded] = recoded(own[:, coded].astype(np.intp), words, codes)
        times = {
            name: cells[:, at] if at not in like.plan.stamps else [words[int(code)] for code in cells[:, at]]
            for name, at in like.plan.times.items()
        }
        weight = cells[:, -1] if like.weighted else None
        return Block(owned.places(owners, whose), times, weight, own), np.delete(places, refused) if refused else places

    def of(self, layout: Layout | None) -> "NativeLayout | None":
        """The native decoder of a layout, if there is one."""
        if not self.used or layout is None:
            return None
        if layout not in self._known:
            found = None if layout.loose else plan(layout)
            self._known[layout] = NativeLayout(layout, found) if found else None
        return self._known[layout]


class NativeLayout:
    """A layout as a native decoder."""

    def __init__(self, layout: Layout, plan: Plan) -> None:
        self.plan = plan
        self.alone = len(layout.whose) == 1
        self.weighted = layout.weight is not None
        steps = [leeway_native.Step(**asdict(step)) for step in plan.steps]
        self.decoder: Any = leeway_native.Decoder(steps, layout.wire)


def by_likely_model(values: Sequence[bytes]) -> dict[str, Ints]:
    """The places of texts by the model that each likely speaks of, by a glance; those that name none are left out."""
    names, which = leeway_native.models(values)
    order = ascending(which, len(names))
    ends = np.cumsum(np.bincount(which, minlength=len(names))).tolist()
    return {name: order[first:end] for name, (first, end) in zip(names[1:], pairwise(ends), strict=True)}


def recoded(cells: Ints, words: list[Any], codes: Codes) -> Floats:
    """The codes of a tally for those of a batch. Words that are in none of these cells get none.

    >>> recoded(np.array([[2, 0], [2, 2]]), [None, "not here", "pro"], Codes())
    array([[2., 0.],
           [2., 2.]])
    """
    known = np.zeros(len(words))
    for at in np.flatnonzero(np.bincount(cells.ravel(), minlength=len(words))).tolist():
        known[at] = codes[words[at]]
    return known[cells]
