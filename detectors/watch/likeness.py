"""Still like the declared reference? The findings of the fixed twins (`detectors.margin`) of a subject's columns.

The reference is what the urns have learnt before they watch, or, once a deployment event says that something new
serves, what comes next. A twin that is beyond its margin says so only while nothing else does: as long as the alarm of
the urn stands, or is about to be raised, there is one cause and one alert. It stays when the urn has accepted the
change as the new normal.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.dependence import HEALTH
from detectors.margin import Margin, Twins
from detectors.urn import CALM, Phase, Turn, Verdicts
from detectors.watch import calendar, causes
from detectors.watch.account import scale, smallest
from detectors.watch.banks import LAWS, SLICES, Judge, factors, kind_of, name_of
from detectors.watch.finding import Alarm, Edge, Finding, Histogram, Part
from detectors.watch.state import WatchState
from detectors.watch.track import Track, labels, mean
from schemas.deployment import Action
from schemas.pane import Deployed

DECLARES: tuple[Action, ...] = ("reference", "deployed", "promoted")  # what serves from now on is what is compared with

# While the urn has evidence of its own, its alarm will say the same in other words. A twin waits for it, but not when
# its own evidence has become so many times what it needs.
PATIENCE = 1e3


def of(bank: str, eps: float, reference: int) -> Margin | None:
    """The twins of a bank: of values of the whole subject, if there is a margin."""
    wanted = eps > 0 and not bank.endswith(SLICES) and kind_of(bank) in ("numbers", "texts")
    return Margin(LAWS[kind_of(bank)], eps, float(reference)) if wanted else None


def compare(
    state: WatchState, judge: Judge, margin: Margin, bank: str, before: Any, pane: NDArray[np.uint32], threshold: float
) -> Verdicts:
    """Take one step with the twins of a bank. `before` is the bank without this pane: what new twins begin with."""
    twins = state.twins.get(bank) or margin.start()
    if len(twins) < len(before):
        twins = margin.add(twins, [before.reference(row) for row in range(len(twins), len(before))])
    state.twins[bank], said = margin.step(twins, pane, threshold, factors(judge, state.banks[bank]))
    return said


def tell(
    state: WatchState, judge: Judge, margin: Margin, bank: str, said: Verdicts, turn: NDArray[np.uint8]
) -> list[Finding]:
    """What there is to say of the twins of a bank, after the urns have spoken. `turn` is what the urns did."""
    findings = []
    held = state.banks[bank]
    best = (judge.weights(held) * held.cusum).max(axis=1, initial=0)
    for row in np.flatnonzero((said.phase == Phase.FIRING) | (said.turn == Turn.RECOVERED)):
        track = state.tracks[state.order[bank][row]]
        alarm = track.firing.get("margin")
        if alarm is not None:
            if said.turn[row] == Turn.RECOVERED:
                findings.append(account(state, track, margin, said, "recovered", alarm))
                stand(state, track, None)
            continue
        if said.phase[row] != Phase.FIRING or "values" in track.firing:
            continue
        if turn[row] == Turn.RECOVERED:  # what the urn was alarmed by is over, and the twin had kept quiet about it
            state.twins[bank] = margin.dismiss(state.twins[bank], [int(row)])
        elif best[row] < CALM or said.evidence[row] >= PATIENCE * said.threshold[row]:
            found = account(state, track, margin, said, "firing", None)
            findings.append(found)
            stand(state, track, Alarm(found.onset, "skew"))
    return findings


def declare(state: WatchState, margins: dict[str, Margin], note: Deployed) -> list[Finding]:
    """A deployment: what comes next is the reference, and what was said of the old one is over."""
    findings = []
    if note.event.action not in DECLARES:
        return []
    for bank, margin in margins.items():
        if bank not in state.twins:
            continue
        twins: Twins = state.twins[bank]
        still = np.zeros(len(twins), np.uint8)
        limit, known = np.full(len(twins), np.nan), np.ones(len(twins))
        said = margin.verdicts(twins, limit, still, margin.evidence(twins), known)
        for key in state.order[bank][: len(twins)]:
            track = state.tracks[key]
            if "margin" in track.firing:
                findings.append(account(state, track, margin, said, "accepted", track.firing["margin"]))
                stand(state, track, None)
        state.twins[bank] = margin.declare(twins)
    return findings


def stand(state: WatchState, track: Track, alarm: Alarm | None) -> None:
    """Remember an alarm, or that it is over."""
    firing: dict[Part, Alarm] = {part: standing for part, standing in track.firing.items() if part != "margin"}
    if alarm is not None:
        firing["margin"] = alarm
    state.tracks[track.key] = msgspec.structs.replace(track, firing=firing)


def account(
    state: WatchState, track: Track, margin: Margin, said: Verdicts, edge: Edge, alarm: Alarm | None
) -> Finding:
    """Everything that is known about an edge of a twin."""
    bank, row = name_of(track, "values"), track.rows["values"]
    reference, live = state.twins[bank].counts(row)
    ago, names, factor = int(said.onset_events[row]), labels(track), float(said.factor[row])
    n = int(live.sum()) if alarm else min(int(live.sum()), ago)
    onset = alarm.since if alarm else calendar.when(state.calendar, max(0, state.rows - ago))
    size, threshold = float(reference.sum()), float(said.threshold[row])
    return Finding(
        edge=edge,
        column=track.column,
        part="values",
        detector=Margin.kind,
        evidence=float(said.evidence[row]),
        threshold=threshold,
        at=state.at,
        onset=onset,
        n=n,
        form=track.form,
        change=margin.describe(int(said.alternative[row]), names),
        before=mean(track, reference),
        after=mean(track, live.astype(np.float64)),
        smallest=smallest(scale(track, track.form, reference), n, size / factor, threshold, factor),
        reference_n=round(size),
        health=HEALTH[int(said.health[row])],
        histogram=Histogram(names, tuple(reference.tolist()), tuple(live.tolist())),
        movement=causes.movement(state),
        causes=causes.deployments(state, onset),
        version=state.version,
        alarm=alarm,
    )
