"""What a bet would win beyond an alarm is not staked: evidence without overshoot.

At evidence A there is an alarm, and at three times as much there is no other. A large pane wins so much at once: at
panes of 200, errors that went from 5 % to 8 % had evidence of 3.3 A in the middle when they were found, and without a
change nine tenths of the alert budget were left over. So what a pane wins is cut off at A, and all of it is raised by
the factor b >= 1 that makes the bet as fair as it was,

    E0[min(b S, A)] = sum_j w_j (M_j + n),        S = sum_j w_j (M_j + n) R_j.

The budget is kept as before, because what is beyond an alarm makes no other one (Fischer and Ramdas, "Improving Wald's
(approximate) sequential probability ratio test by avoiding overshoot", 2024, who call it sequential boosting).

It takes the law of S without a change: of one bin against the rest, the beta-binomial law of Polya's urn
(`detectors/polya.py`), in effective events. Each of several watched bins is cut off and raised by itself, which is fair
as well: the smaller of A and a sum is at most the sum of the smaller of A and each. Of numbers the law of S is that of
all their bins, which takes too long; they are not raised.

>>> from detectors.alternatives import RATES_UP
>>> bet, most = RATES_UP.weight * np.full((1, 7), 4e3), np.array([1e4])
>>> for events in (1.0, 20.0, 200.0):
...     print(raised(RATES_UP, np.array([250.0]), np.array([5000.0]), np.array([events]), bet, most).round(3))
[1.003]
[1.33]
[3.255]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import Shares
from detectors.evidence import odds
from detectors.polya import rise, share_laws

Floats = NDArray[np.float64]

# A bet of less than this share of what makes an alarm is not raised: it would gain little, and cost time in every step.
# It is more than one event's worth of `urn.LEAST_PER_EVENT`, or large panes, which take longest, always would be.
NEAR = 0.03

# Nor is a bet on a bin of fewer effective balls: how often such a bin comes, the urn knows less well than its law says,
# and what is cut off here paid for that. A column of 41 countries, most of them rare, spent 1.8 of its budget without.
SEEN = 10.0

# Nor are panes of more effective events: two hundred bets on half of 50,000 events took .8 s, and so large a pane says
# what it says at once.
LARGEST = 5000.0

# Counts that are looked at, in standard deviations about the mean, and some more because small rates are skewed. All
# others are taken to make an alarm, which errs on the side of the budget.
FEWER, MORE, SOME = 5.0, 6.0, 6

# What is fair grows without limit with the pane: of thousands of events any that are not quite as expected would be an
# alarm, and no reference is known so well.
MOST = 4.0

STEPS = 6  # of Newton's method, from below: every step is fair, the third is good to a per cent


def raised(law: Shares, balls: Floats, size: Floats, events: Floats, bet: Floats, most: Floats) -> Floats:
    """Return the factor b of each bet on a watched bin, [bets], from 1 to MOST.

    Of `size` balls in its urn `balls` are the bin's; so many `events`, all [bets] and effective ones, are drawn.
    `bet` [bets, alternatives] is what is bet on each alternative, w (M + n); it is cut off at `most` [bets].
    """
    drawn = np.floor(events)
    k, there = counts(balls / size, size, drawn)
    one, all_drawn = np.ones(k.shape), np.broadcast_to(drawn[:, None], k.shape)
    laws = share_laws(law, balls[:, None], size[:, None], k, all_drawn)
    orders = rise(one, all_drawn) - rise(one, k) - rise(one, all_drawn - k)
    chance = np.where(there, np.exp(laws[..., 0] + orders - rise(size, drawn)[:, None]), 0.0)
    won = (odds(laws[..., 1:] - laws[..., :1]) * bet[:, None, :]).sum(axis=-1)
    fair, rest = bet.sum(axis=1), np.maximum(0.0, 1 - chance.sum(axis=1))
    b = np.ones(len(balls))
    for _ in range(STEPS):
        less = b[:, None] * won < most[:, None]
        cut = most * (rest + (chance * ~less).sum(axis=1))
        slope = (chance * won * less).sum(axis=1)
        b = np.maximum(b, np.divide(fair - cut, slope, out=np.ones(len(b)), where=slope > 0))
    return np.minimum(b, MOST)


def counts(share: Floats, size: Floats, events: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the counts of a bin to look at, [bets, counts], and which of them there are."""
    mean = events * share
    spread = np.sqrt(mean * (1 - share) * (1 + events / size))
    first = np.maximum(0.0, np.floor(mean - FEWER * spread) - 1)
    last = np.minimum(events, np.ceil(mean + MORE * spread) + SOME)
    k = first[:, None] + np.arange(int((last - first).max(initial=0)) + 1)
    return np.minimum(k, last[:, None]), k <= last[:, None]
