"""`leeway incidents`: the worker that turns anomalies into incidents."""

import click

from stream.cli.role import worker
from stream.settings import Settings


@click.command(name="incidents", short_help="Run the incidents role: anomalies into incidents.")
@worker
def command(settings: Settings, slot: int) -> None:
    """Run the incidents role: it opens, groups, escalates and resolves incidents and follows commands.

    To list incidents and to act on them, see 'leeway incident'.

    \b
    leeway incidents --http-port 9402

    \b
    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong configuration,
    3 ended by a surprise (start it again: that is the recovery).
    """
    from stream import incidents, logs

    logs.begin(settings.log, role="incidents", slot=slot)
    incidents.run(settings, str(slot))
