"""Files and streams that are not what was expected: refused in a sentence, before any work is done."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import environment, leeway


@pytest.fixture
def data(tmp_path: Path) -> Path:
    file = tmp_path / "data.csv"
    file.write_text("a\n" + "".join(f"{number % 97}\n" for number in range(2_000)))
    return file


@pytest.mark.parametrize(
    ("plot", "sentence"),
    [
        ("folder", "--plot folder is a folder; name a file in it, as in folder/drift.png"),
        ("nowhere/x.png", "--plot nowhere/x.png: there is no folder nowhere; create it, or name another"),
    ],
)
def test_a_picture_that_cannot_be_kept_is_refused_before_anything_is_read(data: Path, plot: str, sentence: str) -> None:
    (data.parent / "folder").mkdir()
    ended = leeway("evaluate", str(data), "--reference", "500", "--plot", plot, cwd=data.parent)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"Error: {sentence}")
    assert len(ended.stderr.splitlines()) == 1


def test_a_folder_is_not_called_a_file_that_is_missing(tmp_path: Path) -> None:
    ended = leeway("evaluate", str(tmp_path), "--reference", "500")
    assert ended.returncode == 2
    assert "is a directory" in ended.stderr


@pytest.mark.parametrize("arguments", ["check -", "send - --dry-run"])
def test_a_closed_input_has_no_events(arguments: str) -> None:
    shell = f"{sys.executable} -m stream.cli {arguments} <&-"
    ended = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60, env=environment())
    assert ended.returncode == 0
    assert "There are no events in it." in ended.stdout + ended.stderr


def test_a_reader_that_has_seen_enough_of_a_long_answer_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "bad").write_text("not JSON\n" * 20_000)  # more than any pipe holds
    shell = f"set -o pipefail; {sys.executable} -m stream.cli check bad | head -1"
    command = ["bash", "-c", shell]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment())
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("✗ error  line 1: ")
