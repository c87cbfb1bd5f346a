"""Any detectors on one table: everything between reading the file and printing what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from detectors.urn import Urns
from detectors.watch.state import WatchState
from stream.evaluate.calibration import calibrated, judge_report
from stream.evaluate.contestant import MODEL, Contestant
from stream.evaluate.files import ALL
from stream.evaluate.guests import alarms, look_of, readings, unfit
from stream.evaluate.judged import Judged, Seen, judged, unseen
from stream.evaluate.result import Alarm, Calibrated, Edge, Result
from stream.evaluate.score import score
from stream.evaluate.trial import Trial

STILL_LEARNING = "still learning at the end: a longer reference is needed, or more rows"
NO_VALUE = "it has no value: there is nothing to judge"

Progress = Callable[[str, int], object]  # is told what is at work, and how many rows it has seen


def evaluate(
    trial: Trial,
    contestants: Sequence[Contestant],
    calibrate: bool = False,
    progress: Progress = lambda name, rows: None,
    seen: Seen = unseen,
) -> Iterator[Result]:
    """One result for every detector and column."""
    said = report = None
    if any(one.guest is None for one in contestants):
        said = judge(trial, progress, seen)
        report = judge_report(trial, lambda what: progress(what, 0)) if calibrate else None
    for contestant in contestants:
        if contestant.guest is not None:
            found = guest(trial, contestant, calibrate, progress)
        else:
            assert said is not None
            found = together(trial, said, report) if contestant.name == MODEL else urn(trial, said, report)
        yield from (scored(trial, result) for result in found)


def judge(trial: Trial, progress: Progress, seen: Seen) -> Judged:
    """The judge on all columns at once: they share the budget."""

    def told(state: WatchState, rows: int) -> None:
        seen(state, rows)
        progress("judge", rows)

    return judged(trial, told)


def urn(trial: Trial, said: Judged, report: Calibrated | None) -> Iterator[Result]:
    """What the urns said of each column."""
    for name, raised, since in zip(trial.table.names, said.alarms, said.watching_from, strict=True):
        yield Result(
            Urns.kind,
            name,
            tuple(in_file(alarm, trial.before) for alarm in raised),
            watching_from=None if since is None else max(0, since - trial.before),
            calibrated=report,
            note="" if since is not None else NO_VALUE if trial.table[name].nulls.all() else STILL_LEARNING,
        )


def together(trial: Trial, said: Judged, report: Calibrated | None) -> Iterator[Result]:
    """What all columns said together."""
    known = [since for since in said.watching_from if since is not None]
    yield Result(
        MODEL,
        ALL,
        tuple(in_file(alarm, trial.before) for alarm in said.together),
        watching_from=max(0, min(known) - trial.before) if known else None,
        calibrated=report,
        looked=len(trial.table.columns) > 1,
        note="" if len(trial.table.columns) > 1 else "there is one column, and nothing to say together",
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
    every = tuple(sorted({row for rows in trial.changes.values() for row in rows}))
    return replace(result, score=score(result.notices, trial.changes.get(result.column, every)))


def in_file(alarm: Alarm, before: int) -> Alarm:
    """The alarm with rows of the file, where `before` rows of the table come before them."""
    onset = None if alarm.onset_row is None else max(0, alarm.onset_row - before)
    later = tuple(Edge(edge.edge, edge.row - before) for edge in alarm.later)
    return replace(alarm, row=alarm.row - before, onset_row=onset, later=later)
