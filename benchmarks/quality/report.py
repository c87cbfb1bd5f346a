"""docs/benchmark.md, and its figures, from the results: `python -m benchmarks.quality.report`.

Nothing is measured here and no number is written by hand: the same results give the same bytes. A bar that is missed,
or an opponent at the same false-alarm rate that is ahead, is followed by the paragraph that its row has for it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.quality import figures
from benchmarks.quality.delay import LESS
from benchmarks.quality.record import DELAY, SPENT, Record, read
from benchmarks.quality.rows import Row, rows
from benchmarks.quality.tables import number, table_of, verdict

RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent.parent / "docs"
UNEXPLAINED = "not explained yet"
WITHIN = "The bar lies within the interval: with so many runs this cannot be told from reached. It counts as missed."
URNS = ("urn, independent", "urn")
LEAST_PAIRS = 10  # runs of a paired difference: of fewer, an interval says nothing

INTRODUCTION = """# Benchmark of the quality of detection

Written by `python -m benchmarks.quality.report` from the results in `benchmarks/quality/results/`; nothing here is
typed in. `make bench-quality` measures again, `make bench-quality ARGS="--row Q2"` one row, `ARGS=--quick` in minutes
what a regression would break. Rows on public data want `--data DIR`.

**Budget first.** A detector gets a reference, and a budget of false alarms: one in A events. It is first asked whether
it keeps that on streams without change, and only then how soon it sees one. *R1* is the mean delay over log A / KL,
the first-order limit of Lorden (1971); at thresholds like these it can be below one. *R2* is the mean delay over that
of CUSUM told both laws, at the same mean time between false alarms: the physical limit. Intervals are 95 %. Runs with
an alarm before the change are left out, runs without any count with the horizon of 20,000 events.

Two settings: **urn** is Leeway as it comes, which learns how far events depend on each other; **urn, independent** has
been told that they do not. *Default* is another library's detector as it comes; *calibrated* has its parameter set so
that it alarms once in A simulated events of the very stream, which needs the stream's law, as the urns do not.
"""


@dataclass(frozen=True)
class Result:
    """One row with what was measured of it."""

    row: Row
    head: list[str]
    records: list[Record]


def results(folder: Path) -> list[Result]:
    """Return the rows that were measured."""
    return [Result(row, *read(path)) for row in rows() if (path := folder / f"{row.file}.csv").exists()]


# -- losses ------------------------------------------------------------------------------------------------------------


def is_loss(record: Record) -> bool:
    """Return whether a record is a bar missed, or an opponent ahead at the same false-alarm rate."""
    if record.measure == LESS:
        return "calibrated" in record.detector and record.n >= LEAST_PAIRS and record.low > 0
    return record.reached is False


def explanation(row: Row, record: Record) -> str:
    """Return the paragraph that the row has for a loss: of the case and detector, of the case, or of the measure; and
    if it has none, whether it may be chance.
    """
    for key in (f"{record.case}, {record.detector}", record.case, record.measure):
        if key in row.losses:
            return row.losses[key]
    return WITHIN if record.measure == DELAY and record.low <= record.bar else UNEXPLAINED


def loss_paragraphs(result: Result) -> list[str]:
    """Return what is to be said of the losses of a row, each text once."""
    said: dict[str, list[str]] = {}
    for record in result.records:
        if is_loss(record):
            said.setdefault(explanation(result.row, record), []).append(named(record))
    return [f"**Lost: {'; '.join(dict.fromkeys(names))}.** {text}" for text, names in said.items()]


def named(record: Record) -> str:
    """Return the name of a loss."""
    if record.measure == LESS:
        return f"{record.case}, behind {record.detector} by {number(record.value)} events"
    pane = f", pane {record.pane}" if record.pane else ""
    return f"{record.case}, {record.detector}{pane}: {number(record.value)} where {number(record.bar)} was wanted"


# -- the document ------------------------------------------------------------------------------------------------------


def document(found: Sequence[Result], pictures: dict[str, str]) -> str:
    """Return docs/benchmark.md; `pictures` are the files of figures by the row they belong to."""
    if not found:
        return f"{INTRODUCTION}\nThere are no results yet.\n"
    parts = [INTRODUCTION, "## In short\n", in_short(found), "## Wins and losses\n", wins_and_losses(found)]
    for result in found:
        parts += section(result, pictures.get(result.row.file))
    return "\n".join(parts).rstrip() + "\n"


def in_short(found: Sequence[Result]) -> str:
    """Return the headline figures and how many bars each row reached."""
    lines = []
    for setting in URNS:
        delays = [
            r
            for result in found
            for r in result.records
            if r.measure == DELAY and r.detector == setting and r.pane == 1 and not math.isnan(r.bar)
        ]
        worst = max((r for r in delays if not math.isnan(r.r1)), key=lambda r: r.r1, default=None)
        ratios = [r.r2 for r in delays if not math.isnan(r.r2)]
        if worst is not None and ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            lines.append(
                f"* {setting}, pane 1: worst R1 {number(worst.r1)} ({worst.row}, {worst.case}); geometric mean of R2 "
                f"{number(mean)} over {len(ratios)} cases."
            )
    lines += ["", *markdown([("row", "what", "bars reached", "of them budgets", "measured")], aligned="llrrl")]
    for result in found:
        budgets = [r for r in result.records if r.measure == SPENT]
        when = next((line.removeprefix("date: ") for line in result.head if line.startswith("date: ")), "")
        lines.append(
            f"| [{result.row.id}](#{anchor(result.row)}) | {result.row.title} | {share(result.records)} | "
            f"{share(budgets)} | {when} |"
        )
    return "\n".join(lines) + "\n"


def share(records: Iterable[Record]) -> str:
    """Return how many bars were reached, of how many."""
    said = [record.reached for record in records if record.reached is not None]
    return f"{sum(said)} of {len(said)}" if said else ""


def wins_and_losses(found: Sequence[Result]) -> str:
    """Return all opponents at the same false-alarm rate, each against the urn in the same runs."""
    pairs = [
        (result, r) for result in found for r in result.records if r.measure == LESS and "calibrated" in r.detector
    ]
    if not pairs:
        return "No opponents were measured.\n"
    lines = [
        "Delay of the urn (independent, pane 1) less that of each calibrated opponent in the same runs, in events. "
        f"Below zero the urn is ahead. Nothing is said where fewer than {LEAST_PAIRS} runs are quiet before the change "
        "for both.\n",
        *markdown([("row", "case", "opponent", "ahead", "level", "behind", "runs")], aligned="lllrrrr"),
    ]
    for result, r in pairs:
        text = f"{number(r.value)} ({number(r.low)} .. {number(r.high)})"
        place = 0 if r.high < 0 else 2 if r.low > 0 else 1
        cells = [text if at == place and r.n >= LEAST_PAIRS else "" for at in range(3)]
        lines.append(f"| {result.row.id} | {r.case} | {r.detector} | {' | '.join(cells)} | {r.n} |")
    return "\n".join(lines) + "\n"


def section(result: Result, picture: str | None) -> list[str]:
    """Return everything about one row."""
    text = (result.row.module.__doc__ or "").strip()
    parts = [f"## {result.row.id} {result.row.title}\n", text + "\n"]
    parts += ["\n".join(f"> {line}  " for line in result.head[1:]) + "\n"]
    if picture:
        parts.append(f"![{result.row.title}](benchmark/{picture})\n")
    budgets = [r for r in result.records if r.measure == SPENT]
    others = [r for r in result.records if r.measure not in (SPENT, LESS)]
    if budgets:
        parts.append(budget_table(budgets))
    if others:
        header, body = table_of(others)
        aligned = "".join("l" if name in ("case", "detector", "measure", "note") else "r" for name in header)
        parts.append("\n".join([*markdown([header], aligned), *(line_of(cells) for cells in body)]) + "\n")
    return parts + [f"{paragraph}\n" for paragraph in loss_paragraphs(result)]


def budget_table(records: Sequence[Record]) -> str:
    """Return alarms over the budget, panes side by side: bold where the bar is missed."""
    panes = sorted({record.pane for record in records})
    cells: dict[tuple[str, ...], dict[int, str]] = {}
    for r in records:
        key = (r.case, r.detector, number(r.reference) if r.reference else "", number(r.threshold), r.note)
        text = f"{number(r.value)} ({number(r.low)} .. {number(r.high)})" if not math.isnan(r.value) else ""
        cells.setdefault(key, {})[r.pane] = f"**{text}**" if verdict(r) == "missed" else text
    header = ("alarms / budget", "detector", "reference", "A", *(f"pane {pane}" for pane in panes), "note")
    lines = markdown([header], "ll" + "r" * (len(header) - 3) + "l")
    lines += [line_of((*key[:4], *(by.get(pane, "") for pane in panes), key[4])) for key, by in cells.items()]
    return "\n".join(lines) + "\n"


def markdown(header: Sequence[Sequence[str]], aligned: str) -> list[str]:
    """Return the first two lines of a table."""
    return [*(line_of(cells) for cells in header), line_of(["---:" if a == "r" else "---" for a in aligned])]


def line_of(cells: Sequence[str]) -> str:
    """Return one line of a table.

    >>> line_of(["a|b", "c"])
    '| a/b | c |'
    """
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def anchor(row: Row) -> str:
    """Return the link to a row's section, as Markdown makes it of its heading.

    >>> from types import SimpleNamespace
    >>> anchor(SimpleNamespace(id="Q2", title="Normal, A = 1e4"))
    'q2-normal-a--1e4'
    """
    kept = "".join(c for c in f"{row.id} {row.title}".lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def unexplained(found: Sequence[Result]) -> list[str]:
    """Return the losses that no row has a paragraph for."""
    return [
        f"{result.row.id} {named(record)}"
        for result in found
        for record in result.records
        if is_loss(record) and explanation(result.row, record) == UNEXPLAINED
    ]


def written(found: Sequence[Result]) -> str:
    """Return the document of these results."""
    return document(found, figures.names({result.row.file: result.records for result in found}))


def main() -> int:
    """Write the document and its figures."""
    found = results(RESULTS)
    (DOCS / "benchmark.md").write_text(written(found), encoding="utf-8")
    figures.draw({result.row.file: result.records for result in found}, DOCS / "benchmark")
    for line in unexplained(found):
        print(f"{UNEXPLAINED}: {line}", file=sys.stderr)
    print(f"{len(found)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
