"""Matrices are small, so each process multiplies them alone: told before NumPy is imported, which reads it then."""

import os
import subprocess
import sys

import pytest

TOLD = """
import os, sys
from stream.cli import main
assert "numpy" not in sys.modules
try:
    main(["--version"])
finally:
    print(os.environ["OPENBLAS_NUM_THREADS"])
"""


@pytest.mark.parametrize(("given", "told"), [({}, "1"), ({"OPENBLAS_NUM_THREADS": "3"}, "3")])
def test_a_matrix_has_one_thread_unless_somebody_wants_more(given: dict[str, str], told: str) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    said = subprocess.run(
        [sys.executable, "-c", TOLD], env=environ | given, capture_output=True, text=True, check=True
    ).stdout
    assert said.split()[-1] == told
