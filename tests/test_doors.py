"""The doors between the rooms: stream over detectors over schemas, and no I/O where events and drift are defined.

The rules stand in pyproject.toml; import-linter holds them. A rule that cannot fail guards nothing: each is broken too.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("schemas", "detectors", "stream")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).parent / "lint-imports"
    return subprocess.run([linter, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the three rooms and of their rules."""
    for room in ROOMS:
        shutil.copytree(ROOT / room, tmp_path / room, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.slow  # of make check, lint-imports is a step of its own
def test_the_rooms_keep_their_doors() -> None:
    linted = lint(ROOT)
    assert linted.returncode == 0, linted.stdout + linted.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("schemas", "detectors"),
        ("schemas", "stream"),
        ("detectors", "stream"),
        *((room, module) for room in ("schemas", "detectors") for module in ("time", "os", "random")),
        *(("detectors", module) for module in ("asyncio", "socket", "logging")),
    ],
)
def test_a_forbidden_import_is_caught(house: Path, room: str, forbidden: str) -> None:
    (house / room / "trespasser.py").write_text(f"import {forbidden}\n")
    linted = lint(house)
    assert linted.returncode != 0
    assert f"{room}.trespasser -> {forbidden.partition('.')[0]}" in linted.stdout
