"""A few of the events have become one value, and nobody knows which: the bet on a heap in the body.

What imputes by a mean or a median does this when a join begins to fail. The value shares a bin with a twentieth of the
events, so ranks hardly move, and what came of late (`detectors/lately.py`) would have to be learnt of fifty bins to
show one. This bet says that SHARE of the events land in one bin and the others are as they were. How far each bin is
believed to be the one is a Shiryaev-Roberts statistic of its own, M <- (M + 1) R, where R is the likelihood ratio of a
heap there; the bins are mixed as far as they are believed, in proportion to what they hold. The law is fixed before the
pane (Dawid, "Statistical theory: the prequential approach", 1984), and its tilt is 1 on average, so its likelihood
ratio is an e-value, and the alert budget is kept.

>>> urn, factor = np.array([[500.0, 300.0, 200.0]]), np.ones(1)
>>> heaps, ratio = np.zeros((1, 3), np.float32), logarithm(urn / 1000)
>>> for _ in range(50):
...     heaps = advanced(heaps, ratio, np.array([[9.0, 9.0, 4.0]]), np.array([22.0]), factor)
>>> foretold(heaps, urn, urn.sum(axis=1), factor).tilt.round(2)
array([[0.97, 1.07, 0.97]], dtype=float32)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.polya import Other

Floats = NDArray[np.float64]

# The share of the events. Of 3 % in the middle of normal events, after references of 5,000 and at panes of 10, a bet on
# 5 % misses 10 % within 10,000 events, and this one 1 %; 5 % are seen after 627 and 660.
SHARE = 0.03

# What evidence and the logarithm of one pane's ratio are within: single precision ends soon, and numbers much smaller
# would make the processor slow.
MOST, LEAST_LOG = 1e30, -60.0


def logarithm(share: Floats) -> NDArray[np.float32]:
    """Return how much likelier an event is where the heap is, as a logarithm, than if it were elsewhere; `share` is
    what each bin holds.

    No bin is taken to hold less than SHARE: an event where next to nothing was would speak for a heap of one.
    """
    return np.log1p(SHARE / (1 - SHARE) / np.maximum(share, SHARE)).astype(np.float32)


def foretold(heaps: NDArray[np.float32], urn: Floats, size: Floats, factor: Floats) -> Other:
    """Return the urn with a heap where the evidence for one is, compared with the reference's `urn` [features, bins] of
    this `size` [features]. `factor` is [features] (`detectors.lately.counted`).
    """
    tilt = heaps + np.float32(1)
    tilt *= (SHARE * size / np.einsum("fb,fb->f", urn.astype(np.float32), tilt)).astype(np.float32)[:, None]
    tilt += np.float32(1 - SHARE)
    return Other(tilt, size / factor, factor)


def advanced(
    heaps: NDArray[np.float32], logarithm: NDArray[np.float32], pane: Floats, events: Floats, factor: Floats
) -> NDArray[np.float32]:
    """Return the evidence for a heap in each bin, [features, bins], after a pane of so many `events` [features]."""
    here = pane.astype(np.float32)
    here *= logarithm
    here /= factor.astype(np.float32)[:, None]
    elsewhere = np.exp(np.maximum(events * np.log1p(-SHARE) / factor, LEAST_LOG)).astype(np.float32)
    with np.errstate(over="ignore"):
        np.exp(here, out=here)
        here *= heaps + np.float32(1)
        here *= elsewhere[:, None]
    return np.minimum(here, MOST, out=here)
