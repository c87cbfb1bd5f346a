"""A worker that ends by a defect says where, and by which record: who meets it again at every start can report it."""

import json
import subprocess
import sys

ENDING = """
from stream.engine import loop
from stream.settings import Settings

class Role:
    name = "judge"

class Loop:
    def __init__(self, role, settings, slot, *, observed, **further):
        self.observed = observed

    def run(self, stopping):
        self.observed.folding = "leeway.panes/5-551"
        raise {trouble}

loop.Loop = Loop
loop.run_role(Role(), Settings(), "0")
"""


def ended(trouble: str) -> dict[str, str]:
    """The last words of a worker."""
    program = "from stream import logs; from stream.settings import Log; logs.begin(Log(format='json'))"
    program += ENDING.format(trouble=trouble)
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert process.returncode == 3
    said: dict[str, str] = json.loads((process.stdout + process.stderr).splitlines()[-1])
    return said


def test_a_defect_is_said_with_its_line_and_its_record() -> None:
    said = ended('OverflowError("cannot convert float infinity to integer")')
    assert said["reason"] == "cannot convert float infinity to integer"
    assert said["record"] == "leeway.panes/5-551"
    assert said["line"].endswith(":14")


def test_what_is_foreseen_needs_no_line() -> None:
    said = ended('loop.Surprise("the topic has other partitions; create it anew")')
    assert said["reason"] == "the topic has other partitions; create it anew"
    assert not {"line", "record"} & said.keys()
