"""The command `leeway`: one command a file, the file named after it, imported when it is called.

Exit codes: 0 good, 1 failed, 2 wrong usage or configuration, 3 drift (`status`, `evaluate`) or a role ended by a
surprise; 130 and 143 ended by Ctrl-C and by SIGTERM before it was done.
"""

import os
import sys

INTERRUPTED = 130  # what shells expect after Ctrl-C: 128 + SIGINT
TERMINATED = 143  # 128 + SIGTERM

try:
    import importlib
    import signal
    from collections.abc import Sequence
    from io import TextIOWrapper
    from typing import NoReturn

    import click

    from stream import rooms
    from stream.cli.group import Group
except KeyboardInterrupt:  # nothing has begun yet, and a traceback would tell nobody anything
    sys.exit(INTERRUPTED)

# What NumPy reads when it is imported. Matrices are small here, and threads wait for each other longer than they
# multiply: with two of them a judge needed half as much processor time again, and twice the time on a busy machine.
THREADS_OF_A_MATRIX = "OPENBLAS_NUM_THREADS"

# In the order in which a newcomer meets them.
COMMANDS = (
    "demo",
    "evaluate",
    "doctor",
    "topics",
    "up",
    "profile",
    "judge",
    "incidents",
    "check",
    "send",
    "tail",
    "status",
    "incident",
    "dlq",
    "config",
)


class Commands(Group):
    """Finds a command in the file that has its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"stream.cli.{cmd_name}").command
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="leeway", prog_name="leeway")
def leeway() -> None:
    """Watch models in production for drift: events in from Kafka, anomalies and incidents out.

    \b
    leeway demo                             see real data drift, and the alarm, in two minutes
    leeway evaluate FILE --reference 5000   run the detectors on your own data
    leeway doctor                           is this Kafka, this Redis and this machine fit for it?
    leeway topics create                    create what is missing
    leeway up                               run everything on this machine
    leeway send events.ndjson               send your first events
    leeway tail anomalies                   watch

    \b
    Settings come from leeway.toml, from variables like LEEWAY__KAFKA__BOOTSTRAP
    and from options; 'leeway config show' prints what they add up to.

    \b
    Exit codes: 0 good, 1 failed, 2 wrong usage or configuration,
    3 drift (status, evaluate), or a role ended by a surprise,
    130 ended by Ctrl-C, 143 ended by SIGTERM before it was done.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The outermost place: whatever happens ends in one sentence and an exit code."""
    try:
        status = _status(arguments)
    except KeyboardInterrupt:  # a second one, while the first was being answered
        status = INTERRUPTED
    sys.exit(status)


class _Terminated(KeyboardInterrupt):
    """SIGTERM does what Ctrl-C does: it leaves through every `with` block, and what was taken is still delivered."""


def _terminated(number: int, frame: object) -> NoReturn:
    raise _Terminated


def _status(arguments: Sequence[str] | None) -> int:
    """Run the command; its exit code."""
    try:
        _prepare()
        if complaint := rooms.shadowed():
            raise click.ClickException(complaint)
        status = leeway.main(list(arguments) if arguments is not None else None, "leeway", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.ClickException as refusal:
        refusal.show()
        return refusal.exit_code
    except (click.Abort, KeyboardInterrupt) as ended:
        return TERMINATED if isinstance(ended.__cause__ or ended, _Terminated) else INTERRUPTED
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as surprise:
        if "LEEWAY_TRACEBACK" in os.environ:
            raise
        click.echo(f"Error: {_sentence(surprise)}", err=True)
        return 1


def _prepare() -> None:
    """The process, before a command is imported."""
    os.environ.setdefault(THREADS_OF_A_MATRIX, "1")
    signal.signal(signal.SIGTERM, _terminated)
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115  a caller may have closed it (`<&-`)
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for paper in (sys.stdout, sys.stderr):
        if isinstance(paper, TextIOWrapper):
            paper.reconfigure(errors="replace")  # a terminal without our glyphs shows question marks


def _sentence(surprise: Exception) -> str:
    """Servers that are away are not surprising: they have a sentence of their own."""
    from stream.cli.reach import explained

    return explained(surprise) or (
        f"{type(surprise).__name__}: {str(surprise).removesuffix('.')}. This is a defect of Leeway; "
        "LEEWAY_TRACEBACK=1 in the environment shows where it happened."
    )
