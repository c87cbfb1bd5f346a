"""The state of many urns: plain arrays, one row a feature, and what can be done to them without knowing what they mean.

Features have different numbers of bins, so the arrays are as wide as the widest feature needs, and the rest of a row
is zeros. `encode` leaves those out. What can be derived from the arrays (`Tilts`) is rebuilt when needed, bit by bit
the same.

>>> bank = empty(np.array([2, 3]), lambda bins: dict.fromkeys(LENGTHS, bins))
>>> len(bank), len(chosen(bank, np.array([1]))), bank.urn.shape
(2, 1, (2, 3))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import heaps
from detectors.alternatives import Numbers
from detectors.contract import unpacked
from detectors.dependence import Blocks

Floats = NDArray[np.float64]

VERSION = 5

# The axes after the features. How many places there are for retired references is not in `Lengths`: as many as the
# feature with most of them needs.
LENGTHS = ("bins", "tilted", "groups", "alternatives", "levels", "scores")
Lengths = Callable[[int], dict[str, int]]  # how long they are, for features of at most so many bins
Upgrade = Callable[[dict[str, Any], int], dict[str, Any]]  # from the stored arrays of a version to those of the next


@dataclass(frozen=True)
class Tilts:
    """Derived from the urns at their last tilt, and never stored. [features, bins, alternatives] unless said."""

    tilt: NDArray[np.float32]
    logarithm: NDArray[np.float32]  # of the tilt
    heap: NDArray[np.float32]  # [features, bins]: logarithm for an event where a heap is (`detectors/heaps.py`)
    mean: Floats  # [features, scored alternatives]: of the logarithm, for one event
    variance: Floats
    kurtosis: Floats


def derived(law: Numbers, urn: NDArray[np.float32]) -> Tilts:
    """Return the tilts of these urns, and the moments of the scored logarithms for one event."""
    exact = urn.astype(np.float64)
    tilt = law.tilt(exact)
    part = exact / exact.sum(axis=1, keepdims=True)
    share = part[:, None, :]
    logarithm = np.log(tilt)
    score = logarithm[:, :, law.scored]
    mean = share @ score
    square = (score - mean) ** 2
    variance = (share @ square)[:, 0]
    kurtosis = (share @ square**2)[:, 0] / np.maximum(variance**2, 1e-300)
    return Tilts(
        tilt.astype(np.float32), logarithm.astype(np.float32), heaps.logarithm(part), mean[:, 0], variance, kurtosis
    )


@dataclass(frozen=True)
class Bank:
    """The state of many urns: one row a feature. Bins beyond a feature's own are empty."""

    bins: NDArray[np.int32]  # [features]: how many bins each has
    phase: NDArray[np.uint8]
    urn: Floats  # [features, bins]: the reference; while firing, the urn of the time since the onset
    tilted: NDArray[np.float32]  # the urn at its last tilt
    grown: Floats  # [features]: events since then
    pending: NDArray[np.uint32]  # [features, bins]: counts that wait for a block to be complete
    before: NDArray[np.float32]  # [features, bins]: the reference when nothing had changed yet
    live: NDArray[np.uint32]  # [features, bins]: counts since then
    late: NDArray[np.float32]  # [features, bins]: counts of late, which fade (`detectors/lately.py`)
    heaps: NDArray[np.float32]  # [features, bins]: evidence for a heap in each (`detectors/heaps.py`)
    factor: Floats  # [features, groups]: variance factors
    factor_before: Floats
    evidence: NDArray[np.float32]  # [features, alternatives]: M
    cusum: NDArray[np.float32]  # [features, alternatives]: C
    age: NDArray[np.uint32]  # [features, alternatives]: events since the start of C
    recovery: Floats  # [features]
    retired: NDArray[np.float32]  # [features, places, bins]: references from earlier, the latest first
    retired_at: NDArray[np.int64]  # [features, places]: how many events there had been
    retired_evidence: NDArray[np.float32]  # [features, places]
    places: NDArray[np.uint8]  # [features]: how many retired references there are
    back_to: NDArray[np.int8]  # [features]: the one that a firing feature has gone back to, or -1
    panes: NDArray[np.int64]  # [features]: panes with events, and how many events
    events: NDArray[np.int64]
    blocks: Blocks
    tilts: Tilts | None = field(default=None, compare=False, repr=False)

    def __len__(self) -> int:
        return len(self.bins)

    @property
    def most_places(self) -> int:
        """How many places there are for the retired references of each feature."""
        return int(self.retired.shape[1])

    def copy(self, tilts: Tilts | None = None) -> Bank:
        """Return a bank that shares no array with this one but its tilts, or `tilts`, which nobody changes in place."""
        arrays: dict[str, Any] = {name: getattr(self, name).copy() for name in OWN}
        return Bank(**arrays, blocks=self.blocks.copy(), tilts=tilts or self.tilts)

    def reference(self, row: int) -> Floats:
        """Return the counts that what is live is compared with: from before the onset, if there is one."""
        return self.before[row, : self.bins[row]].astype(np.float64)

    def since_onset(self, row: int) -> NDArray[np.int64]:
        """Return the counts since nothing had changed yet, pending ones included."""
        counts: NDArray[np.int64] = self.live[row].astype(np.int64) + self.pending[row]
        return counts[: self.bins[row]]


# Every array of a bank that is stored, and its axes after the features.
AXES: dict[str, tuple[Any, tuple[str, ...]]] = {
    "bins": ("<i4", ()),
    "phase": ("|u1", ()),
    "urn": ("<f8", ("bins",)),
    "tilted": ("<f4", ("tilted",)),
    "grown": ("<f8", ()),
    "pending": ("<u4", ("bins",)),
    "before": ("<f4", ("bins",)),
    "live": ("<u4", ("bins",)),
    "late": ("<f4", ("tilted",)),
    "heaps": ("<f4", ("tilted",)),
    "factor": ("<f8", ("groups",)),
    "factor_before": ("<f8", ("groups",)),
    "evidence": ("<f4", ("alternatives",)),
    "cusum": ("<f4", ("alternatives",)),
    "age": ("<u4", ("alternatives",)),
    "recovery": ("<f8", ()),
    "places": ("|u1", ()),
    "retired": ("<f4", ("places", "bins")),
    "retired_at": ("<i8", ("places",)),
    "retired_evidence": ("<f4", ("places",)),
    "back_to": ("|i1", ()),
    "panes": ("<i8", ()),
    "events": ("<i8", ()),
    "blocks.panes": ("<i8", ()),
    "blocks.open": ("<f4", ("levels", "scores")),
    "blocks.open_events": ("<f4", ("levels",)),
    "blocks.squares": ("<f4", ("levels", "scores")),
    "blocks.blocks": ("<f4", ("levels",)),
    "blocks.events": ("<f4", ("levels",)),
}


OWN = tuple(name for name in AXES if "." not in name)  # those that are not of its blocks


def arrays(bank: Bank) -> dict[str, NDArray[Any]]:
    """Return the stored arrays by name."""
    return {name: getattr(bank.blocks if "." in name else bank, name.rpartition(".")[2]) for name in AXES}


def built(found: Mapping[str, NDArray[Any]]) -> Bank:
    """Return the bank of these arrays."""
    inner = {name.rpartition(".")[2]: found[name] for name in AXES if "." in name}
    outer: dict[str, Any] = {name: found[name] for name in OWN}
    return Bank(**outer, blocks=Blocks(**inner))


def empty(bins: NDArray[Any], lengths: Lengths, places: int = 0) -> Bank:
    """Return a bank of features with these numbers of bins, and nothing in them."""
    long = {**lengths(int(bins.max(initial=0))), "places": places}
    found = {name: np.zeros((len(bins), *(long[axis] for axis in axes)), dtype) for name, (dtype, axes) in AXES.items()}
    found["bins"] = bins.astype("<i4")
    found["factor"][:] = found["factor_before"][:] = 1.0
    found["back_to"][:] = -1
    return built(found)


def padded(panes: Sequence[NDArray[Any] | None] | NDArray[Any], shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return the counts as one array, zeros where a feature is absent or a bin is not there."""
    if isinstance(panes, np.ndarray) and panes.shape == shape:
        return np.asarray(panes, np.uint32)
    if len(panes) != shape[0]:
        raise ValueError(f"a pane has counts for {len(panes)} features, the bank has {shape[0]}")
    counts = np.zeros(shape, np.uint32)
    for row, pane in enumerate(panes):
        if pane is not None:
            counts[row, : len(pane)] = pane
    return counts


def chosen(bank: Bank, rows: NDArray[np.intp]) -> Bank:
    """Return these rows of a bank. The bins stay as wide as they are; `joined` makes them fit."""
    return built({name: array[rows] for name, array in arrays(bank).items()})


def joined(banks: Sequence[Bank], lengths: Lengths) -> Bank:
    """Return the rows of several banks in one, as wide as its widest feature needs."""
    widest = lengths(max(int(bank.bins.max(initial=0)) for bank in banks))
    widest["places"] = max(int(bank.places.max(initial=0)) for bank in banks)
    parts = [arrays(bank) for bank in banks]
    wanted = {name: [widest[axis] for axis in axes] for name, (_, axes) in AXES.items()}
    return built({name: np.concatenate([fitted(part[name], wanted[name]) for part in parts]) for name in AXES})


def fitted(array: NDArray[Any], lengths: Sequence[int]) -> NDArray[Any]:
    """Return the array with its axes after the features cut or padded with zeros to these lengths."""
    result = np.zeros((len(array), *lengths), array.dtype)
    part = tuple(slice(0, min(have, want)) for have, want in zip(array.shape[1:], lengths, strict=True))
    result[(slice(None), *part)] = array[(slice(None), *part)]
    return result


def encode(bank: Bank, law: str, lengths: Lengths) -> bytes:
    """Return the bank as bytes: little-endian arrays without their padding, by name, in msgpack."""
    found, there = arrays(bank), elements(bank.bins, bank.places, bank.retired.shape[1], lengths)
    packed = {
        name: np.asarray(found[name], dtype).ravel()[there[axes]].tobytes() for name, (dtype, axes) in AXES.items()
    }
    return msgspec.msgpack.encode({"v": VERSION, "kind": "urn", "law": law, **packed})


def decode(blob: bytes, law: str, lengths: Lengths, upgrade: Upgrade) -> Bank:
    """Return the bank that `encode` wrote, now or in an earlier version; ValueError if it cannot be one."""
    found = unpacked("a state of urns", blob)
    version = found.get("v")
    if not isinstance(version, int) or version > VERSION or version < 1:
        raise ValueError(f"a state of urns has version {version}, and this Leeway reads {VERSION}; run a newer one")
    if found.get("law") != law:
        raise ValueError(f"a state is of urns for {found.get('law')}, not for {law}")
    for older in range(version, VERSION):
        found = upgrade(found, older)
    bins, places = np.frombuffer(found["bins"], "<i4"), np.frombuffer(found["places"], "|u1")
    most = int(places.max(initial=0))
    bank = empty(bins, lengths, most)
    there, into = elements(bins, places, most, lengths), arrays(bank)
    for name, (dtype, axes) in AXES.items():
        into[name].reshape(-1)[there[axes]] = np.frombuffer(found[name], dtype)
    return bank


def elements(
    bins: NDArray[np.int32], places: NDArray[np.uint8], most: int, lengths: Lengths
) -> dict[tuple[str, ...], NDArray[np.bool_] | slice]:
    """Return, for each combination of axes, which elements of an array laid flat are not padding: a slice if all are,
    as of rates, which have two bins each.
    """
    result: dict[tuple[str, ...], NDArray[np.bool_] | slice] = {axes: slice(None) for _, axes in AXES.values()}
    if not most and bins.size and bins.min() == bins.max():
        return result
    widest = {**lengths(int(bins.max(initial=0))), "places": most}
    known = {one: lengths(one) for one in set(bins.tolist())}
    along = {}  # of the axes of which features have more and less: [features, length of the axis]
    for axis in LENGTHS:
        if any(long[axis] < widest[axis] for long in known.values()):
            own = np.array([known[one][axis] for one in bins.tolist()])
            along[axis] = np.arange(widest[axis]) < own[:, None]
    if (places < most).any():
        along["places"] = np.arange(most) < places[:, None]
    for axes in result:
        if along.keys() & axes:
            there = np.ones((len(bins), *(widest[axis] for axis in axes)), bool)
            for place, axis in enumerate(axes):
                if axis in along:
                    there &= np.expand_dims(along[axis], [1 + other for other in range(len(axes)) if other != place])
            result[axes] = there.ravel()
    return result
