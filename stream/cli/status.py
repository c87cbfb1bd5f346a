"""`leeway status`: how every model is, at a glance."""

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from stream.cli.options import configured, output
from stream.many import many
from stream.settings import Settings

if TYPE_CHECKING:
    from redis import Redis
    from rich.console import Console

DRIFT = 3
SHOWN = 6  # columns of a subject, those nearest to an alarm first


@click.command(name="status", short_help="Show every model's state; exit code 3 for drift.")
@click.option("--model", help="Only this model.")
@click.option("--columns", is_flag=True, help="Every feature and output, not only those nearest to an alarm.")
@output("table", "json", "ndjson")
@configured
def command(settings: Settings, model: str | None, columns: bool, output: str) -> None:
    """Show every model's state and its evidence of drift.

    \b
    learning   not enough data to judge yet        no data   nothing arrives
    quiet      watching, nothing found             lagging   what arrives is old
    drifting   at least one alarm stands

    A full bar is an alarm; a bar shows the last three orders of magnitude before
    it, because evidence multiplies.

    With --columns, a column that drifts or is near an alarm shows the distances
    people know: PSI 0.31 (5.2x chance) is 5.2 times what chance alone exceeds
    once in a thousand with as many events. They are readings, not alarms.

    \b
    Exit codes: 0 no drift, 1 Redis is away, 2 wrong usage or configuration, 3 drift stands.
    """
    from stream.cli.paper import console, echo_json, echo_lines
    from stream.cli.reach import redis_client
    from stream.whereabouts import ADDRESS, LAG

    found = [one for one in views(redis_client(settings), settings.redis.prefix) if not model or _model(one) == model]
    if output == "json":
        echo_json(found)
    elif output == "ndjson":
        echo_lines(found)
    elif not found:
        click.echo("Nothing was seen yet" + (f" of {model}" if model else "") + "; 'leeway send' sends events.")
    else:
        paper = console()
        for one in found:
            _print(paper, one, every=columns)
    if output == "table":
        client, prefix = redis_client(settings), settings.redis.prefix
        lags = told(client, prefix + LAG)
        for worker, address in told(client, prefix + ADDRESS).items():
            console().print(f"[dim]{worker} at http://{address}{behind(lags.get(worker, ''))}[/dim]")
    sys.exit(DRIFT if any(one.get("drifting") for one in found) else 0)


def views(client: "Redis", prefix: str) -> list[dict[str, Any]]:
    """What the judges show: one value for each subject, with its columns, those nearest to an alarm first."""
    import orjson

    keys: set[bytes] = client.smembers(f"{prefix}subjects")  # type: ignore[assignment]
    found = []
    for key in sorted(keys):
        fields: dict[bytes, bytes] = client.hgetall(f"{prefix}view:{key.decode()}")  # type: ignore[assignment]
        if b"subject" not in fields:
            continue
        columns = [orjson.loads(value) for name, value in fields.items() if name.startswith(b"column|")]
        columns.sort(key=lambda column: (-float(column.get("fullness") or 0), column["column"]))
        found.append(orjson.loads(fields[b"subject"]) | {"key": key.decode(), "by_column": columns})
    return found


def told(client: "Redis", prefix: str) -> dict[str, str]:
    """What the workers say of themselves below a prefix, by worker."""
    found = {}
    for key in sorted(client.scan_iter(match=f"{prefix}*", count=500)):
        if said := client.get(key):
            found[key.decode().removeprefix(prefix)] = said.decode()  # type: ignore[union-attr]
    return found


def behind(lag: str) -> str:
    """How far a worker is behind its input, in words.

    >>> behind("12.34 4500"), behind("0.0 0"), behind("")
    (', 12.3 s behind (4,500 records wait)', ', up to date', '')
    """
    from stream.engine.observed import Lag

    if not lag:
        return ""
    messages, seconds = Lag.read(lag)
    return f", {seconds:.1f} s behind ({messages:,} records wait)" if messages else ", up to date"


def _model(view: dict[str, Any]) -> str:
    return str(view["subject"].get("model", ""))


def _print(paper: "Console", view: dict[str, Any], *, every: bool) -> None:
    from rich.markup import escape

    from stream.cli.paper import bar, sign

    subject = view["subject"]
    name = escape(" ".join(str(subject.get(part, "")) for part in ("model", "deployment", "source")))
    age_s = max(0, time.time() - view.get("at", 0) / 1000)
    paper.print(
        f"{sign(view['state'])}  [bold]{name}[/bold]  {many(view['rows'], 'row')}, {view['rate']:g}/s, {_ago(age_s)}"
    )
    if line := beyond_line(view):
        paper.print(f"    [yellow]{line}[/yellow]", soft_wrap=True)
    if line := expected_line(view.get("expected_quality")):
        paper.print(f"    [dim]{line}[/dim]", soft_wrap=True)
    shown = view["by_column"] if every else view["by_column"][:SHOWN]
    for column in shown:
        evidence, threshold = float(column.get("evidence") or 0), float(column.get("threshold") or 0)
        effect = escape(str(column.get("effect") or ""))
        level = f"{bar(float(column.get('fullness') or 0))} {evidence:>8.2g} of {threshold:.2g}"
        paper.print(f"    {sign(column['state'])}  {escape(column['column']):<28} {level}  {effect}", soft_wrap=True)
        if every and (line := readings_line(column)):
            paper.print(f"        [dim]{line}[/dim]", soft_wrap=True)
    if len(shown) < len(view["by_column"]):
        paper.print(f"    [dim]and {len(view['by_column']) - len(shown)} more; --columns shows them[/dim]")


def beyond_line(view: dict[str, Any]) -> str:
    """What is beyond the quota of a model, and so is not watched.

    >>> beyond_line({"unwatched_columns": 5904, "unwatched_slices": 0})
    'not watched, beyond the quota of one model: 5,904 columns'
    """
    counts = {what: view.get(f"unwatched_{what}s", 0) for what in ("column", "slice")}
    said = " and ".join(many(count, what) for what, count in counts.items() if count)
    return f"not watched, beyond the quota of one model: {said}" if said else ""


READING = {"ks": "KS", "wasserstein": "Wasserstein", "psi": "PSI", "jensen_shannon": "JS", "hellinger": "Hellinger"}


def readings_line(column: dict[str, Any]) -> str:
    """The distances people know, each as a multiple of what chance alone exceeds once in a thousand.

    >>> readings_line({"readings": [{"name": "psi", "value": 0.31, "times_chance": 5.2, "p": 1e-9}]})
    'PSI 0.31 (5.2x chance)'
    """
    shown = (
        f"{READING.get(one['name'], one['name'])} {one['value']:.2g} ({one['times_chance']:.2g}x chance)"
        for one in column.get("readings") or ()
    )
    return ", ".join(shown)


def expected_line(quality: dict[str, Any] | None) -> str:
    """What the scores let one expect, and why it is not to be relied on.

    >>> accuracy = {"value": 0.826, "low": 0.81, "high": 0.84}
    >>> expected_line({"accuracy": accuracy, "reasons": ["uncalibrated: 0 labels"], "blind": "blind to concept drift"})
    'expected accuracy 0.83 (0.81 to 0.84); uncalibrated: 0 labels; blind to concept drift'
    """
    if not quality or not quality.get("accuracy"):
        return ""
    accuracy = quality["accuracy"]
    said = f"expected accuracy {accuracy['value']:.2f} ({accuracy['low']:.2f} to {accuracy['high']:.2f})"
    return "; ".join([said, *quality["reasons"], quality["blind"].partition(":")[0]])


def _ago(seconds: float) -> str:
    """How long ago a subject was heard of.

    >>> _ago(3), _ago(300), _ago(90_000)
    ('now', '5 min ago', '25 h ago')
    """
    if seconds < 10:
        return "now"
    if seconds < 120:
        return f"{seconds:.0f} s ago"
    return f"{seconds / 60:.0f} min ago" if seconds < 7_200 else f"{seconds / 3600:.0f} h ago"
