"""How a pane counts: every value falls into a bin, first a universal one that needs no knowledge, later one of about
fifty of its own.

The *universal* bucket of a number is its sign, its exponent and ten bits of its mantissa: 0.1 % wide, in the order of
the numbers, the same for every feature and every worker. It is the top 22 bits of the IEEE 754 double, mapped so that
integers compare as the numbers do (the radix-sort trick of Herf, 2001); the idea of relative-width buckets is that of
DDSketch (Masson, Rim and Lee, 2019).

A feature's *own* bins are cut at universal bucket edges, so that universal counts can always be converted without
loss. The cuts lie at order statistics of the burn-in, which makes the urn exact for continuous data
(`detectors/urn.py`), and the tails get extra ones: with equally likely bins a spike of 5 % of the traffic at five
standard deviations takes 381 events to see, with these about 50.

>>> buckets = universal(np.array([-999.0, -0.0, 0.0, 0.24, 37.0, 37.01]))
>>> [representative(int(bucket)) for bucket in buckets]
[-999.0, 0.0, 0.0, 0.24, 37.0, 37.0]
>>> edges = derive(np.array([3, 5], np.int32), np.array([70, 30], np.int64))
>>> rebin(np.array([1, 3, 5, 9], np.int32), np.array([1, 70, 30, 2], np.int64), edges)
array([ 1, 70,  0, 30,  2])
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray

UNIVERSAL = "u"  # the id of the universal binning

KEPT_BITS = 22  # sign 1, exponent 11, mantissa 10
DROPPED_BITS = 64 - KEPT_BITS
MAGNITUDE = np.int64(0x7FFF_FFFF_FFFF_FFFF)

FEW = 48  # up to so many distinct values each has a bin of its own

ATOM = 0.04  # a bucket with such a share of the events is a value that repeats (0, 999, a default): a bin of its own

HALF = (0.003, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45)
LEVELS = (*HALF, 0.5, *(1 - level for level in reversed(HALF)))

# Cuts beyond the burn-in, in spreads of 1.5 half interquartile ranges (about one standard deviation) from the median:
# a spike lands in an almost empty bin of its own instead of in the outermost half per cent. Where all values are on one
# side of zero, cuts that would lie beyond it are brought back: 2 % of lognormal prices in a unit a thousand times
# larger took 380 events to see, among the lowest three in a thousand, and take 122. Of a skewed column those that would
# lie among what was seen go further: 2 % in a unit a thousand times smaller took 400 events, and take 143.
REACH = (2.5, 3.0, 3.5, 4.0, 5.0, 7.0, 12.0)
SPREAD = 1.5


def universal(values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the universal bucket of each finite value. Larger values never have smaller buckets; -0.0 is 0.0."""
    bits = (np.asarray(values, np.float64) + 0.0).view(np.int64)
    ordered = np.where(bits < 0, bits ^ MAGNITUDE, bits)
    return (ordered >> DROPPED_BITS).astype(np.int32)


@lru_cache(maxsize=65_536)  # a picture of a hundred columns asks for the same few thousand every second
def representative(bucket: int) -> float:
    """Return the shortest decimal in the bucket, for people to read."""
    magnitude, sign = (bucket, 1.0) if bucket >= 0 else (-1 - bucket, -1.0)
    if bucket == 0:
        return 0.0
    low, middle = from_bits(magnitude << DROPPED_BITS), from_bits((2 * magnitude + 1) << (DROPPED_BITS - 1))
    for digits in range(17):
        for value in (middle, low):
            shortest = sign * float(f"{value:.{digits}e}")
            if int(universal(np.array([shortest]))[0]) == bucket:
                return shortest
    return sign * middle


def from_bits(bits: int) -> float:
    """Return the double with these 64 bits."""
    value: float = struct.unpack("<d", struct.pack("<q", bits))[0]
    return value


def derive(buckets: NDArray[np.int32], counts: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the edges of a feature's own bins, from the universal counts of its burn-in.

    An edge is a universal bucket; a value is in bin `searchsorted(edges, its bucket, side="right")`. Ascending,
    distinct, at least two.
    """
    seen = counts > 0
    order = np.argsort(buckets[seen], kind="stable")
    distinct, weights = buckets[seen][order].astype(np.int64), counts[seen][order]
    if distinct.size == 0:
        return np.array([0, 1], np.int32)
    if distinct.size <= FEW:
        return one_bin_each(distinct, repeating(distinct, weights))
    return np.unique(np.concatenate([at_levels(distinct, weights), around(distinct, weights)])).astype(np.int32)


def one_bin_each(distinct: NDArray[np.int64], repeats: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return edges on either side of all values, and between neighbours half-way; but on both sides of a value that
    repeats, because what comes close to it is not the same.
    """
    values = [representative(int(bucket)) for bucket in distinct]
    halves = universal(np.array([low / 2 + high / 2 for low, high in pairwise(values)], np.float64))
    inner = np.clip(halves, distinct[:-1] + 1, distinct[1:])[~repeats[:-1] & ~repeats[1:]]
    atoms = distinct[repeats]
    return np.unique(np.concatenate([distinct[:1], inner, atoms, atoms + 1, distinct[-1:] + 1])).astype(np.int32)


def at_levels(distinct: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return edges at order statistics, and on both sides of every value that repeats."""
    atoms = distinct[repeating(distinct, weights)]
    return np.concatenate([order_statistics(distinct, weights, LEVELS), atoms, atoms + 1])


def repeating(distinct: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which buckets are values that repeat."""
    return np.asarray(weights >= ATOM * weights.sum())


def around(distinct: NDArray[np.int64], weights: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return edges far out on both sides, where the burn-in has few events or none."""
    low, middle, high = (representative(int(b)) for b in order_statistics(distinct, weights, (0.25, 0.5, 0.75)))
    spread = SPREAD * (high / 2 - low / 2)
    with np.errstate(over="ignore"):
        far = np.array([middle + side * spread * reach for reach in REACH for side in (-1, 1)], np.float64)
        if distinct[0] > 0 or distinct[-1] < 0:
            outermost = representative(int(distinct[-1] if middle > 0 else distinct[0]))
            far = on_one_side(far, low, middle, high, outermost)
    return universal(far[np.isfinite(far)]).astype(np.int64)


def on_one_side(
    far: NDArray[np.float64], low: float, middle: float, high: float, outermost: float
) -> NDArray[np.float64]:
    """Return the cuts of a column whose values are all on one side of zero, where some would not be far out: those
    beyond zero are brought back, for between zero and the least price there is room for the same in thousands; those
    that would lie among what was seen go beyond it. Both are as many spreads of the logarithm from the median.
    """
    spreads = SPREAD / 2 * abs(log(high / low)) * np.repeat(REACH, 2)
    far = np.where(np.sign(far) == np.sign(middle), far, middle * np.exp(-spreads))
    among = (np.abs(far) > abs(middle)) & (np.abs(far) <= abs(outermost))
    return np.where(among, middle * np.exp(spreads), far)


def order_statistics(
    distinct: NDArray[np.int64], weights: NDArray[np.int64], levels: tuple[float, ...]
) -> NDArray[np.int64]:
    """Return the bucket below which each share of the events lies."""
    below = np.cumsum(weights)
    ranks = np.floor(np.array(levels) * below[-1]).astype(np.int64)
    at = np.searchsorted(below, ranks, side="right").clip(max=distinct.size - 1)
    return np.asarray(distinct[at], np.int64)


def rebin(buckets: NDArray[np.int32], counts: NDArray[np.int64], edges: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return universal counts as counts of a feature's own bins, `len(edges) + 1` of them. Nothing is lost: they add
    up alike.
    """
    bins = np.zeros(len(edges) + 1, np.int64)
    np.add.at(bins, np.searchsorted(edges, buckets, side="right"), counts)
    return bins


def identity(edges: NDArray[np.int32]) -> str:
    """Return the id of a binning: the same edges have the same id on every machine.

    >>> identity(np.array([3, 5], np.int32))
    'd1be5497e29a'
    """
    return blake2b(np.asarray(edges, "<i4").tobytes(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Categories:
    """How a category is counted: by name, or, in a long tail, by hash. Bins: names, then tails, or one for the unseen
    if there are none.

    >>> own = derive_categories({"web": 900, "shop": 100})
    >>> own.bin({"shop": 3, "web": 4, "phone": 2}, other=1)
    array([4, 3, 3])
    """

    names: tuple[str, ...]
    tails: int = 0  # hash buckets for all other names; 0: one bin "unseen"

    @cached_property
    def id(self) -> str:
        text = "\x00".join((str(self.tails), *self.names))
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()

    @cached_property
    def position(self) -> dict[str, int]:
        return {name: bin for bin, name in enumerate(self.names)}

    @property
    def bins(self) -> int:
        return len(self.names) + max(1, self.tails)

    def bin(self, counts: Mapping[str, int], other: int = 0) -> NDArray[np.int64]:
        """Return the counts by bin. `other` counts events whose name did not fit into the pane: they are unseen
        names, or tail.
        """
        bins = np.zeros(self.bins, np.int64)
        bins[-1] += other
        for name, count in counts.items():
            bins[self.of(name)] += count
        return bins

    def of(self, name: str) -> int:
        """Return the bin of one category."""
        known = self.position.get(name)
        if known is not None:
            return known
        if self.tails and name[:1] == "#" and name[1:].isdecimal():  # counted into a bucket by whoever saw it
            return len(self.names) + int(name[1:]) % self.tails
        return len(self.names) + (tail(name, self.tails) if self.tails else 0)

    def label(self, bin: int) -> str:
        """Return what people call the bin."""
        if bin < len(self.names):
            return self.names[bin]
        return f"tail {bin - len(self.names)}" if self.tails else "unseen"


def tail(name: str, tails: int) -> int:
    """Return the hash bucket of a name. Not Python's hash, which differs from process to process."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") % tails


def derive_categories(counts: Mapping[str, int], most: int = 48, tails: int = 16) -> Categories:
    """Return the bins of a category, from the counts of its burn-in: the most frequent by name (ties in the order of
    the names). Of a long tail nothing gets a bin that came only once: by having come it looks more frequent than it is.

    >>> derive_categories({"web": 30, "shop": 20, **{f"user-{i}": 1 for i in range(1000)}}).names
    ('web', 'shop')
    """
    ranked = sorted((name for name, count in counts.items() if count > 0), key=lambda name: (-counts[name], name))
    if len(ranked) <= most:
        return Categories(tuple(ranked))
    return Categories(tuple(name for name in ranked[:most] if counts[name] > 1), tails)
