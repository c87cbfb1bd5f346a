"""How evidence of a change grows: M <- (M + n) R, the Shiryaev-Roberts e-detector.

Every one of n events may have been the first after the change, so each brings one unit of new money; all money is bet
on the change at the odds R, the likelihood ratio of what came. Without a change R is one on average, and M grows by n
at most: `detectors/budget.py` says what that guarantees (Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric
framework for sequential change detection", 2022).

>>> ratio = odds(np.log([[0.5, 2.0]]))
>>> grown(np.array([[30.0, 30.0]]), np.array([20.0]), ratio).tolist()
[[25.0, 100.0]]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST = 1e30  # far beyond every threshold: keeps evidence finite in single precision, too

# Logarithms of the odds of one pane, within what double precision holds: none is 0, so that no bet is lost for ever.
LEAST_LOG = -690.0
MOST_LOG = 600.0


def odds(logarithms: Floats) -> Floats:
    """Return the likelihood ratios of these logarithms, finite and above zero."""
    return np.asarray(np.exp(np.minimum(np.maximum(logarithms, LEAST_LOG), MOST_LOG)))


def grown(evidence: Floats, events: Floats, ratio: Floats) -> Floats:
    """Return the evidence after panes of so many `events` [rows]; the others are [rows, bets]."""
    return np.asarray(np.minimum((evidence + events[:, None]) * ratio, MOST))
