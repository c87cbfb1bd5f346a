"""The oracle: CUSUM that knows the laws before and after the change. Nothing that keeps the same mean time between
false alarms can have a shorter worst-case delay (Moustakides, 1986), so a delay over the oracle's is what not knowing
costs.

    C <- max(0, C + log f1(x)/f0(x)),    alarm at C >= h

Its threshold comes from cycles: C restarts whenever it is back at 0, so the mean time to an alarm is the mean length
of a cycle over the share of cycles that reach h. The share falls as e^-h for high h (Siegmund, "Sequential analysis",
1985, chapter 2), which extends thresholds beyond what was simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.streams import CHUNK, Part, Ratio, Stream, Tape

Floats = NDArray[np.float64]

SIMULATED = 1e4  # mean time between false alarms up to which cycles are simulated
CHAINS, STEPS = 1000, 20_000  # some 2,000 alarms at 1e4: 2 % of the mean time, .02 of the threshold
SEED = 501
LEAST = 1e-9  # a threshold that 0 does not reach

KL_EVENTS = 2_000_000


def threshold(stream: Stream, ratio: Ratio, mean_time: float) -> float:
    """Return h for this mean time between false alarms."""
    tape = Tape(stream, CHAINS, SEED)
    statistic, highest = np.zeros(CHAINS), np.zeros(CHAINS)
    maxima, lengths = [], 0
    for _ in range(STEPS // CHUNK):
        with np.errstate(divide="ignore", invalid="ignore"):
            increments = ratio(tape.chunk(False))
        for step in increments.T:
            statistic = np.maximum(statistic + step, 0.0)
            ended = statistic == 0
            maxima.append(highest[ended])
            highest = np.where(ended, 0.0, np.maximum(highest, statistic))
        lengths += CHAINS * CHUNK
    return height(np.sort(np.concatenate(maxima)), lengths, mean_time)


def height(maxima: Floats, events: int, mean_time: float) -> float:
    """Return h from the maxima of all cycles, ascending, in so many events."""
    simulated = min(mean_time, SIMULATED)
    reaching = max(1, round(events / simulated))  # cycles that may reach it, for one alarm in so many events
    found = float(maxima[-reaching])
    # Where hardly any event speaks for a change, the first that does is an alarm, and rarer than asked for.
    return found + log(mean_time / simulated) if found > 0 else LEAST


def delays(stream: Stream, ratio: Ratio, h: float, runs: int, seed: Sequence[int], horizon: int, quiet: int) -> Floats:
    """Return the delay of every run, as `streams.first_alarms` does."""
    tape = Tape(stream, runs, seed)
    statistic, found = np.zeros(runs), np.full(runs, float(horizon))
    tape.begin(Part.BEFORE)
    for at in range(-quiet, horizon):
        if at == 0:
            tape.begin(Part.AFTER)
        if at % CHUNK == 0:
            if (found != horizon).all():
                break
            with np.errstate(divide="ignore", invalid="ignore"):
                increments = ratio(tape.chunk(at >= 0))
        statistic = np.maximum(statistic + increments[:, at % CHUNK], 0.0)
        alarmed = (statistic >= h) & (found == horizon)
        found[alarmed] = at + 1 if at >= 0 else np.nan
    return found


def divergence(stream: Stream, ratio: Ratio) -> float:
    """Return the mean log likelihood ratio of an event after the change (Kullback and Leibler, 1951), simulated."""
    tape = Tape(stream, 1000, SEED + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean([ratio(tape.chunk(True)).mean() for _ in range(KL_EVENTS // (1000 * CHUNK))]))
