"""`leeway judge`: one worker that turns panes into verdicts."""

import click

from stream.cli.role import worker
from stream.settings import Settings


@click.command(name="judge", short_help="Run one judge: panes into verdicts.")
@worker
def command(settings: Settings, slot: int) -> None:
    """Run one judge: it watches every feature and output of every model and says when one has drifted.

    Its state is a fold of the panes topic; Redis keeps snapshots, so that a restart replays little. One is enough
    for hundreds of models; further ones share the partitions of the panes topic, each with a --slot of its own.

    \b
    leeway judge --slot 0 --redis rediss://redis-1:6379/0 --config /etc/leeway.toml

    \b
    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong configuration,
    3 ended by a surprise (start it again: that is the recovery).
    """
    from stream.worker import work

    work("judge", settings, slot)
