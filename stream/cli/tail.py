"""`leeway tail`: what flows, as it comes, one readable line each."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import click

from schemas.anomaly import Anomaly
from schemas.binning import Binning
from schemas.dead_letter import DeadLetter, Headers
from schemas.heartbeat import Heartbeat
from schemas.incident import Incident
from schemas.pane import Deployed, Pane
from stream.cli.options import configured
from stream.cli.reading import Start
from stream.many import many
from stream.settings import Settings

if TYPE_CHECKING:
    from confluent_kafka import Message

Record = Anomaly | Incident | Pane | Deployed | DeadLetter | Heartbeat | Binning
WHAT = ("anomalies", "incidents", "panes", "dlq", "heartbeats", "binnings")


@click.command(name="tail", short_help="Follow anomalies, incidents, panes, dead letters.")
@click.argument("what", type=click.Choice(WHAT))
@click.option(
    "--from",
    "start",
    type=Start(),
    metavar="beginning|end|-N",
    default="end",
    show_default=True,
    help="Where to begin.",
)
@click.option("--model", help="Only what concerns this model.")
@click.option("--limit", type=click.IntRange(min=1), help="End after so many.")
@click.option("--for", "seconds", type=click.FloatRange(min=0), metavar="SECONDS", help="End after so long.")
@click.option("--output", type=click.Choice(("human", "ndjson")), default="human", show_default=True)
@configured
def command(
    settings: Settings,
    what: str,
    start: str,
    model: str | None,
    limit: int | None,
    seconds: float | None,
    output: str,
) -> None:
    """Follow a topic until Ctrl-C, --limit or --for. Committed records only.

    \b
    leeway tail anomalies                        what is found from now on
    leeway tail incidents --from -20             20 records before the end of each partition, then on
    leeway tail dlq --from beginning --for 5     everything that could not be read
    leeway tail anomalies --from beginning --model churn --output ndjson | jq .summary

    \b
    Exit codes: 0 ended as asked (Ctrl-C too), 1 Kafka is away, 2 wrong usage or configuration.
    """
    from stream.cli.reading import records

    paper = _paper(output)
    shown = 0
    try:
        for message in records(settings, getattr(settings.topics, what), start, follow=True, seconds=seconds):
            record = read(what, message)
            if record is None or (model and model_of(record) != model):
                continue
            paper(record, message)
            shown += 1
            if limit and shown >= limit:
                break
    except KeyboardInterrupt:
        return


def _paper(output: str) -> "Callable[[Record, Message], None]":
    from stream.cli.paper import console

    paper = console()

    def human(record: Record, message: "Message") -> None:
        paper.print(f"[dim]{clock(message.timestamp()[1])}[/dim]  {line_of(record)}", soft_wrap=True)

    def machine(record: Record, message: "Message") -> None:
        click.echo(json_of(record, message))

    return human if output == "human" else machine


def read(what: str, message: "Message") -> Record | None:
    """The record in a message; None for a tombstone or what is not ours."""
    from schemas import dead_letter, records
    from schemas.dead_letter import Reason

    value = message.value()
    if what == "dlq":
        try:
            return dead_letter.from_headers(message.key(), value, headers_of(message))
        except ValueError:
            return None
    readers: dict[str, Callable[[bytes | None], Record | Reason]] = {
        "anomalies": records.anomaly,
        "incidents": records.incident,
        "panes": records.pane,
        "heartbeats": records.heartbeat,
        "binnings": records.binning,
    }
    record = readers[what](value)
    return None if isinstance(record, Reason) else record


def headers_of(message: "Message") -> Headers:
    """The headers of a record. A header without a value has an empty one."""
    headers = cast("list[tuple[str, bytes | None]] | None", message.headers()) or ()
    return [(name, text or b"") for name, text in headers]


def model_of(record: Record) -> str:
    """Whom a record concerns; for a dead letter as far as its bytes tell."""
    match record:
        case Anomaly() | Incident():
            return record.model
        case DeadLetter():
            return _model_in(record.value)
        case _:
            return record.subject.model


def _model_in(value: bytes | None) -> str:
    """That of an event, of one in an envelope, or of the subject of a pane.

    >>> _model_in(b'{"model":"a"}'), _model_in(b'{"data":{"model":"b"}}'), _model_in(b'{"subject":{"model":"c"}}')
    ('a', 'b', 'c')
    >>> _model_in(b'["a"]'), _model_in(b"{"), _model_in(None)
    ('', '', '')
    """
    import orjson

    from schemas.packed import is_packed, unpacked

    try:
        body = unpacked(value) if is_packed(value) else orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return ""
    for named in (body, *(body.get(part) for part in ("data", "subject"))) if isinstance(body, dict) else ():
        if isinstance(named, dict) and "model" in named:
            return str(named["model"])
    return ""


def clock(at_ms: int) -> str:
    """The local time of day: what is tailed happens now. Anybody may give a record a time that no clock shows.

    >>> clock(10**18)
    '--:--:--'
    """
    try:
        return datetime.fromtimestamp(at_ms / 1000).strftime("%H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return "--:--:--"


def line_of(record: Record) -> str:
    """One line with a glyph and a word for the state, as rich markup."""
    from stream.cli.paper import one_line

    return one_line(_told(record))  # others may write to these topics, too


def _told(record: Record) -> str:
    from rich.markup import escape

    from stream.cli.paper import sign

    match record:
        case Anomaly():
            head = f"{sign(record.status)} {sign(record.severity)}  [bold]{escape(record.model)}[/bold]"
            return f"{head} {record.class_}: {escape(record.summary)}"
        case Incident():
            since = escape(f"since {record.onset_at or record.opened_at}")
            alarms = many(record.anomalies, "alarm")
            name = f"[bold]{escape(record.model)}[/bold] {escape(record.id)}"
            head = f"{sign(record.state)} {sign(record.severity)}  {name}"
            return f"{head} {record.class_}: {escape(record.summary)} [dim]({since}, {alarms})[/dim]"
        case Pane():
            late = f", {record.late} late" if record.late else ""
            nulls = sum(column.nulls for column in record.columns.values())
            counts = f"{many(record.rows, 'row')}, {many(len(record.columns), 'column')}, {many(nulls, 'null')}{late}"
            lag = f"lag {record.lag_ms} ms"
            return f"[bold]{_subject(record)}[/bold] {counts}, {lag} [dim]({escape(record.worker)})[/dim]"
        case Deployed():
            return f"[bold]{_subject(record)}[/bold] deployment: {record.event.action}"
        case Heartbeat():
            drifting = f": {escape(', '.join(record.drifting))}" if record.drifting else ""
            watched = f"{many(record.rows, 'row')}, {record.watching} of {many(record.columns, 'column')} watched"
            return f"{sign(record.state)}  [bold]{_subject(record)}[/bold] {watched}{drifting}"
        case Binning():
            bins = many(len(record.edges) + 1, "bin") if record.form == "numbers" else many(len(record.names), "name")
            counted = "by universal bucket" if record.form == "universal" else f"as {record.form}, {bins}"
            return f"[bold]{_subject(record)}[/bold] {escape(record.column)} is counted {counted}"
        case DeadLetter():
            place = escape(f"{record.topic}/{record.partition} at {record.offset}")
            hint = f" [dim]{escape(record.reason.hint)}[/dim]" if record.reason.hint else ""
            return f"{sign('error')} {record.reason.code}  [bold]{place}[/bold] {escape(record.reason.message)}.{hint}"


def _subject(record: Pane | Deployed | Heartbeat | Binning) -> str:
    from rich.markup import escape

    subject = record.subject
    deployment = "" if subject.deployment == subject.model else f"/{subject.deployment}"
    source = "" if subject.source == "prediction" else f" ({subject.source}s)"
    return escape(f"{subject.model}{deployment}{source}")


def json_of(record: Record, message: "Message") -> bytes:
    """The record as it is in Kafka; a dead letter as an object that has its payload as text."""
    import msgspec

    return (
        msgspec.json.encode(letter(record, message)) if isinstance(record, DeadLetter) else msgspec.json.encode(record)
    )


def letter(record: DeadLetter, message: "Message") -> dict[str, Any]:
    """A dead letter as one flat object. What is not UTF-8 is shown with replacements, the value in base64, too."""
    from base64 import b64encode

    value = record.value or b""
    text = value.decode("utf-8", "replace")
    exact = {} if text.encode() == value else {"value_base64": b64encode(value).decode()}
    return {
        "kind": "dead_letter",
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": record.timestamp,
        "stage": record.stage,
        "code": record.reason.code,
        "message": record.reason.message,
        "hint": record.reason.hint,
        "key": None if record.key is None else record.key.decode("utf-8", "replace"),
        "value": None if record.value is None else text,
        **exact,
        "headers": [[name, header.decode("utf-8", "replace")] for name, header in record.headers],
        "redriven": record.redriven,
        **({"cut": record.cut} if record.cut else {}),
        "dlq": {"partition": message.partition(), "offset": message.offset()},
    }
