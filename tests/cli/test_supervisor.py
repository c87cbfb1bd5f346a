"""What dies is started again, later each time; what is asked to stop stops within a bound; nothing outlives us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stream import supervisor
from stream.supervisor import Died, Event, Said, Started, Stopped, Supervisor
from tests.cli.command import environment

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
DIES = "import sys; print('last words'); sys.exit(7)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def eventually(true: Callable[[], bool], within_s: float = 30) -> None:
    give_up = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < give_up, "it did not come about"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_child_that_dies_is_started_again_later_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.02)
    events: list[Event] = []
    family = Supervisor({"child": python(DIES)}, environment(), events.append)
    family.start()
    eventually(lambda: family.children["child"].restarts >= 3)
    assert family.stop()
    died = [event for event in events if isinstance(event, Died)]
    assert [event.again_in_s for event in died[:3]] == [0.02, 0.04, 0.08]
    assert died[0].status == 7
    assert "last words" in [event.line for event in events if isinstance(event, Said)]
    assert [event.restarts for event in events if isinstance(event, Started)][:3] == [0, 1, 2]


def test_a_child_that_has_lived_for_long_is_back_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.02)
    monkeypatch.setattr(supervisor, "PROVED_S", 0.0)
    events: list[Event] = []
    family = Supervisor({"child": python(DIES)}, environment(), events.append)
    family.start()
    eventually(lambda: family.children["child"].restarts >= 3)
    family.stop()
    assert {event.again_in_s for event in events if isinstance(event, Died)} == {0.02}


def test_a_killed_child_is_named_by_its_signal() -> None:
    events: list[Event] = []
    family = Supervisor({"child": python(SLEEPS)}, environment(), events.append)
    family.start()
    eventually(lambda: any(isinstance(event, Said) for event in events))
    before = family.children["child"].pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    eventually(lambda: family.children["child"].pid not in (None, before))
    family.stop()
    assert next(event for event in events if isinstance(event, Died)).status == -signal.SIGKILL


def test_one_death_does_not_disturb_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_BACKOFF_S", 0.02)
    family = Supervisor({"mortal": python(DIES), "steady": python(SLEEPS)}, environment())
    family.start()
    eventually(lambda: family.children["mortal"].restarts >= 3)
    assert (family.children["steady"].restarts, family.children["steady"].state) == (0, "running")
    assert family.stop()


@pytest.mark.slow
def test_a_child_that_does_not_listen_is_ended_within_the_bound() -> None:
    events: list[Event] = []
    family = Supervisor({"deaf": python(DEAF), "polite": python(SLEEPS)}, environment(), events.append)
    family.start()
    eventually(lambda: sum(isinstance(event, Said) for event in events) == 2)
    assert not family.stop(patience_s=3.0)  # of which the polite one, on a busy machine, takes a part
    stopped = {event.name: event for event in events if isinstance(event, Stopped)}
    assert (stopped["deaf"].killed, stopped["deaf"].status) == (True, -signal.SIGKILL)
    assert not stopped["polite"].killed


def test_stopping_while_a_child_waits_to_be_started_again_is_immediate() -> None:
    family = Supervisor({"child": python(DIES)}, environment())
    family.start()
    eventually(lambda: family.children["child"].state == "waiting")
    family.children["child"].enter("waiting")
    assert family.stop(patience_s=5.0)
    assert family.children["child"].state == "stopped"


def test_words_that_are_not_utf_8_do_not_silence_a_child() -> None:
    events: list[Event] = []
    code = r"import sys, time; sys.stdout.buffer.write(b'\xff\xfe\nafter\n'); sys.stdout.flush(); time.sleep(600)"
    family = Supervisor({"child": python(code)}, environment(), events.append)
    family.start()
    eventually(lambda: "after" in [event.line for event in events if isinstance(event, Said)])
    assert family.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_children_do_not_outlive_a_supervisor_that_was_killed() -> None:
    code = (
        "import sys, time\n"
        "from stream.supervisor import Said, Supervisor\n"
        f"family = Supervisor({{'child': [sys.executable, '-c', {SLEEPS!r}]}},\n"
        "    on_event=lambda e: isinstance(e, Said) and print(family.children['child'].pid, flush=True))\n"
        "family.start()\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(python(code), stdout=subprocess.PIPE, text=True, env=environment()) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
        eventually(lambda: not alive(pid))


def test_a_thread_that_ends_early_is_one_line_and_no_traceback() -> None:
    code = (
        "import threading\n"
        "from stream import logs\n"
        "from stream.settings import Log\n"
        "logs.begin(Log(), role='x')\n"
        "thread = threading.Thread(target=lambda: {}['key'], name='t')\n"
        "thread.start(); thread.join()\n"
    )
    ended = subprocess.run(python(code), capture_output=True, text=True, env=environment())
    assert len(ended.stderr.splitlines()) == 1
    assert '"event": "a thread ended early"' in ended.stderr
