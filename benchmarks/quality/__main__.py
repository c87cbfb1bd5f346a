"""How good detection is, row by row: `make bench-quality`, or `python -m benchmarks.quality --quick`.

    python -m benchmarks.quality --quick              minutes: loose, a net for regressions; writes nothing by itself
    python -m benchmarks.quality --scale 0.3          everything with three tenths of the runs
    python -m benchmarks.quality --row Q2,Q5          these rows only
    python -m benchmarks.quality --data DIR           where the public data sets are

Prints a table a row and writes each row, unless --quick, to benchmarks/quality/results/ (or --csv DIR). Two runs of one
command give the same numbers, except for those that are times. The exit code is 1 if --quick finds a budget that is
not kept. `python -m benchmarks.quality.report` makes docs/benchmark.md of the results.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from benchmarks.quality.record import SPENT, Record, write
from benchmarks.quality.rows import Row, rows
from benchmarks.quality.running import run_all
from benchmarks.quality.tables import LEFT, number, table_of

QUICK = 0.02
KNOWN_LOSS = 5.0  # bars by which a budget that a row knows it does not keep may be missed in a quick run
RESULTS = Path(__file__).parent / "results"
VERSIONS = ("leeway", "numpy", "scipy", "river", "frouros")
FULL_LINE = 220  # characters of a table where the output is not a terminal


def table(row: Row, records: Sequence[Record]) -> Table:
    """Return a row's records as a table."""
    drawn = Table(title=f"{row.id}  {row.title}", title_justify="left")
    names, lines = table_of(records)
    for name in names:
        drawn.add_column(name, justify="left" if name in LEFT else "right")
    for line in lines:
        drawn.add_row(*line)
    return drawn


def head(row: Row, command: str, seconds: float) -> list[str]:
    """Return the lines above a row's records: command, date, machine, versions and seeds."""
    return [
        f"{row.id} {row.title}",
        f"command: python -m benchmarks.quality {command} --row {row.id}",
        f"date: {date.today().isoformat()}",
        f"machine: {processor()}, {os.cpu_count()} cores; {seconds:.0f} s of processor time",
        f"versions: Python {sys.version.split()[0]}, " + ", ".join(f"{name} {installed(name)}" for name in VERSIONS),
        "seeds: in the column `seeds`; numpy SeedSequence of them, the bank and the part of the run",
    ]


def installed(name: str) -> str:
    """Return the version of a package."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def summary(console: Console, found: dict[str, list[Record]]) -> None:
    """Say of every row how many bars it reached."""
    barred = [record for records in found.values() for record in records if record.reached is not None]
    reached = sum(bool(record.reached) for record in barred)
    console.print(f"\n{reached} of {len(barred)} bars reached")
    for row, records in found.items():
        own = [record for record in records if record.reached is not None]
        missed = [record for record in own if not record.reached]
        if own:
            console.print(f"  {row}: reached {len(own) - len(missed)}, missed {len(missed)}", highlight=False)
        for r in missed:
            console.print(
                f"      missed: {r.case}, {r.detector}, pane {r.pane}: {r.measure} {number(r.value)} > {number(r.bar)}",
                highlight=False,
            )


def is_news(row: Row, record: Record) -> bool:
    """Return whether a budget is not kept that should be: a loss that the row explains may be as large as is known."""
    if record.measure != SPENT or record.reached is not False:
        return False
    return record.case not in row.losses or record.low > KNOWN_LOSS * record.bar


def main() -> int:
    """Run what is asked for and show it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"scale {QUICK}; exit code 1 if a budget is not kept that was"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="share of the runs and events of the full run")
    parser.add_argument("--row", default="", help="only these rows: Q2,Q5")
    parser.add_argument("--data", type=Path, help="directory of the public data sets")
    parser.add_argument(
        "--csv", type=Path, help=f"where to write the results (default: {RESULTS.name}/ unless --quick)"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true", help="only say which rows and tasks there are")
    chosen = parser.parse_args()

    console = Console(width=None if sys.stdout.isatty() else FULL_LINE)
    scale = QUICK if chosen.quick else chosen.scale
    wanted = [name.strip().upper() for name in chosen.row.split(",") if name.strip()]
    known = rows()
    if unknown := sorted(set(wanted) - {row.id for row in known}):
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(dict.fromkeys(row.id for row in known))}")
    used = [row for row in known if not wanted or row.id in wanted]
    jobs = [(row, task) for row in used for task in row.tasks(scale, chosen.data)]
    if chosen.list:
        console.print("\n".join(f"{task.row} {task.name}" for _, task in jobs), highlight=False)
        return 0

    command = "--quick" if chosen.quick else f"--scale {scale:g}"
    if chosen.data:
        command += " --data DIR"
    where = chosen.csv or (None if chosen.quick else RESULTS)
    found: dict[str, list[Record]] = {}
    done: dict[int, tuple[list[Record], float]] = {}
    for at, records, seconds in run_all([task for _, task in jobs], chosen.processes, console):
        done[at] = records, seconds
        row = jobs[at][0]
        places = [place for place, (of, _) in enumerate(jobs) if of is row]
        if all(place in done for place in places):  # each row is written when it is whole: what follows may be stopped
            found[row.file] = [record for place in places for record in done[place][0]]
            console.print(table(row, found[row.file]))
            if where is not None:
                lines = head(row, command, sum(done[place][1] for place in places))
                write(where / f"{row.file}.csv", lines, found[row.file])
    summary(console, found)
    broken = any(is_news(row, record) for row in used for record in found.get(row.file, []))
    spent = sum(seconds for _, seconds in done.values())
    console.print(f"{spent:.0f} s of processor time" + (f"; written to {where}" if where else ""))
    return 1 if chosen.quick and broken else 0


if __name__ == "__main__":
    sys.exit(main())
