"""A track: one column, in the whole subject or in one slice of it, and how its values are counted for the urns.

First at universal resolution (`burn_in.py`), then in bins of its own. What does not fit the form, texts among
numbers or numbers among texts, is an error and has a rate of its own.
"""

from itertools import pairwise
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.binning import UNIVERSAL, Categories, identity, representative
from detectors.watch.burn_in import BurnIn, number_bins, text_bins
from detectors.watch.finding import Alarm, Part
from schemas.binning import Binning
from schemas.pane import Family, family
from schemas.subject import Subject

Form = Literal["", "numbers", "texts"]
Counts = NDArray[np.int64]


ABOVE_ZERO = 1  # the bucket of the least numbers above zero: nobody wants to read 3e-311
BETWEEN = "|"  # between column and segment: no name contains it


def key_of(column: str, segment: str) -> str:
    """The key of a track."""
    return f"{column}{BETWEEN}{segment}" if segment else column


class Track(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is remembered of a column beside its urns. `rows` says in which row of which bank they are."""

    column: str
    segment: str = ""  # "region=eu", or nothing for the whole subject
    form: Form = ""  # nothing while burning in
    season: Literal["", "day", "week"] = ""  # decided when it has burnt in
    burn_in: BurnIn | None = None
    edges: list[int] = []
    names: list[str] = []
    tails: int = 0
    rows: dict[Part, int] = {}  # part -> row in its bank
    joined: int = 0  # rows of the subject when it was first seen
    firing: dict[Part, Alarm] = {}  # part -> the alarm that stands
    last_n: int = 0  # of the last pane
    last_nulls: int = 0
    last_sum: float = 0.0
    fresh: bool = False  # the bins were derived in this very pane
    constant: bool = False  # all numbers of the last pane were equal; of panes of one, of the last two

    @property
    def key(self) -> str:
        """A text that no two tracks of a subject share."""
        return key_of(self.column, self.segment)

    @property
    def family(self) -> Family:
        """What kind of column it is."""
        return family(self.column)

    @property
    def embedding(self) -> str:
        """`text` for `embedding:text.0`: whose direction or length it is; nothing for other columns."""
        return self.column.partition(":")[2].rpartition(".")[0] if self.family == "embedding" else ""

    @property
    def projection(self) -> bool:
        """Whether it is one of an embedding's directions. What is missing or of another dimension its length says."""
        return bool(self.embedding) and not self.column.endswith(".norm")

    @property
    def categories(self) -> Categories:
        """The bins of texts."""
        return Categories(tuple(self.names), self.tails)

    @property
    def id(self) -> str:
        """The identity of the binning."""
        if self.form == "numbers":
            return identity(np.array(self.edges, np.int32))
        return self.categories.id if self.form == "texts" else UNIVERSAL


def settled(track: Track) -> tuple[Track, Counts]:
    """The track with its own bins, derived from its burn-in, and the counts of the burn-in in them."""
    burn_in = track.burn_in or BurnIn()
    if burn_in.numbers >= burn_in.texts:
        edges, counts = number_bins(burn_in)
        return msgspec.structs.replace(track, form="numbers", edges=edges.tolist(), burn_in=None), counts
    categories, counts = text_bins(burn_in)
    names = list(categories.names)
    return msgspec.structs.replace(track, form="texts", names=names, tails=categories.tails, burn_in=None), counts


def binning(track: Track, subject: Subject) -> Binning:
    """What profile is to be told."""
    if track.form == "numbers":
        return Binning(subject=subject, column=track.column, form="numbers", id=track.id, edges=track.edges)
    return Binning(
        subject=subject, column=track.column, form="texts", id=track.id, names=track.names, tails=track.tails
    )


def labels(track: Track) -> tuple[str, ...]:
    """What people call the bins: the range between two edges, or the category."""
    if track.form == "texts":
        return tuple(track.categories.label(bin) for bin in range(track.categories.bins))
    if not track.edges:
        return ()
    texts = ["0" if edge == ABOVE_ZERO else f"{representative(edge):g}" for edge in track.edges]
    inner = [low if low == high else f"{low} to {high}" for low, high in pairwise(texts)]
    return (f"below {texts[0]}", *inner, f"{'above' if track.edges[-1] == ABOVE_ZERO else 'from'} {texts[-1]}")


def spread(track: Track, reference: NDArray[np.float64]) -> float:
    """The standard deviation in the reference, from its bins: good to a few per cent. 0 where it is not known, as of
    numbers whose squares are too large.
    """
    if track.form != "numbers" or len(track.edges) < 2 or reference.sum() <= 0:
        return 0.0
    values, share = middles(track), reference / reference.sum()
    with np.errstate(over="ignore", invalid="ignore"):
        variance = float((share * values**2).sum() - (share * values).sum() ** 2)
    return float(np.sqrt(variance)) if 0 < variance < np.inf else 0.0


def middle_half(track: Track, counts: NDArray[np.float64]) -> float:
    """How wide the middle half of numbers is, from their bins."""
    if track.form != "numbers" or len(track.edges) < 2 or counts.sum() <= 0:
        return 0.0
    low, high = np.searchsorted(np.cumsum(counts), counts.sum() * np.array([0.25, 0.75]))
    values = middles(track)
    return float(values[high] - values[low])


def mean(track: Track, counts: NDArray[np.float64]) -> float:
    """The mean of numbers, from their bins: good to a few per cent of the spread. NaN where there is none; not finite
    where the sum is too large.
    """
    if track.form != "numbers" or len(track.edges) < 2 or counts.sum() <= 0:
        return float("nan")
    with np.errstate(over="ignore", invalid="ignore"):
        return float((counts * middles(track)).sum() / counts.sum())


def middles(track: Track) -> NDArray[np.float64]:
    """A value for each bin of numbers."""
    edges = np.array([representative(edge) for edge in track.edges])
    return np.concatenate([edges[:1], edges[1:] / 2 + edges[:-1] / 2, edges[-1:]])
