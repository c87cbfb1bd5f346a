"""The picture people look at: of a subject and of each of its columns, as plain values ready for JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.dependence import HEALTH, health
from detectors.readings import readings
from detectors.urn import Phase
from detectors.watch.banks import Judge, name_of
from detectors.watch.fold import Watch
from detectors.watch.outlook import middles_of, outlook
from detectors.watch.state import WatchState
from detectors.watch.track import Track, labels

Floats = NDArray[np.float64]

WORDS = {Phase.LEARNING: "learning", Phase.WATCHING: "watching", Phase.FIRING: "drifting"}


def pictures(watch: Watch, state: WatchState) -> dict[str, dict[str, Any]]:
    """The field `subject`, and a field `column|<name>` for each column of the whole subject."""
    threshold = watch.threshold(state)
    found = {"subject": subject_picture(watch, state, threshold)}
    evidence, full = {}, {}
    for name, bank in state.banks.items():
        urns = watch.urns(name)
        evidence[name] = urns.evidence(bank)
        full[name] = fullness(urns, bank, threshold)
    for track in state.tracks.values():
        if not track.segment:
            found[f"column|{track.column}"] = column_picture(state, track, threshold, evidence, full)
    for picture in nearest([picture for name, picture in found.items() if name != "subject"]):
        picture["readings"] = readings_of(state.tracks[picture["column"]], picture)
    return found


NEAR = 0.5  # of the way to an alarm, in the orders of magnitude that are shown
READ = 6  # columns with readings: they cost a few milliseconds each, a whole picture of a hundred columns ten


def nearest(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns that drift or are near an alarm, those nearest first, and no more than a person reads."""
    near = [picture for picture in columns if picture.get("n") and picture["fullness"] >= NEAR]
    return sorted(near, key=lambda picture: (-picture["fullness"], picture["column"]))[:READ]


def readings_of(track: Track, picture: dict[str, Any]) -> list[dict[str, Any]]:
    """The distances people know between the two histograms of a picture, with what chance alone makes of them."""
    ordered = track.form == "numbers"
    reference, live = np.array(picture["reference"]), np.array(picture["live"])
    at = middles_of(track.edges) if ordered and track.edges else None
    found = readings(reference, live, ordered=ordered, at=at, factor=picture["v"])
    return [
        {
            "name": one.name,
            "value": float(f"{one.value:.4g}"),
            "p": float(f"{one.p:.2g}"),
            "times_chance": round(one.times, 2),  # "x times the value that chance alone exceeds once in a thousand"
            "n": round(one.n, 1),
            "reference_n": round(one.reference_n, 1),
        }
        for one in found
    ]


ORDERS = 3.0  # of magnitude that people are shown; below, chance goes up and down as it likes


def fullness(urns: Judge, bank: Any, threshold: float) -> Floats:
    """0 to 1 for every row: the last orders of magnitude before an alarm, for evidence multiplies.

    Drawn from the best bet since its change point, and not from the evidence itself: that grows by one per event while
    nothing happens, which says nothing. An alarm needs about threshold / pane of it.
    """
    best = (urns.weights(bank) * bank.cusum).max(axis=1, initial=1.0)
    pane = bank.events / np.maximum(bank.panes, 1)
    missing = np.log10(np.maximum(threshold / np.maximum(pane, 1), 10) / best)
    return np.asarray(np.clip(1 - missing / ORDERS, 0, 1))


def subject_picture(watch: Watch, state: WatchState, threshold: float) -> dict[str, Any]:
    """What is known of the subject as a whole."""
    subject = state.subject
    elapsed = max(1, state.at - state.first_at)
    return {
        "subject": {} if subject is None else {name: getattr(subject, name) for name in subject.__struct_fields__},
        "state": state.health,
        "since": state.health_since,
        "rows": state.rows,
        "panes": state.panes,
        "rate": round(1000 * state.rows / elapsed, 3),
        "budget": str(watch.budget),
        "threshold": threshold,
        "at": state.at,
        "lag_ms": state.lag_ms,
        "version": state.version,
        "columns": len(state.columns),
        "watching": watch.watching(state),
        "drifting": watch.drifting(state),
        "expected_quality": outlook(state),
    }


def column_picture(
    state: WatchState, track: Track, threshold: float, evidence: dict[str, Floats], full: dict[str, Floats]
) -> dict[str, Any]:
    """What is known of one column: its state, its evidence against the threshold, reference and live counts."""
    picture: dict[str, Any] = {
        "column": track.column,
        "family": track.family,
        "form": track.form,
        "state": "drifting" if track.firing else WORDS[state.phase(track)],
        "evidence": 0.0,
        "threshold": threshold,
        "since": min((alarm.since for alarm in track.firing.values()), default=0),
        "parts": sorted(track.firing),
        "pane": {
            "n": track.last_n,
            "nulls": track.last_nulls,
            "mean": track.last_sum / track.last_n if track.form == "numbers" and track.last_n else None,
        },
    }
    for part in track.rows:
        held, row = state.place(track, part)
        picture["evidence"] = max(picture["evidence"], float(evidence[name_of(track, part)][row]))
    levels = [float(full[name_of(track, part)][row]) for part, row in track.rows.items()]
    picture["fullness"] = 1.0 if track.firing else round(max(levels, default=0.0), 3)
    if "values" in track.rows:
        held, row = state.place(track, "values")
        reference, live = held.reference(row), held.since_onset(row)
        factor = float(held.factor[row].max())
        picture |= {
            "n": int(live.sum()),
            "reference_n": round(float(reference.sum())),
            "v": round(factor, 3),
            "health": HEALTH[int(health(np.array([factor]))[0])],
            "labels": list(labels(track)),
            "reference": [round(count, 2) for count in reference.tolist()],
            "live": live.tolist(),
        }
    return picture
