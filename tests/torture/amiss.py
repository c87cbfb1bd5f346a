"""Where what panes add up to is not what was sent: by the name of each count, both of them.

Numbers lie in universal buckets as long as the judge has published no binning, and then in its bins, whose edges are
buckets. Which pane an event is in the topics do not tell; but at an edge that all binnings of a column share, as many
numbers must have been counted below it as were sent. Where a bin of one of them reaches across the edge of another, the
numbers in it may lie on either side, and the count is held against its least and most.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from tests.profile.reference import Tallied, Whole

Edges = Mapping[str, Sequence[int]]  # of each binning of a column, by id
Differences = dict[str, tuple[Any, Any]]  # by name: sent, counted
END = 1 << 21  # behind all buckets


def amiss(sent: Whole, counted: Whole, edges: Mapping[str, Edges]) -> Differences:
    """Everything that differs in a subject. `edges` are those of the binnings of each column."""
    want, have = dict(leaves(msgspec.to_builtins(sent))), dict(leaves(msgspec.to_builtins(counted)))
    pairs = {name: (want.get(name, 0), have.get(name, 0)) for name in want.keys() | have.keys()}
    found = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    columns, seen = dict(columns_of(sent)), dict(columns_of(counted))
    for place in columns.keys() | seen.keys():
        where, name = place
        differ = misplaced(columns.get(place, Tallied()).bins, seen.get(place, Tallied()), edges.get(name, {}))
        found |= {f"{where}{name} {what}": pair for what, pair in differ.items()}
    return found


def leaves(branch: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """All but the bins, which are compared by themselves.

    >>> list(leaves({"rows": 3, "columns": {"feature:age": {"n": 2, "bins": {7: 2}}}}))
    [('rows', 3), ('columns feature:age n', 2)]
    """
    if not isinstance(branch, dict):
        yield name, branch
        return
    for key, inner in branch.items():
        if key not in ("bins", "own"):
            yield from leaves(inner, f"{name} {key}".lstrip())


def columns_of(whole: Whole) -> Iterator[tuple[tuple[str, str], Tallied]]:
    """The columns of a subject and of its slices, each under the slice, if any, and its own name."""
    for name, column in whole.columns.items():
        yield ("", name), column
    for slice_, part in whole.slices.items():
        for name, column in part.columns.items():
            yield (f"{slice_} ", name), column


def misplaced(sent: Counter[int], counted: Tallied, edges: Edges) -> Differences:
    """Buckets in which more numbers were counted than were sent, and edges below which another number of them was."""
    found: Differences = {f"bucket {at}": (sent[at], n) for at, n in counted.bins.items() if n > sent[at]}
    found |= {f"binning {id}": ("never published", "used") for id in counted.own.keys() - edges.keys()}
    own = [(bins, [*edges[id], END]) for id, bins in counted.own.items() if id in edges]
    for cut in sorted({END, *(edge for _, cuts in own for edge in cuts)}):
        want = sum(n for at, n in sent.items() if at < cut)
        universal = sum(n for at, n in counted.bins.items() if at < cut)
        bounds = [below(cut, bins, cuts) for bins, cuts in own]
        least, most = (
            (universal + sum(part) for part in zip(*bounds, strict=True)) if bounds else (universal, universal)
        )
        if not least <= want <= most:
            found[f"below {cut}"] = (want, least if least == most else (least, most))
    return found


def below(cut: int, bins: Counter[int], edges: Sequence[int]) -> tuple[int, int]:
    """How many numbers are below a cut, at least and at most. Bin `b` has the buckets from edge `b - 1` up to edge `b`.

    >>> bins = Counter({0: 1, 1: 10, 2: 100})
    >>> below(30, bins, [20, 30, END]), below(25, bins, [20, 30, END])
    ((11, 11), (1, 11))
    """
    least, most = bisect_right(edges, cut), bisect_left(edges, cut) + 1
    return sum(n for bin, n in bins.items() if 0 <= bin < least), sum(n for bin, n in bins.items() if 0 <= bin < most)
