"""Where the time of the profile worker goes, by stage: `benchmarks.ways.staged` on a topic of 20-feature events."""

from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.events import Shape
from benchmarks.place import Place
from benchmarks.turns import Turn, alternate

TAIL = 400_000


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """Medians of a few runs, the costliest stage first."""
    events, rounds = (300_000, 1) if quick else (500_000, 3)
    stretch = place.stretch("bench.stages", events // 5, events, TAIL, Shape(segments=4))
    found = alternate({"staged": Turn("staged", stretch)}, rounds, say)
    readings = found["staged"]
    if isinstance(readings, str):
        return {"rows": [{"stage": "left out", "why": readings}], "bars": []}
    whole = median(reading["cpu_us"] for reading in readings)
    plain = ("cpu_us", "events_per_second", "events")
    names = {name for reading in readings for name in reading if name not in plain and not name.startswith("in ")}
    spent = {name: median(reading.get(name, 0.0) for reading in readings) for name in names}
    rows = [
        {"stage": name, "us per event": round(us, 3), "share": f"{us / whole:.0%}"}
        for name, us in sorted(spent.items(), key=lambda item: -item[1])
    ]
    rows.append({"stage": "all", "us per event": round(whole, 3), "share": "100%"})
    return {"rows": rows, "bars": [], "readings": readings}
