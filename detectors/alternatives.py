"""What a change could look like: the tables of alternatives that an urn bets on, with their weights and their words.

An alternative *tilts* the urn: it says how often each bin would be drawn after a change, compared with before. There
are three families. *Numbers* bet on the shape of the distribution after it is mapped to normal scores, so that one
table serves every distribution; *rates* and *categories* bet on the share of a bin against the rest.

The shapes and the weights were chosen by measurement on public seeds (delays at equal false-alarm rates, over mean
shifts of 0.12 to 2 standard deviations, variance factors, spikes and rate changes); they are conventions, not
estimates: any weights that add up to one keep the budget.

>>> NUMBERS.describe(3)
'location -0.25 sd'
>>> RATES_UP.describe(4)
'odds x12'
>>> CATEGORIES.describe(7 + 3, ("web", "shop", "unseen"))
'odds x3 of shop'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Ranks at which the shapes below are tabulated: narrow in the tails, where they differ most.
RANKS = np.array(
    (
        *(0.0003, 0.001, 0.003, 0.008, 0.02, 0.04, 0.07, 0.11, 0.16, 0.22, 0.3, 0.4, 0.5),
        *(0.6, 0.7, 0.78, 0.84, 0.89, 0.93, 0.96, 0.98, 0.992, 0.997, 0.999, 0.9997),
    )
)

# (size of the change, weight of the pair up and down), in standard deviations of the normal score.
LOCATIONS = ((0.12, 0.15), (0.25, 0.15), (0.5, 0.12), (1.0, 0.08), (2.0, 0.05))
SCALES = ((0.4, 0.03), (0.65, 0.04), (0.82, 0.04), (1.2, 0.05), (1.45, 0.05), (2.0, 0.04), (3.5, 0.03))
TAILS = ((0.01, 0.05), (0.05, 0.05), (0.25, 0.03))  # (share of the events that become extreme, weight of the pair)

# What the bets without a table get of the stake: that events are like those of late (`detectors/lately.py`), and that a
# few are one value (`detectors/heaps.py`). They cost the others a twelfth of a nat.
MOVING = (("another shape", 0.05), ("a heap", 0.03))
ANY_SHAPE, HEAP = (words for words, _ in MOVING)

# The shapes whose scores show how dependent a stream is (`detectors/dependence.py`): a few of each group. The scores of
# the others are much like theirs, and the largest of many averages errs upwards.
SCORED = (
    "location +0.25 sd",
    "location +1 sd",
    "location -1 sd",
    "scale x0.65",
    "scale x1.45",
    "upper tail 5%",
    "lower tail 5%",
)

# Where the events that become extreme go: mostly beyond everything seen, some just inside.
OUTERMOST = ((1, 0.7), (2, 0.2), (3, 0.1))

# Of this share of extreme events half go to all bins beyond the outermost rank alike. A bin that holds next to nothing
# still does when it is drawn a hundred times as often, and the tenth spike of a pane spoke for no change at all: 5 % at
# five standard deviations took two panes of 200, and now take one. For a share of 1 % it costs more than it gains: so
# few are seen by what is drawn again and again only.
ALIKE = 0.05

# No bin is taken to hold less than this: it has forgotten what it held, and one event there is no change yet.
SCARCE = 0.05

# Every shape keeps a little of the unchanged one, so that no single event can rule a change out.
UNCHANGED = 1e-3

UPPER, LOWER = "upper tail", "lower tail"

LOCATION, SCALE, TAIL = range(3)  # groups of alternatives: each has its own variance factor (`detectors/dependence.py`)


def normal(x: float) -> float:
    """Return the distribution function of the standard normal."""
    return 0.5 * (1 + erf(x / sqrt(2)))


def quantile(rank: float) -> float:
    """Return where the standard normal reaches `rank`, by bisection: exact enough, and only done once."""
    low, high = -10.0, 10.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if normal(middle) < rank else (low, middle)
    return (low + high) / 2


def bell(shift: float, scale: float) -> Floats:
    """Return how often a shifted and scaled normal falls between the tabulated ranks."""
    return np.diff([0.0, *(normal((quantile(rank) - shift) / scale) for rank in RANKS), 1.0])


def contaminated(share: float, side: int) -> Floats:
    """Return the frequencies when a share of the events becomes extreme on one side."""
    extreme = np.zeros(len(RANKS) + 1)
    for place, part in OUTERMOST:
        extreme[-place if side > 0 else place - 1] = part
    return (1 - share) * np.diff([0.0, *RANKS, 1.0]) + share * extreme


@dataclass(frozen=True)
class Numbers:
    """The 23 shapes of change of a number: location, scale and tails, in normal scores. Those of MOVING have no table,
    and come last.
    """

    name: str = "numbers"

    @cached_property
    def shapes(self) -> list[tuple[str, int, float, Floats]]:
        """The alternatives with a table: (words, group, weight, frequencies between the ranks)."""
        shapes = [
            (f"location {shift * side:+g} sd", LOCATION, weight / 2, bell(shift * side, 1.0))
            for shift, weight in LOCATIONS
            for side in (1, -1)
        ]
        shapes += [(f"scale x{scale:g}", SCALE, weight, bell(0.0, scale)) for scale, weight in SCALES]
        shapes += [
            (f"{UPPER if side > 0 else LOWER} {share:.0%}", TAIL, weight / 2, contaminated(share, side))
            for share, weight in TAILS
            for side in (1, -1)
        ]
        return shapes

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        return np.array([group for _, group, _, _ in self.shapes])

    @cached_property
    def scored(self) -> NDArray[np.intp]:
        """Which alternatives have scores that are watched for dependence."""
        return np.array([place for place, (words, *_) in enumerate(self.shapes) if words in SCORED])

    @cached_property
    def weight(self) -> Floats:
        """The weights of the shapes, and of what has no table."""
        weights, moving = np.array([weight for _, _, weight, _ in self.shapes]), [weight for _, weight in MOVING]
        return np.append((1 - sum(moving)) * weights / weights.sum(), moving)

    @cached_property
    def silent(self) -> NDArray[np.intp]:
        """The alternatives that are no part of the evidence: none."""
        return np.zeros(0, np.intp)

    @cached_property
    def spikes(self) -> dict[str, int]:
        """Which alternatives are the share of ALIKE that becomes extreme, by the tail."""
        words = [shape[0] for shape in self.shapes]
        return {tail: words.index(spikes) for tail in (UPPER, LOWER) if (spikes := f"{tail} {ALIKE:.0%}") in words}

    @cached_property
    def density(self) -> Floats:
        """The shapes between the tabulated ranks, [ranks + 1, alternatives]: 1 where nothing changes."""
        unchanged = np.diff([0.0, *RANKS, 1.0])
        shapes = np.array([shape for _, _, _, shape in self.shapes])
        shapes = (1 - UNCHANGED) * shapes + UNCHANGED * unchanged
        return np.asarray((shapes / unchanged).T)

    def tilt(self, urn: Floats) -> Floats:
        """Return, [features, bins, alternatives], how much more often each bin is drawn after the change than before.

        A bin of the urn covers an interval of ranks; its tilt is the mean of the shape over the interval.
        """
        ranks = np.array([0.0, *RANKS, 1.0])
        upper = np.cumsum(urn, axis=1) / urn.sum(axis=1, keepdims=True)
        upper = np.concatenate([np.zeros((len(urn), 1)), np.minimum(upper, 1.0)], axis=1)
        covered = np.diff(np.clip(upper[:, :, None], ranks[:-1], ranks[1:]), axis=1)  # of each tabulated interval
        width = np.diff(upper, axis=1)
        none = width <= 0  # an empty bin has no width: its tilt is the shape's value there
        if none.any():
            place = np.searchsorted(ranks, upper[:, :-1][none], side="right").clip(1, len(ranks) - 1) - 1
            covered[none], width[none] = np.eye(len(ranks) - 1)[place], 1.0
        tilt = covered @ self.density / width[:, :, None]
        each = ALIKE * urn.sum(axis=1, keepdims=True) / np.maximum(urn, SCARCE)
        for tail, spikes in self.spikes.items():
            beyond = (urn > 0) & (upper[:, :-1] >= RANKS[-1] if tail == UPPER else upper[:, 1:] <= RANKS[0])
            number = beyond.sum(axis=1, keepdims=True)
            alike = 1 - ALIKE + np.where(beyond, each / np.maximum(number, 1), 0)
            tilt[:, :, spikes] = np.where(number > 0, (tilt[:, :, spikes] + alike) / 2, tilt[:, :, spikes])
        return np.asarray(np.maximum(tilt, UNCHANGED))  # rounding, in bins that are almost empty

    def describe(self, alternative: int, labels: Sequence[str] = ()) -> str:
        tables = len(self.shapes)
        return self.shapes[alternative][0] if alternative < tables else MOVING[alternative - tables][0]


@dataclass(frozen=True)
class Shares:
    """Changes of the share of a bin against the rest: its odds times a factor, or a bump that takes from all others.

    Of a rate only the first bin is watched (its rest is the second); of a category every bin is. An alternative
    without a weight is *silent*: it is weighed as others are, and no part of the evidence.
    """

    name: str
    odds: tuple[tuple[float, float], ...]  # (factor, weight)
    bumps: tuple[tuple[float, float], ...] = ()  # (share taken from everything else, weight)
    every_bin: bool = False

    @cached_property
    def weight(self) -> Floats:
        """The weights of the alternatives of one watched bin."""
        weights = np.array([weight for _, weight in (*self.odds, *self.bumps)])
        return np.asarray(weights / weights.sum())

    @cached_property
    def silent(self) -> NDArray[np.intp]:
        """The alternatives of one watched bin that are no part of the evidence."""
        return np.flatnonzero(self.weight == 0)

    def tilt(self, share: Floats) -> Floats:
        """Return the share after each change, [..., alternatives], of a bin whose share was `share`."""
        factors = np.array([factor for factor, _ in self.odds])
        before = share[..., None]
        tilted = factors * before / (1 - before + factors * before)
        taken = np.array([bump for bump, _ in self.bumps])
        return np.concatenate([tilted, before + taken * (1 - before)], axis=-1)

    def describe(self, alternative: int, labels: Sequence[str] = ()) -> str:
        bin, change = divmod(alternative, len(self.weight))
        words = [f"odds x{factor:g}" for factor, _ in self.odds]
        words += [f"{bump:.0%} more" for bump, _ in self.bumps]
        if not self.every_bin:
            return words[change]
        label = labels[bin] if bin < len(labels) else f"category {bin}"
        return f"{words[change]} of {label}"


Law = Numbers | Shares

NUMBERS = Numbers()

# Nulls and other rates whose fall matters as well; rises weigh more because the rates that matter are small.
RATES = Shares("rates", ((0.3, 1), (0.6, 1.2), (1.3, 2), (1.6, 3), (2.2, 3), (4, 2), (12, 1)))

# Errors: fewer of them are no alarm. That they are fewer is bet on without a stake, to know when to begin anew.
RATES_UP = Shares("rates up", ((1.3, 2), (1.6, 3), (2.2, 3), (4, 2), (12, 1), (0.6, 0), (0.3, 0)))

CATEGORIES = Shares(
    "categories", ((0.33, 1), (0.6, 1), (1.6, 1), (3, 1)), ((0.01, 1), (0.05, 1), (0.2, 1)), every_bin=True
)
