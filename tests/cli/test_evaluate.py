"""`leeway evaluate` as people run it: a file in, alarms, onsets and scores out, or one sentence about what is wrong."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.command import leeway

REFERENCE, ROWS, CHANGE = 2_000, 8_000, 5_000


def written(path: Path, columns: dict[str, Any]) -> Path:
    """A CSV file."""
    opened = gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="")  # noqa: SIM115
    with opened as file:
        rows = csv.writer(file)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))
    return path


def columns(seed: int = 1, rows: int = ROWS) -> dict[str, Any]:
    """Numbers and texts, both without change."""
    random = np.random.default_rng(seed)
    return {
        "age": random.normal(40, 10, rows).round(3),
        "plan": random.choice(["pro", "free", "none"], rows, p=[0.6, 0.3, 0.1]),
    }


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("evaluate") / "people.csv", columns())


def evaluated(*arguments: str | Path, code: int = 0) -> list[dict[str, Any]]:
    """The results of a run."""
    ended = leeway("evaluate", *map(str, arguments), "--output", "json")
    assert ended.returncode == code, ended.stderr
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def test_nothing_happens_and_nothing_is_found(file: Path) -> None:
    results = evaluated(file, "--reference", str(REFERENCE), "--changes", "none")
    assert [(one["detector"], one["column"], one["alarms"]) for one in results] == [
        ("urn", "age", []),
        ("urn", "plan", []),
    ]
    assert [(one["false_alarms"], one["delay"], one["missed"]) for one in results] == [(0, None, None)] * 2


def test_what_is_put_in_is_found_with_its_row_onset_and_effect(file: Path) -> None:
    [age, plan] = evaluated(
        file, "--reference", str(REFERENCE), "--inject", f"shift:1sd@{CHANGE}:age,swap@{CHANGE}:plan", code=3
    )
    for result in (age, plan):
        assert (result["false_alarms"], result["missed"], len(result["alarms"])) == (0, 0, 1)
        [alarm] = result["alarms"]
        assert alarm["row"] - CHANGE == result["delay"] <= 200
        assert CHANGE - 100 <= alarm["onset_row"] <= alarm["row"]
        assert alarm["evidence"] >= alarm["threshold"] == 2e5  # two columns share one alarm in 100,000 rows
    assert age["alarms"][0]["effect"].startswith("mean 39.")
    assert "free +" in plan["alarms"][0]["effect"]
