"""`leeway evaluate` as people run it: a file in, alarms, onsets and scores out, or one sentence about what is wrong."""

import csv
import gzip
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from stream.cli.evaluate import command
from tests.cli.command import ROOT, leeway
from tests.evaluate import orders

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


@pytest.mark.slow
def test_nothing_happens_and_nothing_is_found(file: Path) -> None:
    results = evaluated(file, "--reference", str(REFERENCE), "--changes", "none")
    assert [(one["detector"], one["column"], one["alarms"]) for one in results] == [
        ("urn", "age", []),
        ("urn", "plan", []),
    ]
    assert [(one["false_alarms"], one["delay"], one["missed"]) for one in results] == [(0, None, None)] * 2


@pytest.mark.slow
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


@pytest.mark.slow
def test_rows_are_those_of_the_file_whether_the_reference_is_in_it_or_not(tmp_path: Path) -> None:
    whole = columns()
    parts = [
        {name: values[part] for name, values in whole.items()} for part in (slice(REFERENCE), slice(REFERENCE, None))
    ]
    written(tmp_path / "before.csv.gz", parts[0])
    written(tmp_path / "after.csv", parts[1])
    written(tmp_path / "whole.csv", whole)
    arguments = ("--column", "age", "--detectors", "urn,adwin")
    together = evaluated(
        tmp_path / "whole.csv", "--reference", str(REFERENCE), *arguments, "--inject", f"shift:1sd@{CHANGE}", code=3
    )
    apart = evaluated(
        tmp_path / "after.csv", "--reference", str(tmp_path / "before.csv.gz"), *arguments,
        "--inject", f"shift:1sd@{CHANGE - REFERENCE}", code=3,
    )  # fmt: skip
    for one, other in zip(together, apart, strict=True):
        assert one["delay"] == other["delay"]
        for alarm, same in zip(one["alarms"], other["alarms"], strict=True):
            assert alarm["row"] - REFERENCE == same["row"]
    assert apart[0]["watching_from"] == 0


@pytest.mark.slow
def test_two_runs_print_the_same_bytes_and_the_table_is_in_words(file: Path) -> None:
    arguments = ("evaluate", str(file), "--reference", str(REFERENCE), "--detectors", "urn,adwin,ddm,model", "--inject",
                 f"nulls:0.2@{CHANGE}", "--seed", "3")  # fmt: skip
    first, second = (leeway(*arguments) for _ in range(2))
    assert first.stdout == second.stdout
    assert "\x1b" not in first.stdout
    assert "nulls 0 % -> " in first.stdout
    assert "ddm looks at rates, and age is not between 0 and 1" in first.stdout
    assert "people.csv: 8,000 rows of 2 columns; reference: rows 0 to 1,999; urn, adwin, ddm, model" in first.stderr


@pytest.mark.slow
def test_calibrated_guests_say_how_they_were_set(file: Path) -> None:
    [urn, adwin] = evaluated(
        file, "--column", "age", "--reference", str(REFERENCE), "--detectors", "urn,adwin", "--pane", "100",
        "--calibrate", "--budget", "1 per 3000 events", "--changes", "none", code=0,
    )  # fmt: skip
    assert urn["calibrated"]["alarms"] <= urn["calibrated"]["allowed"]
    assert adwin["calibrated"]["parameter"] == "delta"
    assert adwin["calibrated"]["alarms"] <= adwin["calibrated"]["allowed"]
    assert adwin["calibrated"]["rows"] >= 10 * 3_000


@pytest.mark.slow
def test_a_picture_is_drawn(file: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "people.png"
    ended = leeway(
        "evaluate", str(file), "--reference", str(REFERENCE), "--pane", "100", "--detectors", "urn,adwin",
        "--inject", f"shift:1sd@{CHANGE}:age", "--plot", str(picture),
    )  # fmt: skip
    assert ended.returncode == 3, ended.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"picture of 2 columns in {picture}" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--reference", "100"], "a reference of 100 rows is too short: at least 300 are needed"),
        (["--reference", "9000"], "the file has 8,000 rows: with a reference of 9000 nothing is left to be judged"),
        (["--reference", "nowhere.csv"], "--reference nowhere.csv is neither a number of rows nor a file"),
        (["--budget", "1 per model per week"], "rows of a file have no time"),
        (["--budget", "never"], "'never' is not an alert budget"),
        (["--detectors", "adwinn"], "no detector 'adwinn'; there are urn, model, adwin"),
        (["--detectors", "adwin(clock=0)"], "adwin: expected 'int' >= 1 - at 'clock'"),
        (["--column", "size"], "people.csv has no column 'size'; there are age, plan"),
        (["--changes", "soon"], "--changes 'soon' is not a list of rows like 1000,2000"),
        (["--changes", "1999"], "row 1999 is no row that is evaluated: those are 2000 to 7999"),
        (["--inject", "shift:1sd@8000"], "row 8000 is no row that is evaluated"),
        (["--inject", "shift:1sd@5000:plan"], "shift needs a column of numbers"),
        (["--pane", "0"], "0 is not in the range 1<=x<=100000"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(file: Path, arguments: list[str], sentence: str) -> None:
    ended = CliRunner().invoke(command, [str(file), "--reference", str(REFERENCE), *arguments])
    assert ended.exit_code == 2
    assert sentence in " ".join(ended.output.split())


def test_a_file_that_is_not_there_is_said() -> None:
    ended = CliRunner().invoke(command, ["nowhere.csv", "--reference", "1000"])
    assert (ended.exit_code, ended.output) == (2, "Error: there is no file nowhere.csv\n")


EXAMPLES = [
    line for line in (ROOT / "docs/evaluate.md").read_text().splitlines() if line.startswith("leeway evaluate ")
]


@pytest.mark.slow
@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_that_is_shown_runs(line: str, tmp_path: Path) -> None:
    for name in ("orders.csv", "january.csv"):
        with (tmp_path / name).open("w") as file:
            orders.write(file)
    ended = leeway(*shlex.split(line)[1:], cwd=tmp_path, timeout_s=300)
    assert ended.returncode in (0, 3), ended.stderr
    assert ended.returncode == 3 or "--inject" not in line
