"""After an alarm: firing, then moved, recovered or accepted. A change that stays gives one alert, and its end no
second one.

    WATCHING  evidence reaches the threshold: ALARM. The reference from before the change is kept; a new urn starts
              with the counts since the onset, and a guess of the shape that the winning alternatives foretell
              -> FIRING
    FIRING    evidence that events come from the old reference rather than the new urn: RECOVERED, the old reference
              is back -> WATCHING
              the new urn itself drifts: MOVED, an update of the alert, not another; the new urn starts again from
              the pane
              so many events since the onset: ACCEPTED, the new urn without the guess is the reference. How
              dependent its events are has to be learnt anew -> LEARNING

The guess and the high bar for recovery are needed: an urn that knows only the first thirty counts after an alarm was
measured to take ordinary events for a return 120 times per drift; with them 0 to 0.13 times per 10,000 events.

All counts are effective counts (`detectors/dependence.py`), with the variance factor from before the change.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from detectors.evidence import grown, odds
from detectors.polya import log_law

Floats = NDArray[np.float64]

# Effective events that the guessed shape counts for. With 200 small changes were taken for over while they went on, ten
# times in 10,000 events of +.15 sd, because an urn that knows little pays for every bin that it has to learn; with 500
# twice, and with 1,000 more returns to what was known go without their name.
GUESS = 500.0

RECOVERY = 1e6  # evidence for "it is as before": one return in a million events of drift is wrong

# Effective events that the new urn needs before it can be said to drift itself: 500 that were seen, beside the guess.
# Where the guess is wrong, what got stuck, went null or changed its unit "moved" twenty times in 5,000 events without.
LEAST_NEW = GUESS + 500.0

ACCEPTANCE = 10_000.0  # events after which what is new is normal
LEAST_ACCEPTED = 300.0  # effective events among them: as many as a reference needs to begin with


class Phase(IntEnum):
    """What a feature's urn is doing."""

    LEARNING = 0
    WATCHING = 1
    FIRING = 2


class Turn(IntEnum):
    """What a step changed."""

    NONE = 0
    READY = 1  # learning is over
    ALARM = 2
    MOVED = 3
    RECOVERED = 4
    ACCEPTED = 5


# As plain numbers: NumPy takes ten times as long to compare an array with a member of an enumeration.
LEARNING, WATCHING, FIRING = map(int, Phase)
ALARM, MOVED, RECOVERED, ACCEPTED = map(int, (Turn.ALARM, Turn.MOVED, Turn.RECOVERED, Turn.ACCEPTED))


def new_normal(live: Floats, shape: Floats, factor: Floats) -> Floats:
    """Return the urn of the time after the onset: what was seen, and a guess. Axes [features, bins]; `factor`
    [features].
    """
    return np.asarray(live + (GUESS * factor)[:, None] * shape / shape.sum(axis=1, keepdims=True))


def settled(urn: Floats, live: Floats) -> Floats:
    """Return the urn of what is accepted: of each bin no more than was seen since the onset, for a guess is no
    reference. Where the change never moved on this is what was seen. Axes [features, bins].

    >>> settled(np.array([[300.0, 400.0, 9800.0]]), np.array([[0.0, 300.0, 9700.0]])).tolist()
    [[0.0, 300.0, 9700.0]]
    """
    return np.minimum(urn, live)


def recovery(evidence: Floats, before: Floats, urn: Floats, pane: Floats, factor: Floats) -> Floats:
    """Return the evidence, [features], that events come from the reference `before` rather than from the new `urn`."""
    v = factor[:, None]
    ratio = log_law(before / v, pane / v) - log_law(urn / v, pane / v)
    return grown(evidence[:, None], pane.sum(axis=1), odds(ratio)[:, None])[:, 0]


def next_turn(recovered: Floats, moved: NDArray[np.bool_], live: Floats, factor: Floats) -> NDArray[np.uint8]:
    """Return the turn of each firing feature: recovery first, then acceptance, then an update."""
    settled = (live >= ACCEPTANCE) & (live / factor >= LEAST_ACCEPTED)
    turns = np.where(moved, Turn.MOVED, Turn.NONE)
    turns = np.where(settled, Turn.ACCEPTED, turns)
    return np.where(recovered >= RECOVERY, Turn.RECOVERED, turns).astype(np.uint8)
