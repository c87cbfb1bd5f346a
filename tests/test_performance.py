"""What docs/performance.md says was measured, by the command that it names."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report import tables

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "performance.md").read_text("utf-8")
RESULT = json.loads((ROOT / re.findall(r"benchmarks/results/[\d-]+\.json", PAGE)[0]).read_text("utf-8"))
TORTURE = json.loads((ROOT / re.findall(r"benchmarks/results/torture-[\d-]+\.json", PAGE)[0]).read_text("utf-8"))


@pytest.mark.parametrize("table", [*tables(RESULT)], ids=lambda table: table.partition("\n")[0][:40])
def test_the_tables_are_those_of_the_result_file(table: str) -> None:
    assert table in PAGE


def test_the_command_that_made_them_is_named() -> None:
    assert RESULT["command"] in PAGE


@pytest.mark.parametrize("run", TORTURE["runs"], ids=lambda run: str(run["seed"]))
def test_what_is_said_of_torture_is_what_it_found(run: dict[str, Any]) -> None:
    found = {
        what: sum(each[what] for each in run["outputs"].values()) for what in ("expected", "missing", "double", "wrong")
    }
    assert run["good"] == (not run["troubles"])
    assert run["good"] == (found["missing"] + found["double"] + found["wrong"] == 0)
    counts = " | ".join(f"{number:,}" for number in (run["faults"], run["events"], *found.values()))
    assert f"| {run['seed']} | {counts} | {max(run['longest_stall_s'].values()):.0f} |" in PAGE
    assert TORTURE["command"] in PAGE
