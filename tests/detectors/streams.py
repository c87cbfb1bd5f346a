"""Streams with known changes, many at once: every feature of a bank is an independent run."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import binning
from detectors.alternatives import NUMBERS
from detectors.bank import Bank
from detectors.urn import Phase, Urns

Draw = Callable[[int, bool], NDArray[Any]]  # events, after the change? -> [runs, events], or counts [runs, bins]
Make = Callable[[np.random.Generator, int], Draw]


def gaussian(shift: float = 0.0, scale: float = 1.0) -> Make:
    def make(rng: np.random.Generator, runs: int) -> Draw:
        return lambda n, changed: rng.normal(shift * changed, scale if changed else 1.0, (runs, n))

    return make


def heavy_tailed() -> Make:
    return lambda rng, runs: lambda n, changed: rng.standard_t(3, (runs, n))


def zero_inflated() -> Make:
    return lambda rng, runs: lambda n, changed: rng.lognormal(0, 1, (runs, n)) * (rng.random((runs, n)) < 0.4)


def spiky(share: float) -> Make:
    def make(rng: np.random.Generator, runs: int) -> Draw:
        def draw(n: int, changed: bool) -> NDArray[Any]:
            values = rng.normal(0, 1, (runs, n))
            return np.where(rng.random((runs, n)) < share * changed, 5.0, values)

        return draw

    return make


def autoregressive(phi: float, shift: float = 0.0) -> Make:
    def make(rng: np.random.Generator, runs: int) -> Draw:
        last = [rng.normal(0, 1, runs)]

        def draw(n: int, changed: bool) -> NDArray[Any]:
            noise, values, value = rng.normal(0, (1 - phi**2) ** 0.5, (n, runs)), np.empty((n, runs)), last[0]
            for i in range(n):
                values[i] = value = phi * value + noise[i]
            last[0] = value
            return values.T + shift * changed

        return draw

    return make


def rate(before: float, after: float | None = None) -> Make:
    def make(rng: np.random.Generator, runs: int) -> Draw:
        def draw(n: int, changed: bool) -> NDArray[Any]:
            hits = rng.binomial(n, after if changed and after is not None else before, runs)
            return np.stack([hits, n - hits], axis=1)

        return draw

    return make


def sticky(shares: list[float], stay: float, after: list[float] | None = None) -> Make:
    """Categories of which each repeats the last with probability `stay`: (1 + stay) / (1 - stay) times the variance."""

    def make(rng: np.random.Generator, runs: int) -> Draw:
        before, then = np.array(shares) / sum(shares), np.array(after or shares) / sum(after or shares)
        last = [rng.choice(len(before), runs, p=before)]

        def draw(n: int, changed: bool) -> NDArray[Any]:
            counts = np.zeros((runs, len(before)), np.int64)
            fresh, kept = (
                rng.choice(len(before), (n, runs), p=then if changed else before),
                rng.random((n, runs)) < stay,
            )
            for i in range(n):
                last[0] = np.where(kept[i], last[0], fresh[i])
                counts[np.arange(runs), last[0]] += 1
            return counts

        return draw

    return make


@dataclass
class Runs:
    """Many runs of one stream, past their learning."""

    urns: Urns
    bank: Bank
    pane: Callable[[int, bool], NDArray[Any]]


def learnt(urns: Urns, make: Make, pane: int, runs: int = 60, seed: int = 1, burn_in: int = 500) -> Runs:
    """Return runs that watch, after burn-in and learning."""
    draw = make(np.random.default_rng(seed), runs)
    first = draw(burn_in, False)
    if urns.law is NUMBERS:
        universal = binning.universal(first)
        edges = [binning.derive(*np.unique(row, return_counts=True)) for row in universal]
        bank = urns.add(urns.start(), [counted(row, cuts) for row, cuts in zip(universal, edges, strict=True)])

        def count(n: int, changed: bool) -> NDArray[Any]:
            values = binning.universal(draw(n, changed))
            found = [counted(row, cuts) for row, cuts in zip(values, edges, strict=True)]
            return np.array([np.pad(row, (0, bank.urn.shape[1] - len(row))) for row in found])

    else:
        bank, count = urns.add(urns.start(), list(first)), draw
    after = bank
    for _ in range(60_000 // pane):
        if (after.phase != Phase.LEARNING).all():
            break
        after, _ = urns.step(after, count(pane, False), 1e30)
    return Runs(urns, after, count)


def counted(buckets: NDArray[Any], edges: NDArray[Any]) -> NDArray[Any]:
    return np.bincount(np.searchsorted(edges, buckets, side="right"), minlength=len(edges) + 1)


def spent(runs: Runs, pane: int, events: int, threshold: float) -> float:
    """Return the alarms without a change, over those the budget allows. Every alarm is dismissed as false."""
    bank, alarms = runs.bank, 0
    for _ in range(events // pane):
        bank, said = runs.urns.step(bank, runs.pane(pane, False), threshold)
        alarms += int(said.drifted.sum())
        if said.drifted.any():
            bank = runs.urns.dismiss(bank, np.flatnonzero(said.drifted).tolist())
    return alarms / (events * len(bank) / threshold)


def delays(runs: Runs, pane: int, threshold: float, horizon: int = 4000) -> NDArray[Any]:
    """Return the events from the change to the alarm, of every run without an alarm in the 1,000 events before it; the
    horizon where there is none."""
    bank, quiet = runs.bank, np.ones(len(runs.bank), bool)
    for _ in range(1000 // pane):
        bank, said = runs.urns.step(bank, runs.pane(pane, False), threshold)
        quiet &= ~said.drifted
    found = np.full(len(bank), horizon)
    for at in range(pane, horizon, pane):
        bank, said = runs.urns.step(bank, runs.pane(pane, True), threshold)
        found[said.drifted & (found == horizon)] = at
        if (found < horizon)[quiet].all():
            break
    return found[quiet]
