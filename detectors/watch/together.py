"""What the columns of a subject say together: the mean of their evidence, and bets on many numbers at once.

It speaks only while no column has an alarm of its own, so that nobody gets two alerts for one cause; as soon as one
has, the alarm of the model is handed over to it and ends. Meanwhile the references go on growing, but nothing is bet.

Numbers join in crowds, of at most `MOST_FEATURES`: what varies together is learnt of a crowd as a whole. Crowds share
their part of the budget alike.
"""

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import model_level
from detectors.aftermath import ACCEPTANCE, Turn
from detectors.dense import Dense, moved
from detectors.urn import Verdicts
from detectors.watch import calendar, causes
from detectors.watch.banks import PARTS, Judge
from detectors.watch.crowds import DENSE, Together, gather, scored, shares
from detectors.watch.finding import Alarm, Edge, Finding
from detectors.watch.ledger import mean_before, mean_since
from detectors.watch.state import WatchState

NUMBERS = "numbers"  # the bank whose rows make crowds
BANKS = (NUMBERS, "texts", "nulls", "errors")
WEIGHTS = {"values": model_level.VALUES, "nulls": model_level.NULLS, "errors": model_level.ERRORS}

TOLD = 3  # columns that the sentence names; all are among the causes, up to MOST_CAUSES
MOST_CAUSES = 32

Arrived = Mapping[str, NDArray[np.uint32]]  # the counts of a pane, by bank
Said = Mapping[str, Verdicts]  # what the banks say of them
Names = list[tuple[str, int, float]]  # bank, row, how firmly it is believed


def listen(
    state: WatchState, urns: Callable[[str], Judge], arrived: Arrived, said: Said, last: bool, threshold: float
) -> list[Finding]:
    """One pane further, in place; what there is to say. `last`: no other part of the pane will come. `threshold` is
    that of a single detector with the whole budget."""
    crowds = [msgspec.structs.replace(crowd) for crowd in state.together.crowds]
    state.together = after = msgspec.structs.replace(state.together, crowds=crowds)
    firing = (track.firing for track in state.tracks.values() if track.firing and not track.segment)
    busy = any(part in parts for parts in firing for part in WEIGHTS)
    mean = hear_all(state, after, urns, said, busy, threshold)
    crowd = hear_crowds(state, after, arrived, last, busy, threshold)
    if NUMBERS in state.banks:
        gather(after, state.banks[NUMBERS])
    if after.alarm is not None:
        return ended(state, after, busy)
    finding = crowd or mean
    return [] if busy or finding is None else [raised(state, after, finding)]


# -- the mean ----------------------------------------------------------------------------------------------------------


def hear_all(
    state: WatchState, after: Together, urns: Callable[[str], Judge], said: Said, busy: bool, threshold: float
) -> Finding | None:
    """The mean of the evidence of all columns. What is heard while a column has an alarm, it has said itself."""
    evidence = {
        name: evidence_of(urns(name), state.banks[name], said.get(name)) for name in BANKS if name in state.banks
    }
    detectors = sum(map(len, evidence.values()))
    share = shares(after, detectors)[1]
    if not share:
        return None
    groups = [
        (weight, np.concatenate([evidence[name] for name in evidence if PARTS[name] == part] or [np.zeros(0)]))
        for part, weight in WEIGHTS.items()
    ]
    line, total = model_level.raised(threshold / share), model_level.mean(groups)
    if not model_level.standing(after.mean != "calm", total, line):
        after.mean = "calm"
    elif after.mean == "calm":
        after.mean = "silent" if busy or after.alarm else "alarm"
        if after.mean == "alarm":
            places = [(name, row) for name in evidence for row in range(len(evidence[name]))]
            found = model_level.named(np.concatenate(list(evidence.values())), threshold)
            names = [(*places[at], 1.0) for at in found]
            return told(state, "mean", total, line, onset_of(state, urns, names), detectors, names)
    return None


def evidence_of(urns: Judge, bank: Any, said: Verdicts | None) -> NDArray[np.float64]:
    """The evidence of every row of a bank; where nothing turned, it was said with the step."""
    return urns.evidence(bank) if said is None or np.count_nonzero(said.turn) else said.evidence


def onset_of(state: WatchState, urns: Callable[[str], Judge], names: Names) -> int:
    """How many rows ago it began for the first of the names."""
    if not names:
        return 0
    bank, row, _ = names[0]
    return int(urns(bank).verdicts(state.banks[bank], np.ones(len(state.banks[bank]))).onset_events[row])


# -- crowds ------------------------------------------------------------------------------------------------------------


def hear_crowds(
    state: WatchState, after: Together, arrived: Arrived, last: bool, busy: bool, threshold: float
) -> Finding | None:
    """Every crowd takes a step; what the first of them has to say."""
    found = None
    if NUMBERS not in arrived:
        return None
    bank, counts = state.banks[NUMBERS], arrived[NUMBERS]
    share = shares(after, 2)[2]
    for crowd in after.crowds:
        line = threshold / share * len(after.crowds)
        scores = scored(crowd, bank, counts, last)
        crowd.state, verdict = DENSE.step(crowd.state, scores, inf if busy else line)
        if busy and len(crowd.state.began):
            crowd.state = DENSE.restart(crowd.state)
        elif verdict.drifted and after.alarm is None and found is None:
            moves, n = moved(crowd.state), verdict.onset_events
            names = [(NUMBERS, crowd.rows[at], float(moves[at])) for at in model_level.believed(moves)]
            found = told(state, Dense.kind, verdict.evidence, line, n, len(crowd.rows), names)
    return found


# -- findings ----------------------------------------------------------------------------------------------------------


def told(state: WatchState, detector: str, evidence: float, line: float, n: int, of: int, names: Names) -> Finding:
    """An alarm of the model, and the columns it names."""
    onset = calendar.when(state.calendar, max(0, state.rows - n))
    said = [sentence(state, bank, row, n) for bank, row, _ in names]
    rest = f" and {len(said) - TOLD} more" if len(said) > TOLD else ""
    change = f"{', '.join(said[:TOLD])}{rest}" if said else "no single column for certain"
    return Finding(
        edge="firing",
        column="",
        part="model",
        detector=detector,
        evidence=evidence,
        threshold=line,
        at=state.at,
        onset=onset,
        n=n,
        change=f"{len(said) or 'many'} of {of} {'columns' if detector == Dense.kind else 'streams'}: {change}",
        reference_n=max(0, state.rows - n),
        movement=causes.movement(state),
        causes=(
            *causes.deployments(state, onset),
            *(
                ("feature", word.partition(" ")[0], belief, word)
                for word, (_, _, belief) in zip(said[:MOST_CAUSES], names, strict=False)
            ),
        ),
        version=state.version,
    )


def sentence(state: WatchState, bank: str, row: int, n: int) -> str:
    """`age 41 -> 43`: a stream and how its mean has changed; of texts, only its name."""
    part, column = PARTS[bank], state.tracks[state.order[bank][row]].column
    name: str = column.removeprefix("feature:") + ("" if part == "values" else f" ({part})")
    if bank == "texts":
        return name
    book = state.ledgers[bank]
    return f"{name} {mean_before(book, row, n):.4g} -> {mean_since(book, row, n):.4g}"


def raised(state: WatchState, after: Together, finding: Finding) -> Finding:
    """Remember the alarm, in place."""
    after.alarm = Alarm(finding.onset, "feature_drift")
    after.detector, after.rows, after.told = finding.detector, state.rows, finding.change
    return finding


def ended(state: WatchState, after: Together, busy: bool) -> list[Finding]:
    """The alarm is handed over to a column, over, or old enough to be normal; or none of these: nothing to say."""
    turns = [crowd.state.turn for crowd in after.crowds]
    still = after.mean == "alarm" or any(crowd.state.standing >= 0 for crowd in after.crowds)
    edge: Edge | None = None
    if busy or state.rows - after.rows >= ACCEPTANCE or (Turn.ACCEPTED in turns and not still):
        edge = "accepted"
    elif not still:
        edge = "recovered"
    if edge is None:
        return []
    if after.mean == "alarm":
        after.mean = "silent"
    finding = Finding(
        edge=edge,
        column="",
        part="model",
        detector=after.detector,
        evidence=0.0,
        threshold=0.0,
        at=state.at,
        onset=after.alarm.since if after.alarm else state.at,
        n=state.rows - after.rows,
        change="one of them has an alarm of its own" if busy else "they have stayed where they are",
        reference_n=after.rows,
        version=state.version,
        alarm=after.alarm,
    )
    after.alarm, after.detector, after.rows, after.told = None, "", 0, ""
    return [finding]
