"""A loopback port that nobody uses yet, and the wait until a server answers on it.

>>> 1024 <= free_port() <= 65535
True
"""

import socket
import subprocess
import time
from collections.abc import Callable

LOOPBACK = "127.0.0.1"


class NotServing(Exception):
    """A server did not come up; the message says what happened to it."""


def free_port() -> int:
    """A port that was free a moment ago. Another process may take it first: be ready to ask again."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(serving: Callable[[], bool], child: subprocess.Popen[str], patience_s: float) -> None:
    """Return once `serving()` is true; raise `NotServing` when the child ended first or patience did."""
    give_up = time.monotonic() + patience_s
    while not serving():
        if child.poll() is not None:
            raise NotServing(f"it ended with status {child.returncode} before it served")
        if time.monotonic() > give_up:
            raise NotServing(f"it did not serve within {patience_s:.0f} s")
        time.sleep(0.02)


def answers(port: int, question: bytes, answer: bytes) -> bool:
    """Whether a server on this loopback port meets `question` with a reply that begins with `answer`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1.0) as connection:
            connection.sendall(question)
            return connection.recv(len(answer)) == answer
    except OSError:
        return False
