"""`leeway topics`: create the missing ones, say how the others differ from what they should be."""

import sys
from typing import Any

import click

from stream.cli.group import Group
from stream.cli.options import configured, output
from stream.many import many
from stream.settings import Settings


@click.group(name="topics", cls=Group, short_help="Create and check Kafka topics.")
def command() -> None:
    """Create and check Kafka topics.

    \b
    leeway topics check              what is missing or set differently, and how to mend it
    leeway topics create --dry-run   what would be created
    leeway topics create             create it; topics that exist are never changed
    """


@command.command()
@click.option("--dry-run", is_flag=True, help="Say what would be created, create nothing.")
@configured
def create(settings: Settings, dry_run: bool) -> None:
    """Create the topics that are missing. Those that exist are left as they are.

    \b
    Exit codes: 0 all there, 1 Kafka is away or refused, 2 wrong configuration.
    """
    refused = create_missing(settings, dry_run=dry_run)
    if refused:
        raise click.ClickException("; ".join(f"{name} was not created: {why}" for name, why in refused.items()))


def create_missing(settings: Settings, *, dry_run: bool = False, quiet: bool = False) -> dict[str, str]:
    """Create what is missing and say so; the topics that Kafka refused, with its reason."""
    from stream.cli.reach import admin
    from stream.topics import create as create_topics
    from stream.topics import topics

    client = admin(settings)
    wanted = topics(settings)
    present = client.list_topics(timeout=15).topics
    missing = [topic for topic in wanted if topic.name not in present]
    outcomes = {topic.name: "" for topic in missing} if dry_run else create_topics(client, missing)
    for topic in wanted:
        if topic.name in present:
            said = "exists"
        elif outcomes.get(topic.name):
            continue
        else:
            said = "would be created" if dry_run else "created"
            size = f"{many(topic.partitions, 'partition')}, {many(topic.replication, 'replica')}"
            said += f": {size}, {topic.settings['cleanup.policy']}"
        if not quiet or said != "exists":
            click.echo(f"{topic.name:<24} {said}")
    return {name: why for name, why in outcomes.items() if why}


@command.command()
@output("table", "json", "ndjson")
@configured
def check(settings: Settings, output: str) -> None:
    """Say which topics are missing or set differently, why it matters, and the command that mends it.

    \b
    Exit codes: 0 no errors (there may be warnings), 1 errors or Kafka is away, 2 wrong configuration.
    """
    from stream.cli.reach import admin
    from stream.topics import differences, found, topics

    wanted = topics(settings)
    present = found(admin(settings), [topic.name for topic in wanted])
    different = list(differences(wanted, present))
    rows = [{"level": one.level, "topic": one.topic, "what": one.what, "mend": one.mend} for one in different]
    unknown = [topic.name for topic in present.values() if topic.settings is None]
    _print(rows, unknown, len(wanted), output)
    sys.exit(1 if any(one.level == "error" for one in different) else 0)


def _print(rows: list[dict[str, str]], unknown: list[str], count: int, output: str) -> None:
    from stream.cli.paper import echo_findings, echo_json, echo_lines

    if output == "json":
        echo_json({"topics": count, "differences": rows, "settings_unknown": unknown})
    elif output == "ndjson":
        echo_lines(rows)
    else:
        findings: list[dict[str, Any]] = [{**row, "subject": row["topic"]} for row in rows]
        echo_findings(findings)
        if unknown:
            hidden = many(len(unknown), "topic")
            click.echo(f"? {hidden} whose settings Kafka does not tell: no permission, or the embedded broker.")
        if not rows and not unknown:
            click.echo(f"✓ All {count} topics are as they should be.")
