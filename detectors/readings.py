"""Readings: the distances people know, KS, PSI, Jensen-Shannon, Wasserstein and Hellinger, with what chance alone
makes of them.

A distance between two histograms is never zero, and how large it is without any change depends on how many events
they hold: with 100 events against 5,000, ten bins give a PSI above .1 every third time; with 1,000 a real shift of a
quarter standard deviation hardly ever reaches .2. So every reading comes with p, how often chance alone gives as much,
and as a multiple of the value that chance exceeds once in a thousand. Both histograms are counted in *effective* events
(`detectors/dependence.py`).

PSI, Jensen-Shannon and Hellinger compare at most ten cells of about a tenth of the reference each. With s = 1/n + 1/m
and K cells, PSI is s times chi-square with K - 1 degrees of freedom, the squared Jensen-Shannon distance (base 2) that
over 8 ln 2, the squared Hellinger distance that over 8 (Yurdakul and Naranjo, "Statistical properties of the population
stability index", Journal of Risk Model Validation, 2020; all three are f-divergences, alike to second order: Csiszar
and Shields, "Information theory and statistics", 2004). Where a cell expects fewer than twenty events, both histograms
are drawn again and again from their common shares instead. KS and Wasserstein compare every bin; what chance makes of
them is drawn from the Brownian bridge over the bins that is their limit. The same counts give the same readings: draws
are seeded by the counts, or are the same for everybody.

These are readings for people, and no alarms: live counts that begin where evidence began are not a fair sample, so a
small p on a column that is quiet means nothing. Alarms come from the urns, within the budget.

>>> found = readings(np.array([500.0] * 10), np.array([75, 50, 50, 50, 50, 50, 50, 50, 50, 25]), ordered=False)
>>> [(reading.name, round(reading.value, 3), round(reading.times, 2)) for reading in found]
[('psi', 0.054, 0.88), ('jensen_shannon', 0.098, 0.93), ('hellinger', 0.082, 0.93)]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.chi_square import exceeded, quantile

Floats = NDArray[np.float64]

LEAST_EVENTS = 30.0  # fewer effective events on either side say nothing worth showing
CELLS = 10
LEAST_EXPECTED = 20.0  # events in a cell: below, the chi-square law is off by a tenth and more at its 99.9 %
LEVEL = 0.999
DRAWS = 1_000
TAIL = 0.05  # of the draws, from which the rest of the tail is told
EMPTY = 0.5  # an event that every cell is lent: PSI of an empty cell is infinite (Jeffreys, 1946)


@dataclass(frozen=True, slots=True)
class Reading:
    """One distance, and what chance alone makes of it."""

    name: str
    value: float
    p: float  # how often chance alone gives as much or more
    chance: float  # what chance alone exceeds once in a thousand
    n: float  # effective events: live
    reference_n: float  # and in the reference

    @property
    def times(self) -> float:
        """How many times what chance alone exceeds once in a thousand."""
        return self.value / self.chance if self.chance > 0 else 0.0


def psi(p: Floats, q: Floats) -> Floats:
    """Return the population stability index: the two Kullback-Leibler divergences, added."""
    return np.asarray(((q - p) * np.log(q / p)).sum(axis=-1))


def jensen_shannon(p: Floats, q: Floats) -> Floats:
    """Return the Jensen-Shannon distance, the root of the divergence to base 2: 0 to 1."""
    middle = (p + q) / 2
    divergence = (p * np.log2(p / middle) + q * np.log2(q / middle)).sum(axis=-1) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0)))


def hellinger(p: Floats, q: Floats) -> Floats:
    """Return the Hellinger distance: 0 to 1."""
    return np.asarray(np.sqrt(np.maximum(1 - np.sqrt(p * q).sum(axis=-1), 0)))


def from_psi(chi_square: float) -> float:
    """Return what PSI is where the common statistic is `chi_square`."""
    return chi_square


def from_jensen_shannon(chi_square: float) -> float:
    """Return what the Jensen-Shannon distance is."""
    return float(np.sqrt(chi_square / (8 * np.log(2))))


def from_hellinger(chi_square: float) -> float:
    """Return what the Hellinger distance is."""
    return float(np.sqrt(chi_square / 8))


Distance = Callable[[Floats, Floats], Floats]

# A distance between shares, and what it is where PSI is so much: all three are the same to second order.
DISTANCES: dict[str, tuple[Distance, Callable[[float], float]]] = {
    "psi": (psi, from_psi),
    "jensen_shannon": (jensen_shannon, from_jensen_shannon),
    "hellinger": (hellinger, from_hellinger),
}


def readings(
    reference: Floats, live: NDArray[np.integer[Any]], *, ordered: bool, at: Floats | None = None, factor: float = 1.0
) -> tuple[Reading, ...]:
    """Return the readings of live counts against reference counts, none if there are too few events.

    Both are counts by bin; `ordered` bins are those of numbers, and only they have KS and Wasserstein. `at` has the
    place of every bin in the feature's units, in which Wasserstein is said. `factor` events are worth one independent
    event.
    """
    before, now = np.asarray(reference, np.float64) / factor, np.asarray(live, np.float64) / factor
    n, m = float(now.sum()), float(before.sum())
    if min(n, m) < LEAST_EVENTS:
        return ()
    found = by_cells(before, now, cells(before, ordered=ordered))
    return (*by_order(before, now, at), *found) if ordered else found


def cells(reference: Floats, *, ordered: bool) -> NDArray[np.intp]:
    """Return the cell of every bin: neighbours together until they hold a tenth of the reference; of categories the
    nine largest alone, the others together.

    >>> cells(np.array([5.0, 5, 30, 5, 5, 50]), ordered=True)
    array([0, 0, 1, 2, 2, 3])
    """
    if not ordered:
        rank = np.argsort(np.argsort(-reference, kind="stable"))
        return np.asarray(np.minimum(rank, CELLS - 1), np.intp)
    cell, held, of = 0, 0.0, np.zeros(reference.size, np.intp)
    least = reference.sum() / CELLS * (1 - 1e-9)
    for bin, count in enumerate(reference.tolist()):
        if held >= least or (held and count >= least):
            cell, held = cell + 1, 0.0
        of[bin], held = cell, held + count
    if held < least / 2 and cell:
        of[of == cell] = cell - 1
    return of


def by_cells(before: Floats, now: Floats, of: NDArray[np.intp]) -> tuple[Reading, ...]:
    """Return PSI, Jensen-Shannon and Hellinger over cells of bins."""
    before, now = merged(before, of), merged(now, of)
    n, m, many = float(now.sum()), float(before.sum()), before.size
    if many < 2:
        return ()
    common = (before + now) / (n + m)
    few = min(n, m) * common.min() < LEAST_EXPECTED
    drawn = again(tuple(common.tolist()), round(n), round(m)) if few else None
    found, s = [], 1 / n + 1 / m
    for name, (distance, from_chi_square) in DISTANCES.items():
        value = float(distance(shares(before), shares(now)))
        if drawn is not None:
            p, chance = among(value, distance(*drawn), 1 if name == "psi" else 2)
        else:
            of_one = from_chi_square(1.0)
            square = value if name == "psi" else (value / of_one) ** 2
            p, chance = exceeded(square / s, many - 1), from_chi_square(s * quantile(LEVEL, many - 1))
        found.append(Reading(name, value, p, chance, n, m))
    return tuple(found)


def merged(counts: Floats, of: NDArray[np.intp]) -> Floats:
    """Return the counts of cells."""
    return np.bincount(of, counts).astype(np.float64)


def shares(counts: NDArray[np.number[Any]]) -> Floats:
    """Return the shares of cells, each lent half an event."""
    lent = counts + EMPTY
    return np.asarray(lent / lent.sum(axis=-1, keepdims=True))


@lru_cache(maxsize=256)
def again(common: tuple[float, ...], n: int, m: int) -> tuple[Floats, Floats]:
    """Return shares of reference and live counts drawn from their common shares, [draws, cells] each."""
    random = np.random.default_rng(seed(common, n, m))
    both = np.array(common) / sum(common)
    return shares(random.multinomial(m, both, DRAWS)), shares(random.multinomial(n, both, DRAWS))


def seed(common: tuple[float, ...], n: int, m: int) -> int:
    """Return a number that depends on the counts alone, the same on every machine."""
    written = np.array([n, m, *common], "<f8").tobytes()
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "little")


def among(value: float, drawn: Floats, power: int) -> tuple[float, float]:
    """Return how often chance alone gives as much, and what it exceeds once in a thousand.

    Draws are counted up to the last twentieth. Beyond, `power` of 1 (PSI) or 2 (distances, whose squares fall off as
    PSI does) is taken to fall off exponentially, as chi-square and the maximum of a Brownian bridge do: the mean excess
    over fifty draws says more than the largest of them.
    """
    tails = drawn**power
    start = float(np.quantile(tails, 1 - TAIL))
    excess = float(np.maximum(tails - start, 0).sum() / max(1, int((tails > start).sum())))
    chance = float((start + excess * np.log(TAIL / (1 - LEVEL))) ** (1 / power))
    if excess > 0 and value**power > start:
        return float(TAIL * np.exp((start - value**power) / excess)), chance
    return (1 + int((drawn >= value * (1 - 1e-12)).sum())) / (1 + drawn.size), chance


def by_order(before: Floats, now: Floats, at: Floats | None) -> tuple[Reading, ...]:
    """Return KS and Wasserstein over ordered bins."""
    n, m = float(now.sum()), float(before.sum())
    gap = np.abs(np.cumsum(now) / n - np.cumsum(before) / m)[:-1]
    widths = np.diff(at) if at is not None else np.ones(gap.size)
    limit, root = bridges((before + now) / (n + m)), float(np.sqrt(1 / n + 1 / m))
    found = []
    for name, value, drawn in (
        ("ks", float(gap.max(initial=0.0)), limit.max(axis=1, initial=0.0)),
        ("wasserstein", float(gap @ widths), limit @ widths),
    ):
        p, chance = among(value, root * drawn, 2)
        found.append(Reading(name, value, p, chance, n, m))
    return tuple(found)


def bridges(common: Floats) -> Floats:
    """Return how far two cumulated histograms of these shares lie apart by chance, times the root of their events:
    [draws, bins - 1], the absolute values of a Brownian bridge after each bin but the last.
    """
    steps = np.sqrt(common) * normals(common.size)
    bridge = np.cumsum(steps, axis=1)
    bridge -= np.cumsum(common) * bridge[:, -1:]
    return np.asarray(np.abs(bridge[:, :-1]))


@lru_cache(maxsize=64)
def normals(bins: int) -> Floats:
    """Return the standard normal draws that every bridge over so many bins is made of."""
    return np.random.default_rng(bins).standard_normal((DRAWS, bins))
