"""The level of the whole model: what the features say together, and which of them an alert is to name.

The mean of e-detectors is one itself, however they depend on each other (Shin, Ramdas and Rinaldo, 2022):

    E0[T_t | past] <= T_{t-1} + n_t    for    T = sum_f w_f S_f,  sum_f w_f <= 1

so T >= A keeps a budget, and hears what many features whisper. Features that join begin with S = 0 and only take from
the weights of the others, so joining never raises T.

The S_f go on after an alarm of the model, so T is not restarted: an alarm stands until T is back at a = `BACK` * A.
Betting on every rise from a to A and giving up at A gains A - a each time and loses at most a at the end; the gains
are at most m in expectation over m events. So (Doob's upcrossing argument) without a change

    E0[alarms in m events] <= (m + a) / (A - a).

With A = `raised(budget's A)` that is m / A and one nineteenth of an alert in a lifetime.

>>> float(raised(950.0))
1000.0
>>> e_d_bh(np.array([4e5, 10.0, 6e5]), 1e5).tolist()  # 3 * 1e5 / 2 is reached by two
[2, 0]
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# How a model's budget is divided: its columns and slices one by one, their mean, and many at once (`detectors/dense`).
# A share s costs log(1 / s) nats: with 100 columns and an alert in a million rows, 18 nats, the columns pay 4 % of
# their delay for having only half of it.
COLUMNS, MEAN, DENSE = 0.5, 0.1, 0.4

# How the mean is divided among values, nulls and type errors: half of what is judged would otherwise be rates that
# hardly ever move together.
VALUES, NULLS, ERRORS = 0.8, 0.15, 0.05

BACK = 0.05  # of the threshold: where an alarm of the mean ends

FALSE_NAMES = 0.1  # of the features that an alert names, at most this share is expected to be named in error


def mean(groups: Sequence[tuple[float, Floats]]) -> float:
    """Return the weighted mean of evidence: of each group its weight, and the evidence of its members.

    >>> mean([(0.5, np.array([10.0, 30.0])), (0.5, np.array([]))])
    10.0
    """
    return float(sum(weight * evidence.sum() / max(1, evidence.size) for weight, evidence in groups))


def raised(threshold: float) -> float:
    """Return the threshold of a mean that is not restarted, given that of one that is."""
    return threshold / (1 - BACK)


def standing(stood: bool, evidence: float, threshold: float) -> bool:
    """Return whether an alarm of the mean stands, given whether it stood."""
    return evidence > BACK * threshold if stood else evidence >= threshold


def e_d_bh(evidence: Floats, threshold: float) -> NDArray[np.intp]:
    """Return the features that an alert may name, those with the most evidence first.

    With F features, the k with the most evidence, k the largest for which the k-th has F * threshold / k: the
    Benjamini-Hochberg procedure for e-detectors (Dandapanthula and Ramdas, "Multiple testing in multi-stream
    sequential change detection", 2025).
    """
    order = np.argsort(-evidence, kind="stable")
    enough = evidence[order] * np.arange(1, len(order) + 1) >= len(order) * threshold
    return order[: np.flatnonzero(enough)[-1] + 1] if enough.any() else order[:0]


def named(evidence: Floats, threshold: float) -> NDArray[np.intp]:
    """Return the features to name in an alarm of the mean: by e-d-BH, or, where that finds none, those who make up
    most of it.

    >>> named(np.array([5.0, 1.0, 60.0, 30.0]), 1e3).tolist()
    [2]
    """
    found = e_d_bh(evidence, threshold)
    if found.size or not evidence.size:
        return found
    order = np.argsort(-evidence, kind="stable")
    return order[: int(np.searchsorted(np.cumsum(evidence[order]), evidence.sum() / 2)) + 1]


def believed(moved: Floats) -> NDArray[np.intp]:
    """Return the features to name where it is only believed that each has moved, given how firmly: as many as keep
    the mean doubt at FALSE_NAMES, the firmest first.

    >>> believed(np.array([0.99, 0.2, 0.9, 0.7])).tolist()
    [0, 2]
    """
    order = np.argsort(-moved, kind="stable")
    doubt = np.cumsum(1 - moved[order]) / np.arange(1, len(order) + 1)
    return order[: int((doubt <= FALSE_NAMES).sum())]
