"""Labels that come late, and those that have not come yet: are changes seen, and is nothing seen where nothing is?

**By age.** A prediction a second, one in ten positive; 5 % are wrong, of the positive ones 30 %. Labels come after
an exponential delay of 0, 1,000 or 10,000 events on average, those of positives ten times as late as the others. The
traffic begins with the stream, so first only quick labels come: the rate of errors among arriving labels climbs for
five mean delays, though nothing changes. Labels are judged in the order of arrival, by urns that share one evidence
over all ages of labels (`detectors/label_age.py`), and by one urn for all of them, A = 1e4. Null: alarms over the
budget, each dismissed as false. Delay: from the change, at the event, to the arrival of the label that alarms; the
errors of both classes become 1.6 or 2 times as many (5 % to 8 % and 10 %). Bars: the mean delay of the labels of the
case, and Q7's; the default setting 1.3 times Q7's.

**Before labels.** Expected accuracy (`detectors/expected_quality.py`) against the truth over windows of 2,000 rows, of
an overconfident model whose scores were calibrated on 10,000 labels: scores redrawn from random Beta laws (covariate
shift), and labels that come to mean the reverse on a share of the rows (concept drift, which it cannot see: its error
is the drift). Public: the census of Massachusetts, calibrated on 2015, by year; the model's own probabilities.

Scale 1: 200 runs at panes of 20 and 200, 40 at pane 1; about 20 minutes on two cores.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.intervals import mean_of, rate_of
from benchmarks.quality.readers import employment
from benchmarks.quality.record import DELAY, SPENT, Record, Task, absent, seeded
from detectors.alternatives import RATES_UP
from detectors.expected_quality import BINS, ExpectedQuality, Scored, binned, calibrated, estimate
from detectors.label_age import AgeState, LabelAge
from detectors.urn import Bank, Turn, Urns

TITLE = "Delayed labels, and none"
ROW = "Q19"
THRESHOLD = 1e4
REFERENCE = 5_000  # labels that one urn for all learns from; of each age, a tenth
LATE = (0, 1_000, 10_000)  # mean delay of a label, in events
POSITIVE, WRONG, WRONG_POSITIVE, LATER = 0.1, 0.05, 0.3, 10.0
CHANGES = ((1.6, "5 % to 8 %", 430.0), (2.0, "5 % to 10 %", 210.0))
ALLOWANCE = 1.3
HORIZON, QUIET = 20_000, 1_000
NULL = 50_000  # labels of a null run
SECOND = 1_000  # ms between two predictions
LEARNING_PANE = 50
RUNS, RUNS_ALONE, LEAST_RUNS = 200, 40, 8
WINDOW, WINDOWS, LABELS = 2_000, 200, 10_000
ERROR = "mean absolute error"

AT_ONCE = (
    "Labels that come at once are all of one age, and this is Q7, whose bars it has. But what urns by label age would "
    "win beyond an alarm is staked, as that of other rates is not, and a pane's end is waited for. With so few runs "
    "most of it cannot be told from reached."
)
LATER_ERRORS = (
    "Three errors in five are those of positives, whose labels are ten times as late as the others and five times as "
    "late as the mean: the bar allows for the mean of all labels, but the evidence is in the errors, most of which are "
    "still to come. The quick labels alone hold two fifths of it."
)
LOSSES: dict[str, str] = {
    "errors 5 % to 8 %, labels 0 events late": AT_ONCE,
    "errors 5 % to 10 %, labels 0 events late": AT_ONCE,
    "errors 5 % to 8 %, labels 1000 events late": LATER_ERRORS,
    "errors 5 % to 10 %, labels 1000 events late": LATER_ERRORS,
}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Arrivals:
    """Labels in the order of arrival: the time they came, which is in events, the age they have, and whether wrong."""

    at: Floats
    age: Ints
    wrong: NDArray[np.bool_]

    def counts(self, first: int, last: int, ages: int) -> Ints:
        """Return the labels from `first` to `last` by age, wrong and right."""
        place = 2 * self.age[first:last] + ~self.wrong[first:last]
        return np.bincount(place, minlength=2 * ages).reshape(ages, 2)


def arrivals(random: np.random.Generator, events: int, late: int, change: int, factor: float) -> Arrivals:
    """Return the labels of so many predictions that have come by the last of them."""
    positive = random.random(events) < POSITIVE
    rest = (WRONG - POSITIVE * WRONG_POSITIVE) / (1 - POSITIVE)
    often = np.where(positive, WRONG_POSITIVE, rest) * np.where(np.arange(events) >= change, factor, 1.0)
    wrong = random.random(events) < often
    quick = late / (1 + POSITIVE * (LATER - 1))
    delay = random.exponential(1.0, events) * np.where(positive, LATER * quick, quick)
    came = np.arange(events) + delay
    order = np.argsort(came, kind="stable")
    order = order[came[order] < events]
    bounds = np.array([LabelAge().age_of(x) for x in (delay[order] * SECOND).tolist()])
    return Arrivals(came[order], bounds, wrong[order])


@dataclass
class ByAge:
    """The urns by age, as one run of them goes."""

    detector: LabelAge
    state: AgeState

    def see(self, counts: Ints, threshold: float) -> bool:
        """One pane; a false alarm is dismissed by `forget`."""
        before = self.state
        self.state, said = self.detector.step(before, counts, threshold)
        if said.drifted:
            self.state = before
        return said.drifted

    def forget(self) -> None:
        """Drop the evidence."""
        self.state = self.detector.dismiss(self.state)


@dataclass
class Together:
    """One urn for all labels, as one run of it goes."""

    detector: Urns
    state: Bank

    def see(self, counts: Ints, threshold: float) -> bool:
        """One pane; a false alarm is dismissed by `forget`."""
        self.state, said = self.detector.step(self.state, [counts.sum(axis=0)], threshold)
        return bool(said.turn[0] == Turn.ALARM)

    def forget(self) -> None:
        """Drop the alarm."""
        self.state = self.detector.dismiss(self.state, [0])


def begin(by_age: bool, independent: bool) -> ByAge | Together:
    """Return a judge that has seen nothing."""
    if by_age:
        detector = LabelAge(REFERENCE // 10, independent)
        return ByAge(detector, detector.start())
    urns = Urns(RATES_UP, float(REFERENCE), independent)
    return Together(urns, urns.add(urns.start(), [np.zeros(2, np.int64)]))


def named(by_age: bool, independent: bool) -> str:
    """Return what the report calls a judge."""
    return ("urns by label age" if by_age else "one urn for all labels") + (", independent" if independent else "")


def runs_at(scale: float, pane: int) -> int:
    """Return how many runs of a case there are."""
    return max(LEAST_RUNS, round(scale * (RUNS_ALONE if pane == 1 else RUNS)))


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each delay, pane and judge; one for each kind of estimate."""
    found = []
    for late in LATE:
        for pane in (1, 20, 200):
            if pane == 1 and late == LATE[-1]:
                continue  # a run takes a hundred thousand steps
            for by_age, independent in ((True, True), (True, False), (False, True)):
                case = {"late": late, "pane": pane, "by_age": by_age, "independent": independent, "scale": scale}
                name = f"{late} events, pane {pane}, {named(by_age, independent)}"
                found.append(Task(ROW, f"null, {name}", null, case))
                if by_age:
                    found += [Task(ROW, f"{CHANGES[i][1]}, {name}", delay, case | {"number": i}) for i in (0, 1)]
    found.append(Task(ROW, "covariate shift", covariate_shift, {"scale": scale}))
    found.append(Task(ROW, "concept drift", concept_drift, {"scale": scale}))
    found.append(Task(ROW, "census", census, {"data": data}))
    return found


def null(late: int, pane: int, by_age: bool, independent: bool, scale: float) -> list[Record]:
    """Return the alarms over the budget, the first weeks of the labels included."""
    alarms, labels = [], 0
    for run in range(max(LEAST_RUNS // 2, runs_at(scale, pane) // 4)):
        random = seeded(ROW, 0, late, run)
        stream = arrivals(random, NULL, late, NULL, 1.0)
        judge, found = begin(by_age, independent), 0
        ages = len(LabelAge().ages)
        for first in range(0, len(stream.at) - pane + 1, pane):
            if judge.see(stream.counts(first, first + pane, ages), THRESHOLD):
                judge.forget()
                found += 1
        alarms.append(found)
        labels += len(stream.at)
    value, low, high = rate_of(np.array(alarms), labels / THRESHOLD)
    return [
        Record(
            ROW, f"no change, labels {late} events late", named(by_age, independent), pane, REFERENCE, THRESHOLD, SPENT,
            value, low, high, n=labels, seeds=f"0-{late}", bar=1.0 if by_age else nan,
            note="" if by_age else "for comparison: the mix of quick and slow labels is a change to it",
        )
    ]  # fmt: skip


def delay(late: int, pane: int, by_age: bool, independent: bool, scale: float, number: int) -> list[Record]:
    """Return the delays from a change of the errors to the alarm, in events."""
    factor, words, alone = CHANGES[number]
    # The slow labels are five times as late as all: most have come. An urn learns from 24 panes and more.
    change = max(REFERENCE, 30 * pane) + QUIET + 8 * late
    events = change + late + HORIZON
    found = [
        one(seeded(ROW, 1 + number, late, run), events, late, change, factor, pane, begin(by_age, independent))
        for run in range(runs_at(scale, pane))
    ]
    delays = np.array([x for x in found if not np.isnan(x)])
    mean, low, high = mean_of(delays)
    median, p90 = np.quantile(delays, [0.5, 0.9]) if delays.size else (nan, nan)
    bar = late + alone * (1.0 if independent else ALLOWANCE) + (pane if pane > 1 else 0)
    return [
        Record(
            ROW, f"errors {words}, labels {late} events late", named(by_age, independent), pane, REFERENCE, THRESHOLD,
            DELAY, mean, low, high, float(median), float(p90), float((delays >= HORIZON + late).mean()),
            n=delays.size, seeds=f"{1 + number}-{late}", bar=bar,
        )
    ]  # fmt: skip


def one(
    random: np.random.Generator,
    events: int,
    late: int,
    change: int,
    factor: float,
    pane: int,
    judge: ByAge | Together,
) -> float:
    """Return the delay of one run: nan if an alarm came in the quiet time before the change."""
    stream, ages = arrivals(random, events, late, change, factor), len(LabelAge().ages)
    quiet = int(np.searchsorted(stream.at, change - QUIET))
    learning = pane if pane > 1 else LEARNING_PANE
    for first in range(0, quiet - learning + 1, learning):
        judge.see(stream.counts(first, first + learning, ages), 1e300)
    judge.forget()
    for first in range(quiet // learning * learning, len(stream.at) - pane + 1, pane):
        if judge.see(stream.counts(first, first + pane, ages), THRESHOLD):
            at = float(stream.at[first + pane - 1])
            return at - change if at >= change else nan
    return float(HORIZON + late)


def overconfident(scores: Floats) -> Floats:
    """Return what the scores of a model really mean that is too sure of itself."""
    return np.asarray(0.15 + 0.7 * scores)


def windows(scale: float, seed: int, turned: bool) -> tuple[Floats, Floats, Floats]:
    """Return expected accuracy less the true one, uncalibrated likewise, and whether the truth was in the band."""
    detector, found = ExpectedQuality(), []
    for window in range(max(20, round(scale * WINDOWS))):
        random = seeded(ROW, seed, window)
        known = random.beta(1, 1, LABELS)
        state = detector.count(detector.start(), labelled(known, random.random(LABELS) < overconfident(known)))
        a, b = (1.0, 1.0) if turned else random.uniform(0.5, 5, 2).tolist()
        scores = random.beta(a, b, WINDOW)
        chance = overconfident(scores)
        share = random.uniform(0.05, 0.5) if turned else 0.0  # of the rows, on which labels are the reverse
        labels = random.random(WINDOW) < np.where(random.random(WINDOW) < share, 1 - chance, chance)
        real = float(((scores >= 0.5) == labels).mean())
        said = detector.expected(state, binned(scores)).accuracy
        naive = estimate(binned(scores), calibrated(np.zeros(BINS), np.zeros(BINS))).accuracy.value
        found.append((said.value - real, naive - real, said.low <= real <= said.high))
    errors, naive_errors, inside = np.array(found, np.float64).T
    return errors, naive_errors, inside


def labelled(scores: Floats, labels: NDArray[np.bool_]) -> Scored:
    """Return rows whose labels have come."""
    return Scored(binned(scores), binned(scores[labels]).sum(axis=0), binned(scores).sum(axis=0))


def estimates(case: str, errors: Floats, detector: str, seed: int, note: str, bar: float = nan) -> Record:
    """Return how far expected accuracies are from true ones."""
    mean, low, high = mean_of(np.abs(errors))
    return Record(
        ROW, case, detector, WINDOW, LABELS, nan, ERROR, mean, low, high, float(np.median(np.abs(errors))),
        float(np.quantile(np.abs(errors), 0.9)), n=errors.size, seeds=str(seed), bar=bar, note=note,
    )  # fmt: skip


def covariate_shift(scale: float) -> list[Record]:
    """Return the error of expected accuracy where only the inputs move."""
    errors, naive, inside = windows(scale, 11, turned=False)
    note = f"truth in the 95 % band: {inside.mean():.0%}"
    case = "expected accuracy, covariate shift"
    return [
        estimates(case, errors, "expected quality", 11, note),
        estimates(case, naive, "expected quality, uncalibrated", 11, "scores taken at their word"),
    ]


def concept_drift(scale: float) -> list[Record]:
    """Return the error of expected accuracy where the labels have come to mean something else."""
    errors, _, inside = windows(scale, 12, turned=True)
    note = f"blind to this by construction; truth in the 95 % band: {inside.mean():.0%}"
    return [estimates("expected accuracy, concept drift", errors, "expected quality", 12, note)]


def census(data: Path | None) -> list[Record]:
    """Return the error of expected accuracy of a real model, by year."""
    tables = employment(data) if data is not None else None
    if tables is None:
        return absent(ROW, "employment_ma")
    year, scores, labels = (
        np.concatenate([np.asarray(table[name], np.float64) for table in tables])
        for name in ("year", "predicted_probability", "employed")
    )
    before = year == year.min()
    detector = ExpectedQuality()
    state = detector.count(detector.start(), labelled(scores[before], labels[before] > 0))
    found = []
    for one_year in sorted(set(year[~before].tolist())):
        rows = year == one_year
        said = detector.expected(state, binned(scores[rows])).accuracy
        real = float(((scores[rows] >= 0.5) == (labels[rows] > 0)).mean())
        found.append(
            Record(
                ROW, f"expected accuracy, census {one_year:.0f}", "expected quality", int(rows.sum()),
                int(before.sum()), nan, ERROR, abs(said.value - real), n=int(rows.sum()),
                note=f"expected {said.value:.4f} ({said.low:.4f} to {said.high:.4f}), true {real:.4f}",
            )
        )  # fmt: skip
    return found
