"""These tests are about the native decoder; where it is not built they say so."""

import pytest

from stream.counting.native import fits, installed
from tests.conftest import left_out


@pytest.fixture(autouse=True)
def native() -> None:
    if not fits():
        left_out(f"{installed()} (make native)")
