"""`leeway check`: events validated as the profile worker will read them, each fault explained with its mend."""

import sys
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from stream.cli.options import CONFIG, output, settings_of
from stream.many import many

if TYPE_CHECKING:
    from schemas.explain import Finding
    from stream.cli.lines import Line, Tally


@click.command(name="check", short_help="Check events without sending them.")
@click.argument("source", metavar="FILE|-", type=click.File("rb"))
@click.option(
    "--kind",
    type=click.Choice(("prediction", "feature", "label", "deployment")),
    default="prediction",
    show_default=True,
    help='What a line without a "kind" is.',
)
@CONFIG
@output("table", "json", "ndjson")
def command(source: IO[bytes], kind: str, config: Path | None, output: str) -> None:
    """Check events, one JSON object a line, without sending them.

    Says for every line that would be refused what is wrong, where, and how to mend it; unknown fields and events
    that have nothing to watch are warnings. Needs neither Kafka nor Redis.

    \b
    leeway check events.ndjson
    head -1000 requests.log | leeway check - --output ndjson
    echo '{"model":"churn","features":{"age":41,"plan":"pro"},"prediction":0.83}' | leeway check -

    \b
    Exit codes: 0 all can be read, 1 some cannot, 2 wrong usage or configuration.
    """
    from stream.cli.lines import Tally, read

    refuse_future_ms = settings_of(config, {}).profile.refuse_future_ms
    tally, found = Tally(), []
    for line in read(source, kind, time.time_ns() // 1_000_000, refuse_future_ms):
        tally.add(line)
        rows = [row_of(line, finding) for finding in line.findings]
        if output == "json":
            found += rows
        else:
            say(line, rows, output)
    finish(tally, found, output)
    sys.exit(1 if tally.errors else 0)


def row_of(line: "Line", finding: "Finding") -> dict[str, Any]:
    """One finding as a row."""
    return {
        "line": line.number,
        "level": finding.level,
        "code": finding.code,
        "path": finding.path,
        "message": finding.message,
        "hint": finding.hint,
    }


def say(line: "Line", rows: list[dict[str, Any]], output: str) -> None:
    """The findings of one line, as soon as they are known: input may be a pipe that never ends."""
    from stream.cli.paper import echo_findings, echo_lines

    if output == "ndjson":
        echo_lines(rows)
        return
    echo_findings(
        {
            "level": row["level"],
            "subject": f"line {line.number}",
            "what": f"{row['path']}: {row['message']}" if row["path"] else row["message"],
            "mend": row["hint"],
        }
        for row in rows
    )


def finish(tally: "Tally", found: list[dict[str, Any]], output: str) -> None:
    """How many of what."""
    from stream.cli.paper import echo_json

    if output == "ndjson":
        return
    if output == "json":
        valid = [{"kind": kind, "model": model, "events": n} for (kind, model), n in sorted(tally.valid.items())]
        summary = {"valid": tally.valid.total(), "invalid": tally.errors, "with_warnings": tally.warnings}
        echo_json({**summary, "by_kind_and_model": valid, "by_code": dict(tally.codes), "findings": found})
        return
    for (kind, model), n in sorted(tally.valid.items()):
        click.echo(f"✓ {many(n, f'{kind} event', width=9)} of {model}")
    if tally.errors:
        ends = "would end as a dead letter" if tally.errors == 1 else "would end as dead letters"
        click.echo(f"✗ {many(tally.errors, 'line', width=9)} that {ends}")
    if tally.warnings:
        click.echo(f"! {many(tally.warnings, 'line', width=9)} with warnings")
    if not tally.errors and not tally.valid:
        click.echo("There are no events in it.")
