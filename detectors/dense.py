"""A change of many features at once, each too small to be seen: bets on how many have moved, from where, and how far.

A block is one or more panes; of each feature it brings the mean normal score, compared with the mean of all blocks
before. Such differences, divided by what they vary, are independent of each other over time (the recursive residuals
of Brown, Durbin and Evans, 1975): the error of the reference is inside. They are whitened with what the features were
seen to vary together, so that without a change a block y is standard normal in all features.

Every block starts a bet that the change began with it: that a share p of the features has moved, each by a normally
distributed distance of standard deviation t. With Q and P the sums of h y and h^2 since the start, h^2 being what a
block knows of a feature, the likelihood ratio is a product over the features,

    E = prod_f (1 - p + p B_f),    B_f = exp(t^2 Q_f^2 / (2 (1 + t^2 P_f))) / sqrt(1 + t^2 P_f)

and money * E_after / E_before, with n units of new money for a block of n events, is an e-detector (Shin, Ramdas and
Rinaldo, 2022). Few starts are kept, evenly on a logarithmic scale: money may change hands whenever it likes.

It is what a bank of multivariate EWMA charts is for (Lowry, Woodall, Champ and Rigdon, 1992), with the budget proved
for normal scores instead of simulated, and is ahead of one wherever few features move, because p can be small.

>>> random, dense = np.random.default_rng(1), Dense()
>>> state = dense.add(dense.start(), np.tile([10.0, 20, 40, 20, 10], (30, 1)), np.full(30, 5))
>>> for block in range(900):
...     shares = [0.1, 0.2, 0.4, 0.2, 0.1] if block < 800 else [0.08, 0.17, 0.4, 0.22, 0.13]
...     state, verdict = dense.step(state, dense.scored(state, random.multinomial(20, shares, 30)), 1e6)
...     if verdict.drifted:
...         break
>>> block < 840, verdict.onset_events <= 20 * (block - 790)
(True, True)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import evidence
from detectors.aftermath import ACCEPTANCE, Turn
from detectors.contract import Verdict, refuse_newer
from detectors.evidence import odds

Floats = NDArray[np.float64]

# How far features move that have moved, in standard deviations, and how many of them do, with weights that add up to
# one. Measured on 100 features of which 3, 10, 30 and 100 move by .25, A = 25,000: 219, 103, 41 and 13 rows; with
# shares of .04, .25 and 1: 231, 104, 41 and 13, of .1, .35 and 1: 222, 102, 41 and 13. One distance of .25 sees shifts
# of .1 in all of them in 88 rows instead of 69.
DISTANCES = ((0.1, 0.3), (0.3, 0.7))
SHARES = ((0.08, 0.35), (0.3, 0.3), (1.0, 0.35))
KINDS = tuple(far * many for _, far in DISTANCES for _, many in SHARES)

# To be named in an alert, a feature needs more than that many others move too: with 30 of 100 moving by .25, a quarter
# of the names were wrong without this limit.
MOST_EXPECTED = 0.15
ESTIMATES = 10

STARTS = 16  # that are kept: 12 and 24 were measured to differ by 2 %
LONGEST = 4096  # blocks that a start is kept

MOST_FEATURES = 128  # whose joint variation is learnt: 64 KB in memory, half of it when stored
BLOCKS_EACH = 4  # blocks to learn it from, for each feature: with fewer, the smallest variances are underestimated
MOST_BLOCKS_EACH = 64  # older blocks count less

# Directions in which the features vary together more than chance would have it are whitened one by one, the rest as
# one. By chance the largest eigenvalue of B blocks of F features reaches (1 + sqrt(F / B))^2 (Marchenko and Pastur,
# 1967).
DIRECTIONS = 8
ABOVE_CHANCE = 1.1

LEVELS = 7  # blocks of 1, 2, 4 ... 64 blocks, on which it is measured whether y is as variable as it should be
CAUTION = 0.5  # standard errors that are taken off, because the largest of several is taken

MOST_KNOWN = 20_000.0  # events that a mean is of: as many as an urn remembers
LEAST_PER_EVENT = 100.0  # evidence must be more than a large pane

# An alarm ends when so little of the threshold is left, or about what is at stake without a change. Having no more than
# CAP times the threshold before, a change that goes on is taken for over once in 10,000 times.
CAP = 10.0
LEFT = 1e-3
STAKED = 10.0  # times the events of a block

# A score whose distribution is further from normal than this would need large blocks before its mean is normal.
MOST_SKEWNESS, MOST_KURTOSIS = 1.0, 3.0


@dataclass(frozen=True)
class Scores:
    """A pane: of every feature the number of events and the sum of their scores; and the events a block must have."""

    n: Floats
    total: Floats
    least: float = 1.0


@dataclass(slots=True)
class DenseState:
    """`step` never changes one: it returns another.

    Axes: f features, k starts, j kinds of bets (a distance and a share each), l levels, d directions.
    """

    table: NDArray[np.float32]  # [f, bins] the score of each bin, from the reference the feature came with
    spread: Floats  # [f] standard deviation of the score of one event, in that reference
    mean: Floats  # [f] of the score, and of how many events
    known: Floats
    pending: Floats  # [2, f] events and scores that wait for a block to be complete
    live: Floats  # [2, f] the same, since an alarm
    moments: NDArray[np.float32]  # [f, f] sums of products
    present: Floats  # [f] blocks that had the feature
    blocks: float  # blocks in all
    fitted: float  # how many there were when they were last used; 0: never
    scale: Floats  # [f] what was found: one over the standard deviation of a difference
    directions: NDArray[np.float32]  # [d, f]
    pull: Floats  # [d] how much of each direction is taken out
    stretch: Floats  # [f]
    clock: int  # blocks
    events: int
    open: NDArray[np.float32]  # [l, f]
    squares: Floats  # [l]
    counted: Floats  # [l]
    score: NDArray[np.float32]  # [k, f] Q
    precision: NDArray[np.float32]  # [k, f] P
    ratio: Floats  # [k, j] log E
    money: Floats  # [k, j]
    began: NDArray[np.int64]  # [k] the clock, and the events, when each start was made
    began_events: NDArray[np.int64]
    standing: int  # events since the alarm that stands; -1: none does
    turn: int  # what the last step changed, a `Turn`

    def __len__(self) -> int:
        return len(self.mean)

    def copy(self) -> DenseState:
        """Return a state that shares no array with this one."""
        values: dict[str, Any] = {name: getattr(self, name) for name in NAMES}
        for name in ARRAYS:
            values[name] = values[name].copy()
        return DenseState(**values)


NAMES = tuple(field.name for field in fields(DenseState))
ARRAYS = tuple(field.name for field in fields(DenseState) if field.type not in ("int", "float"))
BETS = ("score", "precision", "ratio", "money", "began", "began_events")  # the arrays with an axis of starts


@dataclass(frozen=True)
class Dense:
    """The detector. Features are numbers, and are added before the first pane.

    It learns what varies together from `least_blocks` blocks or more, and tries that on `rehearsed` further ones
    before anything is bet.
    """

    least_blocks: int = 64
    rehearsed: int = 64

    kind: ClassVar[str] = "dense"

    def start(self) -> DenseState:
        """Return a state without features."""
        return empty(0, 0)

    def add(self, state: DenseState, references: Floats, bins: NDArray[Any]) -> DenseState:
        """Return a state with these features, [features, bins] counts of their references; it begins to learn."""
        counts = np.asarray(references, np.float64)
        new = empty(len(counts), counts.shape[1])
        new.table = normal_scores(counts, bins)
        share = counts / counts.sum(axis=1, keepdims=True)
        new.mean = (share * new.table).sum(axis=1)
        new.spread = np.sqrt((share * new.table.astype(np.float64) ** 2).sum(axis=1) - new.mean**2)
        new.known = np.minimum(counts.sum(axis=1), MOST_KNOWN)
        return new

    def scored(self, state: DenseState, counts: NDArray[Any], least: float = 1.0) -> Scores:
        """Return the scores of a pane's counts, [features, bins]."""
        wide = np.asarray(counts, np.float64)[:, : state.table.shape[1]]
        table = state.table[:, : wide.shape[1]].astype(np.float64)
        return Scores(wide.sum(axis=1), (wide * table).sum(axis=1), least)

    def step(self, state: DenseState, data: Scores, threshold: float) -> tuple[DenseState, Verdict]:
        """Return the state after a pane, and what it says."""
        after = state.copy()
        after.turn = int(Turn.NONE)
        after.pending += (data.n, data.total)
        events = float(after.pending[0].max(initial=0.0))
        if events >= max(data.least, 1.0):
            n, total = after.pending
            after.pending = np.zeros(after.pending.shape)
            after.events += int(events)
            self.judge(after, n, total, events, threshold)
        return after, self.verdict(after, threshold)

    def judge(self, state: DenseState, n: Floats, total: Floats, events: float, threshold: float) -> None:
        """Take in one block, in place."""
        difference, known = residual(state, n, total)
        y = whitened(state, difference)
        if state.fitted and state.counted[0] >= self.rehearsed:
            bet(state, y, known, events, threshold)
        if state.standing < 0:
            learn(state, n, total, difference, y, self.least_blocks)
            if state.money.sum() >= max(threshold, LEAST_PER_EVENT * events):
                state.standing, state.turn = 0, int(Turn.ALARM)
            return
        state.live += (n, total)
        state.standing += int(events)
        if state.money.sum() <= max(LEFT * threshold, STAKED * events):
            restart(state)
            state.turn = int(Turn.RECOVERED)
        elif state.standing >= ACCEPTANCE:
            accept(state)
            state.turn = int(Turn.ACCEPTED)

    def restart(self, state: DenseState) -> DenseState:
        """Return the state without bets and without an alarm."""
        after = state.copy()
        restart(after)
        return after

    def refer(self, state: DenseState, feature: int, reference: Floats) -> DenseState:
        """Return the state that compares a feature with another reference from now on: counts in the same bins."""
        after = state.copy()
        after.mean[feature] = float((reference * after.table[feature, : len(reference)]).sum() / reference.sum())
        after.known[feature] = min(float(reference.sum()), MOST_KNOWN)
        return after

    def verdict(self, state: DenseState, threshold: float) -> Verdict:
        """Return what there is to say."""
        evidence, onset, drifted = float(state.money.sum()), 0, state.turn == Turn.ALARM
        if evidence > 0:
            onset = state.events - int(state.began_events[state.money.sum(axis=1).argmax()])
        effect = f"{len(state)} features together" if drifted else ""
        return Verdict(drifted, evidence, threshold, n=onset, effect=effect, onset_events=onset)

    def encode(self, state: DenseState) -> bytes:
        """Return the state as bytes: little-endian arrays by name, and half of what is symmetric."""
        packed: dict[str, Any] = {"v": 1, "kind": self.kind, "features": len(state), "bins": state.table.shape[1]}
        for field in fields(state):
            value = getattr(state, field.name)
            if field.name == "moments":
                value = value[np.tri(len(state), dtype=bool)]
            if field.name in ARRAYS:
                value = value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()
            packed[field.name] = value
        return msgspec.msgpack.encode(packed)

    def decode(self, blob: bytes) -> DenseState:
        """Return the state that `encode` wrote; ValueError if it cannot be one."""
        try:
            found = msgspec.msgpack.decode(blob, type=dict[str, Any])
            refuse_newer("a state of the dense detector", found["v"])
            state = empty(found["features"], found["bins"], len(found["began"]) // 8)
            for field in fields(state):
                like, value = getattr(state, field.name), found[field.name]
                if field.name == "moments":
                    value = symmetric(np.frombuffer(value, "<f4"), len(state))
                elif field.name in ARRAYS:
                    stored = np.frombuffer(value, like.dtype.newbyteorder("<"))
                    value = stored.astype(like.dtype).reshape(like.shape)
                setattr(state, field.name, value)
            return state
        except (KeyError, TypeError, msgspec.MsgspecError) as error:
            raise ValueError(f"a state of the dense detector is damaged: {error}") from error


def symmetric(below: NDArray[Any], size: int) -> NDArray[np.float32]:
    """Return the symmetric matrix whose lower triangle is given."""
    whole, at = np.zeros((size, size), np.float32), np.tri(size, dtype=bool)
    whole[at] = below
    whole.T[at] = below
    return whole


# -- what happens to a state, in place ---------------------------------------------------------------------------------


def bet(state: DenseState, y: Floats, known: Floats, events: float, threshold: float) -> None:
    """Settle all bets on a block; new money comes in unless an alarm stands."""
    if state.standing < 0:
        make_start(state, events)
    excess = np.sqrt(factor(state))
    root = np.sqrt(known) * state.scale * state.stretch / excess
    state.score += (root * y / excess).astype(np.float32)
    state.precision += (root * root).astype(np.float32)
    ratio = log_ratios(state.score.astype(np.float64), state.precision.astype(np.float64))
    money = np.minimum(state.money * odds(ratio - state.ratio), evidence.MOST)
    most = CAP * max(threshold, LEAST_PER_EVENT * events)
    state.ratio, state.money = ratio, money / max(1.0, money.sum() / most)


def learn(state: DenseState, n: Floats, total: Floats, difference: Floats, y: Floats, least: int) -> None:
    """Know a block more of the means and of what varies together."""
    known = state.known + n
    state.mean += (total - n * state.mean) / np.maximum(known, 1)
    state.known = np.minimum(known, MOST_KNOWN)
    state.moments += (difference[:, None] * difference).astype(np.float32)
    state.present += n > 0
    state.blocks += 1
    state.clock += 1
    if state.fitted:
        rehearse(state, y)
    if state.blocks >= max(least, BLOCKS_EACH * len(state), 2 * state.fitted):
        fit(state)


def restart(state: DenseState) -> None:
    """Give up all bets, and the alarm."""
    for name in BETS:
        setattr(state, name, getattr(state, name)[:0])
    state.live = np.zeros_like(state.live)
    state.standing = -1


def accept(state: DenseState) -> None:
    """Take what was seen since the alarm as normal, and watch again."""
    n, total = state.live
    state.mean = np.where(n > 0, total / np.maximum(n, 1), state.mean)
    state.known = np.where(n > 0, np.minimum(n, MOST_KNOWN), state.known)
    restart(state)


# -- normal scores -----------------------------------------------------------------------------------------------------


def normal_scores(references: Floats, bins: NDArray[Any]) -> NDArray[np.float32]:
    """Return the normal score of the middle rank of each bin, [features, bins]; 0 beyond a feature's own bins.

    >>> normal_scores(np.array([[16.0, 68.0, 16.0, 0.0]]), np.array([3])).round(2).tolist()
    [[-1.409999966621399, 0.0, 1.409999966621399, 0.0]]
    """
    size = references.sum(axis=1, keepdims=True)
    middle = (np.cumsum(references, axis=1) - references / 2) / size
    least = 0.5 / np.maximum(size, 1.0)  # a bin beyond everything seen lies half an event beyond
    inverse = np.vectorize(NormalDist().inv_cdf, otypes=[np.float64])
    scores = inverse(np.clip(middle, least, 1 - least))
    own = np.arange(references.shape[1]) < np.asarray(bins)[:, None]
    return np.asarray(np.where(own, scores, 0), np.float32)


def scorable(references: Floats, bins: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which features have scores near enough to normal for the mean of a few of them to be so.

    >>> scorable(np.array([[10.0, 20, 40, 20, 10], [99.0, 1, 0, 0, 0]]), np.array([5, 2])).tolist()
    [True, False]
    """
    scores, share = normal_scores(references, bins).astype(np.float64), references / references.sum(axis=1)[:, None]
    gap = scores - (share * scores).sum(axis=1, keepdims=True)
    variance = np.maximum((share * gap**2).sum(axis=1), 1e-12)
    skewness = (share * gap**3).sum(axis=1) / variance**1.5
    kurtosis = (share * gap**4).sum(axis=1) / variance**2 - 3
    return np.asarray((variance > 0.1) & (np.abs(skewness) <= MOST_SKEWNESS) & (kurtosis <= MOST_KURTOSIS))


def residual(state: DenseState, n: Floats, total: Floats) -> tuple[Floats, Floats]:
    """Return the differences of a block from the means before it, over their standard deviation were events
    independent, and what the block knows of each feature, in events: 0 and 0 where it is absent."""
    there = n > 0
    known = np.where(there, n / (1 + n / np.maximum(state.known, 1)), 0)
    away = np.where(there, total / np.maximum(n, 1) - state.mean, 0)
    return away * np.sqrt(known) / np.maximum(state.spread, 1e-6), known


# -- what varies together ----------------------------------------------------------------------------------------------


def fit(state: DenseState) -> None:
    """Find, in place, the whitening that the moments call for."""
    squares = np.maximum(np.diag(state.moments).astype(np.float64), 1e-6)
    state.scale = np.sqrt(np.maximum(state.present, 1) / squares)
    together = state.moments / np.sqrt(np.outer(squares, squares))
    np.fill_diagonal(together, 1.0)
    values, vectors = np.linalg.eigh(together)  # ascending
    rest = rest_of(values, ABOVE_CHANCE * (1 + np.sqrt(len(state) / state.blocks)) ** 2)
    taken = len(values) - rest
    level = max(float(values[:rest].mean()), 1e-6)
    state.directions, state.pull = np.zeros((DIRECTIONS, len(state)), np.float32), np.zeros(DIRECTIONS)
    state.directions[:taken] = vectors[:, rest:].T
    state.pull[:taken] = 1 - np.sqrt(level / values[rest:])
    whiten = np.eye(len(state)) - state.directions.T.astype(np.float64) @ (state.pull[:, None] * state.directions)
    state.stretch = 1 / np.sqrt(np.maximum((whiten @ together * whiten).sum(axis=1), 1e-6))
    if state.blocks > MOST_BLOCKS_EACH * len(state):
        state.moments /= np.float32(2)
        state.present /= 2
        state.blocks /= 2
    state.fitted = state.blocks


def rest_of(values: Floats, above: float) -> int:
    """Return how many of the ascending eigenvalues are alike but for chance.

    >>> rest_of(np.array([0.4, 0.5, 0.6, 9.0]), 2.0)
    3
    """
    rest = len(values)
    while rest > max(1, len(values) - DIRECTIONS) and values[rest - 1] > above * values[:rest].mean():
        rest -= 1
    return rest


def whitened(state: DenseState, difference: Floats) -> Floats:
    """Return the differences in units in which they are standard normal, if the events of blocks are independent."""
    plain = difference * state.scale
    if not np.count_nonzero(state.pull):  # nothing was found to vary together
        return np.asarray(plain * state.stretch)
    together = (state.directions * (state.pull * (state.directions @ plain))[:, None]).sum(axis=0)
    return np.asarray((plain - together) * state.stretch)


def rehearse(state: DenseState, y: Floats) -> None:
    """Measure, in place, how variable y is over blocks of 1, 2, 4 ... blocks."""
    clock, size = state.clock + 1, 1
    total = y
    for level in range(LEVELS):
        if level:
            state.open[level] += total.astype(np.float32)
            if clock % (2 * size):
                return
            size *= 2
            total = state.open[level].astype(np.float64)
            state.open[level] = 0
        state.squares[level] += float((total * total).sum() / len(total)) / size
        state.counted[level] += 1
        if state.counted[level] >= 2 * LONGEST:
            state.squares[level] /= 2
            state.counted[level] /= 2


def factor(state: DenseState) -> float:
    """Return how many times more variable y is than it should be; at least 1."""
    known = state.counted >= 12
    average = state.squares[known] / state.counted[known]
    noise = np.sqrt(2 / (np.maximum(state.counted[known], 1) * max(len(state), 1)))
    return float((average * (1 - CAUTION * noise)).max(initial=1.0))


# -- bets --------------------------------------------------------------------------------------------------------------


def log_gains(score: Floats, precision: Floats) -> Floats:
    """Return log B, [distances, starts, features]."""
    square = np.array([distance**2 for distance, _ in DISTANCES])[:, None, None]
    spread = 1.0 + square * precision
    return np.asarray(square / 2.0 * score * score / spread - np.log(spread) / 2.0)


def log_ratios(score: Floats, precision: Floats) -> Floats:
    """Return log E, [starts, kinds].

    >>> log_ratios(np.zeros((1, 3)), np.zeros((1, 3))).tolist()
    [[0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    gain = log_gains(score, precision)
    part, large = np.expm1(np.minimum(gain, 30.0)), gain > 30.0
    ratios = np.empty((len(score), len(DISTANCES), len(SHARES)))
    for kind, (share, _) in enumerate(SHARES):
        ratio = gain if share == 1 else np.log1p(share * part)
        if share < 1 and np.count_nonzero(large):
            ratio = np.where(large, gain + np.log(share), ratio)
        ratios[:, :, kind] = ratio.sum(axis=2).T
    return ratios.reshape(len(score), len(KINDS))


def moved(state: DenseState) -> Floats:
    """Return how firmly those who have the money believe of each feature that it has moved, 0 to 1.

    The share that moves is estimated anew from what is believed (empirical Bayes, Efron, 2010, chapter 5), and taken to
    be no more than MOST_EXPECTED.
    """
    believed, many = np.zeros(len(state)), len(SHARES)
    for kind, gain in enumerate(log_gains(state.score.astype(np.float64), state.precision.astype(np.float64))):
        odds = np.exp(np.minimum(gain, 600))
        belief = share = np.full((len(odds), 1), MOST_EXPECTED)
        for _ in range(ESTIMATES):
            belief = share * odds / (1 - share + share * odds)
            share = np.clip(belief.mean(axis=1, keepdims=True), 0.5 / len(state), MOST_EXPECTED)
        believed += state.money[:, kind * many : (kind + 1) * many].sum(axis=1) @ belief
    return np.asarray(believed / max(state.money.sum(), 1e-300))


def make_start(state: DenseState, events: float) -> None:
    """Begin to bet on a change at this block, in place; if there are too many starts, one gives way."""
    many = len(state.began)
    gone = give_way(state) if many >= STARTS else many
    for name in BETS:
        before = getattr(state, name)
        bets = np.zeros((min(many + 1, STARTS), *before.shape[1:]), before.dtype)
        bets[:gone], bets[gone:-1] = before[:gone], before[gone + 1 :]
        setattr(state, name, bets)
    state.money[-1] = events * np.array(KINDS)
    state.began[-1], state.began_events[-1] = state.clock, state.events


def give_way(state: DenseState) -> int:
    """Return the start whose neighbours are nearest, which is to be forgotten; its money goes, in place, to the better
    of them.
    """
    age = state.clock - state.began
    gone = 0 if age[0] > LONGEST else 1 + int(((age[:-2] - age[2:]) / (age[1:-1] + 1)).argmin())
    money = state.money[gone]
    older = state.money[gone - 1] >= state.money[gone + 1] if gone else np.zeros(len(money), bool)
    state.money[gone - 1] += np.where(older, money, 0)
    state.money[gone + 1] += np.where(older, 0, money)
    return gone


# -- the state ---------------------------------------------------------------------------------------------------------


def empty(features: int, bins: int, starts: int = 0) -> DenseState:
    """Return the state of features that nothing is known of."""
    bets = len(KINDS)
    return DenseState(
        table=np.zeros((features, bins), np.float32),
        spread=np.ones(features),
        mean=np.zeros(features),
        known=np.zeros(features),
        pending=np.zeros((2, features)),
        live=np.zeros((2, features)),
        moments=np.zeros((features, features), np.float32),
        present=np.zeros(features),
        blocks=0.0,
        fitted=0.0,
        scale=np.ones(features),
        directions=np.zeros((DIRECTIONS, features), np.float32),
        pull=np.zeros(DIRECTIONS),
        stretch=np.ones(features),
        clock=0,
        events=0,
        open=np.zeros((LEVELS, features), np.float32),
        squares=np.zeros(LEVELS),
        counted=np.zeros(LEVELS),
        score=np.zeros((starts, features), np.float32),
        precision=np.zeros((starts, features), np.float32),
        ratio=np.zeros((starts, bets)),
        money=np.zeros((starts, bets)),
        began=np.zeros(starts, np.int64),
        began_events=np.zeros(starts, np.int64),
        standing=-1,
        turn=int(Turn.NONE),
    )
