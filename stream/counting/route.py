"""The layouts that one model's events may have: one for each of its few forms, or a loose one for forms without end.

What fits no layout is remembered for a while. If it comes in more forms than can be tried one after the other, the next
layout has the keys of all of them (`schemas.loose_layout`); where that takes most of what comes, it is tried alone.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from schemas.event import FEATURES, SEGMENTS, TAGS
from schemas.layout import NESTED, Form, Layout, Path
from schemas.loose_layout import merged

TURNS: Final = 4  # layouts of one model that take turns
MISSED: Final = 32  # events that fitted none, before they are looked at together
SPARSE: Final = 4  # so many times the keys of an event a loose layout may have: every row has a cell for each
MOST: Final = {"features": FEATURES, "signals": FEATURES, "segments": SEGMENTS, "tags": TAGS}

Kinds = defaultdict[Path, Counter[str]]
LayOut = Callable[[Form, Mapping[Path, str]], Layout]


@dataclass(slots=True, eq=False)
class Known:
    """What was seen of a form."""

    form: Form
    seen: int = 0
    kinds: Kinds = field(default_factory=lambda: defaultdict(Counter))
    layout: Layout | None = None


@dataclass(slots=True)
class Route:
    """The layouts to be tried, one after the other."""

    layouts: list[Layout] = field(default_factory=list)
    missed: list[Known] = field(default_factory=list)

    @property
    def first(self) -> Layout | None:
        """The layout to be tried first. None where there is a loose one: `served` wants to see all."""
        return self.layouts[0] if self.layouts and not self.layouts[-1].loose else None

    def add(self, layout: Layout) -> None:
        """Try this one first."""
        if layout not in self.layouts:
            strict = [layout, *(other for other in self.layouts if not other.loose)]
            self.layouts = strict[:TURNS] + [other for other in self.layouts if other.loose]

    def miss(self, known: Known, lay_out: LayOut) -> None:
        """An event of this form fitted none: see whether such ones have become too many."""
        self.missed.append(known)
        if len(self.missed) < MISSED:
            return
        forms, self.missed = list(dict.fromkeys(self.missed)), []
        if len(forms) > TURNS:
            self._loosen(forms, lay_out)

    def served(self, rows: Mapping[Layout, int]) -> None:
        """How many rows of one call each layout took: what a loose one leaves nothing to is not tried again."""
        loose = [layout for layout in self.layouts if layout.loose]
        strictly = sum(many for layout, many in rows.items() if not layout.loose)
        if loose and sum(rows.values()) > 2 * strictly:
            self.layouts = loose

    def _loosen(self, forms: list[Known], lay_out: LayOut) -> None:
        whole, kinds = forms[0].form, counted(forms)
        for known in forms[1:]:
            whole = merged(whole, known.form) or whole
        older = [layout for layout in self.layouts if layout.loose]
        for layout in older:
            if with_older := merged(layout.form, whole):
                whole = with_older
                self.layouts.remove(layout)
                kinds = {**layout.kinds, **kinds}
        if bounded(whole, sum(keys(known.form) for known in forms) / len(forms)):
            self.layouts.append(lay_out(whole, kinds))


def counted(forms: list[Known]) -> dict[Path, str]:
    """What the columns of some forms mostly are."""
    kinds: Kinds = defaultdict(Counter)
    for known in forms:
        for path, what in known.kinds.items():
            kinds[path] += what
    return {path: what.most_common(1)[0][0] for path, what in kinds.items()}


def bounded(form: Form, usual: float) -> bool:
    """Whether a form of many is one that an event could have, and not much larger than they usually are."""
    wide = all(len(said) <= MOST[name] for name, said in form.keys if name in NESTED)
    return wide and keys(form) <= SPARSE * usual


def keys(form: Form) -> int:
    """How many keys a form has."""
    return len(form.keys) + sum(len(said) for name, said in form.keys if name in NESTED)
