"""How far a stream is dependent, from how much more the sums of longer blocks vary: a belief over curves of decay.

If the correlation of what two events say decays with their distance, the variance of a block's sum, over what it would
be if events were independent, grows with the block's length, and levels out at the variance factor. Few blocks are
long, so their average alone says little; but which curves could have led there is said by the short ones as well. There
is a table of curves: correlations that fall by half within h blocks, h from none to 128, and sums of two of them. These
are mixtures of decaying exponentials, as the correlations of every reversible Markov chain are (Berg and Song,
"Efficient shape-constrained inference for the autocovariance sequence from a reversible Markov chain", Annals of
Statistics 51, 2023). Averages of squares are about chi-square, which gives the likelihood of every curve (Whittle's
approximation), and with a prior the belief in it.

>>> levels = np.arange(LEVELS)
>>> flat, still_rising = np.ones((1, LEVELS)), np.minimum(1.5**levels, 12.0)[None, :]
>>> seen = 100.0 / 2**levels[None, :]  # a hundred short blocks, fifty of twice the length, ...
>>> believed(flat, seen)[0].round(2), believed(still_rising, seen)[0].round(1)
(array([0.1]), array([2.2]))
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

LEVELS = 10  # blocks of 1, 2, 4, ... 2^9

HALF_LIVES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)  # in the shortest blocks; none: neighbours only
STEP = 1.25  # between two heights at which curves level out; a belief interpolates
HIGHEST = 64.0  # twice what is called too dependent to judge

# Two kinds of dependence at once: what a session repeats, and a level that drifts.
FAST, FAST_ADDS = (0.5, 2.0, 8.0), (0.4, 1.2, 4.0, 12.0)
SLOW, SLOW_ADDS = (32.0, 128.0), (0.5, 1.5, 4.0, 12.0, 32.0)
APART = 8.0  # how many times slower the slow one is, or the two are one

# Half of the belief is that events are independent, a fifth of the rest that there are two kinds. Among the others the
# rate of the decay is taken to be uniform, so a half-life has a weight of its inverse, and the height to be uniform in
# its logarithm.
INDEPENDENT, TWO_KINDS = 0.5, 0.2
LEAST_HALF_LIFE = 0.5  # of the weight

# Blocks of all lengths are cut from the same events: a block and its halves say much the same. Of the information of a
# hundred blocks and of all their unions, half is there twice.
NESTED = 0.5


@dataclass(frozen=True)
class Curves:
    """The table: variance of blocks over that of the shortest, [levels, curves], where each ends, and its prior. In
    single precision: a belief costs half, and is good to a thousandth."""

    inverse: Singles
    logarithm: Singles
    end: Singles  # logarithm of the height
    prior: Singles  # logarithm


def kept(half_life: float) -> float:
    """Return what is kept of a correlation from one block to the next."""
    return 0.0 if half_life == 0 else float(2 ** (-1 / half_life))


def rising(half_life: float) -> Floats:
    """Return, [levels], what one unit of correlation between neighbours adds to the variance of half a block."""
    sums = []
    for level in range(LEVELS):
        length = 1 << level
        apart = np.arange(1, length)
        sums.append(float(((1 - apart / length) * kept(half_life) ** (apart - 1)).sum()))
    return np.array(sums)


def curve(*parts: tuple[float, float]) -> Floats | None:
    """Return the curve of (half-life, what it adds in the limit); none if neighbours were more than equal."""
    near = [adds * (1 - kept(half_life)) / 2 for half_life, adds in parts]  # the correlation of neighbours
    if sum(near) > (0.5 if parts[0][0] == 0 else 1.0):
        return None
    return np.asarray(1 + sum(2 * each * rising(half_life) for each, (half_life, _) in zip(near, parts, strict=True)))


@cache
def curves() -> Curves:
    """Return the table."""
    heights = STEP ** np.arange(1, int(np.log(HIGHEST) / np.log(STEP)) + 1)
    one = [((half_life, float(height) - 1),) for half_life in HALF_LIVES for height in heights]
    two = [
        ((fast, fast_adds), (slow, slow_adds))
        for fast in FAST
        for slow in SLOW
        if slow >= APART * fast
        for fast_adds in FAST_ADDS
        for slow_adds in SLOW_ADDS
    ]
    found, ends, priors = [np.ones(LEVELS)], [1.0], [np.array([INDEPENDENT])]
    for kinds, share in ((one, 1 - TWO_KINDS), (two, TWO_KINDS)):
        drawn = [(parts, line) for parts in kinds if (line := curve(*parts)) is not None]
        weight = np.array([1 / max(parts[-1][0], LEAST_HALF_LIFE) for parts, _ in drawn])
        found += [line for _, line in drawn]
        ends += [1 + sum(adds for _, adds in parts) for parts, _ in drawn]
        priors.append((1 - INDEPENDENT) * share * weight / weight.sum())
    table = np.array(found)
    columns = 1 / table.T, np.log(table.T), np.log(ends), np.log(np.concatenate(priors))
    return Curves(*(np.ascontiguousarray(column, np.float32) for column in columns))


def believed(average: Floats, blocks: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of the logarithm of the variance factor, both [...].

    `average` [..., LEVELS] is that of the squares of blocks over what independent events would give; `blocks` is how
    many independent squares it is worth, 0 where there are none. The height of the whole curve is fitted, at least 1:
    what is within the shortest block is seen in it.
    """
    table, shape = curves(), average.shape[:-1]
    weight = (NESTED / 2 * blocks).astype(np.float32).reshape(-1, LEVELS)  # a plain matrix is multiplied much faster
    total = weight.sum(axis=-1, keepdims=True)
    # Not BLAS, which rounds one row otherwise than the same among others, by processor: no neighbour is to matter.
    fit = np.einsum("rl,lc->rc", weight * average.astype(np.float32).reshape(-1, LEVELS), table.inverse)
    height = np.maximum(fit / np.maximum(total, 1e-9), 1)
    fit /= height
    factor = np.log(height)
    belief = table.prior - np.einsum("rl,lc->rc", weight, table.logarithm)
    belief -= total * factor
    belief -= fit
    belief -= belief.max(axis=-1, keepdims=True)
    np.exp(belief, out=belief)
    belief /= belief.sum(axis=-1, keepdims=True)
    factor += table.end
    mean = np.einsum("rc,rc->r", belief, factor)
    factor -= mean[:, None]
    spread = np.einsum("rc,rc,rc->r", belief, factor, factor)
    return mean.astype(np.float64).reshape(shape), np.sqrt(spread.astype(np.float64)).reshape(shape)
