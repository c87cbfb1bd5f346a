"""How soon a change is seen, by everybody on the same events: urns, the oracle, and opponents.

Every run has a reference, 1,000 more events, the change, and then up to `HORIZON` events to find it. Runs with an
alarm in the 1,000 are left out; runs that never alarm count with the horizon, and are said. At A = 1e4 that leaves out
some 5 % of the runs of a detector that keeps the budget, and most runs of one that does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log, nan

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import oracle
from benchmarks.quality.intervals import mean_of
from benchmarks.quality.opponents import Opponent
from benchmarks.quality.record import DELAY, Record
from benchmarks.quality.streams import Ratio, Stream, first_alarms, learnt
from detectors.alternatives import Law
from detectors.urn import Urns

Floats = NDArray[np.float64]

HORIZON = 20_000
QUIET = 1000
RUNS, LEAST_RUNS, BANK = 500, 40, 250  # runs at scale 1, at any scale, and how many are judged in one step
BURN_IN = 500  # events that fix the bins, as the judge has it
LEARNING_PANE = 50  # while learning, an urn without variance factors only adds up: any size comes to the same

SETTINGS = {"urn, independent": True, "urn": False}
ALLOWANCE = 1.3  # the delay of the shipped default over that for streams declared independent
PANES = (1, 20, 200)

LESS = "urn less opponent"  # the measure of a paired difference: below zero, the urn is ahead


@dataclass(frozen=True)
class Change:
    """A case: the stream with its change, the law it is judged by and, where it is known, the likelihood ratio."""

    name: str
    law: Law
    stream: Stream
    ratio: Ratio | None = None
    divergence: float = nan  # nats an event; simulated where there is a ratio and this is not given
    first_order: Callable[[float], float] | None = None  # events for log A nats, where it is not log A / KL

    def limit(self, threshold: float) -> float:
        """Return the events that hold log A nats of evidence."""
        if self.first_order is not None:
            return self.first_order(log(threshold))
        if np.isnan(self.divergence) and self.ratio is not None:
            return log(threshold) / oracle.divergence(self.stream, self.ratio)
        return log(threshold) / self.divergence


def runs_at(scale: float) -> int:
    """Return how many runs of a case there are."""
    return max(LEAST_RUNS, round(RUNS * scale))


def banks(runs: int) -> list[tuple[int, int]]:
    """Return the number of each bank, and of the runs in it.

    >>> banks(600)
    [(0, 250), (1, 250), (2, 100)]
    """
    return [(bank, min(BANK, runs - first)) for bank, first in enumerate(range(0, runs, BANK))]


def urn_delays(
    change: Change,
    independent: bool,
    pane: int,
    reference: int,
    threshold: float,
    runs: int,
    seed: Sequence[int],
    every: int = 1,
) -> Floats:
    """Return the delay of each run, nan where an alarm came before the change; alarms are looked for `every` so many
    panes.
    """
    urns = Urns(change.law, float(reference), independent)
    learning = LEARNING_PANE if independent else pane
    found = []
    for bank, number in banks(runs):
        watching = learnt(urns, change.stream, learning, number, [*seed, bank], min(BURN_IN, reference))
        found.append(first_alarms(watching, pane, threshold, HORIZON, QUIET, every))
    return np.concatenate(found)


def oracle_delays(change: Change, threshold: float, runs: int, seed: Sequence[int]) -> Floats:
    """Return the delays of the oracle on the same events; none where there is no oracle."""
    if change.ratio is None:
        return np.zeros(0)
    h = oracle.threshold(change.stream, change.ratio, threshold)
    found = [
        oracle.delays(change.stream, change.ratio, h, number, [*seed, bank], HORIZON, QUIET)
        for bank, number in banks(runs)
    ]
    return np.concatenate(found)


@dataclass(frozen=True)
class Case:
    """A change with everything that is the same for all who look for it."""

    row: str
    change: Change
    reference: int
    threshold: float
    runs: int
    seed: tuple[int, ...]
    bars: tuple[tuple[str, float], ...] = ()  # by setting: of the mean delay at pane 1

    def record(self, detector: str, pane: int, found: Floats, best: Floats, bar: float = nan, note: str = "") -> Record:
        """Return what the delays of all runs come to; `best` are the oracle's."""
        counted = found[~np.isnan(found)]
        mean, low, high = mean_of(counted)
        median, p90 = np.quantile(counted, [0.5, 0.9]) if counted.size else (nan, nan)
        return Record(
            row=self.row,
            case=self.change.name,
            detector=detector,
            pane=pane,
            reference=self.reference,
            threshold=self.threshold,
            measure=DELAY,
            value=mean,
            low=low,
            high=high,
            median=float(median),
            p90=float(p90),
            missed=float((counted == HORIZON).mean()) if counted.size else nan,
            r1=mean / self.change.limit(self.threshold),
            r2=mean / float(np.nanmean(best)) if np.isfinite(best).any() else nan,
            n=counted.size,
            seeds="-".join(map(str, self.seed)),
            bar=bar,
            note=note,
        )

    def less(self, detector: str, urn: Floats, opponent: Floats) -> Record:
        """Return the paired difference of the delays, over the runs that are quiet before the change for both."""
        difference = urn[: len(opponent)] - opponent
        difference = difference[~np.isnan(difference)]
        mean, low, high = mean_of(difference)
        return Record(
            self.row, self.change.name, detector, 1, self.reference, self.threshold, LESS, mean, low, high,
            n=difference.size, seeds="-".join(map(str, self.seed)),
        )  # fmt: skip


def both(bar: float) -> tuple[tuple[str, float], ...]:
    """Return the bars of both settings, from that of streams declared independent."""
    return (("urn, independent", bar), ("urn", ALLOWANCE * bar))


def compare(case: Case, panes: Sequence[int] = PANES, opponents: Sequence[Opponent] = ()) -> list[Record]:
    """Return the delays of the urns in both settings and at all panes, of the oracle, and of the opponents.

    The first pane has one event; the bar of a larger one is the delay there, and one pane more.
    """
    best = oracle_delays(case.change, case.threshold, case.runs, case.seed)
    records = [case.record("oracle CUSUM", 1, best, best)] if best.size else []
    first: dict[str, Floats] = {}
    for setting, independent in SETTINGS.items():
        bar = dict(case.bars).get(setting, nan)
        for pane in panes:
            found = urn_delays(case.change, independent, pane, case.reference, case.threshold, case.runs, case.seed)
            alone = first.setdefault(setting, found)
            wanted = bar if pane == 1 or np.isnan(bar) else float(np.nanmean(alone)) + pane
            records.append(case.record(setting, pane, found, best, wanted))
    for opponent in opponents:
        records += against(case, opponent, first["urn, independent"], best)
    return records


def against(case: Case, opponent: Opponent, urn: Floats, best: Floats) -> list[Record]:
    """Return the delays of one opponent, and how the urn compares in the same runs."""
    if not opponent.installed():
        return [case.record(opponent.label, 1, np.zeros(0), best, note="not installed")]
    runs = banks(case.runs)[0][1]
    found, note = opponent.delays(
        case.change.stream, case.reference, case.threshold, runs, [*case.seed, 0], HORIZON, QUIET
    )
    record = case.record(opponent.label, 1, found, best, note=note)
    if not opponent.keeps_budget:  # the limits are those at the budget: they do not apply
        record = replace(record, r1=nan, r2=nan)
    return [record, case.less(opponent.label, urn, found)]
