"""Is the budget kept where events depend on each other, and what does that cost?

Autoregressive streams (phi .2, .5, .8); entities that come back: each has one value and 5 to 20 events, next to each
other or ten of them interleaved; volatility that comes in clusters (GARCH .15, .8); nulls, categories and extremes that
come in runs, rare bursts among them. A = 1e4, references of 1,000 events (the judge learns for longer if it needs to
know the dependence), panes of 1, 20 and 200. The bar is for the shipped default; `urn, independent` is told that events
are independent, which is not so, and shows what learning the dependence is for.

Delays: +.5 standard deviations, panes of 1, 20 and 200; the limit counts what an event tells given those before it.

Scale 1: 500 runs and 2e6 events a cell; about 8 minutes on two cores.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.quality import streams
from benchmarks.quality.changes import autoregressive_shift
from benchmarks.quality.delay import PANES, SETTINGS, Case, compare, runs_at
from benchmarks.quality.nulls import null, opponent_null
from benchmarks.quality.opponents import ADWINS, OF_NUMBERS, at_scale, defaults
from benchmarks.quality.record import NAN, Record, Task
from detectors.alternatives import CATEGORIES, NUMBERS, RATES

TITLE = "Dependent events"
ROW = "Q9"
REFERENCE, THRESHOLD, SHIFT = 1000, 1e4, 0.5
NULLS = {
    "autoregressive .2": streams.autoregressive(0.2),
    "autoregressive .5": streams.autoregressive(0.5),
    "autoregressive .8": streams.autoregressive(0.8),
    "entities, adjacent": streams.entities(1),
    "entities, 10 interleaved": streams.entities(10),
    "volatility in clusters": streams.clustered(0.15, 0.8),
}
RUNS = {
    "nulls 5 % in runs of 2": (RATES, streams.sticky((0.05, 0.95), 0.5)),
    "nulls .2 % in runs of 10": (RATES, streams.sticky((0.002, 0.998), 0.9)),
    "10 categories in runs of 2": (CATEGORIES, streams.sticky(streams.ZIPF, 0.5)),
    "spikes 1 % in runs of 4": (NUMBERS, streams.bursts(0.01, 0.75)),
}
ALL = {**{name: (NUMBERS, stream) for name, stream in NULLS.items()}, **RUNS}
BARS = {0.2: 95.0, 0.5: 150.0, 0.8: 400.0}
OPPONENT_EVENTS = 400_000

BURSTS = (
    "A reference of 1,000 rows has seen one such burst or none. The first one after learning is what a null spike "
    "looks like, and in the events that are watched here five runs of six meet their first: that is most of the budget "
    "already. An alarm that is dismissed makes its column less easily alarmed until more is known, so a burst raises "
    "one and not three, and most later ones none. To wait for a second burst before the first is believed would make "
    "every null spike of a clean column that much later. A longer reference helps."
)
SPIKES = (
    "The factors are right for the scores that are kept, about two here. The bets that win, scale x2 and location +2 "
    "standard deviations, see little but the extremes, whose runs of four make them more dependent than that. In "
    "panes of 200 the runs are whole, and nothing is overspent. A factor of three would keep the budget, but the two "
    "bursts that a reference has do not tell so much: what would hear it from them hears it from every tenth "
    "independent stream, too, which would then take half as long again."
)
COUNTED = (
    "The effective count divides the evidence by the variance factor, so a factor of 3 takes 3 times the events. Told "
    "the true factors, 1.5, 3 and 9, the urn needs 100, 182 and 422 events on average (150 runs of other seeds): to "
    "learn them costs up to a tenth of the delay. One that takes residuals of the right autoregression, from "
    "a reference of 5,000 events, needs 90, 167 and 409; panes of counts have none. A pane of 200 events is weighed as "
    "a whole, and looked at where it ends: at a factor of 9 it is worth 22."
)
LOSSES: dict[str, str] = {
    "nulls .2 % in runs of 10": BURSTS,
    "spikes 1 % in runs of 4": SPIKES,
    "autoregressive 0.2, mean +0.5 sd": COUNTED,
    "autoregressive 0.5, mean +0.5 sd": COUNTED,
    "autoregressive 0.8, mean +0.5 sd": COUNTED,
}


def tasks(scale: float, data: Path | None) -> list[Task]:
    """One for each cell of the budget, one for each delay."""
    quick = scale < 0.05
    cells = [
        {"stream": stream, "pane": pane, "setting": setting} for stream in ALL for pane in PANES for setting in SETTINGS
    ]
    found = [Task(ROW, f"autoregressive {phi:g}, delay", shifted, {"phi": phi, "scale": scale}) for phi in BARS]
    found += [Task(ROW, ", ".join(map(str, cell.values())), kept, {**cell, "scale": scale}) for cell in cells]
    if not quick:
        found += [Task(ROW, f"{stream}, others", others, {"stream": stream, "scale": scale}) for stream in NULLS]
    return found


def kept(stream: str, pane: int, setting: str, scale: float) -> list[Record]:
    """Return the alarms over the budget; no bar where dependent events are declared independent."""
    (law, drawn), seed = ALL[stream], (list(ALL).index(stream), pane)
    bar, note = (NAN, "declared independent, wrongly") if SETTINGS[setting] else (1.0, "")
    return null(ROW, stream, law, drawn, setting, pane, REFERENCE, THRESHOLD, scale, seed, bar, note)


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
