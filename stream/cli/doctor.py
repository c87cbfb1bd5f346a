"""`leeway doctor`: is everything fit for it, and if not, what to do?"""

import sys
from dataclasses import asdict

import click

from stream.cli.options import configured, output
from stream.many import many
from stream.settings import Settings


@click.command(name="doctor", short_help="Say what to mend on this machine, Kafka and Redis.")
@output("table", "json", "ndjson")
@configured
def command(settings: Settings, output: str) -> None:
    """Look at this machine, Kafka and Redis, and say what to mend.

    Kafka: reachable, how old, transactions, limits, topics, clocks. Redis: reachable, eviction, persistence, scripts,
    clock. Here: Python, libraries, packages with the names of ours, file descriptors, open doors.
    Nothing is left behind: a transaction is begun and aborted, a key is written and deleted.

    \b
    leeway doctor
    leeway doctor --kafka kafka-1:9092 --redis redis://127.0.0.1:6379/0 --output json

    \b
    Exit codes: 0 no errors (there may be warnings), 1 errors, 2 wrong usage or configuration.
    """
    from stream.cli.paper import echo_findings, echo_json, echo_lines
    from stream.doctor import examine

    found = []
    for one in examine(settings):
        found.append(asdict(one))
        if output == "ndjson":
            echo_lines(found[-1:])
        elif output == "table":
            echo_findings(found[-1:])
    counts = {level: sum(one["level"] == level for one in found) for level in ("ok", "warning", "error")}
    if output == "json":
        echo_json({**counts, "findings": found})
    elif output == "table":
        click.echo(f"{counts['ok']} ok, {many(counts['warning'], 'warning')}, {many(counts['error'], 'error')}")
    sys.exit(1 if counts["error"] else 0)
