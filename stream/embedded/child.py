"""A child process that does not outlive us: when this process ends, however it ends, the kernel ends the child.

The promise is Linux's `prctl(PR_SET_PDEATHSIG)` (man 2 prctl): the child asks for it itself, it survives `execve`, and
it holds after a `kill -9` of the parent, when no `finally` of ours runs any more. Elsewhere only `stop` ends the child.
The signal follows the *thread* that started the child, so start children from a thread that stays.

>>> child = start(["echo", "hello"], stdout=subprocess.PIPE)
>>> child.communicate()[0], stop(child)
('hello\\n', 0)
"""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import IO, TypeAlias

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PATIENCE_S = 10.0  # between asking a child to end and ending it

Stream: TypeAlias = int | IO[bytes] | IO[str] | None


def start(
    command: Sequence[str],
    *,
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = subprocess.DEVNULL,
    stderr: Stream = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Start `command` as a child that ends with us. It has a session of its own: Ctrl-C is ours to answer, not its."""
    launcher = [sys.executable, "-m", "stream.embedded.child", str(os.getpid())]
    return subprocess.Popen(
        [*launcher, *command],
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        text=True,
        start_new_session=True,
    )


def stop(child: subprocess.Popen[str], patience_s: float = PATIENCE_S) -> int:
    """Ask the child to end, end it when it does not; its exit status (negative: the signal that ended it)."""
    child.terminate()
    try:
        return child.wait(patience_s)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def end_with(parent: int) -> None:
    """Tie the life of this process to that of `parent`; ends at once if the parent is gone already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(f"process {parent}, which started this one, has ended already")


if __name__ == "__main__":
    end_with(int(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])
