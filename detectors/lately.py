"""What comes is like what came of late: the bet on a change of any shape.

The tables of alternatives (`detectors/alternatives.py`) are smooth in rank, and hardly see what leaves ranks about
where they are: rounding, heaps at round values, holes. This bet has no table. It says that events are drawn from an
urn of those of late: their counts, which fade, and some balls in the shape of the reference, for what has not come
yet. To forecast what comes by what came is prequential (Dawid, "Statistical theory: the prequential approach", 1984):
the law is fixed before the pane, so its likelihood ratio against the reference is an e-value as that of any table is
(`detectors/urn.py`), and the alert budget is kept.

>>> urn, factor = np.array([[500.0, 500.0]]), np.ones(1)
>>> late = np.zeros((1, 2), np.float32)
>>> for _ in range(50):
...     late = faded(late, np.array([[15, 5]], np.uint32), np.array([20.0]), factor)
>>> foretold(late, urn, urn.sum(axis=1), factor).tilt.round(2)
array([[1.37, 0.63]], dtype=float32)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.polya import Other

Floats = NDArray[np.float64]

# After so many effective events a count is worth 1/e of what it was. A longer memory sees what is small a little
# sooner, and all that is large later: rounding to half a standard deviation takes 61 events with 300, 88 with 1,000.
MEMORY = 300.0

# Balls in the shape of the reference: what has not come of late may come. With 30 heaps at round values are seen a
# tenth later; with 300 a small reference of eight values spends .76 of its budget, and with 100 it spends .80.
PRIOR = 100.0

LEAST = 1e-30  # what a bin that is not there is taken to hold, for nothing can be divided by nothing
NOTHING = 1e-6  # what has faded to less is gone: numbers much smaller would make the processor slow


def counted(factor: Floats) -> Floats:
    """Return how many events count for one, [features], from the variance factors [features, groups].

    The bet may follow any shape, so the largest counts. And where events come in clusters of v, the next are of the
    cluster of those just seen: of what the bet loses by what it does not know, v - 1 of v are won back, so it has to
    weigh v times less again, or noise would win.
    """
    return np.asarray(factor.max(axis=1) ** 2)


def foretold(late: NDArray[np.float32], urn: Floats, size: Floats, factor: Floats) -> Other:
    """Return the urn of late, compared with the reference's `urn` [features, bins] of this `size` [features]. `factor`
    is [features].
    """
    prior = PRIOR * factor
    total = prior + late.sum(axis=1)
    tilt = np.maximum(urn.astype(np.float32), LEAST)
    np.divide(late, tilt, out=tilt)
    tilt *= (size / total).astype(np.float32)[:, None]
    tilt += (prior / total).astype(np.float32)[:, None]
    return Other(tilt, total / factor, factor)


def faded(late: NDArray[np.float32], counts: NDArray[np.uint32], events: Floats, factor: Floats) -> NDArray[np.float32]:
    """Return the counts of late after a pane of so many `events` [features], which had these counts."""
    kept = late * np.exp(-events / (MEMORY * factor)).astype(np.float32)[:, None]
    kept *= kept > NOTHING
    kept += counts.astype(np.float32)
    return kept
