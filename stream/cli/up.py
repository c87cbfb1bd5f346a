"""`leeway up`: all roles on this machine, under one supervisor."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stream.cli.asked import ASKING, until_asked
from stream.cli.options import CONFIG, KAFKA, REDIS, settings_of
from stream.settings import Settings

if TYPE_CHECKING:
    from stream.supervisor import Event, Supervisor

LOOK_S = 1.0  # between looks for new addresses in Redis


class Workers(click.ParamType):
    """A number of workers, or `auto`."""

    name = "N|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if value == "auto":
            return 0
        if isinstance(value, int):
            return value
        if not str(value).isdecimal() or not 1 <= int(value) <= 1024:
            self.fail(f"expected a number from 1 to 1024 or 'auto', got '{value}'", param, ctx)
        return int(value)


@click.command(name="up", short_help="Run everything on this machine.")
@click.option(
    "--workers", type=Workers(), metavar="N|auto", default="auto", show_default=True, help="How many profile workers."
)
@click.option("--judges", type=click.IntRange(1, 1024), default=1, show_default=True, help="How many judges.")
@click.option("--no-topics", is_flag=True, help="Do not create missing topics first.")
@click.option(
    "--patience",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for a Kafka that is away at the start.",
)
@CONFIG
@KAFKA
@REDIS
@click.option(
    "--http-port",
    type=click.IntRange(0, 65000),
    help="First port of the workers' pages, the next worker has the next. 0: any free ones, said at the start.",
)
def command(
    workers: int,
    judges: int,
    no_topics: bool,
    patience: float,
    config: Path | None,
    kafka: str | None,
    redis: str | None,
    http_port: int | None,
) -> None:
    """Run all roles on this machine: profile workers, judges, and incidents.

    Creates missing topics first. A worker that dies is started again, later each time; Ctrl-C or SIGTERM stops all,
    within 25 seconds. 'auto' is one profile worker for every core but one.

    \b
    leeway up
    leeway up --workers 4 --kafka kafka-1:9092 --redis redis://127.0.0.1:6379/0
    leeway up --http-port 9400    profile 0 on 9400, the next worker on 9401, ...

    \b
    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 1 Kafka stays away or a worker had to be killed,
    2 wrong usage or configuration.
    """
    with until_asked():
        settings = settings_of(config, {"kafka.bootstrap": kafka, "redis.url": redis, "http.port": http_port})
        if not no_topics:
            _create_topics(settings, patience)
        status = _supervise(settings, config, workers or automatic(settings), judges)
    sys.exit(status)


def _create_topics(settings: Settings, patience_s: float) -> None:
    """Create what is missing, once Kafka is there."""
    from stream.cli.topics import create_missing

    give_up, said = time.monotonic() + patience_s, False
    while True:
        try:
            refused = create_missing(settings, quiet=True)
            break
        except click.ClickException as away:
            if time.monotonic() >= give_up:
                raise
            if not said:
                click.echo(f"{away.message} Waiting for it, at most {patience_s:g} s.", err=True)
                said = True
            time.sleep(1.0)
    if refused:
        raise click.ClickException("; ".join(f"{name} was not created: {why}" for name, why in refused.items()))


def automatic(settings: Settings) -> int:
    """One profile worker for every core but one, which the rest shares; never more than there are partitions."""
    return max(1, min((os.cpu_count() or 1) - 1, settings.topics.partitions))


def _supervise(settings: Settings, config: Path | None, workers: int, judges: int) -> int:
    from stream.supervisor import Supervisor

    asked = threading.Event()
    for name in ASKING:
        signal.signal(name, lambda *_: asked.set())
    family = Supervisor(
        commands(settings, config, workers, judges), _environment(settings), on_event=Announcer(sys.stderr.isatty())
    )
    click.echo(f"Starting {workers} profile, {judges} judge and 1 incidents worker; Ctrl-C stops them.", err=True)
    family.start()
    _wait(settings, family, asked)
    click.echo("Stopping.", err=True)
    clean = family.stop()
    click.echo("Stopped." if clean else "Stopped; some workers had to be killed.", err=True)
    return 0 if clean else 1


def commands(settings: Settings, config: Path | None, workers: int, judges: int) -> dict[str, list[str]]:
    """The command of every worker by its name. Secrets never stand on a command line."""
    from stream.supervisor import command_of

    seats = [("profile", slot) for slot in range(workers)]
    seats += [("judge", slot) for slot in range(judges)]
    seats += [("incidents", 0)]
    shared = ["--config", str(config)] if config else []
    first = settings.http.port
    return {
        f"{role}-{slot}": command_of(role, slot, *shared, "--http-port", str(first + number if first else 0))
        for number, (role, slot) in enumerate(seats)
    }


def _environment(settings: Settings) -> dict[str, str]:
    from stream.supervisor import environment_of

    ours = {"LEEWAY__KAFKA__BOOTSTRAP": settings.kafka.bootstrap, "LEEWAY__REDIS__URL": settings.redis.url}
    if settings.log.format == "auto" and sys.stderr.isatty():
        ours["LEEWAY__LOG__FORMAT"] = "text"
    return environment_of({**os.environ, **ours})


class Announcer:
    """Says what the workers say, each line behind the worker's name, and what happens to them."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal

    def __call__(self, event: "Event") -> None:
        from stream.supervisor import Died, Said, Started, Stopped

        match event:
            case Said(name, line):
                said = line
            case Started(name, pid, restarts):
                said = f"started again ({restarts}), pid {pid}" if restarts else f"started, pid {pid}"
            case Died(name, _, again_in_s):
                said = f"ended with {event.how}; starts again in {again_in_s:g} s"
            case Stopped(name, status, killed):
                unasked = status not in (0, -signal.SIGTERM)  # a child that had not begun yet ends by the signal itself
                said = "stopped" + (": it had to be killed" if killed else f" with {event.how}" if unasked else "")
        head = click.style(f"{name:<12}", fg="cyan") if self._terminal else f"{name:<12}"
        click.echo(f"{head} | {said}", err=True)


def _wait(settings: Settings, family: "Supervisor", asked: threading.Event) -> None:
    """Until somebody asks us to stop; meanwhile say where the pages are, as they come up."""
    import redis

    from stream.redis import connect
    from stream.whereabouts import ADDRESS

    client, known = connect(settings.redis), dict[str, str]()
    while not asked.wait(LOOK_S):
        names = [settings.redis.prefix + ADDRESS + name for name in family.children]
        try:
            found = client.mget(names)
        except redis.RedisError:
            continue
        for name, address in zip(family.children, found, strict=True):
            told = address.decode() if isinstance(address, bytes) else ""
            if told and known.get(name) != told and family.children[name].state == "running":
                known[name] = told
                page = "incidents" if name.startswith("incidents") else "metrics"
                click.echo(f"{name:<12} | pages at http://{told}/{page}", err=True)
