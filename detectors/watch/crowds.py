"""Crowds: numbers that are watched together, and what else is remembered at the level of the whole model.

Numbers that are ready make a crowd once the others have had time to be ready too; what varies together is learnt of a
crowd as a whole, so it is never changed. Crowds share their part of the budget alike.
"""

from math import ceil
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import model_level
from detectors.aftermath import WATCHING
from detectors.contract import refuse_newer
from detectors.dense import MOST_FEATURES, Dense, Scores, scorable
from detectors.urn import Bank
from detectors.watch.finding import Alarm

DENSE = Dense()

PATIENCE = 50  # panes in which no further numbers have become ready, before those that are make a crowd
LEAST_FEATURES = 3  # fewer are not many

# A crowd judges blocks of several panes where its columns are dependent: blocks so many times as long as the variance
# factor is above 1 vary hardly more than by it, and what is left is measured. Up to FAINT it is taken for chance.
FAINT, BLOCK = 1.25, 8.0
MOST_DEPENDENT = 0.9  # of its columns are no more dependent than what the block is made for


class Crowd(msgspec.Struct, kw_only=True):
    """Numbers that are watched together: their rows in the bank, and the state of the detector."""

    rows: list[int]
    state: Any  # DenseState; bytes when encoded


class Together(msgspec.Struct, kw_only=True):
    """What is remembered at the level of the model."""

    v: int = 1
    crowds: list[Crowd] = []
    alone: list[int] = []  # rows that fit into no crowd
    ready: int = 0  # rows that wait for a crowd
    waited: int = 0  # panes since there were more of them
    mean: Literal["calm", "alarm", "silent"] = "calm"  # silent: high, but said already
    alarm: Alarm | None = None
    detector: str = ""  # whose alarm it was
    rows: int = 0  # of the subject, when it was raised
    told: str = ""  # what was said


def shares(together: Together, detectors: int) -> tuple[float, float, float]:
    """How the budget is divided among the columns, their mean and the crowds: what is not there takes no share.

    >>> shares(Together(), detectors=1)
    (1.0, 0.0, 0.0)
    """
    mean = model_level.MEAN if detectors > 1 else 0.0
    dense = model_level.DENSE if together.crowds else 0.0
    return 1 - mean - dense, mean, dense


def scored(crowd: Crowd, bank: Bank, counts: NDArray[np.uint32], last: bool) -> Scores:
    """The scores of a crowd's columns in a pane, without those that have an alarm. `last`: no part of it is to come."""
    rows = np.array(crowd.rows)
    watching = (bank.phase[rows] == WATCHING)[:, None]
    factor = dependent(bank.factor[rows, 0].tolist())
    least = BLOCK * (factor - 1) if factor > FAINT else 1.0
    return DENSE.scored(crowd.state, counts[rows] * watching, least if last else np.inf)


def dependent(factors: list[float]) -> float:
    """The variance factor that most of these do not exceed: what `np.quantile` says, which takes twenty times as long
    for a few.

    >>> dependent([1.0, 3.0, 1.5, 2.0, 1.0]), float(np.quantile([1.0, 3.0, 1.5, 2.0, 1.0], MOST_DEPENDENT))
    (2.6, 2.6)
    """
    ordered, place = sorted(factors), MOST_DEPENDENT * (len(factors) - 1)
    below = int(place)
    low, high = ordered[below], ordered[min(below + 1, len(factors) - 1)]
    part = place - below
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)


def gather(together: Together, bank: Bank) -> None:
    """Make crowds of numbers that are ready, in place."""
    if sum(len(crowd.rows) for crowd in together.crowds) + len(together.alone) == len(bank):
        return
    taken = {row for crowd in together.crowds for row in crowd.rows} | set(together.alone)
    ready = [row for row in (bank.phase == WATCHING).nonzero()[0].tolist() if row not in taken]
    together.waited = together.waited + 1 if len(ready) == together.ready else 0
    together.ready = len(ready)
    if len(ready) < LEAST_FEATURES or (together.waited < PATIENCE and len(ready) < MOST_FEATURES):
        return
    together.ready = together.waited = 0
    fit = scorable(bank.before[ready].astype(np.float64), bank.bins[ready])
    together.alone = [*together.alone, *(row for row, fits in zip(ready, fit, strict=True) if not fits)]
    rows = [row for row, fits in zip(ready, fit, strict=True) if fits]
    if len(rows) < LEAST_FEATURES:
        return
    for part in np.array_split(np.array(rows), ceil(len(rows) / MOST_FEATURES)):
        crowd = DENSE.add(DENSE.start(), bank.before[part].astype(np.float64), bank.bins[part])
        together.crowds.append(Crowd(rows=part.tolist(), state=crowd))


def refer(together: Together, row: int, reference: NDArray[np.float64]) -> Together:
    """What is remembered once a column has accepted a change: its crowd compares with its new reference from now on."""
    crowds = [
        Crowd(rows=crowd.rows, state=DENSE.refer(crowd.state, crowd.rows.index(row), reference))
        if row in crowd.rows
        else crowd
        for crowd in together.crowds
    ]
    return msgspec.structs.replace(together, crowds=crowds)


def encode(together: Together) -> Together:
    """The same with bytes for what msgspec does not know."""
    crowds = [Crowd(rows=crowd.rows, state=DENSE.encode(crowd.state)) for crowd in together.crowds]
    return msgspec.structs.replace(together, crowds=crowds)


def decode(together: Together) -> Together:
    """The same with the states of the crowds. Raises ValueError in a sentence for a newer version."""
    refuse_newer("what columns say together", together.v)
    crowds = [Crowd(rows=crowd.rows, state=DENSE.decode(crowd.state)) for crowd in together.crowds]
    return msgspec.structs.replace(together, crowds=crowds)
