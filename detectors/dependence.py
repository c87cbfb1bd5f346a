"""How many independent events a pane is worth: the variance factor of a stream, learnt from blocks of its own panes.

Real traffic repeats itself: entities come back, values drift slowly, batches are alike. Then the counts of a block
vary v times as much as independent draws would, and a detector that takes n events for n overspends its budget 3 to
390 times. The remedy is the *effective count*: judge n events as n / v.

v is measured on the scores the detector itself uses. In blocks of 1, 2, 4, ... panes the squared sum of a score, over
its variance if events were independent, is 1 on average without dependence, and v with it, once blocks are longer
than the dependence (the classical block-means estimate of a long-run variance; cf. Flegal and Jones, "Batch means and
spectral variance estimators in Markov chain Monte Carlo", 2010). How far that goes on beyond the blocks of which enough
were seen is said by the way it grows (`detectors/decay.py`). For the stretches of a season, whose dependence does not
decay but ends with the day, v is the largest average over block lengths and scores.

A pane that is itself part of the reference G varies less around it, by 1 - n/|G|; a fresh one varies more, by
1 + n/|G|. What panes have in common beyond that is not much: each goes into the reference that the next is compared
with, so their differences from it are those of a sequence of one-step forecasts, which are uncorrelated.
Repeats further apart than the longest block are not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from detectors import decay

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LEVELS = decay.LEVELS  # the longest block is 2^9 panes: nine minutes of panes of a second

LEAST_BLOCKS = 12  # fewer blocks of a length say nothing about its variance

# Of a score that is expected to have moved less often than this in all blocks together nothing is known for certain:
# who can, learns on. Expected to have moved less than LEAST_MOVES, it counts a rare event, whose first occurrence may
# be a change and is no sign of dependence: there is nothing to wait for. At panes of 1 and references of 500 and 1,000
# nulls of 1 % in runs of two spend 1.7 and 1.5 of the budget; they spent 6.0 and 4.5 when below twelve was nothing.
KNOWN_MOVES = 12.0
LEAST_MOVES = 3.0

# Standard deviations of the logarithm of the factor that are taken off what is believed: it is that of the score that
# varies most. Measured at panes of 1 on autoregressions of .35, .65 and .9 and on entities of which 4, 10 and 20 take
# turns: they spend .6, .6, .5, .4, .7 and 1.2 of the budget. With nothing taken off they spend .3 and less, and
# autoregressions are seen a fifth later.
TAKEN_OFF = 0.35

# Further ones taken off before the factor of scale counts for other groups too, so one in all: streams whose volatility
# clusters (GARCH .15, .8) spend .4 of the budget at panes of 20 where they spent 1.2. If none were taken off they would
# spend .4 too, and shifts of independent streams would be seen up to 7 % later; with one it is 1 %.
FOR_SURE = 0.65

# A factor is known when the standard deviation of its logarithm is below this. At .5 no more of a budget is kept, and
# where panes are large it takes twice as many.
KNOWN_WITHIN = 0.7

# Standard errors taken off each average before the largest is chosen: the maximum of many would be biased upwards. The
# scores of numbers are alike, so a half is enough; those of categories are not, so it takes more the more there are.
CAUTION = 0.5
CAUTION_EACH = 0.4  # times the logarithm of the number of categories

# Runs of a rate or of a category have longer tails than their variance tells: in runs of two, nulls of 5 % spent 1.6 of
# their budget and ten categories 1.1 at panes of 1 without a reserve. Nor is much seen of a season's long stretches.
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
    share = np.minimum(events / urn, 0.5)
    events = events * (1 - share if inside else 1 + share)  # what the variance of the pane is that of
    clock = blocks.panes[at] + 1
    blocks.panes[at] = clock
    longest = clock & -clock  # of the blocks that end with this pane: of so many panes
    for level in range(LEVELS):
        if level:
            ends = longest >= 1 << level
            some = np.count_nonzero(ends)
            add(blocks.open, at, level, scores)
            add(blocks.open_events, at, level, events)
            if not some:
                return
            if some < len(rows):
                rows, longest, variance = rows[ends], longest[ends], variance[ends]
                at = rows
            scores = blocks.open[at, level].astype(np.float64)
            events = blocks.open_events[at, level].astype(np.float64)
            blocks.open[at, level] = 0
            blocks.open_events[at, level] = 0
        expected = events[:, None] * variance
        squares = np.divide(scores * scores, expected, out=np.zeros(scores.shape), where=expected > 0)
        add(blocks.squares, at, level, squares)
        add(blocks.blocks, at, level, 1.0)
        add(blocks.events, at, level, events)


def add(sums: NDArray[np.float32], at: Rows | slice, level: int, more: Floats | float) -> None:
    """Add to the sums of a level, in place. NumPy takes four times as long where precisions are mixed, so there is a
    conversion first.
    """
    sums[at, level] = sums[at, level].astype(np.float64) + more


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


@dataclass(frozen=True)
class Belief:
    """What is believed of the variance factors of groups of scores. Axes: [features, groups]."""

    factor: Floats  # at least 1
    doubt: Floats  # standard deviation of its logarithm; infinite where too few moves were seen
    known: NDArray[np.bool_]  # whether enough was seen to say anything

    @property
    def certain(self) -> NDArray[np.bool_]:
        """Return where enough was seen to go by it, [features]."""
        return np.asarray(self.known.any(axis=1) & np.isfinite(self.doubt[:, 0]))

    def enough(self, events: Floats, least: float) -> NDArray[np.bool_]:
        """Return where so many events [features] are worth `least` independent ones, even if the factor of location is
        as much larger than what is believed as it was taken to be smaller.
        """
        most = self.factor[:, 0] * np.exp(2 * TAKEN_OFF * self.doubt[:, 0])
        return np.asarray((self.doubt[:, 0] <= KNOWN_WITHIN) & (events >= least * most))

    def at_least(self, group: int) -> Belief:
        """Return the belief in which no group has a factor clearly below that of this one.

        That of scale: where quiet and wild times take turns, as those of prices do, the scores of location are
        uncorrelated and still depend on each other. In a wild time all of them are large, and their sums have longer
        tails than their variance tells.
        """
        sure = (self.factor * np.exp(-FOR_SURE * self.doubt))[:, group, None]
        return Belief(np.maximum(self.factor, sure), self.doubt, self.known)


def believed(blocks: Blocks, rows: Rows, groups: NDArray[np.intp], kurtosis: Floats, each_differs: bool) -> Belief:
    """Return what is believed of each group of scores: the factor of that score of it which varies most. If scores are
    not alike but `each_differs`, as those of categories do, more is taken off the more there are.

    `kurtosis` [rows, scores] is that of the score of one event: how many events it takes for it to move once, more or
    less (about 1/p for a count of what has probability p). A group of which too little was seen takes the largest
    factor of the others.
    """
    number = blocks.blocks[rows].astype(np.float64)
    more = CAUTION_EACH * float(np.log(kurtosis.shape[1])) if each_differs else 0.0
    average, moves, least = averages(blocks, rows, kurtosis, CAUTION + more)
    count, each = int(groups.max()) + 1, np.arange(len(rows))
    most, worth = np.ones((2, len(rows), count, LEVELS))
    known = np.zeros((len(rows), count), bool)
    for group in range(count):
        scores = np.flatnonzero(groups == group)
        best = scores[least[:, scores].argmax(axis=1)]
        known[:, group] = least[each, best] > 0
        most[:, group] = average[each, :, best]
        # A cluster of v events moves once, so there are v times fewer moves than there are events for.
        noise = 2 / np.maximum(number, 1) + np.maximum(most[:, group], 1) / np.maximum(moves[each, :, best], 1e-9)
        worth[:, group] = np.where(number >= 1, 2 / noise, 0)
    mean, doubt = decay.believed(most, worth)
    factor = np.where(known, np.maximum(np.exp(mean - (TAKEN_OFF + more) * doubt), 1), 1.0)
    doubt = np.where(known_well(moves)[:, None], doubt, np.inf)
    return Belief(np.where(known, factor, factor.max(axis=1, keepdims=True)), np.where(known, doubt, 0.0), known)


def averages(blocks: Blocks, rows: Rows, kurtosis: Floats, caution: float) -> tuple[Floats, Floats, Floats]:
    """Return the average square and the number of moves, [rows, levels, scores], and the largest average less so many
    standard errors, [rows, scores]: 0 where too little was seen.
    """
    squares, number = blocks.squares[rows].astype(np.float64), blocks.blocks[rows].astype(np.float64)[:, :, None]
    moves = blocks.events[rows].astype(np.float64)[:, :, None] / kurtosis[:, None, :]
    least = np.where(known_well(moves), KNOWN_MOVES, LEAST_MOVES)  # what is known well goes first
    seen = (number >= LEAST_BLOCKS) & (moves >= least[:, None, None])
    noise = 2 / np.maximum(number, 1) + 1 / np.maximum(moves, 1)  # the variance of the average, were events independent
    average = squares / np.maximum(number, 1e-9)
    return average, moves, np.where(seen, average * (1 - caution * np.sqrt(noise)), 0).max(axis=1)


def known_well(moves: Floats) -> NDArray[np.bool_]:
    """Return where, [rows], some score [rows, levels, scores] has moved often enough for its factor to be known."""
    return np.asarray(moves.max(axis=(1, 2)) >= KNOWN_MOVES)


def factors(blocks: Blocks, rows: Rows, groups: NDArray[np.intp], kurtosis: Floats, caution: float) -> Floats:
    """Return the variance factor of each group of scores, [rows, groups], at least 1, by the largest average: for
    stretches of a season.
    """
    _, _, least = averages(blocks, rows, kurtosis, caution)
    largest = np.stack([least[:, groups == group].max(axis=1) for group in range(int(groups.max()) + 1)], axis=1)
    factor = np.maximum(largest, 1)
    return np.asarray(np.where(largest > 0, factor, factor.max(axis=1, keepdims=True)))


def careful(factor: Floats, mean_pane: Floats) -> Floats:
    """Return the factors of a season's numbers with a reserve where they are dependent and come in small panes."""
    dependent = (factor[:, :2].max(axis=1) > CAREFUL_ABOVE) & (mean_pane < SMALL_PANE)
    return factor * np.where(dependent, CAREFUL, 1.0)[:, None]


def careful_shares(factor: Floats) -> Floats:
    """Return the factors of rates and categories with a reserve where they are dependent."""
    return factor * np.where(factor > CAREFUL_SHARE_ABOVE, CAREFUL_SHARE, 1.0)


def health(factor: Floats) -> NDArray[np.intp]:
    """Return the index into HEALTH of each variance factor.

    >>> [HEALTH[i] for i in health(np.array([1.0, 2.0, 50.0]))]
    ['ok', 'corrected for dependence', 'too dependent to judge']
    """
    return HEALTH_FROM.searchsorted(factor, side="right")
