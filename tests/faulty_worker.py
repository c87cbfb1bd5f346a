"""A worker that ends or freezes itself: `python -m tests.faulty_worker ROLE SLOT CONFIG [SEAM:NTH:kill|stop]`.

The roles and the loop are the real ones; only the seams, where the loop does nothing, are replaced.
"""

import os
import signal
import sys
from pathlib import Path

import stream.engine.loop
from stream.config import load
from stream.engine.loop import run_role
from stream.engine.surprise import Surprise, end
from stream.logs import begin
from stream.roles.judge import judge
from stream.roles.profile import profile

SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def arm(fault: str) -> None:
    seam, nth, kind = fault.split(":")
    passed = 0

    def point(name: str) -> None:
        nonlocal passed
        passed += name == seam
        if name == seam and passed == int(nth):
            os.kill(os.getpid(), SIGNALS[kind])

    stream.engine.loop.point = point


if __name__ == "__main__":
    name, slot, config, *faults = sys.argv[1:]
    settings = load(Path(config), {}, {})
    begin(settings.log, role=name, slot=slot)
    for fault in faults:
        arm(fault)
    try:
        role = profile(settings, int(slot)) if name == "profile" else judge(settings)
    except Surprise as surprise:
        end(name, slot, str(surprise))
    run_role(role, settings, slot)
