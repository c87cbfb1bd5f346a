"""Any detectors on one table: everything between reading the file and printing what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from detectors.watch.state import WatchState
from stream.evaluate.calibration import calibrated, urn_report
from stream.evaluate.contestant import Contestant
from stream.evaluate.guests import alarms, look_of, readings, unfit
from stream.evaluate.judged import Seen, judged, watch_over
from stream.evaluate.result import Alarm, Edge, Result
from stream.evaluate.score import score
from stream.evaluate.trial import Trial

STILL_LEARNING = "the urn was still learning at the end: it needs a longer reference, or more rows"

Progress = Callable[[str, int], object]  # is told what is at work, and how many rows it has seen


def evaluate(
    trial: Trial,
    contestants: Sequence[Contestant],
    calibrate: bool = False,
    progress: Progress = lambda name, rows: None,
    seen: Seen = lambda state, rows: None,
) -> Iterator[Result]:
    """One result for every detector and column, as they are known."""
    for contestant in contestants:
        found = (
            urn(trial, contestant, calibrate, progress, seen)
            if contestant.guest is None
            else guest(trial, contestant, calibrate, progress)
        )
        yield from (scored(trial, result) for result in found)


def urn(trial: Trial, contestant: Contestant, calibrate: bool, progress: Progress, seen: Seen) -> Iterator[Result]:
    """The urn on all columns at once: they share the budget."""

    def told(state: WatchState, rows: int) -> None:
        seen(state, rows)
        progress(contestant.name, rows)

    watch = watch_over(trial.table, trial.reference, trial.budget, trial.independent)
    said = judged(trial.table, trial.reference, trial.size, watch, told)
    report = urn_report(trial, lambda what: progress(what, 0)) if calibrate else None
    for name, raised, since in zip(trial.table.names, said.alarms, said.watching_from, strict=True):
        yield Result(
            contestant.name,
            name,
            tuple(in_file(alarm, trial.before) for alarm in raised),
            watching_from=None if since is None else max(0, since - trial.before),
            calibrated=report,
            note="" if since is not None else STILL_LEARNING,
        )


def guest(trial: Trial, contestant: Contestant, calibrate: bool, progress: Progress) -> Iterator[Result]:
    """A guest on one column after the other."""
    notes = {column.name: unfit(contestant, column) for column in trial.table.columns}
    fit = [name for name, note in notes.items() if not note]
    setting = calibrated(trial, contestant, fit, lambda what: progress(what, 0)) if calibrate and fit else None
    for column in trial.table.columns:
        if notes[column.name]:
            yield Result(contestant.name, column.name, looked=False, note=notes[column.name])
            continue
        set_to = setting.guests[column.name] if setting else contestant.guest
        assert set_to is not None
        look = look_of(contestant, column)
        given = readings(set_to, look, column, trial.size, trial.reference)
        what = f"{contestant.name}: {column.name}"
        found = alarms(set_to, look, given, trial.reference, lambda rows, what=what: progress(what, rows))  # type: ignore[misc]
        yield Result(
            contestant.name,
            column.name,
            tuple(in_file(alarm, trial.before) for alarm in found),
            watching_from=trial.reference - trial.before,
            calibrated=setting.report[column.name] if setting else None,
        )


def scored(trial: Trial, result: Result) -> Result:
    """The result with its score, where the changes are known and the detector looked at all."""
    if trial.changes is None or not result.looked:
        return result
    return replace(result, score=score(result.notices, trial.changes[result.column]))


def in_file(alarm: Alarm, before: int) -> Alarm:
    """The alarm with rows of the file, where `before` rows of the table come before them."""
    onset = None if alarm.onset_row is None else max(0, alarm.onset_row - before)
    later = tuple(Edge(edge.edge, edge.row - before) for edge in alarm.later)
    return replace(alarm, row=alarm.row - before, onset_row=onset, later=later)
