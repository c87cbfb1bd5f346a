"""Asked to stop, by Ctrl-C or SIGTERM, at once or in the middle, once or twice: soon, in silence, with a status that
means something, and with nothing left behind."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.command import NO_REDIS, NOWHERE, environment, installation, running, said, to_the_end
from tests.conftest import Platform

ASKING = [signal.SIGINT, signal.SIGTERM]

# What is imported before `main` is called, with somebody who presses Ctrl-C meanwhile.
IMPATIENT = """
import builtins, signal
ordinary = builtins.__import__
def hasty(name, *given, **further):
    if name == "click":
        signal.raise_signal(signal.SIGINT)
    return ordinary(name, *given, **further)
builtins.__import__ = hasty
import stream.cli
"""


def test_ctrl_c_while_the_command_is_still_being_imported_is_no_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", IMPATIENT], capture_output=True, text=True, env=environment())
    assert (ended.returncode, ended.stderr) == (130, "")


# A command that takes its time, and is asked to stop as often as the words say.
SLOW = """
import os, signal, sys
import stream.cli.config
from stream.cli import main
def dawdle(settings):
    try:
        signal.raise_signal(int(sys.argv[1]))
    finally:
        if len(sys.argv) > 2:
            signal.raise_signal(int(sys.argv[2]))
stream.cli.config.toml = dawdle
main(["config", "show"])
"""


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ([signal.SIGINT], 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGINT, signal.SIGINT], 130),
        ([signal.SIGTERM, signal.SIGTERM], 143),
    ],
)
def test_a_command_that_is_asked_to_stop_says_by_its_status_who_asked(asked: list[int], status: int) -> None:
    words = [str(int(number)) for number in asked]
    ended = subprocess.run([sys.executable, "-c", SLOW, *words], capture_output=True, text=True, env=environment())
    assert (ended.returncode, ended.stderr.strip()) == (status, "")


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKING)
@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("command", ["up", "profile", "judge", "incidents"])
def test_what_waits_for_servers_ends_with_0_when_it_is_asked(
    command: str, asked: int, again: bool, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with running(log, command, "--kafka", NOWHERE, "--redis", NO_REDIS) as process:
        said(log, "waiting|does not answer")
        process.send_signal(asked)
        if again:
            time.sleep(0.1)
            process.send_signal(asked)
        assert process.wait(60) == 0
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKING)
def test_what_was_read_is_delivered_when_sending_is_ended(platform: Platform, asked: int, tmp_path: Path) -> None:
    platform.create({"predictions": 1})
    given, read = os.pipe(), tmp_path / "said"
    with read.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "stream.cli", "send", "-"],
            stdin=given[0],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment(**installation(platform)),
        )
    os.write(given[1], b'{"model":"churn","prediction":1}\n')
    to_the_end(platform, f"{platform.prefix}predictions", 1, at_least=1)
    os.write(given[1], b'{"model":"churn","prediction":2}\n')
    to_the_end(platform, f"{platform.prefix}predictions", 1, at_least=2)
    process.send_signal(asked)
    assert process.wait(60) == 0
    assert read.read_text() == f"sent 2 to {platform.prefix}predictions\n"
    for end in given:
        os.close(end)


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKING)
def test_a_terminal_gets_its_cursor_back(asked: int, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("a\n" + "".join(f"{number % 97}\n" for number in range(400_000)))
    shown = on_a_terminal(["evaluate", str(data), "--reference", "5000", "--pane", "1"], asked, after=b"judge row")
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") > 0
    assert b"Traceback" not in shown


@pytest.mark.slow
def test_the_demo_is_taken_down_however_often_it_is_asked() -> None:
    shown = on_a_terminal(["demo"], signal.SIGINT, signal.SIGINT, after=b"what is done to the traffic")
    assert shown.count(b"\x1b[?25l") == shown.count(b"\x1b[?25h") > 0
    assert b"Traceback" not in shown


def on_a_terminal(arguments: list[str], *asked: int, after: bytes) -> bytes:
    """All that a command shows on a terminal, when it is asked to end after it has shown this."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "stream.cli", *arguments]
    process = subprocess.Popen(
        command, stdin=its, stdout=its, stderr=its, env=environment(TERM="xterm"), start_new_session=True
    )
    os.close(its)
    shown, waiting = b"", list(asked)
    while True:
        try:
            said = os.read(ours, 65_536)
        except OSError:  # the terminal has no writer any more
            break
        shown += said
        if waiting and after in shown:
            for number in waiting:
                process.send_signal(number)
                time.sleep(0.15)
            waiting = []
    assert process.wait(60) == 128 + asked[0]
    os.close(ours)
    return shown
