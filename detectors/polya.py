"""Polya's urn: how likely a pane of counts is when every draw makes its own bin likelier, and how much likelier under
a tilt.

An urn starts with g_b balls of colour b; each ball drawn goes back with one more of its colour. The counts d of n
draws then have the Dirichlet-multinomial law, a product of rising powers g_b (g_b + 1) ... (g_b + d_b - 1) over that
of the sizes (Johnson, Kotz and Balakrishnan, "Discrete multivariate distributions", 1997, chapter 35). For continuous
data, and bins cut at order statistics of the reference, it is the exact predictive law of a pane whatever the
distribution: that is why the likelihood ratio of a tilted urn of the same size is an e-value.

Counts may be fractions: effective counts are (`detectors/dependence.py`). Between whole events the logarithm of the
rising power is taken to be straight, because the gamma function would count a fraction in an almost empty bin like a
whole event.

>>> float(np.exp(rise(np.array([3.0]), np.array([4.0]))[0]).round(3))  # 3 * 4 * 5 * 6
360.0
>>> float(rise(np.array([0.02]), np.array([0.25]))[0] / np.log(0.02))
0.25
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import Shares

Floats = NDArray[np.float64]
Table = NDArray[Any]  # of single or double precision

SMALL = 3  # the series below is good to 3e-7 from here on; smaller numbers of balls are first raised by as much

# What lies beyond all that was drawn, on either side, has so many balls. The next event does so with a probability of
# one in n + 1, so one would be exact; but with one, a doubled variance is seen a tenth later. With a quarter budgets
# keep what they had although spikes are bet on out there: t(3) .75 and Poisson .79 of it at references of 500.
BEYOND = 0.25

FEW = 4  # so many draws are multiplied out, which is exact and cheap

PART = 1024  # rows of a large array that are worked on at a time, so that they stay in the processor's cache


def started(counts: Floats, ordered: bool) -> Floats:
    """Return the urn that begins with these counts, [bins]: one ball in all that was never drawn. If bins are in order,
    more of it lies beyond all that was drawn, where there is room.

    >>> started(np.array([0.0, 0.0, 1.0, 0.0, 1.0]), ordered=True)
    array([0.2, 0.2, 1.2, 0.2, 1.2])
    >>> started(np.array([1.0] * 98 + [0.0, 0.0]), ordered=True)[-4:]
    array([1.01 , 1.01 , 0.125, 0.125])
    """
    urn, drawn = counts + 1 / len(counts), np.flatnonzero(counts)
    if ordered and drawn.size:
        for beyond in (urn[: drawn[0]], urn[drawn[-1] + 1 :]):
            np.maximum(beyond, BEYOND / max(len(beyond), 1), out=beyond)
    return np.asarray(urn)


def rise(balls: Floats, drawn: Floats) -> Floats:
    """Return log(balls (balls + 1) ... (balls + drawn - 1)), straight between whole numbers of draws."""
    return drawn * np.log(balls) + bend(balls, drawn)


def bend(balls: Floats, drawn: Floats) -> Floats:
    """Return `rise` less its straight part, drawn * log(balls): what the draws of a pane add to each other.

    It is 0 up to one draw, which is most of the bins of a small pane. `drawn` may have one number for all of the last
    axis of `balls`.
    """
    several = drawn > 1.0
    many = np.count_nonzero(several)
    if many == several.size:
        return bend_each(balls, drawn)
    bent = np.zeros(balls.shape)
    if many:
        at = several if drawn.shape == balls.shape else several[..., 0]
        bent[at] = bend_each(balls[at], drawn[at])
    return bent


def bend_each(balls: Floats, drawn: Floats, groups: NDArray[np.intp] | None = None) -> Floats:
    """Return `bend` without looking whether there is anything to do. `groups` says which row of `drawn` is of which of
    `balls`, if there are fewer.
    """
    whole = np.floor(drawn)
    most = int(whole.max(initial=0))
    bent = product(balls, whole, most, groups) if most <= FEW else raised(balls, each(whole, groups))
    fraction = drawn - whole
    if np.count_nonzero(fraction):
        more = each(whole, groups) / balls
        more += 1.0
        bent += each(fraction, groups) * np.log(more, out=more)
    return bent


def each(drawn: Floats, groups: NDArray[np.intp] | None) -> Floats:
    """Return the row of each group; all rows as they are if there are no groups."""
    return drawn if groups is None else drawn.take(groups, axis=0)


def product(balls: Floats, whole: Floats, most: int, groups: NDArray[np.intp] | None) -> Floats:
    """Return log((1 + 1/balls) (1 + 2/balls) ... (1 + (whole - 1)/balls)), of a few draws: of `most` at most."""
    one = 1.0 / balls
    times = one * each((whole > 1.0).astype(whole.dtype), groups)
    times += 1.0
    for i in range(2, most):
        more = one * each(np.where(whole > i, whole.dtype.type(i), 0), groups)
        more += 1.0
        times *= more
    return np.asarray(np.log(times, out=times))


def raised(balls: Floats, whole: Floats) -> Floats:
    """Return the same of any number of draws, by a series that needs SMALL balls: if some are fewer, all are raised by
    as much, for it takes longer to pick them out. Gamma(x + 1) = x Gamma(x).
    """
    if balls.min(initial=SMALL) >= SMALL:
        return gamma_ratio(balls, whole)
    size = balls + whole
    fell = balls / size
    for i in range(1, SMALL):
        fell *= (balls + i) / (size + i)
    bent = gamma_ratio(balls + SMALL, whole)
    bent += np.log(fell, out=fell)
    rose = np.log1p(SMALL / balls)
    rose *= whole
    bent += rose
    return bent


def gamma_ratio(balls: Floats, whole: Floats) -> Floats:
    """Return log Gamma(balls + whole) - log Gamma(balls) - whole * log(balls), to 3e-7, for at least SMALL balls.

    The difference of two of Stirling's series, log Gamma(z) = (z - 1/2) log z - z + log(2 pi)/2 + 1/(12 z) -
    1/(360 z^3) + 1/(1260 z^5) - ... (Abramowitz and Stegun, 6.1.41), written so that nothing large cancels.
    """
    one = 1.0 / balls
    times = whole * one
    ratio = np.log1p(times)
    size = balls + whole
    size -= 0.5
    ratio *= size
    ratio -= whole
    times += 1.0
    ratio += stirling(np.divide(one, times, out=times))
    ratio -= stirling(one)
    return ratio


def stirling(inverse: Floats) -> Floats:
    """Return the terms of that series that vanish for large z, from 1 / z."""
    square = inverse * inverse
    terms = square * (1 / 1260)
    terms -= 1 / 360
    terms *= square
    terms += 1 / 12
    terms *= inverse
    return terms


def log_law(urn: Floats, pane: Floats) -> Floats:
    """Return the log probability of each pane [features, bins] under its urn, up to the number of orders of its
    events.
    """
    row, bin = np.nonzero(pane)
    drawn = sums(rise(urn[row, bin], pane[row, bin]), row, len(pane))
    return np.asarray(drawn - rise(urn.sum(axis=1), pane.sum(axis=1)))


def sums(terms: Floats, row: NDArray[np.intp], rows: int) -> Floats:
    """Return, [rows, ...], the sums of the terms, [..., terms], of each row. `row` is ascending."""
    total = np.zeros((rows, *terms.shape[:-1]), terms.dtype)
    add_sums(total, terms, row)
    return total


def add_sums(total: Floats, terms: Floats, row: NDArray[np.intp]) -> None:
    """Add them to what is there, in place."""
    if row.size:
        begins = np.ones(row.size, bool)
        np.not_equal(row[1:], row[:-1], out=begins[1:])
        first = begins.nonzero()[0]
        total[row[first]] += np.add.reduceat(terms, first, axis=-1).T


@dataclass(frozen=True, slots=True)
class Other:
    """An urn of another shape and another size than the reference's."""

    tilt: NDArray[np.float32]  # [features, bins]: how much more often each bin is drawn
    size: Floats  # [features]: balls, in effective events
    factor: Floats  # [features]: so many events count for one


def tilted_numbers(
    tilt: Table,
    urn: Floats,
    pane: Floats,
    factor: Floats,
    groups: NDArray[np.intp],
    first: Floats,
    rows: NDArray[np.intp] | None = None,
    also: Sequence[Other] = (),
) -> Floats:
    """Return the log likelihood ratio of tilted urns against the urn itself, [features, alternatives].

    `tilt` is [features, bins, alternatives], or has more features, of which `rows` says those that are meant. An
    alternative draws from urn * tilt, scaled to the size of the urn. All counts are divided by `factor` [features,
    groups] of the alternative's group. `first`, [features, alternatives], is the sum over the pane's events of the
    logarithm of their tilt: all there is of the ratio while no bin has more than one event, which makes small panes
    cheap without any approximation. `also` are more alternatives, the last ones, which have a factor of their own
    in common. The rest is computed in the precision of `tilt`: in single precision a ratio is good to about 1e-4.
    """
    exact: Any = tilt.dtype.type
    bins, tables = tilt.shape[1:]
    size, events = urn.sum(axis=1, keepdims=True), pane.sum(axis=1, keepdims=True)
    scale = summed(tilt, urn.astype(exact), rows) / size
    ratio = (first - events * np.log(scale)) / factor.take(groups, axis=1)
    if also:
        v, few = also[0].factor, pane.astype(np.float32)
        bent = bend_each(np.stack([size[:, 0] / v, *(other.size for other in also)]), events[:, 0] / v)
        last = [np.einsum("fb,fb->f", few, np.log(other.tilt)) / v for other in also] + bent[0] - bent[1:]
        ratio, factor = np.column_stack([ratio, last.T]), np.column_stack([factor, v])
        groups = np.append(groups, [factor.shape[1] - 1] * len(also))
        larger = [(other.size * v / size[:, 0]).astype(np.float32) for other in also]
    alternatives = ratio.shape[1]
    least = factor.min(axis=1)
    places = (pane > least[:, None]).ravel().nonzero()[0]
    if not places.size:
        return np.asarray(ratio)
    row, count, balls = places // bins, pane.ravel()[places], urn.ravel()[places]
    cells = places if rows is None else places + bins * (rows[row] - row)
    tilts, scales, factors = tilt.reshape(-1, tables), scale.astype(exact), factor.T.copy()
    own = np.arange(len(factors))  # the urn itself is one more alternative of each group
    of = np.concatenate([groups, own])
    many = count >= (FEW + 1) * least[row]
    for part in (*parts((~many).nonzero()[0]), *parts(many.nonzero()[0])):
        v = factors.take(row[part], axis=1)
        drawn = (count[part] / v).astype(exact)
        urns = np.empty((len(of), part.size), exact)  # alternatives first: those of a group lie together
        urns[alternatives:] = balls[part] / v
        np.divide(tilts.take(cells[part], axis=0).T, scales.take(row[part], axis=0).T, out=urns[:tables])
        for i, other in enumerate(also):
            urns[tables + i] = other.tilt.take(places[part]) * larger[i].take(row[part])
        urns[:alternatives] *= urns[alternatives:].take(groups, axis=0)
        bends = bend_each(urns, drawn, of)
        bends[:alternatives] -= bends[alternatives:].take(groups, axis=0)
        add_sums(ratio, bends[:alternatives], row[part])
    return np.asarray(ratio)


def summed(table: Table, counts: Table, rows: NDArray[np.intp] | None = None) -> Table:
    """Return the sums over the bins of counts [features, bins] times what a table [features, bins, ...] has for them.

    If `rows` says which of the table's features are meant, they are copied only if they are few: that takes longer
    than the sums.
    """
    if rows is None or len(rows) == len(table):
        return np.asarray((counts[:, None, :] @ table)[:, 0])
    if 4 * len(rows) < len(table):
        return np.asarray((counts[:, None, :] @ table[rows])[:, 0])
    every = np.zeros((len(table), counts.shape[1]), counts.dtype)
    every[rows] = counts
    return np.asarray((every[:, None, :] @ table)[rows, 0])


def parts(places: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the places in pieces of PART."""
    return [places[start : start + PART] for start in range(0, places.size, PART)]


def tilted_shares(law: Shares, urn: Floats, pane: Floats, factor: Floats) -> Floats:
    """Return the log likelihood ratio of a changed share of one bin against the rest, [features, bins * alternatives].

    By the aggregation of the Dirichlet-multinomial law one bin against the rest is an urn of two colours, and how the
    rest divides is the same on both sides of the ratio. `factor` is [features].
    """
    size, events = urn.sum(axis=1)[:, None], pane.sum(axis=1)[:, None]
    watched = slice(None) if law.every_bin else slice(0, 1)
    v = factor[:, None]
    laws = share_laws(law, urn[:, watched] / v, size / v, pane[:, watched] / v, events / v)
    ratio = laws[:, :, 1:] - laws[:, :, :1]
    return np.asarray(ratio).reshape(len(urn), ratio.shape[1] * ratio.shape[2])


def share_laws(law: Shares, balls: Floats, size: Floats, drawn: Floats, events: Floats) -> Floats:
    """Return the log probability, up to what all have in common, that a bin with so many of the `size` balls is `drawn`
    so often in so many `events`, [..., 1 + alternatives]: before a change, and after each.
    """
    share = np.where(balls > 0, balls / size, 0.5)  # a bin that is not there has no weight; a half keeps it finite
    whole = np.asarray(size)[..., None]
    own = np.concatenate([share[..., None], law.tilt(share)], axis=-1) * whole
    own = np.broadcast_to(own, (*drawn.shape, own.shape[-1]))
    laws = rise(whole - own, (events - drawn)[..., None])
    if np.count_nonzero(drawn):  # often nothing is null, and nothing an error
        laws += rise(own, drawn[..., None])
    return laws
