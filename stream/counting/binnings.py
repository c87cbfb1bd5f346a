"""How each column is to be counted, as far as the judge has published it.

>>> binnings = Binnings()
>>> churn = Subject(model="churn", deployment="churn")
>>> binnings.learn(Binning(subject=churn, column="feature:age", form="numbers", id="a1", edges=[3, 5]))
True
>>> binnings.of(churn)["feature:age"].id
'a1'
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from detectors.binning import UNIVERSAL, Categories
from schemas.binning import Binning
from schemas.subject import Subject
from stream.counting.columns import MIDDLE, Ints

NONE: Ints = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Own:
    """A column's own way of being counted: numbers by `edges`, texts by `categories`."""

    id: str
    edges: Ints = field(default_factory=lambda: NONE)
    categories: Categories | None = None


class Binnings:
    """The binnings in force, by subject and column. The last one that is learnt counts."""

    def __init__(self) -> None:
        self._by_subject: dict[Subject, dict[str, Own]] = {}

    def learn(self, binning: Binning) -> bool:
        """Take over a binning; False if it makes no sense, which leaves the column universal."""
        columns = self._by_subject.setdefault(binning.subject, {})
        columns.pop(binning.column, None)
        if binning.form == "universal":
            return True
        own = understood(binning)
        if own is not None:
            columns[binning.column] = own
        return own is not None

    def of(self, subject: Subject) -> Mapping[str, Own]:
        """The columns of a subject that are not counted universally."""
        return self._by_subject.get(subject, {})

    def subjects(self) -> list[Subject]:
        """Every subject that the judge has ever published a binning for."""
        return list(self._by_subject)


def understood(binning: Binning) -> Own | None:
    """The binning in the form in which it is used, or None if its parts contradict each other."""
    if binning.form == "texts":
        categories = Categories(tuple(binning.names), binning.tails)
        return Own(binning.id, categories=categories) if binning.tails >= 0 else None
    edges = binning.edges
    ascending = all(low < high for low, high in pairwise(edges))
    if not edges or not ascending or edges[0] < -MIDDLE or edges[-1] >= MIDDLE or binning.id == UNIVERSAL:
        return None
    return Own(binning.id, np.array(edges, np.int64))
