"""`leeway evaluate`: any detectors on your own file, through the code that the judge runs."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.options import Refused, output
from stream.many import many

if TYPE_CHECKING:
    from stream.evaluate.evaluation import Progress
    from stream.evaluate.result import Alarm, Result
    from stream.evaluate.score import Score
    from stream.evaluate.trial import Trial

DRIFT = 3
NOTHING = "-"
SHOWN = 4  # alarms of one detector in one column of the table; --output json has all


@click.command(name="evaluate", short_help="Run detectors on your own file; exit code 3 for drift.")
@click.argument("file", metavar="FILE.csv|parquet", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--column", "columns", multiple=True, help="A column, several between commas, or all.")
@click.option("--reference", required=True, metavar="N|FILE", help="What is normal: the first N rows, or another file.")
@click.option("--detectors", default="urn", show_default=True, help="As in urn,adwin(delta=0.01),kswin.")
@click.option("--budget", default="1 per 100000 events", show_default=True, help="False alarms that all columns share.")
@click.option("--pane", default=20, show_default=True, type=click.IntRange(1, 100_000), help="Rows that come together.")
@click.option(
    "--inject", multiple=True, metavar="KIND:SIZE@ROW,...", help="Changes to put in, as in shift:0.5sd@20000."
)
@click.option("--changes", metavar="ROW,ROW|none", help="Where the changes are, or that there is none.")
@click.option("--calibrate", is_flag=True, help="Set the guests so that they raise as many false alarms as the budget.")
@click.option("--independent", is_flag=True, help="Declare that rows do not depend on each other.")
@output("table", "json")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE.png", help="Draw data, evidence and alarms.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="Of all that is random.")
def command(
    file: Path,
    columns: tuple[str, ...],
    reference: str,
    detectors: str,
    budget: str,
    pane: int,
    inject: tuple[str, ...],
    changes: str | None,
    calibrate: bool,
    independent: bool,
    output: str,
    plot: Path | None,
    seed: int,
) -> None:
    """Run detectors on a CSV or Parquet file, as the judge would.

    Rows come in panes of --pane rows. Each alarm is printed with its row, the row where the change began, and what
    changed; rows are those of FILE, the first below the header is row 0. With --inject or --changes also the delay in
    rows, what was missed, and false alarms. Needs neither Kafka nor Redis.

    \b
    leeway evaluate requests.csv --reference 5000
    leeway evaluate requests.csv --reference last_month.parquet --column latency_ms --pane 1
    leeway evaluate requests.csv --reference 5000 --detectors urn,adwin,kswin --inject shift:0.5sd@12000

    \b
    Changes: shift:0.5sd shift:3 scale:2 unit:1000 spikes:0.05 nulls:0.05 swap stuck,
    each with @ROW and, if not everywhere, :COLUMN.

    \b
    Exit codes: 0 the urn raised no alarm, 1 failed, 2 wrong usage or a file that cannot be read, 3 the urn raised one.
    """
    from stream.evaluate.contestant import MODEL, contestants
    from stream.evaluate.evaluation import evaluate
    from stream.evaluate.judged import unseen
    from stream.evaluate.plot import draw, drawable
    from stream.evaluate.refusal import Refusal
    from stream.evaluate.request import request
    from stream.evaluate.trace import Trace

    try:
        found = contestants(detectors)
        if plot is not None:
            drawable()
            writable(plot)
        together = any(one.name == MODEL for one in found)
        with working() as progress:
            reading = partial(progress, "reading")
            trial = request(
                file, columns, reference, budget, pane, inject, changes, independent, together, seed, reading
            )
        click.echo(preface(file, trial, [one.name for one in found]), err=True)
        trace = Trace.of(trial) if plot is not None and any(one.guest is None for one in found) else None
        with working() as progress:
            results = list(evaluate(trial, found, calibrate, progress, trace or unseen))
        if plot is not None:
            drawn(plot, draw(plot, trial, results, trace), len(trial.table.columns))
    except Refusal as refusal:
        raise Refused(str(refusal)) from None
    show(trial, results, output)
    sys.exit(DRIFT if any(result.alarms for result in results if result.detector == "urn") else 0)


def writable(plot: Path) -> None:
    """Refuse a place where no picture can be put before anything is evaluated, which may take an hour."""
    if plot.is_dir():
        raise Refused(f"--plot {plot} is a folder; name a file in it, as in {plot / 'drift.png'}")
    if not plot.parent.is_dir():
        raise Refused(f"--plot {plot}: there is no folder {plot.parent}; create it, or name another")
    if not os.access(plot if plot.exists() else plot.parent, os.W_OK):
        raise Refused(f"--plot {plot} cannot be written by this user; mend the permissions, or name another place")


def preface(file: Path, trial: "Trial", names: Sequence[str]) -> str:
    """What is about to be done: said at once, for it may take a while."""
    rows, columns = len(trial.table) - trial.before, len(trial.table.columns)
    learnt = f"rows 0 to {trial.reference - 1:,}" if not trial.before else f"{trial.before:,} rows of another file"
    return f"{file.name}: {many(rows, 'row')} of {many(columns, 'column')}; reference: {learnt}; {', '.join(names)}"


def drawn(plot: Path, shown: int, columns: int) -> None:
    """Say where the picture is, and what is not in it."""
    rest = f"; {many(columns - shown, 'column')} more not drawn, --column chooses" if columns > shown else ""
    click.echo(f"picture of {many(shown, 'column')} in {plot}{rest}", err=True)


@contextmanager
def working() -> "Iterator[Progress]":
    """Shows on a terminal what is at work; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    if not sys.stderr.isatty():
        yield lambda what, rows: None
        return
    look = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[rows]}"), TimeElapsedColumn())
    with Progress(*look, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=None, rows="")
        yield lambda what, rows: shown.update(task, description=what, rows=f"row {rows:,}" if rows else "")


def show(trial: "Trial", results: "Sequence[Result]", output: str) -> None:
    """Print what came of it."""
    from stream.cli.paper import console, echo_json
    from stream.evaluate.result import plain

    if output == "json":
        echo_json(plain(results))
        return
    paper = console()
    paper.print(table(results))
    for sentence in remarks(trial, results):
        paper.print(sentence, markup=False)


def table(results: "Sequence[Result]") -> Any:
    """One row for each detector and column."""
    from rich.markup import escape
    from rich.table import Table

    found = Table(show_edge=False, expand=False)
    found.add_column("detector", no_wrap=True)
    found.add_column("column")
    for name in ("alarms", "false", "delay", "missed"):
        found.add_column(name, justify="right", no_wrap=True)
    found.add_column("what", overflow="fold")
    for result in results:
        found.add_row(
            result.detector,
            escape(result.column),
            str(len(result.alarms)) if result.looked else NOTHING,
            *counts(result.score),
            escape(said(result)),
        )
    return found


def counts(score: "Score | None") -> tuple[str, str, str]:
    """False alarms, delay and missed changes, as far as they are known."""
    if score is None:
        return NOTHING, NOTHING, NOTHING
    delay = NOTHING if score.delay is None else f"{score.delay:,.4g}"
    missed = NOTHING if score.missed is None else str(score.missed)
    return str(score.false_alarms), delay, missed


def said(result: "Result") -> str:
    """The alarms of a detector, a line each, and why there can be none."""
    lines = [*map(line, result.alarms[:SHOWN]), *([result.note] if result.note else [])]
    if len(result.alarms) > SHOWN:
        lines.append(f"and {len(result.alarms) - SHOWN} more, the last at row {result.alarms[-1].row:,}")
    return "\n".join(lines)


def line(alarm: "Alarm") -> str:
    """`row 20,061, since row 20,013: mean 0.01 -> 0.5 (+0.49); accepted at row 30,060`."""
    since = "" if alarm.onset_row is None else f", since row {alarm.onset_row:,}"
    part = "" if alarm.part in ("values", "mean") else f"{alarm.part.replace('_', ' ')} "
    later = "".join(f"; {edge.edge} at row {edge.row:,}" for edge in alarm.later)
    return f"row {alarm.row:,}{since}: {part}{alarm.effect}{later}"


def remarks(trial: "Trial", results: "Sequence[Result]") -> Iterator[str]:
    """What the table does not say."""
    evaluated = len(trial.table) - trial.reference
    yield (
        f"The budget, {trial.budget}, allows {trial.allowed_per_row * evaluated:.3g} false alarms "
        f"in these {evaluated:,} rows, for each detector on all columns."
    )
    yield from settings(results)


def settings(results: "Sequence[Result]") -> Iterator[str]:
    """How the guests were set, and what everybody raised without change."""
    told: set[str] = set()
    for result in results:
        report = result.calibrated
        if report is None:
            continue
        if report.knob:
            yield f"{result.detector}, {result.column}: set to {report.knob} = {report.value:g}."
        if result.detector not in told:
            told.add(result.detector)
            rough = " Too few for a fine setting." if report.rough and report.knob else ""
            raised = f"{many(report.alarms, 'alarm')} in {many(report.rows, 'row')} without change"
            yield (f"{result.detector} raised {raised}; the budget allows {report.allowed:.3g}.{rough}")
