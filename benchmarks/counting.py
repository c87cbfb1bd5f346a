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
from benchmarks.turns import Reading, Turn, alternate, median, ratio

# Events behind the end of the longest stretch: what a client fetches ahead, and what the fastest counts in a second.
TAIL = 1_000_000


@dataclass(frozen=True)
class Way:
    """`share`: how many times the events it is measured on; `guest`: in an environment of its own."""

    title: str
    runs: str
    form: str = "json"
    share: float = 1.0
    guest: bool = False
    native: bool = False

    @property
    def bare(self) -> str:
        """The way that merely reads the same bytes."""
        return "bare" if self.form == "json" else f"bare_{self.form}"


WAYS = {
    "bare": Way("bare consume(500)", "bare"),
    "decoding": Way("consume(500) + orjson.loads", "decoding"),
    "profile": Way("Leeway's profile worker", "profile"),
    "profile_native": Way("the same with the decoder in C++", "profile", native=True),
    "naive": Way("confluent-kafka + orjson + River", "naive", share=0.2),
    "quix": Way("Quix Streams + River", "quix_dataframe", share=0.1, guest=True),
    "bytewax": Way("Bytewax + River", "bytewax_flow", share=0.1, guest=True),
    "faust": Way("Faust + River", "faust_agent", share=0.04, guest=True),
    "bare_packed": Way("packed: bare consume(500)", "bare", "packed"),
    "profile_packed": Way("packed: Leeway's profile worker", "profile", "packed"),
    "profile_packed_native": Way("packed: the same with the decoder in C++", "profile", "packed", native=True),
    "bare_arrow": Way("Arrow, 1,000 events a message: bare consume(500)", "bare", "arrow", share=4),
    "profile_arrow": Way("Arrow, 1,000 events a message: Leeway's profile worker", "profile", "arrow", share=4),
}

IN_CPP = ", with the decoder in C++"
BARS = {  # which way, against which
    ("profile", "bare"): Bar("profile, 20-feature JSON: CPU per event against the bare loop", 4.2),
    ("profile_native", "bare"): Bar(f"the same{IN_CPP}", 4.2),
    ("profile_packed", "bare_packed"): Bar("profile, packed f8: CPU per event against its own bare loop", 2.6),
    ("profile_packed_native", "bare_packed"): Bar(f"the same{IN_CPP}", 2.6),
    ("faust", "profile"): Bar("Faust + River: CPU per event against profile", 30.0, at_least=True),
    ("faust", "profile_native"): Bar(f"the same{IN_CPP}", 30.0, at_least=True),
    ("naive", "profile"): Bar("confluent-kafka + orjson + River: CPU per event against profile", 3.0, at_least=True),
}


def run(place: Place, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    """All ways in turns."""
    events, rounds = (300_000, 3) if quick else (500_000, 9)
    begin, end = events // 5, events // 5 + events
    topics = {}
    for form in {way.form: None for way in WAYS.values()}:
        share = max(way.share for way in WAYS.values() if way.form == form)
        last, tail = round(end * share), round(TAIL * share)
        topics[form] = place.stretch(f"bench.{form}", begin, last, tail, Shape(segments=4), form)
        say(f"topic in {form}")
    turns = {}
    for name, way in WAYS.items():
        first, last = round(begin * way.share), round(end * way.share)
        stretch = replace(topics[way.form], begin=first, end=last, native=way.native)
        turns[name] = Turn(way.runs, stretch, way.guest)
    found = alternate(turns, rounds, say)
    return {
        "rows": [row(way, found[name], found[way.bare]) for name, way in WAYS.items()],
        "bars": [verdict(bar, found[one], found[other]) for (one, other), bar in BARS.items()],
        "readings": found,
        "events": events,
        "rounds": rounds,
    }


def row(way: Way, readings: list[Reading] | str, bare: list[Reading] | str) -> dict[str, Any]:
    """Medians, and the ratio to the bare loop on the same topic; or why there are none."""
    if isinstance(readings, str) or isinstance(bare, str):
        return {"way": way.title, "us per event": None, "x bare": None, "events/s": None, "left out": str(readings)}
    return {
        "way": way.title,
        "us per event": round(median(readings, "cpu_us"), 2),
        "x bare": str(ratio(readings, bare)),
        "events/s": round(median(readings, "events_per_second")),
        "left out": "",
    }


def verdict(bar: Bar, some: list[Reading] | str, others: list[Reading] | str) -> dict[str, Any]:
    """Of the ratio of two ways."""
    if isinstance(some, str) or isinstance(others, str):
        return bar.verdict(None)
    found = ratio(some, others)
    return bar.verdict(found.median, str(found))
