"""A supervisor of child processes: what dies is started again, later each time; what is stopped stops within a bound.

Every child has a thread that starts it, relays what it says, waits for its end and starts it again. The back-off
doubles from `FIRST_BACKOFF_S` to `LAST_BACKOFF_S` and begins anew once a child has lived for `PROVED_S`: one that dies
at its start does not spin, one that dies once a week is back at once. Children do not outlive us
(`stream.embedded.child`).

>>> events = []
>>> family = Supervisor({"greeter": [sys.executable, "-c", "print('hello'); import time; time.sleep(60)"]},
...                     on_event=events.append)
>>> family.start()
>>> while not any(isinstance(event, Said) for event in events):
...     time.sleep(0.01)
>>> family.stop(), family.children["greeter"].state
(True, 'stopped')
>>> [event.line for event in events if isinstance(event, Said)]
['hello']
"""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal, TypeAlias

from stream.embedded import child

FIRST_BACKOFF_S = 0.5
LAST_BACKOFF_S = 30.0
PROVED_S = 10.0  # a fault at the start shows sooner; one that comes later does not make a process spin
PATIENCE_S = 20.0  # a role's last transaction and snapshot take up to 15 s against slow servers

RESTARTS_VARIABLE = "LEEWAY_RESTARTS"  # tells a child how often it was started again: it says so on /metrics

State = Literal["starting", "running", "waiting", "stopped"]


def how(status: int) -> str:
    """How a process ended, in words.

    >>> how(3), how(-9), how(-signal.SIGALRM)
    ('status 3', 'signal 9', 'signal 14, its own watchdog: a call never returned')
    """
    if status == -signal.SIGALRM:
        return f"signal {-status}, its own watchdog: a call never returned"
    return f"signal {-status}" if status < 0 else f"status {status}"


@dataclass(frozen=True)
class Started:
    """A child runs, for the first time (`restarts` is 0) or again."""

    name: str
    pid: int
    restarts: int


@dataclass(frozen=True)
class Said:
    """One line of a child's output."""

    name: str
    line: str


@dataclass(frozen=True)
class Died:
    """A child ended by itself; it is started again after `again_in_s`."""

    name: str
    status: int
    again_in_s: float

    @property
    def how(self) -> str:
        """How it ended, in words."""
        return how(self.status)


@dataclass(frozen=True)
class Stopped:
    """A child has ended because it was asked to."""

    name: str
    status: int
    killed: bool  # it did not end in time when asked

    @property
    def how(self) -> str:
        """How it ended, in words."""
        return how(self.status)


Event: TypeAlias = Started | Said | Died | Stopped


@dataclass
class Child:
    """One child as it is now. Written by its own thread, read by everyone."""

    name: str
    command: Sequence[str]
    state: State = "starting"
    pid: int | None = None
    restarts: int = 0
    since: float = 0.0  # monotonic seconds: when it entered this state
    last_status: int | None = None
    process: "subprocess.Popen[str] | None" = field(default=None, repr=False)

    def enter(self, state: State) -> None:
        self.state, self.since = state, time.monotonic()


class Supervisor:
    """Runs `commands` (name: words) with the environment `env`; `on_event` is called from the children's threads."""

    def __init__(
        self,
        commands: Mapping[str, Sequence[str]],
        env: Mapping[str, str] | None = None,
        on_event: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.children = {name: Child(name, list(command)) for name, command in commands.items()}
        self._env = os.environ if env is None else env
        self._on_event = on_event
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._killed: set[str] = set()

    def start(self) -> None:
        """Start all children; returns at once."""
        for one in self.children.values():
            thread = threading.Thread(target=self._keep, args=(one,), name=f"keeps {one.name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self, patience_s: float = PATIENCE_S) -> bool:
        """Ask all to end, end those that do not within `patience_s` together. Whether all ended when asked."""
        self._stopping.set()
        give_up = time.monotonic() + patience_s
        self._signal(lambda process: process.terminate())
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))
        late = {one.name for one in self.children.values() if one.process is not None and one.process.poll() is None}
        self._killed |= late
        self._signal(lambda process: process.kill())
        for thread in self._threads:
            thread.join(5.0)
        return not late

    @property
    def running(self) -> bool:
        """Whether every child runs."""
        return all(one.state == "running" for one in self.children.values())

    def _signal(self, send: "Callable[[subprocess.Popen[str]], None]") -> None:
        for one in self.children.values():
            if one.process is not None and one.process.poll() is None:
                send(one.process)

    def _keep(self, one: Child) -> None:
        backoff_s = FIRST_BACKOFF_S
        while not self._stopping.is_set():
            began = time.monotonic()
            status = self._run(one)
            if self._stopping.is_set():
                break
            backoff_s = FIRST_BACKOFF_S if time.monotonic() - began >= PROVED_S else backoff_s
            one.enter("waiting")
            self._on_event(Died(one.name, status, backoff_s))
            self._stopping.wait(backoff_s)
            backoff_s = min(2 * backoff_s, LAST_BACKOFF_S)
            one.restarts += 1
        one.enter("stopped")
        self._on_event(Stopped(one.name, one.last_status or 0, one.name in self._killed))

    def _run(self, one: Child) -> int:
        """One life of a child, from its start to its end."""
        env = {**self._env, RESTARTS_VARIABLE: str(one.restarts)}
        process = child.start(one.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env)
        one.process, one.pid = process, process.pid
        one.enter("running")
        if self._stopping.is_set():  # `stop` looked for processes before this one was there
            process.terminate()
        self._on_event(Started(one.name, process.pid, one.restarts))
        assert isinstance(process.stdout, io.TextIOWrapper)
        process.stdout.reconfigure(errors="replace")  # whatever a child says must not end its relay
        relay = threading.Thread(target=self._relay, args=(one.name, process.stdout), daemon=True)
        relay.start()
        one.last_status = process.wait()
        relay.join(1.0)  # its last words; whoever else holds the pipe must not hold us up
        one.pid = None
        return one.last_status

    def _relay(self, name: str, lines: IO[str]) -> None:
        with lines:
            for line in lines:
                self._on_event(Said(name, line.rstrip("\n")))


def environment_of(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which children import this Leeway, and nothing of the folder they happen to start in."""
    home = str(Path(__file__).resolve().parent.parent)
    paths = [home, *filter(None, environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)), "PYTHONSAFEPATH": "1"}


def command_of(role: str, slot: int, *options: str) -> list[str]:
    """The words that start one worker of a role with this Python and this Leeway."""
    return [sys.executable, "-m", "stream.cli", role, "--slot", str(slot), *options]
