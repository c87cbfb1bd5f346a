"""Retired references: what used to be normal, kept so that a return to it is called a return.

When a change is accepted, the reference from before retires; when one is over, the shape it had. The few latest of
each feature are remembered. While a feature is watched, each is one more bet, that events come from it rather than
from the urn: any law that is fixed before a pane may stand in the numerator of an e-value, so the budget is kept
(`detectors/budget.py`). When the feature alarms, a retired reference under which the events since the onset are
clearly likelier than under every alternative is what the feature has gone back to.

>>> evidence, urn = np.zeros((1, 1)), np.array([[900.0, 100.0]])
>>> kept = Kept(np.array([[[100.0, 900.0]]]), np.array([1]))
>>> advance(evidence, kept, urn, pane=np.array([[2.0, 8.0]]), factor=np.ones(1)).round(-6)
array([[4000000.]])
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Bank
from detectors.evidence import grown, odds
from detectors.polya import log_law

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

MOST = 4  # of each feature; the oldest is forgotten first

# What the bets on retired references get of a feature's stake, once it has any: it costs the other bets .22 nats.
STAKE = 0.2

FEWEST = 200.0  # effective events a shape must have been seen for, to be worth keeping

# A name needs the events to be so much likelier under the retired reference than under the mixture of alternatives,
# and than under the reference with most of what it knows forgotten: either can explain any change a little.
SURE = 1.5
VAGUE = 20.0  # events that are left of the reference once it has forgotten
LOYALTY = 5.0  # nats: a name once given needs so much against it, or it would come and go with the noise of the shapes

LATER = 500.0  # effective events since the onset after which the name is looked up once more


@dataclass(frozen=True)
class Kept:
    """Retired references, the latest first: counts [features, places, bins], and how many places are taken."""

    counts: Floats
    taken: NDArray[np.intp]


def advance(evidence: Floats, kept: Kept, urn: Floats, pane: Floats, factor: Floats) -> Floats:
    """Return the evidence, [features, places], that events come from each retired reference. `factor` is [features]."""
    v = factor[:, None]
    ratio = likelihoods(kept, pane, factor) - log_law(urn / v, pane / v)[:, None]
    return np.asarray(np.where(np.isfinite(ratio), grown(evidence, pane.sum(axis=1), odds(ratio)), 0))


def likelihoods(kept: Kept, pane: Floats, factor: Floats) -> Floats:
    """Return the log probability of each pane under each retired reference, -inf where there is none."""
    v = factor[:, None]
    features, places, _ = kept.counts.shape
    found = np.full((features, places), -np.inf)
    for place in range(places):
        there = kept.taken > place
        counts = kept.counts[there, place]
        found[there, place] = log_law(counts / v[there], pane[there] / v[there])
    return found


def recognised(
    kept: Kept, reference: Floats, live: Floats, mixture: Floats, factor: Floats, named: NDArray[np.int8]
) -> NDArray[np.intp]:
    """Return the place of the retired reference that the events `live` came from, [features], or -1.

    `named` is the place it is thought to be, or -1. `mixture` is the log likelihood ratio of the mixture of all
    alternatives against the `reference`, for these events.
    """
    v = factor[:, None]
    changed = log_law(reference / v, live / v) + mixture + ignorance(live, reference.sum(axis=1), factor)
    vague = log_law(VAGUE * reference / reference.sum(axis=1, keepdims=True), live / v)
    found = likelihoods(kept, live, factor)
    for place in range(found.shape[1]):
        found[:, place] += ignorance(live, np.maximum(kept.counts[:, place].sum(axis=1), 1), factor)
    found += LOYALTY * (np.arange(found.shape[1]) == named[:, None])
    best = found.argmax(axis=1)
    sure = found.max(axis=1) > np.maximum(changed, vague) + np.log(SURE)
    return np.asarray(np.where(sure, best, -1))


def ignorance(live: Floats, size: Floats, factor: Floats) -> Floats:
    """Return what it costs, in nats on average, that the shape the events come from is known from `size` events only.

    Half a nat for every bin but one, times log(1 + n / size): the redundancy of a Dirichlet-multinomial law (Clarke and
    Barron, "Information-theoretic asymptotics of Bayes methods", 1990). A retired reference that was small must not
    lose to the alternatives of a large one for that.
    """
    free = np.maximum((live > 0).sum(axis=1) - 1, 0)
    return np.asarray(free / 2 * np.log1p(live.sum(axis=1) / np.maximum(size, factor)))


def shelve(bank: Bank, rows: Rows, references: Floats) -> Bank:
    """Return the bank in which these references, [rows, bins], have retired: each in the first place of its feature."""
    most = min(MOST, max(bank.retired.shape[1], int(bank.places[rows].max()) + 1))
    after = replace(
        bank,
        retired=widened(bank.retired, most),
        retired_at=widened(bank.retired_at, most),
        retired_evidence=widened(bank.retired_evidence, most),
    )
    for array, new in ((after.retired, references), (after.retired_at, bank.events[rows]), (after.retired_evidence, 0)):
        array[rows, 1:] = array[rows, :-1]
        array[rows, 0] = new
    after.places[rows] = np.minimum(bank.places[rows] + 1, most)
    return after


def widened(array: NDArray[Any], places: int) -> NDArray[Any]:
    """Return a copy with at least so many places."""
    missing = max(0, places - array.shape[1])
    return np.concatenate([array, np.zeros((len(array), missing, *array.shape[2:]), array.dtype)], axis=1)


def take_out(bank: Bank, rows: Rows) -> None:
    """Remove, in place, the retired reference that each of these features has gone back to, if any."""
    for row in rows[bank.back_to[rows] >= 0].tolist():
        place = int(bank.back_to[row])
        for array in (bank.retired, bank.retired_at, bank.retired_evidence):
            array[row, place:-1] = array[row, place + 1 :]
            array[row, -1] = 0
        bank.places[row] -= 1
        bank.back_to[row] = -1
