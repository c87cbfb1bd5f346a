"""What the shape of the events does to their cost: the number of features, of models, of segments.

Every shape has a topic of its own; the profile worker reads them in turns, some of them with the decoder in C++, too,
and some as it does after a burn-in, when a judge has published how its columns are to be counted (`burnt_in.py`).
The first events of each are not measured: a worker that meets a thousand models for the first time learns a thousand
orders of keys, once.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.bars import Bar
from benchmarks.counting import IN_CPP, TAIL, verdict
from benchmarks.events import Shape
from benchmarks.place import Place
from benchmarks.turns import Reading, Turn, alternate, median, ratio

PLAIN = "20 features"
SHAPES = {  # title: shape, and how many features' worth of an event it is: large ones are read fewer times
    PLAIN: (Shape(), 1),
    "5 features": (Shape(features=5), 1),
    "200 features": (Shape(features=200), 8),
    "10 models, the same features": (Shape(models=10), 1),
    "10 models, different features": (Shape(models=10, own_names=True), 1),
    "1,000 models, the same features": (Shape(models=1000), 1),
    "1,000 models, different features": (Shape(models=1000, own_names=True), 1),
    "100 segments": (Shape(segments=100), 1),
    "one feature in ten is left out": (Shape(absent=0.1), 1),
    "features in another order every time": (Shape(shuffled=True), 1),
}
NATIVE = (
    PLAIN,
    "10 models, different features",
    "1,000 models, the same features",
    "1,000 models, different features",
    "100 segments",
)
BURNT_IN = (PLAIN, "1,000 models, the same features")
IN_BINS = ", in bins of their own"
HOW = (IN_CPP, IN_BINS, IN_BINS + IN_CPP)
WARM = 150_000  # events before what is measured

BARS = {
    "200 features": Bar("200 features against 20", 9.0),
    "1,000 models, the same features": Bar("1,000 models with the same features against one", 1.4),
    "1,000 models, different features": Bar("1,000 models with different features each against one", 2.5),
    "100 segments": Bar("100 segments against one", 1.5),
}


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """All shapes in turns."""
    events, rounds = (150_000, 3) if quick else (300_000, 9)
    turns: dict[str, Turn] = {}
    for number, (title, (shape, size)) in enumerate(SHAPES.items()):
        begin, end, tail = WARM // size, (WARM + events) // size, TAIL // size
        turns[title] = Turn("profile", place.stretch(f"bench.shape-{number}", begin, end, tail, shape))
        say(f"topic with {title}")
    for number, title in enumerate(BURNT_IN):
        binnings = place.binnings(f"bench.binnings-{number}", SHAPES[title][0])
        turns[title + IN_BINS] = Turn("profile", replace(turns[title].stretch, binnings=binnings))
    say("binnings")
    natively = [*NATIVE, *(title + IN_BINS for title in BURNT_IN)]
    turns |= {title + IN_CPP: Turn("profile", replace(turns[title].stretch, native=True)) for title in natively}
    found = alternate(turns, rounds, say)
    rows = [row(title, readings, found[plain_for(title)]) for title, readings in found.items()]
    verdicts = []
    for title, bar in BARS.items():
        verdicts.append(verdict(bar, found[title], found[PLAIN]))
        for how in HOW:
            if title + how in found:
                alike = replace(bar, what=f"the same, both{how.removeprefix(',')}")
                verdicts.append(verdict(alike, found[title + how], found[PLAIN + how]))
    return {"rows": rows, "bars": verdicts, "readings": found, "events": events, "rounds": rounds}


def plain_for(title: str) -> str:
    """Plain events, counted alike."""
    return PLAIN + max((how for how in HOW if title.endswith(how)), key=len, default="")


def row(title: str, readings: list[Reading] | str, plain: list[Reading] | str) -> dict[str, Any]:
    """Medians, and the ratio to plain events; or why there are none."""
    if isinstance(readings, str) or isinstance(plain, str):
        return {"events": title, "us per event": None, "x": None, "events/s": None, "left out": str(readings)}
    return {
        "events": title,
        "us per event": round(median(readings, "cpu_us"), 2),
        "x": str(ratio(readings, plain)),
        "events/s": round(median(readings, "events_per_second")),
        "left out": "",
    }
