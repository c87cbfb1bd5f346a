"""What docs/performance.md says was measured, by the command that it names."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.report import tables

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")
RESULT = json.loads((ROOT / re.findall(r"benchmarks/results/[\w.-]+\.json", PAGE)[0]).read_text("utf-8"))


@pytest.mark.parametrize("table", [*tables(RESULT)], ids=lambda table: table.partition("\n")[0][:40])
def test_the_tables_are_those_of_the_result_file(table: str) -> None:
    assert table in PAGE


def test_the_command_that_made_them_is_named() -> None:
    assert RESULT["command"] in PAGE
