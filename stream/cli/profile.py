"""`leeway profile`: one worker that turns events into panes."""

import click

from stream.cli.role import worker
from stream.settings import Settings


@click.command(name="profile", short_help="Run one profile worker: events into panes.")
@worker
def command(settings: Settings, slot: int) -> None:
    """Run one profile worker: it counts events into panes.

    Stateless: start as many as there are cores, on any number of machines, each with a --slot of its own.
    Events that cannot be read go to the dead letter topic with the reason.

    \b
    leeway profile --slot 0 --kafka kafka-1:9092 --config /etc/leeway.toml

    \b
    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong configuration,
    3 ended by a surprise (start it again: that is the recovery).
    """
    from stream.worker import work

    work("profile", settings, slot)
