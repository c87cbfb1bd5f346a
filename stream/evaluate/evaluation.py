"""Any detectors on one table: everything between reading the file and printing what came of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from detectors.binning import FEW, universal
from detectors.dependence import HEALTH_FROM
from detectors.urn import Urns
from detectors.watch.state import WatchState
from stream.evaluate.calibration import calibrated, judge_report
from stream.evaluate.contestant import MODEL, Contestant
from stream.evaluate.files import ALL, is_number
from stream.evaluate.guests import alarms, look_of, readings, unfit
from stream.evaluate.judged import Judged, Seen, judged, unseen
from stream.evaluate.result import Alarm, Calibrated, Edge, Result
from stream.evaluate.score import score
from stream.evaluate.table import Column
from stream.evaluate.trial import Trial

TOO_FINE = (
    "half of its values lie within a thousandth of each other, and numbers are counted no more finely: smaller changes "
    "are not seen unless what they have in common is taken off"
)
STILL_LEARNING = "still learning at the end: a longer reference is needed, or more rows"
ALL_UNLIKE = (
    "few of its texts come twice, as of ids, dates, or numbers with a decimal comma: such texts are not compared, only "
    "counted in groups by hash"
)
NO_VALUE = "it has no value: there is nothing to judge"
TOO_LIKE = float(HEALTH_FROM[-1])  # rows that count for one: beyond it a stream is too dependent to judge
LATE = 0.2  # of the reference: what is watched so much later than it ends has a note
ONE_VALUE = 0.25  # a share of the rows from which on a column has a value that repeats: of that, nothing is lost

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
    told = zip(trial.table.names, said.alarms, said.watching_from, said.worth, strict=True)
    for name, raised, since, worth in told:
        yield Result(
            Urns.kind,
            name,
            tuple(in_file(alarm, trial.before) for alarm in raised),
            watching_from=None if since is None else max(0, since - trial.before),
            calibrated=report,
            note=note_of(trial.table[name], since is not None, worth) or late(trial, since),
        )


def note_of(column: Column, watched: bool, worth: float) -> str:
    """What is to be known of a column that was not judged, or hardly. `worth` is how many independent rows it has."""
    rows = int((~column.nulls).sum())
    if not rows:
        return NO_VALUE
    if not watched and 0 < worth <= rows / TOO_LIKE:
        return (
            "not judged: each row is so much like those before it, as in a counter, a trend or a season, that "
            f"{rows:,} are worth {max(1, round(worth)):,}; evaluate what changes from row to row instead"
        )
    if not watched:
        return STILL_LEARNING
    if column.words is not None:
        return unfit_texts(column, column.words)
    return TOO_FINE if too_fine(column) else ""


def late(trial: Trial, since: int | None) -> str:
    """That no alarm could come until long after the reference, if so it was."""
    if since is None or since <= (1 + LATE) * trial.reference:
        return ""
    return (
        f"watched from row {since - trial.before:,} only: many values are missing, or rows may depend on each other, "
        "and the reference was worth too little"
    )


def unfit_texts(column: Column, words: Sequence[str]) -> str:
    """What is to be known of texts that somebody may have meant as numbers, or that nothing can be compared with."""
    counts = np.bincount(column.values[~column.nulls], minlength=len(words))
    total = int(counts.sum())
    numeric = np.fromiter(map(is_number, words), bool, len(words))
    numbers = int(counts[numeric].sum())
    if total / 2 < numbers < total:
        other = words[int(np.argmax(np.where(numeric, 0, counts)))]
        return f"judged as texts, though {numbers:,} of its {total:,} values are numbers: one that is none is {other!r}"
    return ALL_UNLIKE if np.count_nonzero(counts) > total / 2 else ""


def too_fine(column: Column) -> bool:
    """Whether half of its numbers, though all are different, are counted as one or two: they have more digits in common
    than bins tell apart (`detectors.binning`).
    """
    values, counts = np.unique(column.values[~column.nulls], return_counts=True)
    if len(values) <= FEW or counts.max() > ONE_VALUE * counts.sum():
        return False
    low, high = universal(np.quantile(column.values[~column.nulls], [0.25, 0.75]))
    return bool(high - low <= 1)


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
    onset, until = (None if row is None else max(0, row - before) for row in (alarm.onset_row, alarm.onset_until_row))
    later = tuple(Edge(edge.edge, edge.row - before) for edge in alarm.later)
    return replace(alarm, row=alarm.row - before, onset_row=onset, onset_until_row=until, later=later)
