"""How many independent events a pane is worth: the variance factor of a stream, learnt from blocks of its own panes.

Real traffic repeats itself: entities come back, values drift slowly, batches are alike. Then the counts of a block
vary v times as much as independent draws would, and a detector that takes n events for n overspends its budget 3 to
390 times. The remedy is the *effective count*: judge n events as n / v.

v is measured on the scores the detector itself uses. In blocks of 1, 2, 4, ... panes the squared sum of a score, over
its variance if events were independent, is 1 on average without dependence, and v with it, once blocks are longer
than the dependence (the classical block-means estimate of a long-run variance; cf. Flegal and Jones, "Batch means and
spectral variance estimators in Markov chain Monte Carlo", 2010). v is the largest average over block lengths and
scores: the careful side.

A block of N events that is itself part of the reference G varies less around it, by 1 - N/|G|; a fresh one varies
more, by 1 + N/|G|. Repeats further apart than the longest block are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LEVELS = 10  # the longest block is 2^9 panes: nine minutes of panes of a second

LEAST_BLOCKS = 12  # fewer blocks of a length say nothing about its variance

# A score that is expected to move less often than this in all blocks together counts a rare event, whose first
# occurrence may be a change and is no sign of dependence.
LEAST_MOVES = 12.0

# Twice as long a block must not show so much more variance before a stream's dependence counts as known: blocks that
# are shorter than the dependence show a part of it only, and learning that ends as soon as the factor looks small
# would end too soon just where it is underestimated.
SATURATED = 1.25
SUSPICION = 0.25  # standard errors by which it may in truth be more

# Standard errors taken off each average before the largest is taken: the maximum of many would be biased upwards. The
# scores of numbers are alike, so a half is enough; those of categories are not, so it takes more the more there are.
CAUTION = 0.5
CAUTION_EACH = 0.4  # times the logarithm of the number of categories

# Streams that are dependent and come in small panes were measured to spend up to .98 of their budget, and bursts of a
# rate, whose runs have longer tails than their variance tells, up to 1.4 of it: more is kept back.
SMALL_PANE = 100
CAREFUL_ABOVE = 2.0
CAREFUL = 1.2
CAREFUL_SHARE_ABOVE = 1.5
CAREFUL_SHARE = 1.4

HEALTH = ("ok", "corrected for dependence", "slow: dependent events", "too dependent to judge")
HEALTH_FROM = np.array([1.3, 5.0, 30.0])


@dataclass(frozen=True)
class Blocks:
    """What is remembered of the blocks of each feature. Axes: [features, levels, scores]."""

    panes: NDArray[np.int64]  # [features]: how many, the clock of the levels
    open: NDArray[np.float32]  # sum of scores of the block that is not complete yet
    open_events: NDArray[np.float32]  # [features, levels]
    squares: NDArray[np.float32]  # sum over complete blocks of squared score / variance
    blocks: NDArray[np.float32]  # [features, levels]: how many are complete; a fraction once faded
    events: NDArray[np.float32]  # [features, levels]: how many events they had

    def copy(self) -> Blocks:
        return Blocks(**{name: getattr(self, name).copy() for name in NAMES})


NAMES = tuple(field.name for field in fields(Blocks))


def start(features: int, scores: int) -> Blocks:
    """Return the memory of features of which no block was seen."""
    return Blocks(
        panes=np.zeros(features, np.int64),
        open=np.zeros((features, LEVELS, scores), np.float32),
        open_events=np.zeros((features, LEVELS), np.float32),
        squares=np.zeros((features, LEVELS, scores), np.float32),
        blocks=np.zeros((features, LEVELS), np.float32),
        events=np.zeros((features, LEVELS), np.float32),
    )


def observe(
    blocks: Blocks, rows: Rows, scores: Floats, variance: Floats, events: Floats, urn: Floats, inside: bool
) -> None:
    """Add one pane of each feature in `rows`, in place (the caller owns `blocks`).

    `scores` [rows, scores] are sums over the pane, `variance` is that of one event; `urn` [rows] is the size of the
    reference, of which the pane is a part if `inside`.
    """
    at: Rows | slice = slice(None) if len(rows) == len(blocks.panes) else rows  # of all of them nothing is copied
    blocks.panes[at] += 1
    clock = blocks.panes[at]
    for level in range(LEVELS):
        if level:
            whole = clock % (1 << level) == 0
            blocks.open[at, level] += scores
            blocks.open_events[at, level] += events
            if not whole.any():
                return
            if not whole.all():
                rows, clock, urn, variance = rows[whole], clock[whole], urn[whole], variance[whole]
                at = rows
            scores = blocks.open[at, level].astype(np.float64)
            events = blocks.open_events[at, level].astype(np.float64)
            blocks.open[at, level] = 0
            blocks.open_events[at, level] = 0
        share = np.minimum(events / urn, 0.5)
        expected = (events * (1 - share if inside else 1 + share))[:, None] * variance
        blocks.squares[at, level] += np.divide(scores**2, expected, out=np.zeros_like(scores), where=expected > 0)
        blocks.blocks[at, level] += 1
        blocks.events[at, level] += events


def fade(blocks: Blocks, rows: Rows, keep: float) -> None:
    """Let what was measured with an older tilt count less, in place."""
    for sums in (blocks.squares, blocks.blocks, blocks.events):
        sums[rows] *= np.float32(keep)


def clear(blocks: Blocks, rows: Rows) -> None:
    """Forget everything, in place: what is measured from now on is another stream."""
    for name in NAMES:
        getattr(blocks, name)[rows] = 0


def cap(blocks: Blocks, rows: Rows, factor: Floats) -> None:
    """Forget, in place, what the averages hold above `factor` [rows]: it was the drift that was measured, not the
    dependence.
    """
    highest = factor[:, None, None] * blocks.blocks[rows][:, :, None]
    blocks.squares[rows] = np.minimum(blocks.squares[rows], highest)
    blocks.open[rows] = 0
    blocks.open_events[rows] = 0
    blocks.panes[rows] = 0


def factors(blocks: Blocks, rows: Rows, groups: NDArray[np.intp], kurtosis: Floats, caution: float) -> Floats:
    """Return the variance factor of each group of scores, [rows, groups], at least 1.

    `kurtosis` [rows, scores] is that of the score of one event: how many events it takes for it to move once, more or
    less (about 1/p for a count of what has probability p). A group of which too little was seen takes the largest
    factor of the others.
    """
    squares, number = blocks.squares[rows].astype(np.float64), blocks.blocks[rows].astype(np.float64)[:, :, None]
    moves = blocks.events[rows].astype(np.float64)[:, :, None] / kurtosis[:, None, :]
    seen = (number >= LEAST_BLOCKS) & (moves >= LEAST_MOVES)
    noise = 2 / np.maximum(number, 1) + 1 / np.maximum(moves, 1)  # the variance of the average, were events independent
    average = np.where(seen, squares / np.maximum(number, 1) * (1 - caution * np.sqrt(noise)), 1.0).max(axis=1)
    known = np.stack([seen[:, :, groups == g].any(axis=(1, 2)) for g in range(groups.max() + 1)], axis=1)
    factor = np.stack([np.maximum(1.0, average[:, groups == g].max(axis=1)) for g in range(groups.max() + 1)], axis=1)
    return np.where(known, factor, factor.max(axis=1, keepdims=True))


def saturated(blocks: Blocks, rows: Rows) -> NDArray[np.bool_]:
    """Return where the longest blocks of which enough were seen say no more than those of half their length: the
    dependence does not reach beyond them.
    """
    number = blocks.blocks[rows].astype(np.float64)
    average = blocks.squares[rows].astype(np.float64).mean(axis=2) / np.maximum(number, 1)
    levels, at = (number >= LEAST_BLOCKS).sum(axis=1), np.arange(len(rows))
    longest, half = np.maximum(levels - 1, 0), np.maximum(levels - 2, 0)
    most = average[at, longest] * (1 + SUSPICION * np.sqrt(2 / np.maximum(number[at, longest], 1)))
    return np.asarray((levels > 1) & (most <= SATURATED * np.maximum(average[at, half], 1)))


def careful(factor: Floats, mean_pane: Floats) -> Floats:
    """Return the factors of numbers with a reserve where the stream is dependent and its panes are small."""
    dependent = (factor[:, :2].max(axis=1) > CAREFUL_ABOVE) & (mean_pane < SMALL_PANE)
    return factor * np.where(dependent, CAREFUL, 1.0)[:, None]


def careful_shares(factor: Floats) -> Floats:
    """Return the factors of rates and categories with a reserve where the stream is dependent."""
    return factor * np.where(factor > CAREFUL_SHARE_ABOVE, CAREFUL_SHARE, 1.0)


def health(factor: Floats) -> NDArray[np.intp]:
    """Return the index into HEALTH of each variance factor.

    >>> [HEALTH[i] for i in health(np.array([1.0, 2.0, 50.0]))]
    ['ok', 'corrected for dependence', 'too dependent to judge']
    """
    return np.searchsorted(HEALTH_FROM, factor, side="right")
