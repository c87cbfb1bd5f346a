"""The urn on a table: its panes through the judge's own fold, and the findings of the fold as alarms with rows.

What cannot happen in a file takes no share of the budget: volume, for rows have no time; values of a wrong type, for a
column has one kind; and missing values, where no column has any.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from detectors.urn import Phase
from detectors.watch.finding import Finding, Part
from detectors.watch.fold import Watch
from detectors.watch.naming import effect_of
from detectors.watch.state import WatchState
from stream.evaluate.panes import Panes, name_of
from stream.evaluate.result import Alarm, Edge
from stream.evaluate.trial import Trial

NEVER_MS = 10**15  # rows have no time: nothing is late or silent, and no bucket of time ends
LEAST_PANES = 64  # what the urn wants to see of a reference before it trusts it: a short one comes in smaller panes
BURN_IN = 500  # rows, as the judge's default; of a short reference half

Seen = Callable[[WatchState, int], object]  # is told the state after each pane, and how many rows were judged


def unseen(state: WatchState, rows: int) -> None:
    """Nobody looks."""


@dataclass(frozen=True)
class Judged:
    """What the judge said of every column, by its place, and of all columns together. Rows are those of the table."""

    alarms: tuple[tuple[Alarm, ...], ...]
    together: tuple[Alarm, ...]
    watching_from: tuple[int | None, ...]
    worth: tuple[float, ...]  # how many independent rows those seen of each column count for, as far as is known


def watch_over(trial: Trial) -> Watch:
    """The judge's watch, as it is set for a trial."""
    parts: list[Part] = ["values"]
    if any(column.nulls.any() for column in trial.table.columns):
        parts.append("nulls")
    if trial.together:
        parts.append("model")
    return Watch(
        budget=trial.budget,
        reference=trial.reference,
        burn_in=min(BURN_IN, trial.reference // 2),
        independent=trial.independent,
        segments=False,
        bucket_ms=NEVER_MS,
        lagging_ms=NEVER_MS,
        silence_ms=NEVER_MS,
        heartbeat_ms=NEVER_MS,
        parts=tuple(parts),
    )


def judged(trial: Trial, seen: Seen = unseen) -> Judged:
    """Judge a table whose first rows are without change."""
    watch, panes = watch_over(trial), Panes(trial.table, trial.size)
    state, together = watch.start(), list[Alarm]()
    alarms: list[list[Alarm]] = [[] for _ in trial.table.columns]
    since: list[int | None] = [None for _ in trial.table.columns]
    learning = min(trial.size, max(1, (trial.reference - watch.burn_in) // LEAST_PANES))
    learning = -(-trial.reference // max(1, trial.reference // learning))  # alike, or the last would wait for more
    for first, end, rows in ((0, trial.reference, learning), (trial.reference, len(trial.table), trial.size)):
        for pane in panes.of(first, end, rows):
            state, news = watch.step(state, pane)
            for binning in news.binnings:
                panes.learn(binning)
            last = panes.row(pane.until)
            for finding in news.findings:
                whose = alarms[place_of(finding.column)] if finding.column else together
                began = max(0, panes.row(finding.onset))
                enter(whose, finding, last, (began, max(began, panes.row(finding.onset_until) - 1)))
            if None in since:
                learnt(since, state, last + 1)
            seen(state, last + 1)
    worth = tuple(worth_of(state, name_of(at)) for at in range(len(alarms)))
    return Judged(tuple(map(tuple, alarms)), tuple(together), tuple(since), worth)


def enter(alarms: list[Alarm], finding: Finding, row: int, onset: tuple[int, int]) -> None:
    """A finding is a new alarm, or a later edge of the last one on the same part of the column. `onset`: the first and
    the last row of the pane in which it began."""
    if finding.edge == "firing":
        alarms.append(Alarm(row, *onset, finding.evidence, finding.threshold, effect_of(finding), finding.part))
        return
    at = max(at for at, alarm in enumerate(alarms) if alarm.part == finding.part)
    alarms[at] = replace(alarms[at], later=(*alarms[at].later, Edge(finding.edge, row)))


def learnt(since: list[int | None], state: WatchState, row: int) -> None:
    """Note which columns have begun to be watched: alarms can come from this row on."""
    for at, known in enumerate(since):
        track = state.tracks.get(name_of(at))
        if known is None and track is not None and state.phase(track) != Phase.LEARNING:
            since[at] = row


def worth_of(state: WatchState, name: str) -> float:
    """How many independent rows those that were seen of a column count for; 0 if it has no bins yet."""
    track = state.tracks.get(name)
    if track is None or "values" not in track.rows:
        return 0.0
    bank, row = state.place(track, "values")
    return float(bank.events[row] / bank.factor[row].max())


def place_of(name: str) -> int:
    """The reverse of `name_of`."""
    return int(name.rpartition(":")[2])
