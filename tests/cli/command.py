"""`leeway` as people run it: a process of its own, in a folder of its own, with an environment of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "127.0.0.1:1"  # nobody listens on port 1
NO_REDIS = "redis://127.0.0.1:1/0"


def environment(**variables: str) -> dict[str, str]:
    """This environment without settings of Leeway's, with our code first and the working folder not at all."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEEWAY")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "COLUMNS": "100"} | variables


def leeway(
    *arguments: str, given: str = "", timeout_s: float = 60, cwd: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end. Whatever happens, there is no traceback."""
    ended = subprocess.run(
        [sys.executable, "-m", "stream.cli", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=cwd,
        env=environment(**variables),
    )
    assert "Traceback" not in ended.stderr + ended.stdout, ended.stderr
    return ended
