"""Is the budget kept where events depend on each other, and what does that cost?

Autoregressive streams (phi .2, .5, .8), and entities that come back: each has one value and 5 to 20 events, next to
each other or ten of them interleaved. A = 1e4, references of 1,000 events (the judge learns for longer if it needs to
know the dependence), panes of 1, 20 and 200. The bar is for the shipped default; `urn, independent` is told that
events are independent, which is not so, and shows what learning the dependence is for.

Delays: +.5 standard deviations, panes of 1, 20 and 200; the limit counts what an event tells given those before it.

Scale 1: 500 runs and 2e6 events a cell; about 5 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality import streams
from benchmarks.quality.changes import autoregressive_shift
from benchmarks.quality.delay import PANES, SETTINGS, Case, compare, runs_at
from benchmarks.quality.nulls import null, opponent_null
from benchmarks.quality.opponents import ADWINS, OF_NUMBERS, at_scale, defaults
from benchmarks.quality.record import NAN, Record, Task
from detectors.alternatives import NUMBERS

TITLE = "Dependent events"
ROW = "Q9"
REFERENCE, THRESHOLD, SHIFT = 1000, 1e4, 0.5
NULLS = {
    "autoregressive .2": streams.autoregressive(0.2),
    "autoregressive .5": streams.autoregressive(0.5),
    "autoregressive .8": streams.autoregressive(0.8),
    "entities, adjacent": streams.entities(1),
    "entities, 10 interleaved": streams.entities(10),
}
BARS = {0.2: 95.0, 0.5: 150.0, 0.8: 400.0}
OPPONENT_EVENTS = 400_000

LOSSES: dict[str, str] = {}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each cell of the budget, one for each delay."""
    quick = scale < 0.05
    cells = [
        {"stream": stream, "pane": pane, "setting": setting}
        for stream in NULLS
        for pane in PANES
        for setting in SETTINGS
    ]
    found = [Task(ROW, f"autoregressive {phi:g}, delay", shifted, {"phi": phi, "scale": scale}) for phi in BARS]
    found += [Task(ROW, ", ".join(map(str, cell.values())), kept, {**cell, "scale": scale}) for cell in cells]
    if not quick:
        found += [Task(ROW, f"{stream}, others", others, {"stream": stream, "scale": scale}) for stream in NULLS]
    return found


def kept(stream: str, pane: int, setting: str, scale: float) -> list[Record]:
    """Return the alarms over the budget; no bar where dependent events are declared independent."""
    seed = (list(NULLS).index(stream), pane)
    bar, note = (NAN, "declared independent, wrongly") if SETTINGS[setting] else (1.0, "")
    return null(ROW, stream, NUMBERS, NULLS[stream], setting, pane, REFERENCE, THRESHOLD, scale, seed, bar, note)


def shifted(phi: float, scale: float) -> list[Record]:
    """Return the delays."""
    bars = (("urn", BARS[phi]),)
    seed = (100 + int(10 * phi),)
    case = Case(ROW, autoregressive_shift(phi, SHIFT), REFERENCE, THRESHOLD, runs_at(scale), seed, bars)
    return compare(case, opponents=at_scale(ADWINS, scale))


def others(stream: str, scale: float) -> list[Record]:
    """Return the false alarms of what else there is, as it comes."""
    seed, records = (200 + list(NULLS).index(stream),), []
    for opponent in defaults(OF_NUMBERS):
        events = int(OPPONENT_EVENTS * min(1.0, 4 * scale)) // opponent.slowness
        records += opponent_null(ROW, stream, NULLS[stream], opponent, events, THRESHOLD, seed)
    return records
