"""The rows of one layout by a decoder in C++ (`leeway-native`), where one is installed: the same block, or less.

It takes only events, of JSON or packed, that fit the layout exactly as they stand, and proves on the way that no key
occurs twice. What it refuses is read by the pure decoders, which stay the rule of what an event is; without it they
read everything.
"""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from schemas.layout import Layout
from stream.counting.block import Block
from stream.counting.cells import Codes
from stream.counting.columns import Floats, Ints
from stream.counting.rows import Identities
from stream.counting.steps import Plan, plan

try:
    import leeway_native
except ImportError:
    leeway_native = None

INTERFACE: Final = 2  # of `leeway_native`, that the calls below are written for


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


class Natives:
    """The layouts that have a native decoder; it is made when a layout is first asked for."""

    def __init__(self, wanted: bool) -> None:
        self.used = wanted and fits()
        self._known: WeakKeyDictionary[Layout, NativeLayout | None] = WeakKeyDictionary()

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
        self._plan = plan
        self._alone = len(layout.whose) == 1
        self._weighted = layout.weight is not None
        steps = [leeway_native.Step(**asdict(step)) for step in plan.steps]
        self._decoder: Any = leeway_native.Decoder(steps, layout.wire)

    def block(self, values: Sequence[bytes], identities: Identities, codes: Codes) -> tuple[Block, list[int]]:
        """The rows of the texts that fit, and the places of the others."""
        refused, words, said, whose, cells = self._decoder.block(values)
        if self._alone:
            said = [who for (who,) in said]
        own = cells[:, : self._plan.width]
        if coded := self._plan.coded:
            own[:, coded] = recoded(own[:, coded].astype(np.intp), words, codes)
        times = {
            name: cells[:, at] if at not in self._plan.stamps else [words[int(code)] for code in cells[:, at]]
            for name, at in self._plan.times.items()
        }
        weight = cells[:, -1] if self._weighted else None
        return Block(identities.of(said)[whose], times, weight, own), refused


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
