"""How fast: `make bench`, or `python -m benchmarks --quick`. How soon, and how many false alarms: `make bench-quality`.

Prints tables and, with --json FILE, writes everything with the machine it was measured on. Needs Java and a
redis-server for all but `judging`; without them it says so and goes on.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import counting, judging, latency, memory, recovery, shapes, stages, workers
from benchmarks.machine import machine
from benchmarks.place import place
from tests.servers import Missing


@dataclass(frozen=True)
class Part:
    """`run` gives rows for a table, the bars with their verdicts, and what else it wants to keep."""

    title: str
    run: Callable[..., dict[str, Any]]
    servers: bool = True


PARTS = {
    "counting": Part("What an event of 20 features costs", counting.run),
    "shapes": Part("What the shape of events does to their cost", shapes.run),
    "workers": Part("Two workers against one", workers.run),
    "stages": Part("Where the time of the profile worker goes", stages.run),
    "judging": Part("What a pane costs the judge", judging.run, servers=False),
    "memory": Part("Resident memory of the profile worker, 1,000 models", memory.run),
    "latency": Part("How soon an alarm can be read", latency.run),
    "recovery": Part("How soon the lanes of a killed judge are watched again", recovery.run),
}


def main() -> int:
    """Run the parts and show them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="minutes, not half an hour: shorter runs, fewer of them")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this one; may be given more than once")
    parser.add_argument("--json", type=Path, help="where to write the results; what it holds of other parts is kept")
    chosen = parser.parse_args()
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    facts = machine()
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()), highlight=False)
    for name in chosen.part or PARTS:
        found = run(name, PARTS[name], console, quick=chosen.quick)
        if found is not None and chosen.json:  # after every part: a run that is broken off has not been for nothing
            keep(chosen.json, name, {**found, "quick": chosen.quick, "machine": facts})
    if chosen.json:
        console.print(f"written to {chosen.json}")
    return 0


def keep(file: Path, name: str, part: dict[str, Any]) -> None:
    """Write a part into a file of results."""
    parts = json.loads(file.read_text("utf-8")).get("parts", {}) if file.exists() else {}
    ordered = {each: (parts | {name: part})[each] for each in PARTS if each in parts or each == name}
    result = {"command": 'make bench ARGS="--json FILE"', "parts": ordered}
    file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def run(name: str, part: Part, console: Console, *, quick: bool) -> dict[str, Any] | None:
    """One part, on servers of its own. None where they are missing."""
    began, load = time.time(), os.getloadavg()[0]

    def say(what: str) -> None:
        print(f"  {name}: {what}", file=sys.stderr, flush=True)

    try:
        found = _run(part, say, quick=quick)
    except Missing as missing:
        console.print(f"left out: {part.title} ({missing})")
        return None
    table(console, part.title, found["rows"])
    if found["bars"]:
        table(console, "", found["bars"])
    seconds = round(time.time() - began)
    console.print(f"{seconds} s\n")
    measured = time.strftime("%Y-%m-%d %H:%M", time.gmtime(began))
    loads = [round(load, 2), round(os.getloadavg()[0], 2)]
    return {"title": part.title, "measured": measured, "seconds": seconds, "load": loads, **found}


def _run(part: Part, say: Callable[[str], None], *, quick: bool) -> dict[str, Any]:
    if not part.servers:
        return part.run(say, quick=quick)
    with place() as here:
        return part.run(here, say, quick=quick)


def table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    """Rows with the same keys, as a table."""
    drawn = Table(title=title or None, title_justify="left")
    for name in rows[0]:
        drawn.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right", overflow="fold")
    for row in rows:
        drawn.add_row(*("-" if value is None else str(value) for value in row.values()))
    console.print(drawn)


if __name__ == "__main__":
    sys.exit(main())
