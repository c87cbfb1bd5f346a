"""The account of an edge: from one row of one bank to a finding with everything that is known about it."""

import math

import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import CATEGORIES
from detectors.dependence import HEALTH
from detectors.season import Season
from detectors.urn import Urns, Verdicts
from detectors.watch import calendar, causes
from detectors.watch.banks import LAWS, kind_of, name_of
from detectors.watch.finding import Alarm, Edge, Finding, Histogram, Part
from detectors.watch.ledger import mean_before, mean_since
from detectors.watch.state import WatchState
from detectors.watch.track import Track, labels, mean, middle_half, spread

RATES = ("nulls", "errors")
UNKNOWN = (float("nan"), float("nan"))
ALMOST_ALL = 0.98  # rows with one value: stuck
SEEN_FOUR_OF_FIVE = 1.28  # standard errors beyond the line, for the smallest visible change
SETTLING = 2.5  # nats that the mixture of alternatives costs on top of log A, measured


def account(
    state: WatchState, track: Track, part: Part, verdicts: Verdicts, edge: Edge, onset: int, alarm: Alarm | None
) -> Finding:
    """Everything that is known about an edge of a part of a track. `alarm` is the one that stands already, if any."""
    bank, row = state.place(track, part)
    kind = kind_of(name_of(track, part))
    reference, live = bank.reference(row), bank.since_onset(row).astype(np.float64)
    names = labels(track) if part == "values" else ("yes", "no")
    n = int(live.sum()) if alarm else min(int(live.sum()), int(verdicts.onset_events[row]))
    ledgers = state.ledgers[name_of(track, part)] if kind != "texts" else None
    factor, threshold = float(verdicts.factor[row]), float(verdicts.threshold[row])
    ledger = (mean_before(ledgers, row, n), mean_since(ledgers, row, n)) if ledgers else UNKNOWN
    counted = level(track, kind, reference, prior=1.0), level(track, kind, live)
    exact = alarm is not None and kind in RATES and live.any()
    before, after = counted if exact or not all(map(math.isfinite, ledger)) else ledger
    return Finding(
        edge=edge,
        column=track.column,
        part=part,
        detector=Season.kind if part == "values" and track.season else Urns.kind,
        evidence=float(verdicts.evidence[row]),
        threshold=threshold,
        at=state.at,
        onset=onset,
        n=n,
        segment=segment_pair(track),
        form=track.form if part == "values" else "",
        change=LAWS[kind].describe(int(verdicts.alternative[row]), names),
        before=before,
        after=after,
        spread=max(spread(track, reference), spread(track, live)) if kind == "numbers" else 0.0,
        telling=kind != "numbers" or telling(track, (before, after), counted, reference, live),
        smallest=smallest(scale(track, kind, reference), n, float(reference.sum()) / factor, threshold, factor),
        reference_n=round(float(reference.sum())),
        health=HEALTH[int(verdicts.health[row])],
        histogram=Histogram(names, tuple(reference.tolist()), tuple(live.tolist())),
        share=state.share(track, part),
        movement=causes.movement(state),
        unseen=kind == "texts" and not track.tails and unseen(int(verdicts.alternative[row]), reference, live),
        stuck=kind == "numbers" and track.constant and live.max(initial=0) >= ALMOST_ALL * max(1, n),
        causes=(*causes.deployments(state, onset), *causes.places(state, track, part)),
        returned=returned(state, track, part, int(verdicts.back_to[row])),
        version=state.version,
        alarm=alarm,
    )


def level(track: Track, kind: str, counts: NDArray[np.float64], prior: float = 0.0) -> float:
    """The mean of numbers from their bins, or a rate from its counts, of which `prior` were never drawn."""
    if kind == "numbers":
        return mean(track, counts)
    drawn = float(counts.sum()) - prior
    return max(0.0, float(counts[0]) - prior / 2) / drawn if kind in RATES and drawn > 0 else float("nan")


def telling(
    track: Track,
    means: tuple[float, float],
    counted: tuple[float, float],
    reference: NDArray[np.float64],
    live: NDArray[np.float64],
) -> bool:
    """Whether means say what most rows do. In bins the outermost values count for no more than the edge: where a mean
    is far from that of the bins, a few very large values make it; unless most rows are out there.
    """
    if max(live[0], live[-1]) >= live.sum() / 2:
        return True
    near = middle_half(track, reference) or spread(track, reference)
    return all(not abs(mean - binned) > near for mean, binned in zip(means, counted, strict=True))


def returned(state: WatchState, track: Track, part: Part, ago: int) -> int:
    """When the reference retired that a change has gone back to; 0 if it has not gone back to any."""
    return calendar.when(state.calendar, max(0, state.rows - state.stretched(track, part, ago))) if ago >= 0 else 0


def segment_pair(track: Track) -> tuple[tuple[str, str], ...]:
    """`region=eu` as a pair."""
    key, _, value = track.segment.partition("=")
    return ((key, value),) if track.segment else ()


def unseen(alternative: int, reference: NDArray[np.float64], live: NDArray[np.float64]) -> bool:
    """Whether the change is one of the last bin, what was never seen before: it grew, and the best bet is on it."""
    bin = alternative // len(CATEGORIES.weight)
    grown = live[-1] * reference.sum() > reference[-1] * live.sum()
    return bool(grown and bin == reference.size - 1)


def scale(track: Track, kind: str, reference: NDArray[np.float64]) -> float:
    """The standard deviation of one row: of a number in its own units, of a rate as a rate, of texts nothing."""
    balls = float(reference.sum())
    if balls <= 0 or kind == "texts":
        return 0.0
    if kind == "numbers":
        return spread(track, reference)
    rate = min(max(float(reference[0]) / balls, 1 / balls), 0.5)
    return float(np.sqrt(rate * (1 - rate)))


def smallest(scale: float, n: int, reference: float, threshold: float, factor: float) -> float:
    """The smallest shift of a mean, or change of a rate, seen four times of five with n rows since the onset.

    A shift of d standard deviations brings n d^2 / 2 nats on average, against log A and what the mixture costs
    (Lorden 1971, first order); n and the reference count as effective rows.

    >>> round(smallest(1.0, n=400, reference=5000, threshold=1e4, factor=1.0), 2)
    0.32
    """
    if n <= 0 or reference <= 0 or threshold <= 1:
        return 0.0
    effective = 1 / (factor / n + 1 / reference)
    return float(
        scale * (np.sqrt(2 * (np.log(threshold) + SETTLING) / effective) + SEEN_FOUR_OF_FIVE / np.sqrt(effective))
    )
