"""Nothing is read behind the end of a text, and nothing is undefined: compilers can see to that themselves."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import left_out

ROOT = Path(__file__).parent.parent.parent
TEXTS = 40_000


@pytest.mark.slow
def test_no_byte_behind_a_text_is_read(tmp_path: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        left_out("there is no g++")
    program = tmp_path / "bounds"
    checks = ["-std=c++17", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    source = Path(__file__).with_name("bounds.cpp")
    subprocess.run([compiler, *checks, f"-I{ROOT / 'native/src'}", source, "-o", program], check=True)
    ended = subprocess.run([program, "5", str(TEXTS)], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    texts, packed, numbers = map(int, ended.stdout.split())
    assert TEXTS / 4 < texts < TEXTS
    assert TEXTS / 4 < packed < TEXTS
    assert TEXTS / 2 < numbers < TEXTS
