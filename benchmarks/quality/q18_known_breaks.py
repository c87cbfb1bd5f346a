"""Real tables with known breaks: is each one found, in order, and is there quiet where nothing happens?

    elec2          `transfer` and `vicprice` are constant until row 17,424 and dependent, seasonal prices afterwards.
                   Wanted: an alarm within 336 rows (a week) after it, and at most 10 alarms in all 45,312 rows.
                   Rows as they are, panes of 1 and of 48 (a day), A = 1e6, reference 5,000; ADWIN row by row.
    gas_drift      five batches of a sensor array over 36 months, 128 columns, rows shuffled within each batch; panes
                   of 10, batch 1 (445 rows) is the reference. Wanted: something is said in every later batch.
                   Control: all batches shuffled together.
    employment_ma  a census, rows shuffled within each year; 17 columns and the errors of a model; panes of 100.
                   Wanted: the first half of 2015 is the reference, the second is quiet within the budget, and
                   something is said in each of 2016, 2017 and 2018.

"Something" is an alarm, or an alarm that moved, in any column; nobody accepts anything by hand. A = 1e6 for each
column. The shuffled tables are run with several seeds. About 4 minutes at scale 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import readers
from benchmarks.quality.intervals import mean_of, rate_of
from benchmarks.quality.readers import Table
from benchmarks.quality.record import DELAY, NAN, SPENT, Record, Task, absent, seeded
from benchmarks.quality.streams import Values
from detectors import binning
from detectors.alternatives import CATEGORIES, NUMBERS, RATES_UP, Law
from detectors.urn import Turn, Urns

TITLE = "Known breaks in real tables: Elec2, gas sensors, employment"
ROW = "Q18"
THRESHOLD = 1e6
SETTINGS = {"urn": False, "urn, independent": True}
BURN_IN = 500

BREAK, WEEK, MOST_ALARMS = 17_424, 336, 10
ROWS = 45_312  # the delay counts to the end where the break is not found
ELEC2_PANES, ELEC2_REFERENCE = (1, 48), 5000
GAS_PANE, GAS_BURN_IN, GAS_REFERENCE = 10, 200, 400
YEAR_PANE, YEAR_REFERENCE = 100, 5000
SEEDS = 5
IDENTITY = ("id", "year", "prediction", "employed")  # columns that are not watched
ALARMS, MISSED = "alarms", "breaks not found"

DEPENDENT = (
    "The break is found within the pane. The alarms after it come from what follows: two columns that were "
    "constant turn into prices and flows with a daily season and hours of dependence. Declared independent, every "
    "stretch of it is a change. As shipped, the urn has learnt from the constant that its events are independent, "
    "accepts the new law after 10,000 rows, and has to unlearn the independence while it watches, half as much "
    "again with every alarm."
)
LIMIT = (
    "The break of 2016 (ANC was recoded) is found and named. What is different in 2017 and 2018 are shifts of "
    "some .03 standard deviations and of single per cents of a category. Evidence saturates at the size of the "
    "reference times the divergence, and an urn holds 20,000 events so that slow drift does not become an alarm: "
    "that is some 9 nats of such a shift, and A = 1e6 asks for 14. With that limit lifted, something is found in "
    "every year, 3,000 to 15,000 rows into it. A shift so small is for a monthly report and not for an alert."
)
LOSSES: dict[str, str] = {"elec2: transfer": DEPENDENT, "elec2: vicprice": DEPENDENT, "employment_ma": LIMIT}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each table and setting."""
    seeds = SEEDS if scale >= 0.5 else 1
    makes: dict[str, Callable[..., list[Record]]] = {"elec2": elec2, "gas_drift": gas, "employment_ma": employment}
    found = []
    for folder, make in makes.items():
        if data is None or not (data / folder).is_dir():
            found.append(Task(ROW, f"data absent: {folder}", absent, {"row": ROW, "where": folder}))
            continue
        settings = [*SETTINGS, "ADWIN"] if folder == "elec2" else [*SETTINGS]
        more = {} if folder == "elec2" else {"seeds": seeds}
        found += [Task(ROW, f"{folder}, {one}", make, {"data": data, "setting": one, **more}) for one in settings]
    return found


# -- watching a table --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What was said of the columns of one kind: by pane and column, a `Turn`."""

    turns: NDArray[np.uint8]
    columns: tuple[str, ...]

    def something(self) -> NDArray[np.bool_]:
        """Return in which panes there was something to say."""
        return np.asarray(np.isin(self.turns, (Turn.ALARM, Turn.MOVED)).any(axis=1))

    def alarms(self) -> NDArray[np.int64]:
        """Return the number of alarms in each pane."""
        return np.asarray((self.turns == Turn.ALARM).sum(axis=1), np.int64)


def watched(table: Table, urns: Urns, pane: int, burn_in: int) -> Said:
    """Return what urns say of the columns of a table, all of one kind, from the burn-in on."""
    binned = [bins_of(values, urns.law, burn_in) for values in table.values()]
    widest = max(bins for _, bins in binned)
    rows = np.stack([row for row, _ in binned])
    first = counted(rows[:, :burn_in], widest)
    bank = urns.add(urns.start(), [row[:bins] for row, (_, bins) in zip(first, binned, strict=True)])
    said = []
    for start in range(burn_in, rows.shape[1] - pane + 1, pane):
        bank, verdicts = urns.step(bank, counted(rows[:, start : start + pane], widest), THRESHOLD)
        said.append(verdicts.turn)
    return Said(np.array(said), tuple(table))


def bins_of(values: Values, law: Law, burn_in: int) -> tuple[NDArray[np.int64], int]:
    """Return the bin of every value, and how many bins there are. A rate's values are True for a hit."""
    if law is RATES_UP:
        return np.where(values, 0, 1), 2
    if law is NUMBERS:
        buckets = binning.universal(values)
        edges = binning.derive(*np.unique(buckets[:burn_in], return_counts=True))
        return np.searchsorted(edges, buckets, side="right"), len(edges) + 1
    names, counts = np.unique(values[:burn_in].astype(str), return_counts=True)
    own = binning.derive_categories(dict(zip(names.tolist(), counts.tolist(), strict=True)))
    kinds, codes = np.unique(values.astype(str), return_inverse=True)
    return np.array([own.of(name) for name in kinds.tolist()])[codes], own.bins


def counted(bins: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return how often each bin occurs in each column, [columns, width]."""
    flat = bins + width * np.arange(len(bins))[:, None]
    return np.bincount(flat.ravel(), minlength=width * len(bins)).reshape(len(bins), width)


def shuffled(sizes: Sequence[int], *seed: int) -> NDArray[np.intp]:
    """Return the order of rows that are shuffled within blocks of these sizes.

    >>> sorted(shuffled([2, 3], 1)[:2].tolist())
    [0, 1]
    """
    random, starts = seeded(ROW, *seed), np.cumsum([0, *sizes[:-1]])
    return np.concatenate(
        [start + random.permutation(size) for start, size in zip(starts.tolist(), sizes, strict=True)]
    )


# -- Elec2 -------------------------------------------------------------------------------------------------------------


def elec2(data: Path, setting: str) -> list[Record]:
    """Return when the break was found, and all alarms."""
    table = readers.elec2(data) or {}
    records = []
    for name in ("transfer", "vicprice"):
        if setting == "ADWIN":
            records += elec2_records(name, setting, 1, adwin(table[name]), 0)
            continue
        for pane in ELEC2_PANES:
            urns = Urns(NUMBERS, float(ELEC2_REFERENCE), SETTINGS[setting])
            said = watched({name: table[name]}, urns, pane, BURN_IN)
            alarms = BURN_IN + pane * (1 + np.flatnonzero(said.alarms()))
            records += elec2_records(name, setting, pane, alarms, int((said.turns == Turn.MOVED).sum()))
    return records


def elec2_records(name: str, detector: str, pane: int, alarms: NDArray[np.intp], moved: int) -> list[Record]:
    """Return the two records of one column; `alarms` are rows, the last of the pane included."""
    ours = detector.startswith("urn")
    later = alarms[alarms > BREAK]
    note = f"{int((alarms <= BREAK).sum())} alarms before the break" + (f"; {moved} updates" if ours else "")
    reference, threshold = (ELEC2_REFERENCE, THRESHOLD) if ours else (0, NAN)
    shared = (ROW, f"elec2: {name}", detector, pane, reference, threshold)
    delay = float(later[0] - BREAK) if later.size else float(ROWS - BREAK)
    return [
        Record(*shared, DELAY, delay, missed=float(not later.size), n=1, bar=WEEK if ours else NAN),
        Record(*shared, ALARMS, float(len(alarms)), n=1, bar=MOST_ALARMS if ours else NAN, note=note),
    ]


def adwin(values: Values) -> NDArray[np.intp]:
    """Return the rows at which River's ADWIN alarms, at its default."""
    from river.drift import ADWIN

    detector, rows = ADWIN(), []
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if detector.drift_detected:
            rows.append(row + 1)
    return np.array(rows, np.intp)


# -- gas sensors -------------------------------------------------------------------------------------------------------


def gas(data: Path, setting: str, seeds: int) -> list[Record]:
    """Return in which batches something was said, and the alarms if the batches are mixed."""
    batches = readers.gas(data) or []
    values, sizes = np.concatenate([x for _, x in batches]), [len(x) for _, x in batches]
    urns = Urns(NUMBERS, float(GAS_REFERENCE), SETTINGS[setting])
    found, control = [], []
    for seed in range(seeds):
        ordered = values[shuffled(sizes, 1, seed)]
        mixed = values[shuffled([sum(sizes)], 2, seed)]
        said = watched(named(ordered), urns, GAS_PANE, GAS_BURN_IN)
        found.append(first_said([said], GAS_BURN_IN, GAS_PANE, np.cumsum(sizes).tolist()))
        control.append(int(watched(named(mixed), urns, GAS_PANE, GAS_BURN_IN).alarms().sum()))
    allowed = (sum(sizes) - GAS_REFERENCE) * values.shape[1] / THRESHOLD
    breaks = [f"batch {number}" for number in range(2, len(sizes) + 1)]
    shape = ("gas_drift", setting, GAS_PANE, GAS_REFERENCE)
    return told(*shape, breaks, found) + quiet("gas_drift, batches mixed", *shape[1:], control, allowed)


def named(values: Values) -> Table:
    return {str(column): values[:, column] for column in range(values.shape[1])}


# -- employment --------------------------------------------------------------------------------------------------------


def employment(data: Path, setting: str, seeds: int) -> list[Record]:
    """Return in which years something was said, and the alarms in the second half of 2015."""
    both = readers.employment(data)
    if both is None:
        return absent(ROW, "employment_ma")
    table = {name: np.concatenate([both[0][name], both[1][name]]) for name in both[0]}
    _, sizes = np.unique(table["year"], return_counts=True)
    half = int(sizes[0]) // 2
    found, control = [], []
    for seed in range(seeds):
        order = shuffled(sizes.tolist(), 3, seed)
        said = [
            watched(part, Urns(law, float(YEAR_REFERENCE), SETTINGS[setting]), YEAR_PANE, BURN_IN)
            for law, part in kinds({name: values[order] for name, values in table.items()})
        ]
        found.append(first_said(said, BURN_IN, YEAR_PANE, np.cumsum(sizes).tolist()))
        until = (int(sizes[0]) - BURN_IN) // YEAR_PANE
        control.append(sum(int(one.alarms()[(half - BURN_IN) // YEAR_PANE : until].sum()) for one in said))
    columns = sum(len(one.columns) for one in said)
    shape = ("employment_ma", setting, YEAR_PANE, YEAR_REFERENCE)
    allowed = (int(sizes[0]) - half) * columns / THRESHOLD
    return told(*shape, ["2016", "2017", "2018"], found) + quiet(
        "employment_ma, second half of 2015", *shape[1:], control, allowed
    )


def kinds(table: Table) -> list[tuple[Law, Table]]:
    """Return the columns by the law they are judged by."""
    watch = {name: values for name, values in table.items() if name not in IDENTITY}
    texts = {name: values for name, values in watch.items() if values.dtype == object}
    numbers = {name: values for name, values in watch.items() if name not in texts}
    wrong = {"errors": table["prediction"] != table["employed"]}
    return [(NUMBERS, numbers), (CATEGORIES, texts), (RATES_UP, wrong)]


# -- breaks that are found ---------------------------------------------------------------------------------------------


def first_said(said: Sequence[Said], burn_in: int, pane: int, borders: Sequence[int]) -> list[tuple[float, str]]:
    """Return, for each part after the first, the rows until something was said, and in which column; nan if nothing.

    `borders` are the ends of the parts.
    """
    found = []
    ends = burn_in + pane * (1 + np.arange(len(said[0].turns)))
    for start, end in pairwise(borders):
        inside = (ends - pane >= start) & (ends <= end)
        at = np.flatnonzero(inside & np.any([one.something() for one in said], axis=0))
        if not at.size:
            found.append((NAN, "nothing"))
            continue
        first = [
            name
            for one in said
            for name, turn in zip(one.columns, one.turns[at[0]].tolist(), strict=True)
            if turn in (Turn.ALARM, Turn.MOVED)
        ]
        found.append((float(ends[at[0]] - start), first[0] if len(first) == 1 else f"{len(first)} columns"))
    return found


def told(
    case: str, setting: str, pane: int, reference: int, breaks: list[str], found: list[list[tuple[float, str]]]
) -> list[Record]:
    """Return how soon each break was found, over the seeds, and how many were not."""
    records = []
    for number, name in enumerate(breaks):
        delays = np.array([one[number][0] for one in found])
        mean, low, high = mean_of(delays[~np.isnan(delays)])
        records.append(
            Record(
                ROW, f"{case}: {name}", setting, pane, reference, THRESHOLD, DELAY, mean, low, high,
                missed=float(np.isnan(delays).mean()), n=len(delays),
                note="first: " + ", ".join(one[number][1] for one in found),
            )
        )  # fmt: skip
    missed = sum(np.isnan(delay) for one in found for delay, _ in one)
    total = len(found) * len(breaks)
    return [*records, Record(ROW, case, setting, pane, reference, THRESHOLD, MISSED, float(missed), n=total, bar=0.0)]


def quiet(case: str, setting: str, pane: int, reference: int, alarms: list[int], allowed: float) -> list[Record]:
    """Return the alarms where nothing happens, over the budget."""
    value, low, high = rate_of(np.array(alarms, np.int64), allowed * len(alarms))
    return [Record(ROW, case, setting, pane, reference, THRESHOLD, SPENT, value, low, high, n=len(alarms), bar=1.0)]
