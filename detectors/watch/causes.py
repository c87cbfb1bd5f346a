"""Candidate causes of a change: a deployment around its onset, a slice that makes up most of it. No verdicts."""

import numpy as np

from detectors.watch.finding import Histogram, Part
from detectors.watch.state import WatchState
from detectors.watch.track import Track

Causes = tuple[tuple[str, str, float, str], ...]  # kind, what, score, why

NEAR_BEFORE_MS, NEAR_AFTER_MS = 600_000, 120_000  # an onset so long after, or before, a deployment may be its doing
MOST_OF_IT = 0.6  # a slice that makes up so much of a change is named as its place
ENOUGH_ROWS = 100  # to speak of movement


def deployments(state: WatchState, onset: int) -> Causes:
    """Who deployed what around the onset."""
    return tuple(
        ("deployment", what, 1.0, f"{abs(onset - at) / 1000:.0f} s {'before' if at <= onset else 'after'} the onset")
        for at, what in state.deployments
        if -NEAR_AFTER_MS <= onset - at <= NEAR_BEFORE_MS
    )


def places(state: WatchState, track: Track, part: Part) -> Causes:
    """The slice in which most of a change of the whole happens, if there is one."""
    if track.segment:
        return ()
    moves: dict[str, float] = {}
    for other in state.tracks.values():
        if other.column == track.column and other.segment and part in other.rows:
            moves[other.segment] = excess(state, other, part)
    if not any(moves.values()):
        return ()
    place, most = max(moves.items(), key=lambda move: (move[1], move[0]))
    key = place.partition("=")[0]
    share = most / sum(move for segment, move in moves.items() if segment.partition("=")[0] == key)
    return (("segment", place, share, f"{share:.0%} of the change"),) if share >= MOST_OF_IT else ()


def excess(state: WatchState, track: Track, part: Part) -> float:
    """How many rows of a slice are not where the reference has them (of values: squared, so that noise counts less)."""
    bank, row = state.place(track, part)
    reference, live = bank.reference(row), bank.since_onset(row).astype(np.float64)
    if not live.sum() or not reference.sum():
        return 0.0
    gap = live / live.sum() - reference / reference.sum()
    moved = float(np.abs(gap).sum() / 2)
    return float(live.sum()) * (moved**2 if part == "values" else moved)


def movement(state: WatchState) -> float:
    """How far the predictions of the whole subject have moved: the impact that nobody needs labels for."""
    moved = 0.0
    for track in state.tracks.values():
        if not track.segment and track.family == "prediction" and "values" in track.rows:
            bank, row = state.place(track, "values")
            live = bank.since_onset(row)
            if live.sum() >= ENOUGH_ROWS:
                moved = max(moved, Histogram((), tuple(bank.reference(row)), tuple(live.tolist())).movement())
    return moved
