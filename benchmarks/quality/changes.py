"""The changes of the benchmark, with what is known of them: the likelihood ratio of an event, and its mean, the
Kullback-Leibler divergence in nats.

A shift is in standard deviations of the stream before the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import e, log, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from benchmarks.quality import streams
from benchmarks.quality.delay import Change
from benchmarks.quality.streams import Values, shares_of
from detectors.alternatives import CATEGORIES, NUMBERS, Law

Floats = NDArray[np.float64]

T3_DEVIATION = sqrt(3)
LOGNORMAL_DEVIATION = sqrt((e - 1) * e)


def mean_shift(shift: float) -> Change:
    """Normal, +shift."""
    return Change(
        f"mean +{shift:g} sd",
        NUMBERS,
        streams.gaussian(shift),
        lambda x: shift * x - shift**2 / 2,
        shift**2 / 2,
    )


def variance(ratio: float) -> Change:
    """Normal, the variance times ratio."""
    return Change(
        f"variance x{ratio:g}",
        NUMBERS,
        streams.gaussian(0.0, sqrt(ratio)),
        lambda x: x**2 / 2 * (1 - 1 / ratio) - log(ratio) / 2,
        (ratio - 1 - log(ratio)) / 2,
    )


def spikes(share: float, at: float = 5.0, width: float = 0.1) -> Change:
    """Normal, a share of the events jumps to about `at`."""

    def ratio(x: Values) -> Floats:
        jump = (x**2 - ((x - at) / width) ** 2) / 2 - log(width)
        return np.asarray(np.logaddexp(log(share) + jump, log(1 - share)))

    return Change(f"{share:.0%} spikes of {at:g} sd", NUMBERS, streams.spiky(share, at, width), ratio)


def heavy_tailed_shift(shift: float) -> Change:
    """Student's t with three degrees of freedom, +shift."""
    moved = shift * T3_DEVIATION
    return Change(
        f"t3 +{shift:g} sd",
        NUMBERS,
        streams.heavy_tailed(moved),
        lambda x: student.logpdf(x - moved, 3) - student.logpdf(x, 3),
    )


def heavy_tailed_variance(ratio: float) -> Change:
    """Student's t with three degrees of freedom, the variance times ratio."""
    scale = sqrt(ratio)
    return Change(
        f"t3 variance x{ratio:g}",
        NUMBERS,
        streams.heavy_tailed(0.0, scale),
        lambda x: student.logpdf(x / scale, 3) - log(scale) - student.logpdf(x, 3),
    )


def lognormal_log_shift(shift: float) -> Change:
    """Lognormal, its logarithm +shift: a normal shift in disguise."""
    return Change(
        f"lognormal, logarithm +{shift:g}",
        NUMBERS,
        streams.lognormal(shift),
        lambda x: shift * np.log(x) - shift**2 / 2,
        shift**2 / 2,
    )


def lognormal_shift(shift: float) -> Change:
    """Lognormal, +shift; values below the shift cannot occur any more."""
    moved = shift * LOGNORMAL_DEVIATION

    def ratio(x: Values) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            then, now = np.log(np.maximum(x - moved, 0)), np.log(x)
            return np.where(x > moved, -(then**2) / 2 - then + now**2 / 2 + now, -np.inf)

    return Change(f"lognormal +{shift:g} sd", NUMBERS, streams.lognormal(0.0, moved), ratio)


def rate(law: Law, before: float, after: float) -> Change:
    """A rate that changes at once."""
    hit, miss = log(after / before), log((1 - after) / (1 - before))
    return Change(
        f"rate {before:g} -> {after:g}",
        law,
        streams.rate(before, after),
        lambda bins: np.where(bins == 0, hit, miss),
        after * hit + (1 - after) * miss,
    )


def gradual_rate(law: Law, before: float, after: float, over: int) -> Change:
    """A rate that changes evenly over so many events; the limit is where the divergences add up to log A."""

    def first_order(nats: float) -> float:
        rates = before + (after - before) * np.minimum(1, np.arange(1, 100_000) / over)
        each = rates * np.log(rates / before) + (1 - rates) * np.log((1 - rates) / (1 - before))
        return float(1 + np.searchsorted(np.cumsum(each), nats))

    return Change(
        f"rate {before:g} -> {after:g} over {over:,}",
        law,
        streams.rate(before, after, over),
        first_order=first_order,
    )


def categories(name: str, after: Sequence[float]) -> Change:
    """Zipf's ten categories and a bin for unseen ones, with these shares after the change."""
    now, then = shares_of(streams.ZIPF), shares_of(after)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(then > 0, np.log(then / now), 0.0)
    certain = bool(np.isinf(ratio).any())  # something that could not be before tells at once
    return Change(
        name,
        CATEGORIES,
        streams.sticky(streams.ZIPF, 0.0, after),
        None if certain else (lambda bins: ratio[bins]),
        float("nan") if certain else float((then * np.where(then > 0, ratio, 0)).sum()),
    )


def raised(category: int, share: float) -> list[float]:
    """Return Zipf's shares with one category raised to `share` and the others scaled."""
    now = shares_of(streams.ZIPF)
    after = now * (1 - share) / (1 - now[category])
    after[category] = share
    return list(after)


def swapped(one: int, other: int) -> list[float]:
    """Return Zipf's shares with two categories in each other's place."""
    after = list(streams.ZIPF)
    after[one], after[other] = after[other], after[one]
    return after


def autoregressive_shift(phi: float, shift: float) -> Change:
    """A shift of an autoregressive stream: the divergence of an event given all before it."""
    nats = shift**2 / 2 * (1 - phi) / (1 + phi)
    return Change(
        f"autoregressive {phi:g}, mean +{shift:g} sd", NUMBERS, streams.autoregressive(phi, shift), divergence=nats
    )
