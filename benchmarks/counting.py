"""What an event costs: Leeway's profile worker, transactions and all, against merely reading the bytes, and others.

On real Apache Kafka, the same topic, in runs that take turns (`benchmarks.turns`); CPU as `benchmarks.meter` reads it.
Everyone reads the same events; slow ones fewer of them, or a run would take hours.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.bars import Bar
from benchmarks.events import Shape
from benchmarks.place import Place
from benchmarks.turns import Turn, alternate, median, ratio

TOPIC = "bench.json"
TAIL = 400_000  # events behind the end of the longest stretch: more than a client fetches ahead, and a pane


@dataclass(frozen=True)
class Way:
    """`share` of the events that it is measured on."""

    title: str
    share: float = 1.0
    guest: bool = False


WAYS = {
    "bare": Way("bare consume(500)"),
    "decoding": Way("+ orjson.loads"),
    "profile": Way("Leeway's profile worker"),
    "naive": Way("confluent-kafka + orjson + River", 0.2),
    "faust_agent": Way("Faust + River", 0.04, guest=True),
    "quix_dataframe": Way("Quix Streams + River", 0.1, guest=True),
    "bytewax_flow": Way("Bytewax + River", 0.1, guest=True),
}

BARS = {
    "bare": Bar("profile, 20-feature JSON: CPU per event against the bare loop", 4.2),
    "faust_agent": Bar("Faust + River: CPU per event against profile", 30.0, at_least=True),
    "naive": Bar("confluent-kafka + orjson + River: CPU per event against profile", 3.0, at_least=True),
}


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """All ways in turns."""
    events, rounds = (300_000, 3) if quick else (1_000_000, 5)
    shape = Shape(segments=4)
    begin = events // 5
    whole = place.stretch(TOPIC, begin, begin + events, TAIL, shape)
    turns = {}
    for name, way in WAYS.items():
        first = round(begin * way.share)
        turns[name] = Turn(name, replace(whole, begin=first, end=first + round(events * way.share)), way.guest)
    found = alternate(turns, rounds, say)
    read = {name: readings for name, readings in found.items() if not isinstance(readings, str)}
    rows = []
    for name, way in WAYS.items():
        if name not in read:
            rows.append(
                {"way": way.title, "us per event": None, "x bare": None, "events/s": None, "left out": found[name]}
            )
            continue
        rows.append(
            {
                "way": way.title,
                "us per event": round(median(read[name], "cpu_us"), 2),
                "x bare": str(ratio(read[name], read["bare"])),
                "events/s": round(median(read[name], "events_per_second")),
                "left out": "",
            }
        )
    verdicts = []
    for name, bar in BARS.items():
        pair = (read["profile"], read["bare"]) if name == "bare" else (read.get(name), read["profile"])
        quotient = ratio(*pair) if pair[0] else None  # type: ignore[arg-type]
        verdicts.append(bar.verdict(quotient.median if quotient else None, str(quotient or "")))
    return {"rows": rows, "bars": verdicts, "readings": found, "events": events, "rounds": rounds}
