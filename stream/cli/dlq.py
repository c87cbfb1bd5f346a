"""`leeway dlq`: what could not be read, why, and how to mend it."""

import sys
from collections import Counter
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

import click

from schemas.dead_letter import DeadLetter
from stream.cli.options import configured, output
from stream.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Message

    Letter = tuple[DeadLetter, Message]


@click.group(name="dlq", short_help="Look at what could not be read.")
def command() -> None:
    """Look at dead letters: records that could not be read, with their bytes untouched.

    \b
    leeway dlq list              how many of what, and the latest with their reasons
    leeway dlq show 1            the latest one in full, with its bytes
    leeway tail dlq              as they come
    """


@command.command(name="list")
@click.option("--model", help="Only those whose bytes name this model.")
@click.option("--latest", type=click.IntRange(0, 1000), default=10, show_default=True, help="How many to show.")
@output("table", "json", "ndjson")
@configured
def list_(settings: Settings, model: str | None, latest: int, output: str) -> None:
    """Count dead letters by topic and reason, and show the latest.

    \b
    Exit codes: 0 there are none, or they are listed; 1 Kafka is away; 2 wrong usage or configuration.
    """
    from stream.cli.paper import console, echo_json, echo_lines, sign
    from stream.cli.tail import letter, line_of

    counts, found = survey(settings, model, latest)
    rows = [{"topic": topic, "code": code, "letters": n} for (topic, code), n in counts.most_common()]
    if output == "ndjson":
        echo_lines(letter(one, message) for one, message in found)
    elif output == "json":
        echo_json({"letters": counts.total(), "counts": rows, "latest": [letter(*each) for each in found]})
    elif not counts:
        click.echo(f"✓ There are no dead letters in {settings.topics.dlq}.")
    else:
        paper = console()
        for row in rows:
            paper.print(f"{sign('error')} {row['letters']:>8,}  {row['code']:<14} from {row['topic']}")
        paper.print(f"\nThe latest {len(found)} of {counts.total():,}:")
        for number, (one, _) in enumerate(found, 1):
            paper.print(f"{number:>3}. {line_of(one)}", soft_wrap=True)


@command.command()
@click.argument("number", metavar="N", type=click.IntRange(min=1))
@click.option("--model", help="Count only those whose bytes name this model.")
@output("table", "json")
@configured
def show(settings: Settings, number: int, model: str | None, output: str) -> None:
    """Show a dead letter in full: number 1 is the latest, as 'leeway dlq list' numbers them.

    \b
    Exit codes: 0 shown, 1 there is no such number or Kafka is away, 2 wrong usage or configuration.
    """
    from stream.cli.paper import echo_json
    from stream.cli.tail import letter

    _, found = survey(settings, model, number)
    if number > len(found):
        raise click.ClickException(f"There is no dead letter number {number}; there are {len(found)}.")
    shown = letter(*found[number - 1])
    if output == "json":
        echo_json(shown)
        sys.exit(0)
    click.echo(_in_full(shown))


def survey(settings: Settings, model: str | None, latest: int) -> "tuple[Counter[tuple[str, str]], list[Letter]]":
    """How many dead letters there are by topic and code, and the latest ones, the very latest first."""
    from stream.cli.reading import records
    from stream.cli.tail import model_of, read

    counts: Counter[tuple[str, str]] = Counter()
    kept: list[tuple[int, int, Letter]] = []  # time, a number that no two share, letter: the oldest on top
    for number, message in enumerate(records(settings, settings.topics.dlq, "beginning", follow=False)):
        record = read("dlq", message)
        if not isinstance(record, DeadLetter) or (model and model_of(record) != model):
            continue
        counts[record.topic, record.reason.code] += 1
        heappush(kept, (message.timestamp()[1], number, (record, message)))
        if len(kept) > latest:
            heappop(kept)
    return counts, [letter for _, _, letter in sorted(kept, reverse=True)]


def _in_full(shown: dict[str, Any]) -> str:
    place = f"{shown['topic']}, partition {shown['partition']}, offset {shown['offset']}"
    return "\n".join(
        (
            f"code     {shown['code']} (found by {shown['stage']})",
            f"why      {shown['message']}",
            f"mend     {shown['hint']}",
            f"from     {place}",
            f"key      {shown['key']}",
            "value",
            str(shown["value"]),
        )
    )
