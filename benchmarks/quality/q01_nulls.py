"""Is the alert budget kept on streams without change, whatever their distribution, reference, threshold and panes?

Eight families of numbers (skewed, heavy-tailed, bounded, discrete, mixed), nulls and errors at 5 % and 1 %, and ten
categories; references of 500 and 5,000 events, thresholds 1e4 and 1e6, panes of 1, 20 and 200 events. Every alarm is
dismissed as false. The value is alarms over what the budget allows: 1 is the bar, everywhere, for the lower end of its
95 % interval. An urn that never speaks would keep it too: where streams are declared independent and panes are single
events, at least .3 of the budget is to be spent, so "budget / alarms" has a bar of 1 / .3. At A = 1e4 such cells have a
fifth of their events at least, whatever the scale; at 1e6 all of them, or there is no such bar.

Beside them the defaults of other detectors on the same families, against a budget of one alarm in 1e4 events.

Scale 1: 2e6 events a cell at A = 1e4, 2e7 at 1e6; about 65 minutes on two cores. --quick: 1e4 and 500 only.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.quality import streams
from benchmarks.quality.delay import PANES, SETTINGS
from benchmarks.quality.nulls import null, opponent_null
from benchmarks.quality.opponents import OF_ERRORS, OF_NUMBERS, defaults
from benchmarks.quality.record import Record, Task
from benchmarks.quality.streams import Stream
from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP, Law

TITLE = "Alarms without a change, over the budget"
ROW = "Q1"
LEAST_SPENT = 0.3
QUICK = 0.05  # a scale: below, budgets only
# By threshold: the scale from which on a cell also says how little is spent, and the scale it is then run at, at least.
# Runs of a few hundred events are mostly beginning, which spends nothing; and of four alarms that the budget allows
# none may come although half of it is spent.
SPEAKS = {1e4: (QUICK, 0.2), 1e6: (0.2, 1.0)}
UNSPENT = "budget / alarms"
OPPONENT_EVENTS = 400_000  # at scale 1; a fortieth of it for those that take 0.1 ms an event

FAMILIES: dict[str, tuple[Law, Stream]] = {
    "normal": (NUMBERS, streams.gaussian()),
    "Student's t, 3 degrees": (NUMBERS, streams.heavy_tailed()),
    "lognormal": (NUMBERS, streams.lognormal()),
    "Poisson, mean 3": (NUMBERS, streams.poisson(3.0)),
    "60 % zeros, lognormal": (NUMBERS, streams.zero_inflated()),
    "uniform": (NUMBERS, streams.uniform()),
    "exponential": (NUMBERS, streams.exponential()),
    "two modes": (NUMBERS, streams.bimodal()),
    "nulls 5 %": (RATES, streams.rate(0.05)),
    "nulls 1 %": (RATES, streams.rate(0.01)),
    "errors 5 %": (RATES_UP, streams.rate(0.05)),
    "10 categories": (CATEGORIES, streams.sticky(streams.ZIPF, 0.0)),
}

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each cell, and one for the others on each family."""
    quick = scale < QUICK
    cells = [
        {"family": family, "reference": reference, "threshold": threshold, "pane": pane, "setting": setting}
        for threshold in ((1e4,) if quick else (1e6, 1e4))
        for family in FAMILIES
        for reference in ((500,) if quick else (500, 5000))
        for pane in PANES
        for setting in SETTINGS
    ]
    found = [Task(ROW, ", ".join(map(str, cell.values())), cell_of, {**cell, "scale": scale}) for cell in cells]
    if not quick:
        found += [Task(ROW, f"{name}, others", others, {"family": name, "scale": scale}) for name in FAMILIES]
    return found


def cell_of(family: str, reference: int, threshold: float, pane: int, setting: str, scale: float) -> list[Record]:
    """Return one cell, and for single independent events how little of the budget is spent."""
    law, stream = FAMILIES[family]
    seed = (list(FAMILIES).index(family), reference, int(threshold), pane)
    from_scale, long_enough = SPEAKS[threshold]
    speaks = pane == 1 and SETTINGS[setting] and scale >= from_scale
    long = max(scale, long_enough) if speaks else scale
    records = null(ROW, family, law, stream, setting, pane, reference, threshold, long, seed)
    if speaks:
        one = records[0]
        spent = [1 / x if x else float("inf") for x in (one.value, one.high, one.low)]
        records.append(replace(one, measure=UNSPENT, value=spent[0], low=spent[1], high=spent[2], bar=1 / LEAST_SPENT))
    return records


def others(family: str, scale: float) -> list[Record]:
    """Return the false alarms of what else there is, as it comes."""
    law, stream = FAMILIES[family]
    if law is CATEGORIES:
        return []
    seed, records = (100 + list(FAMILIES).index(family),), []
    for opponent in defaults(OF_ERRORS if stream.bins else OF_NUMBERS):
        events = int(OPPONENT_EVENTS * min(1.0, 4 * scale)) // opponent.slowness
        records += opponent_null(ROW, family, stream, opponent, events, 1e4, seed)
    return records
