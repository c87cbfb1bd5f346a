"""A worker that ends or freezes itself where it is told to: `python -m tests.torture.worker ROLE SLOT CONFIG ORDER`.

The roles are the real ones. Only the seams between two steps, where nothing happens, are replaced: each looks for the
file ORDER, which says `SEAM:NTH:kill` or `SEAM:NTH:stop`, and whoever is meant takes the file away and obeys. So a
fault can be ordered from a process that has run for minutes, and the file tells whether it was obeyed.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import stream.engine.loop
from stream.config import load
from stream.engine.loop import run_role
from stream.engine.surprise import Surprise, end
from stream.logs import begin
from stream.roles.judge import judge
from stream.roles.profile import profile
from stream.settings import Settings

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}
Seam = Callable[[str], None]


def obeying(path: Path) -> Seam:
    """A seam that obeys the order in a file."""
    passed: dict[str, int] = {}

    def point(name: str) -> None:
        try:
            order = path.read_text()
        except FileNotFoundError:
            return
        seam, nth, kind = order.split(":")
        if name != seam:
            return
        passed[order] = passed.get(order, 0) + 1
        if passed[order] >= int(nth):
            with suppress(FileNotFoundError):
                path.unlink()
                os.kill(os.getpid(), SIGNALS[kind])

    return point


def between(seam: Seam, before: str, after: str, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """A step of the Faust tier with a seam on either side of it."""

    async def stepping(*arguments: Any, **named: Any) -> Any:
        seam(before)
        answer = await step(*arguments, **named)
        seam(after)
        return answer

    return stepping


def work(name: str, settings: Settings, slot: int, seam: Seam) -> None:
    if name == "incidents":
        work_incidents(settings, slot, seam)
        return
    stream.engine.loop.point = seam
    try:
        role = profile(settings, slot) if name == "profile" else judge(settings)
    except Surprise as surprise:
        end(name, str(slot), str(surprise))
    run_role(role, settings, str(slot))


def work_incidents(settings: Settings, slot: int, seam: Seam) -> None:
    """The Faust app knows no seams: its steps are wrapped where the app looks them up."""
    from stream.incidents import app, process
    from stream.incidents.store import Store

    steps = ((Store, "_apply", "before applying", "applied"), (app, "send", "before publishing", "published"))
    notes = ((Store, "published", "before noting", "noted"), (Store, "heard", "before hearing", "heard"))
    losses = ((process, "_recall", "before recalling", "recalled"),)
    for owner, name, before, after in steps + notes + losses:
        setattr(owner, name, between(seam, before, after, getattr(owner, name)))
    process.run(settings, str(slot))


if __name__ == "__main__":
    name, slot, config, order = sys.argv[1:]
    settings = load(Path(config), {}, {})
    begin(settings.log, role=name, slot=slot)
    work(name, settings, int(slot), obeying(Path(order)))
