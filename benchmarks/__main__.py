"""How fast: `make bench`, or `python -m benchmarks --quick`. How soon, and how many false alarms: `make bench-quality`.

Prints tables and, with --json FILE, writes everything with the machine it was measured on. Needs Java and a
redis-server for the first table; without them it says so and goes on.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import counting, judging
from benchmarks.machine import machine
from tests.servers import Missing


def table(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    """Rows with the same keys, as a table."""
    drawn = Table(title=title, title_justify="left")
    for name in rows[0]:
        drawn.add_column(name.replace("_", " "), justify="right")
    for row in rows:
        drawn.add_row(*("-" if value is None else str(value) for value in row.values()))
    console.print(drawn)


def main() -> int:
    """Run both and show them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of five")
    parser.add_argument("--json", type=Path, help="where to write the results")
    chosen = parser.parse_args()
    console, began = Console(), time.time()
    facts = machine()
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    result: dict[str, Any] = {"machine": facts, "command": " ".join(["python -m benchmarks", *sys.argv[1:]])}
    try:
        result["counting"] = counting.run(events=60_000 if chosen.quick else 300_000, rounds=3 if chosen.quick else 5)
        rows = [
            {"way": way, **figures, "times bare": result["counting"]["cpu_times_bare"][way]}
            for way, figures in result["counting"]["medians"].items()
        ]
        table(console, f"CPU per event, {result['counting']['features']} features", rows)
    except Missing as missing:
        console.print(f"left out: CPU per event on a real Kafka ({missing})")
    result["judging"] = judging.run()
    table(console, "CPU per pane of the judge", result["judging"])
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        console.print(f"written to {chosen.json}")
    console.print(f"{time.time() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
