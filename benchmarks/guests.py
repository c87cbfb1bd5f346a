"""At which parameter does a guest raise one false alarm in 10,000 values, or in 100,000, and how late is it then?

`python -m benchmarks.guests [--quick] [KIND ...]` prints a table in Markdown; the numbers in the guests' docstrings and
in docs/detectors.md come from the full run, about half an hour on one core, most of it KSWIN.

Each guest is set by one knob on values of the kind it is meant for: standard normal numbers, or errors that occur
independently with probability .05. The knob is found by bisection on twenty streams of 100,000 values without change,
each begun afresh; after an alarm the guest begins anew, as the product runs it. (Several compare with all they ever
saw: they alarm most when young, and in a stream that goes on for ever hardly at all. So a rate of false alarms
means nothing without the length of the stream.) Delay: values from a change, after 5,000 without one, to the first
alarm after it; the number rises by half a standard deviation, errors become 10 %. Seed 1 everywhere.
"""

import argparse
import math
import sys
from dataclasses import dataclass
from math import nan

import numpy as np

from detectors.guests import GUESTS, Guest, invite
from stream.evaluate.guests import positions

BEFORE, HORIZON = 5_000, 20_000
STREAMS, LENGTH = 20, 100_000
RATE, RATE_AFTER, SHIFT = 0.05, 0.10, 0.5
STEPS = 12  # of a bisection over a range of a few orders of magnitude: to about one per cent
ROWS = (
    "| guest | signal | one false alarm in | parameter | alarms in the first 100,000 | delay: mean (median) | missed |"
)


@dataclass(frozen=True)
class Knob:
    """What sets a guest's false alarms. `quiet` to `loud` is where to look."""

    kind: str
    signal: str  # "numbers" or "errors"
    name: str
    quiet: float
    loud: float
    fixed: tuple[tuple[str, float], ...] = ()
    cost: int = 1  # a guest that takes a hundred times as long is measured on fewer streams, in coarser steps

    def guest(self, value: float) -> Guest:
        """The guest with the knob at a value."""
        return invite(self.kind, {**dict(self.fixed), self.name: value})


KNOBS = (
    Knob("adwin", "numbers", "delta", 1e-4, 1.5),
    Knob("adwin", "errors", "delta", 1e-3, 2.0),
    Knob("page_hinkley", "numbers", "threshold", 300.0, 3.0, (("delta", SHIFT / 4),)),
    Knob("page_hinkley", "errors", "threshold", 200.0, 1.0),
    Knob("kswin", "numbers", "alpha", 1e-7, 1e-2, cost=2),
    Knob("ddm", "errors", "drift_threshold", 10.0, 1.0),
    Knob("eddm", "errors", "beta", 0.2, 0.95),
    Knob("fhddm", "errors", "confidence_level", 1e-9, 0.5),
    Knob("hddm_a", "errors", "drift_confidence", 1e-4, 1.0),
    Knob("hddm_w", "errors", "drift_confidence", 1e-4, 1.0),
)


def values(signal: str, random: np.random.Generator, many: int, *, changed: bool = False) -> list[float]:
    """Values of a kind."""
    if signal == "numbers":
        drawn = random.normal(SHIFT * changed, 1.0, many)
    else:
        drawn = (random.random(many) < (RATE_AFTER if changed else RATE)).astype(np.float64)
    return [float(value) for value in drawn]


def count(guest: Guest, streams: list[list[float]], most: float = math.inf) -> list[int]:
    """How many alarms in each stream, until there are more than `most` in all."""
    found: list[int] = []
    for stream in streams:
        found.append(sum(1 for _ in positions(guest, stream)))
        if sum(found) > most:
            break
    return found


def set_to(knob: Knob, apart: int, streams: list[list[float]]) -> float:
    """The loudest setting with at most one alarm in `apart` values."""
    allowed = len(streams) * LENGTH / apart
    quiet, loud = math.log(knob.quiet), math.log(knob.loud)
    for _ in range(STEPS // knob.cost):
        middle = (quiet + loud) / 2
        if sum(count(knob.guest(math.exp(middle)), streams, allowed)) <= allowed:
            quiet = middle
        else:
            loud = middle
    return float(f"{math.exp(quiet):.3g}")


def delays(guest: Guest, knob: Knob, runs: int) -> list[int]:
    """Values from the change to the first alarm after it, in every run; the horizon if there is none."""
    random, found = np.random.default_rng(1), []
    for _ in range(runs):
        before, after = values(knob.signal, random, BEFORE), values(knob.signal, random, HORIZON, changed=True)
        first = next((at - BEFORE for at in positions(guest, before + after) if at >= BEFORE), HORIZON)
        found.append(first)
    return found


def row(knob: Knob, apart: int, scale: float) -> str:
    """One line of the table: at one alarm in so many values, or, for 0, at River's default."""
    random = np.random.default_rng(1)
    streams = [values(knob.signal, random, LENGTH) for _ in range(max(2, round(scale * STREAMS / knob.cost**2)))]
    setting = set_to(knob, apart, streams) if apart else nan
    guest = knob.guest(setting) if apart else invite(knob.kind, {})
    found = count(guest, streams)
    spread = 1.96 * np.std(found, ddof=1) / math.sqrt(len(found))
    late = delays(guest, knob, max(5, round(scale * 100 / knob.cost**2)))
    missed = sum(delay == HORIZON for delay in late) / len(late)
    given = (
        ", ".join(f"{name} {value:g}" for name, value in (*knob.fixed, (knob.name, setting))) if apart else "default"
    )
    often = f"{np.mean(found):.2g} ± {spread:.1g}"
    delay = f"{np.mean(late):,.0f} ({np.median(late):,.0f})"
    goal = f"{apart:,}" if apart else ""
    return f"| {knob.kind} | {knob.signal} | {goal} | {given} | {often} | {delay} | {missed:.0%} |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guests", description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="only these guests")
    parser.add_argument("--quick", action="store_true", help="a tenth of the streams: some minutes, not half an hour")
    chosen = parser.parse_args()
    if unknown := sorted(set(chosen.kinds) - set(GUESTS)):
        parser.error(f"no guest {', '.join(unknown)}; there are {', '.join(sorted(GUESTS))}")
    print(ROWS, "|---|---|---:|---|---|---|---:|", sep="\n")
    for knob in KNOBS:
        if not chosen.kinds or knob.kind in chosen.kinds:
            for apart in (0, 10_000, 100_000):
                print(row(knob, apart, 0.1 if chosen.quick else 1.0), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
