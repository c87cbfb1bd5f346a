"""The oracle: CUSUM that knows the laws before and after the change. Nothing that keeps the same mean time between
false alarms can have a shorter worst-case delay (Moustakides, 1986), so a delay over the oracle's is what not knowing
costs.

    C <- max(0, C + log f1(x)/f0(x)),    alarm at C >= h

Its threshold is simulated: the mean time between alarms grows as e^h for high h (Siegmund, "Sequential analysis",
1985, chapter 2), so a measured mean time says how much h is to be raised. That also extends thresholds beyond what is
simulated. Where an alarm is a matter of few events, the mean time cannot be hit exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.streams import CHUNK, Ratio, Stream, Tape, Values, first_above

Floats = NDArray[np.float64]

SIMULATED = 1e4  # mean time between false alarms up to which cycles are simulated
CHAINS = 1000
STEPS = (4_000, 8_000, 20_000)  # of each correction; the last sees 2,000 alarms at 1e4: 2 %, .02 of the threshold
SEED = 501
LEAST = 1e-9  # a threshold that 0 does not reach

KL_EVENTS = 2_000_000


def threshold(stream: Stream, ratio: Ratio, mean_time: float) -> float:
    """Return h for this mean time between false alarms."""
    simulated = min(mean_time, SIMULATED)
    h = max(1.0, log(simulated) - 2.5)
    for steps in STEPS:
        h = max(LEAST, h + log(simulated / measured(stream, ratio, h, steps)))
    return h + log(mean_time / simulated) if h > LEAST else LEAST


def measured(stream: Stream, ratio: Ratio, h: float, steps: int) -> float:
    """Return the mean time between false alarms at this threshold, of chains that begin anew after each."""
    tape, statistic, alarms = Tape(stream, CHAINS, SEED), np.zeros(CHAINS), 0
    for _ in range(steps // CHUNK):
        with np.errstate(divide="ignore", invalid="ignore"):
            increments = np.ascontiguousarray(ratio(tape.chunk(False)).T)
        for step in increments:
            statistic += step
            np.maximum(statistic, 0.0, out=statistic)
            alarmed = statistic >= h
            alarms += int(np.count_nonzero(alarmed))
            statistic[alarmed] = 0
    return CHAINS * steps / max(alarms, 0.5)


def delays(stream: Stream, ratio: Ratio, h: float, runs: int, seed: Sequence[int], horizon: int, quiet: int) -> Floats:
    """Return the delay of every run, as `streams.first_alarms` does."""
    statistic = np.zeros(runs)

    def levels(chunk: Values) -> Iterator[Floats]:
        with np.errstate(divide="ignore", invalid="ignore"):
            increments = ratio(chunk)
        for increment in increments.T:
            statistic[:] = np.maximum(statistic + increment, 0.0)
            yield statistic

    return first_above(Tape(stream, runs, seed), levels, h, quiet, horizon)


def divergence(stream: Stream, ratio: Ratio) -> float:
    """Return the mean log likelihood ratio of an event after the change (Kullback and Leibler, 1951), simulated."""
    tape = Tape(stream, 1000, SEED + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.mean([ratio(tape.chunk(True)).mean() for _ in range(KL_EVENTS // (1000 * CHUNK))]))
