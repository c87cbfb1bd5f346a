"""`leeway incident`: what stands open, and what a person does about it."""

import getpass
import os
import re
import time
import uuid
from collections.abc import Callable
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

import click

from schemas.incident import Action, Incident
from stream.cli.group import Group
from stream.cli.options import configured, output
from stream.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

ANSWER_S = 15.0
DURATION = re.compile(r"(\d+)([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
OPEN = ("open", "acknowledged", "silenced")
EXIT_CODES = """\b
Exit codes: 0 asked for, 1 there is none of this id, or Redis or Kafka is away,
2 wrong usage or configuration."""


@click.group(name="incident", cls=Group, short_help="List incidents and act on them.")
def command() -> None:
    """List incidents and act on them. Every action is kept with who, when and why.

    \b
    leeway incident list
    leeway incident show inc-4f1c
    leeway incident acknowledge inc-4f1c --comment "looking into it"
    leeway incident silence inc-4f1c --until 4h --comment "known, the fix ships today"
    leeway incident false-alarm inc-4f1c

    The beginning of an id is enough where it is the only one.
    """


@command.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Resolved ones too.")
@click.option("--model", help="Only those of this model.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@output("table", "json", "ndjson")
@configured
def list_(settings: Settings, everything: bool, model: str | None, limit: int, output: str) -> None:
    """List incidents, the latest first.

    \b
    Exit codes: 0 listed, 1 Redis is away, 2 wrong usage or configuration.
    """
    from stream.cli.reach import redis_client

    client = redis_client(settings)
    found = [
        one
        for one in incidents(client, settings.redis.prefix)
        if (everything or one.state in OPEN) and (not model or one.model == model)
    ]
    _print(found[:limit], len(found), "There is no incident." if everything else "No incident stands open.", output)


def incidents(client: "Redis", prefix: str) -> list[Incident]:
    """All incidents that Redis keeps, the latest first. What cannot be read is left out."""
    from schemas.records import incident

    ids: list[bytes] = client.zrevrange(f"{prefix}incidents", 0, -1)  # type: ignore[assignment]
    if not ids:
        return []
    bodies: list[bytes | None] = client.mget([f"{prefix}incident:{id.decode()}" for id in ids])  # type: ignore[assignment]
    read = [incident(body) for body in bodies if body is not None]
    return [one for one in read if isinstance(one, Incident)]


def _print(found: list[Incident], count: int, none: str, output: str) -> None:
    import msgspec

    from stream.cli.paper import console, echo_json, echo_lines
    from stream.cli.tail import line_of

    if output == "json":
        echo_json(msgspec.to_builtins(found))
    elif output == "ndjson":
        echo_lines(msgspec.to_builtins(found))
    elif not found:
        click.echo(f"✓ {none}")
    else:
        paper = console()
        for one in found:
            paper.print(line_of(one), soft_wrap=True)
        if count > len(found):
            paper.print(f"... and {count - len(found)} more; --limit shows more of them.")


@command.command()
@click.argument("id")
@output("table", "json")
@configured
def show(settings: Settings, id: str, output: str) -> None:
    """Show one incident: what, since when, how strong, and everything that was done.

    \b
    Exit codes: 0 shown, 1 there is none of this id or Redis is away, 2 wrong usage or configuration.
    """
    import msgspec

    from stream.cli.paper import echo_json
    from stream.cli.reach import redis_client

    one = named(redis_client(settings), settings.redis.prefix, id)
    if output == "json":
        echo_json(msgspec.to_builtins(one))
    else:
        _print_whole(one)


def named(client: "Redis", prefix: str, id: str) -> Incident:
    """The incident whose id is or begins with `id`; a refusal when there is none, or more than one."""
    matching = [one for one in incidents(client, prefix) if one.id.startswith(id) or one.id.startswith(f"inc-{id}")]
    exact = [one for one in matching if one.id == id]
    if len(exact or matching) == 1:
        return (exact or matching)[0]
    if matching:
        raise click.ClickException(f"Several incidents begin with '{id}': {', '.join(one.id for one in matching[:5])}.")
    raise click.ClickException(f"There is no incident '{id}'; 'leeway incident list --all' lists them.")


def _print_whole(one: Incident) -> None:
    from rich.markup import escape

    from stream.cli.paper import console, sign

    paper = console()
    segment = ", ".join(f"{key}={value}" for key, value in one.segment.items())
    rows = {
        "state": f"{sign(one.state)} {sign(one.severity)}" + (" [dim](false alarm)[/dim]" if one.false_alarm else ""),
        "what": f"{one.class_}: {escape(one.summary)}",
        "model": escape(f"{one.model} version {one.version or '?'}, deployment {one.deployment}"),
        "feature": escape(f"{one.feature} {segment}".strip()),
        "effect": escape(one.effect),
        "evidence": f"{one.evidence:.3g}, threshold {one.threshold:.3g}",
        "since": escape(one.onset_at),
        "opened": escape(one.opened_at),
        "silenced": escape(f"until {one.silenced_until}") if one.silenced_until else "",
        "resolved": escape(one.resolved_at),
        "owner": escape(one.owner),
        "runbook": escape(one.runbook_url),
        "page": escape(one.console_url),
    }
    paper.print(f"[bold]{escape(one.id)}[/bold]")
    for name, value in rows.items():
        if value:
            paper.print(f"  {name:<9} {value}", soft_wrap=True)
    for each in one.steps:
        until = f" until {each.until}" if each.until else ""
        said = f": {each.comment}" if each.comment else ""
        what = escape(f"{each.what}{until} by {each.actor}{said}")
        paper.print(f"  [dim]{escape(each.at)}[/dim] {what}", soft_wrap=True)


def _asks(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options and the exit codes of whatever is asked for."""
    for option in (
        click.option("--dry-run", is_flag=True, help="Say what would be asked for, ask for nothing."),
        click.option("--actor", default=None, help="Who. Default: your user name."),
    ):
        function = option(function)
    function.__doc__ = f"{cleandoc(function.__doc__ or '')}\n\n{EXIT_CODES}"
    return configured(function)


def _acts(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same with a comment, of all actions but the comment itself."""
    comment = click.option("--comment", default="", help="Why; kept in the incident's history.")
    return _asks(click.argument("id")(comment(function)))


@command.command()
@_acts
def acknowledge(settings: Settings, id: str, actor: str | None, comment: str, dry_run: bool) -> None:
    """Say that somebody looks after it: it does not escalate any more."""
    ask(settings, id, "acknowledge", actor, comment, dry_run)


@command.command()
@click.option("--until", required=True, metavar="TIME|DURATION", help="2026-01-31T09:30:00Z, or 30m, 4h, 2d from now.")
@_acts
def silence(settings: Settings, id: str, until: str, actor: str | None, comment: str, dry_run: bool) -> None:
    """Keep it quiet until a time. It stays open."""
    ask(settings, id, "silence", actor, comment, dry_run, until=end_of_silence(until, _now_ms()))


@command.command()
@_acts
def unsilence(settings: Settings, id: str, actor: str | None, comment: str, dry_run: bool) -> None:
    """End a silence before its time."""
    ask(settings, id, "unsilence", actor, comment, dry_run)


@command.command(name="false-alarm")
@_acts
def false_alarm(settings: Settings, id: str, actor: str | None, comment: str, dry_run: bool) -> None:
    """Resolve it as an alarm that corresponds to nothing. Your verdict is kept for the account of the budget."""
    ask(settings, id, "false_alarm", actor, comment, dry_run)


@command.command()
@_acts
def resolve(settings: Settings, id: str, actor: str | None, comment: str, dry_run: bool) -> None:
    """Say that it is over."""
    ask(settings, id, "resolve", actor, comment, dry_run)


@command.command(name="comment")
@click.argument("id")
@click.argument("text")
@_asks
def comment_(settings: Settings, id: str, text: str, actor: str | None, dry_run: bool) -> None:
    """Add a remark to its history.

    \b
    leeway incident comment inc-4f1c "the fix ships today"
    """
    ask(settings, id, "comment", actor, text, dry_run)


def end_of_silence(until: str, now_ms: int) -> str:
    """A time or a duration from now as RFC 3339.

    >>> end_of_silence("2h", 1_769_851_800_000)
    '2026-01-31T11:30:00.000Z'
    """
    from stream.incidents import instant

    if duration := DURATION.fullmatch(until):
        return instant.text(now_ms + int(duration[1]) * SECONDS[duration[2]] * 1000)
    try:
        at_ms = instant.ms(until)
    except ValueError:
        raise click.BadParameter(
            f"'{until}' is neither a time like 2026-01-31T09:30:00Z nor a duration like 30m, 4h or 2d",
            param_hint="--until",
        ) from None
    if at_ms <= now_ms:
        raise click.BadParameter(f"{until} is over already", param_hint="--until")
    return instant.text(at_ms)


def ask(
    settings: Settings, id: str, action: Action, actor: str | None, comment: str, dry_run: bool, until: str = ""
) -> None:
    """Put a command on the commands topic; the incidents role follows it."""
    import msgspec

    from schemas.incident import Command
    from stream.cli.reach import redis_client
    from stream.incidents import instant

    incident = named(redis_client(settings), settings.redis.prefix, id)
    wanted = Command(
        id=str(uuid.uuid4()),
        incident=incident.id,
        action=action,
        actor=actor or _user(),
        at=instant.text(_now_ms()),
        comment=comment,
        until=until,
    )
    if dry_run:
        click.echo(msgspec.json.encode(wanted).decode())
        return
    _produce(settings, wanted)
    what = action.replace("_", " ") + (f" until {until}" if until else "")
    click.echo(
        f"Asked for: {what}, {incident.id} ({incident.summary}). 'leeway incident show {incident.id}' follows it."
    )


def _produce(settings: Settings, wanted: Any) -> None:
    from confluent_kafka import KafkaException, Producer

    from stream.cli.reach import kafka_is_away, kafka_properties, listed, unreadable
    from stream.kafka import plain_producer
    from stream.kafka_trouble import explained
    from stream.outputs import record

    topic = settings.topics.commands
    output = record(
        topic, wanted, kind="command", id=wanted.id, key=wanted.incident, time=wanted.at, role="command-line"
    )
    limits = {"message.timeout.ms": int(ANSWER_S * 1000)}
    properties = plain_producer(settings.kafka) | kafka_properties(settings) | limits
    producer = Producer(properties)
    refused: list[str] = []
    if error := listed(producer, properties["error_cb"], settings, topic).topics[topic].error:
        raise click.ClickException(unreadable(topic, error))
    try:
        producer.produce(
            output.topic,
            output.value,
            key=output.key,
            headers=[(name, value) for name, value in output.headers],
            on_delivery=lambda error, _: refused.append(explained(error)) if error else None,
        )
    except KafkaException as refusal:
        raise click.ClickException(kafka_is_away(settings, refusal, properties["error_cb"])) from None
    if producer.flush(ANSWER_S + 1) or refused:
        raise click.ClickException(f"Kafka did not take the command: {'; '.join(refused) or 'no answer in time'}.")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _user() -> str:
    """Who acts, as far as the system knows."""
    try:
        return os.environ.get("USER") or getpass.getuser()
    except (KeyError, OSError):  # a container without a name for its user
        raise click.ClickException("Your user name is not known here; say who acts with --actor NAME.") from None
