"""How sure a number is: 95 % intervals of a mean, of a difference of paired runs and of a count of alarms.

>>> [round(x, 2) for x in rate_of(np.array([0, 1, 0, 2, 0, 1]), 8.0)]
[0.5, 0.14, 1.28]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

RESAMPLES = 2000
SEED = 20_260_101  # of the bootstrap: the same data, the same interval


def mean_of(values: Floats) -> tuple[float, float, float]:
    """Return the mean and its bootstrap interval (Efron, 1979, percentiles)."""
    if not values.size:
        return (float("nan"),) * 3
    random = np.random.default_rng(SEED)
    means = [values[random.integers(0, values.size, values.size)].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def rate_of(alarms: NDArray[np.int64], allowed: float) -> tuple[float, float, float]:
    """Return all alarms of the runs over how many are allowed, and the exact interval of a Poisson count (Garwood,
    1936); where runs differ more than Poisson counts do, it is taken of as many fewer alarms.
    """
    total = int(alarms.sum())
    excess = max(1.0, float(alarms.var() / alarms.mean())) if total else 1.0
    count, scale = total / excess, excess / allowed
    low = chi2.ppf(0.025, 2 * count) / 2 if total else 0.0
    return total / allowed, float(low * scale), float(chi2.ppf(0.975, 2 * count + 2) / 2 * scale)
