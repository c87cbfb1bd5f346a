"""`leeway dlq`: what could not be read, why, how to mend it, and back it goes."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, redirect_stdout
from typing import TYPE_CHECKING, Any

import click

from schemas.dead_letter import DeadLetter
from stream.cli.group import Group
from stream.cli.options import Refused, configured, output
from stream.cli.survey import Found, Survey, Wanted, still, survey
from stream.cli.survey import wanted as which
from stream.many import many
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.letters import Sender

MOST = 1_000  # letters that have a number
SHOWN = 5  # before anybody is asked


@click.group(name="dlq", cls=Group, short_help="Look at what could not be read, and send it back.")
def command() -> None:
    """Look at dead letters, records that could not be read with their bytes untouched, and send them back.

    \b
    leeway dlq list                  how many of what, and the latest with their reasons
    leeway dlq show 1                the latest one in full, with its bytes
    leeway dlq redrive --code clock  back to where they came from, once what was wrong is mended
    leeway tail dlq                  as they come
    """


@command.command(name="list")
@which
@click.option("--latest", type=click.IntRange(0, MOST), default=10, show_default=True, help="How many to show.")
@output("table", "json", "ndjson")
@configured
def list_(settings: Settings, wanted: Wanted, latest: int, output: str) -> None:
    """Count dead letters by topic and reason, and show the latest. Those that were sent back are left out.

    \b
    Exit codes: 0 there are none, or they are listed; 1 Kafka is away; 2 wrong usage or configuration.
    """
    from stream.cli.paper import console, echo_json, echo_lines
    from stream.cli.tail import letter

    seen = survey(settings, wanted, latest)
    rows = [{"topic": topic, "code": code, "letters": n} for (topic, code), n in seen.counts.most_common()]
    if output == "ndjson":
        echo_lines(letter(*found) for found in seen.latest)
    elif output == "json":
        shown = [letter(*found) for found in seen.latest]
        echo_json({"letters": seen.counts.total(), "redriven": seen.redriven, "counts": rows, "latest": shown})
    elif not seen.counts:
        such = "no dead letters" if wanted == Wanted() else "no such dead letters"
        click.echo(f"✓ There are {such} in {settings.topics.dlq}{_sent_back(seen)}.")
    else:
        _counts(seen)
        if seen.latest:
            console().print(f"\nThe latest {len(seen.latest)} of {seen.counts.total():,}{_sent_back(seen)}:")
            _lines(enumerate(seen.latest, 1))


@command.command()
@click.argument("number", metavar="N", type=click.IntRange(min=1))
@which
@output("table", "json")
@configured
def show(settings: Settings, number: int, wanted: Wanted, output: str) -> None:
    """Show a dead letter in full: number 1 is the latest, as 'leeway dlq list' with the same --code, --topic and
    --model numbers them.

    \b
    Exit codes: 0 shown, 1 there is no such number or Kafka is away, 2 wrong usage or configuration.
    """
    from stream.cli.paper import echo_json, harmless
    from stream.cli.tail import letter

    shown = letter(*numbered(survey(settings, wanted, number), number))
    if output == "json":
        echo_json(shown)
        sys.exit(0)
    click.echo(harmless(_in_full(shown)))


@command.command()
@click.argument("numbers", metavar="[N]...", nargs=-1, type=click.IntRange(1, MOST))
@which
@click.option("--all", "everything", is_flag=True, help="All letters, whatever they are.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent back, send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output("table", "json")
@configured
def redrive(
    settings: Settings,
    numbers: tuple[int, ...],
    wanted: Wanted,
    everything: bool,
    dry_run: bool,
    yes: bool,
    output: str,
) -> None:
    """Send dead letters back to the topics they came from: the same bytes, key and headers, each letter once.

    \b
    leeway dlq redrive 1 3                     by their numbers in 'leeway dlq list', if no more came since
    leeway dlq redrive --code over_quota       all of one code; --topic and --model narrow it down
    leeway dlq redrive --all --dry-run         what would be sent

    \b
    It may be stopped at any time and run again: what was sent back is not sent twice. A record that fails
    again is a new letter, and its header leeway.redriven says how often it came back.

    \b
    Exit codes: 0 all sent back, or nothing to send; 1 some are left out, there is no such number, you said no,
    or Kafka is away; 2 wrong usage or configuration.
    """
    if bool(numbers) + (wanted != Wanted()) + everything == 0:
        raise Refused(
            "Say which letters: by number as 'leeway dlq list' shows them, --code, --topic, --model or --all."
        )
    if numbers and everything:
        raise Refused("Say numbers or --all, not both.")
    seen = survey(settings, wanted, max(numbers, default=SHOWN))
    chosen = {number: numbered(seen, number) for number in sorted(set(numbers))}
    many = len(chosen) or seen.counts.total()
    if not many:
        _report({"redriven": 0, "left_out": []}, f"✓ There is nothing to send back{_sent_back(seen)}.", output)
    elif dry_run:
        _plan(seen, chosen, err=output == "json")
        _report({"would_redrive": many}, f"{many:,} would be sent back; nothing was.", output)
    else:
        if not yes:
            _plan(seen, chosen, err=True)
            _ask(many)
        _redriven(settings, still(settings, wanted, seen.ends), {found.place for found in chosen.values()}, output)


def numbered(seen: Survey, number: int) -> Found:
    """The letter with this number: 1 is the latest."""
    if number > len(seen.latest):
        raise click.ClickException(f"There is no dead letter number {number}; there are {len(seen.latest)}.")
    return seen.latest[number - 1]


def _ask(many: int) -> None:
    click.echo(f"Send {many:,} back? [y/N] ", nl=False, err=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):  # an empty line: there is nobody to ask
        raise click.ClickException("Nothing was sent back; --yes does not ask.")


def _redriven(settings: Settings, letters: Iterator[Found], places: set[tuple[int, int]], output: str) -> None:
    """Send them, or of them those in these places, and say what became of them."""
    from stream.letters import Sender

    sender = Sender(settings)  # whoever was sending is shut out now, and all notes can be read
    sent, left = 0, []
    for letter, why in _sending(sender, settings, (found for found in letters if not places or found.place in places)):
        if why:
            left.append({"topic": letter.topic, "partition": letter.partition, "offset": letter.offset, "why": why})
        else:
            sent += 1
    for each in left[:SHOWN]:
        click.echo(f"left out: {each['topic']}/{each['partition']} at {each['offset']}: {each['why']}.", err=True)
    if len(left) > SHOWN:
        click.echo(f"left out: {len(left) - SHOWN:,} more.", err=True)
    _report({"redriven": sent, "left_out": left}, f"{sent:,} sent back.", output)
    sys.exit(1 if left else 0)


def _sending(sender: "Sender", settings: Settings, letters: Iterable[Found]) -> Iterator[tuple[DeadLetter, str]]:
    """Every letter once it is sent, or with the reason why it is not."""
    from stream.letters import READ_BY_ROLES, Place, refusal

    present = sender.producer.list_topics(timeout=30).topics
    topics = {name for purpose in READ_BY_ROLES if (name := getattr(settings.topics, purpose)) in present}
    refused: list[tuple[DeadLetter, str]] = []

    def able() -> Iterator[Place]:
        for letter, message in letters:
            if why := refusal(letter, topics):
                refused.append((letter, why))
            else:
                yield Place(letter, message.partition() or 0)

    for sent, large in sender.send(able()):
        yield from ((place.letter, "") for place in sent)
        yield from ((place.letter, "it is larger than its topic allows (max.message.bytes)") for place in large)
    yield from refused


def _sent_back(seen: Survey) -> str:
    return f" ({seen.redriven:,} were sent back)" if seen.redriven else ""


def _plan(seen: Survey, chosen: dict[int, Found], err: bool) -> None:
    from stream.cli.paper import console

    with redirect_stdout(sys.stderr) if err else nullcontext():
        if chosen:
            _lines(chosen.items())
        else:
            _counts(seen)
            console().print(f"\nThe latest of {seen.counts.total():,}:")
            _lines(enumerate(seen.latest[:SHOWN], 1))


def _counts(seen: Survey) -> None:
    from rich.markup import escape

    from stream.cli.paper import console, sign

    for (topic, code), n in seen.counts.most_common():
        console().print(f"{sign('error')} {n:>8,}  {code:<14} from {escape(topic)}")


def _lines(numbered: Iterable[tuple[int, Found]]) -> None:
    from stream.cli.paper import console
    from stream.cli.tail import line_of

    for number, (letter, _) in numbered:
        console().print(f"{number:>3}. {line_of(letter)}", soft_wrap=True)


def _report(facts: dict[str, Any], sentence: str, output: str) -> None:
    from stream.cli.paper import echo_json

    if output == "json":
        echo_json(facts)
    else:
        click.echo(sentence)


def _in_full(shown: dict[str, Any]) -> str:
    from stream.cli.paper import one_line

    place = f"{shown['topic']}, partition {shown['partition']}, offset {shown['offset']}"
    back = [f"back     sent back {many(shown['redriven'], 'time')} before"] if shown["redriven"] else []
    cut = [f"cut      {shown['cut']}"] if "cut" in shown else []
    lines = (
        f"code     {shown['code']} (found by {shown['stage']})",
        f"why      {shown['message']}",
        f"mend     {shown['hint']}",
        f"from     {place}",
        *back,
        *cut,
        *(f"header   {name}: {header}" for name, header in shown["headers"]),
        f"key      {'none' if shown['key'] is None else shown['key']}",
        "value" if "value_base64" not in shown else "value, in base64",
    )
    value = "none: a tombstone" if shown["value"] is None else str(shown.get("value_base64", shown["value"]))
    return "\n".join((*map(one_line, lines), value))
