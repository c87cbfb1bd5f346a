"""Tasks over processes: each is run alone, seeded by itself, so who runs it when does not show in its numbers."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.quality.record import Record, Task

# Processes are parallel, not each of them in itself.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run(job: tuple[int, Task]) -> tuple[int, list[Record], float]:
    """Run one task, in whatever process."""
    at, task = job
    began = time.process_time()
    return at, task.function(**task.arguments), time.process_time() - began


def run_all(tasks: Sequence[Task], processes: int, console: Console) -> Iterator[tuple[int, list[Record], float]]:
    """Run the tasks over processes; yield the place, records and processor seconds of each that is done."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*shown, console=console, transient=True, disable=not console.is_terminal) as progress,
        multiprocessing.get_context("spawn").Pool(processes) as pool,
    ):
        line = progress.add_task("", total=len(tasks))
        for done, (at, records, seconds) in enumerate(pool.imap_unordered(run, enumerate(tasks)), 1):
            name = f"{tasks[at].row} {tasks[at].name}"
            progress.update(line, advance=1, description=name)
            if not console.is_terminal:
                console.print(f"{done}/{len(tasks)} {name}: {seconds:.1f} s", highlight=False)
            yield at, records, seconds
