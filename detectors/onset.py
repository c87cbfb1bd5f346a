"""Since when: the start of the run of evidence of the alternative that won.

For each alternative a CUSUM is kept beside its e-detector, C <- max(C, 1) * R: evidence that starts afresh whenever
it is worth less than nothing (Page, "Continuous inspection schemes", 1954). Where the CUSUM of the winning
alternative last started is the maximum likelihood estimate of the change point. It is known to a pane.

>>> before, age, ratio = np.array([[0.2, 5.0]]), np.array([[40, 40]], np.uint32), np.array([[2.0, 2.0]])
>>> cusum, age = advance(before, age, ratio, events=np.array([20.0]))
>>> cusum.tolist(), age.tolist()
([[2.0, 10.0]], [[20, 60]])

What is certain of a change does not date it: where a column is constant, a bet that it stays so gains a little with
every pane, and its run goes back to the beginning when the change comes. Of all runs that leave no doubt the youngest
counts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors import evidence

Floats = NDArray[np.float64]
Counts = NDArray[np.uint32]

SURE = 1e12  # belief that leaves no doubt: far above the thresholds at which people want to be told

LONGEST = float(np.iinfo(np.uint32).max)  # of a run, in events


def advance(cusum: Floats, age: Counts, ratio: Floats, events: Floats) -> tuple[Floats, Counts]:
    """Return the CUSUMs after a pane, and how many events ago each started. Axes: [features, alternatives]; `events`
    [features].
    """
    run = age.astype(np.float64)
    run[cusum <= 1.0] = 0.0
    run += events[:, None]
    return np.minimum(np.maximum(cusum, 1.0) * ratio, evidence.MOST), np.minimum(run, LONGEST).astype(np.uint32)


def started(believed: Floats, age: Counts) -> NDArray[np.int64]:
    """Return how many events ago it began, [features], from the belief in each alternative and the age of its run, both
    [features, alternatives]: the run of the best one, and of those beyond doubt the youngest.

    >>> started(np.array([[3.0, 9.0], [1e29, 1e25]]), np.array([[20, 60], [900, 40]], np.uint32)).tolist()
    [60, 40]
    """
    best = believed.max(axis=1, initial=0, keepdims=True)
    sure = believed >= np.minimum(best, SURE)
    return np.asarray(np.where(sure, age, LONGEST).min(axis=1, initial=LONGEST), np.int64)
