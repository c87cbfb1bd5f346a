"""The command as a whole: help that comes at once, refusals in sentences, exit codes, and namesakes found out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stream.cli import COMMANDS
from stream.rooms import OURS
from tests.cli.command import NO_REDIS, NOWHERE, ROOT, environment, leeway


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for_with_an_example(command: str) -> None:
    helped = leeway(command, "--help")
    assert helped.returncode == 0
    assert f"leeway {command}" in helped.stdout
    assert "Exit codes:" in helped.stdout or "COMMAND [ARGS]" in helped.stdout


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from stream.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit as end:\n"
        "    heavy = {'confluent_kafka', 'redis', 'numpy', 'river', 'faust', 'rich', 'structlog'} & set(sys.modules)\n"
        "    sys.exit(f'imported {heavy}' if heavy else end.code)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment())
    assert ended.returncode == 0, ended.stderr
    assert all(f"  {command} " in ended.stdout for command in COMMANDS)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["topcs"], "There is no command 'topcs'. Did you mean 'leeway topics'?"),
        (["zzz"], "There is no command 'zzz'. 'leeway --help' lists the commands."),
        (["tail"], "Missing argument"),
        (["tail", "anomalis"], "'anomalis' is not one of"),
        (["tail", "panes", "--from", "yesterday"], "expected beginning, end or -N (as in -20), got 'yesterday'"),
        (["tail", "panes", "--limit", "0"], "0 is not in the range x>=1"),
        (["profile", "--slot", "many"], "'many' is not a valid integer range"),
        (["check", "nowhere.ndjson"], "No such file or directory"),
        (["doctor", "--kafak", "x"], "Did you mean --kafka?"),
        (["status", "--config", "nowhere.toml"], "The configuration file nowhere.toml cannot be read"),
        (["judge", "--kafka", "nonsense"], "'nonsense' is not HOST:PORT"),
        (["status", "--redis", "nonsense"], "redis.url is not redis://"),
        (["incident", "silence", "inc-1"], "Missing option '--until'"),
        (["demo", "--kafka", "nonsense"], "'nonsense' is not HOST:PORT"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: list[str], sentence: str) -> None:
    ended = leeway(*arguments)
    assert ended.returncode == 2
    assert sentence in " ".join(ended.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "-"],
        ["tail", "anomalies"],
        ["dlq", "list"],
        ["status"],
        ["incident", "list"],
        ["incident", "acknowledge", "inc-1"],
    ],
)
def test_servers_that_are_away_are_one_sentence_and_exit_code_1(arguments: list[str]) -> None:
    ended = leeway(*arguments, "--kafka", NOWHERE, "--redis", NO_REDIS, given='{"model":"churn","prediction":1}\n')
    assert ended.returncode == 1
    assert "does not answer at" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_password_is_not_in_the_sentence_about_a_redis_that_is_away() -> None:
    ended = leeway("status", "--redis", "redis://me:s3cret@127.0.0.1:1/0")
    assert "s3cret" not in ended.stderr + ended.stdout
    assert "me:***@127.0.0.1:1" in ended.stderr


def test_a_defect_is_one_sentence_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import stream.cli.config\nstream.cli.config.toml = lambda settings: {}['what']\n"
    )
    ended = leeway("config", "show", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert ended.returncode == 1
    assert ended.stderr.startswith("Error: KeyError: 'what'. This is a defect of Leeway;")


@pytest.mark.parametrize("room", ["schemas", "detectors"])
def test_a_foreign_package_of_the_same_name_is_named(room: str, tmp_path: Path) -> None:
    (tmp_path / room).mkdir()
    (tmp_path / room / "__init__.py").write_text("")
    ended = leeway("doctor", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert ended.returncode == 1
    assert f"The package '{room}' is not Leeway's: Python finds it at {tmp_path / room}" in ended.stderr


def test_two_copies_of_leeway_are_not_taken_for_a_namesake(tmp_path: Path) -> None:
    assert all((ROOT / room / file).is_file() for room, file in OURS.items())
    shutil.copytree(ROOT / "schemas", tmp_path / "schemas")
    ended = leeway("doctor", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert ended.returncode == 1
    assert f"Two copies of Leeway are mixed: 'schemas' comes from {tmp_path / 'schemas'}" in ended.stderr


def test_output_into_a_closed_pipe_ends_quietly() -> None:
    shell = f"{sys.executable} -m stream.cli config show | head -1"
    ended = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, env=environment())
    assert ended.stdout == 'group = "leeway"\n'
    assert ended.stderr == ""


def test_a_terminal_without_our_signs_shows_others() -> None:
    assert "? error  line 1" in leeway("check", "-", given="not JSON", PYTHONIOENCODING="latin-1").stdout


def test_no_colours_where_there_is_no_terminal() -> None:
    assert "\x1b[" not in leeway("check", "-", given="not JSON").stdout


def test_what_config_shows_can_be_read_again_and_hides_secrets(tmp_path: Path) -> None:
    shown = leeway(
        "config",
        "show",
        LEEWAY__REDIS__PASSWORD="s3cret",
        LEEWAY__KAFKA__OPTIONS='{"ssl.key.pem": "s3cret", "socket.timeout.ms": 3000}',
        LEEWAY__JUDGE__GUESTS='[{"kind": "adwin", "parameters": {"delta": 0.01}}]',
        LEEWAY__INCIDENTS__OWNERS="churn=team-growth",
    )
    assert shown.returncode == 0
    assert "s3cret" not in shown.stdout
    file = tmp_path / "leeway.toml"
    file.write_text(shown.stdout)
    again = leeway("config", "show", "--config", str(file))
    assert again.returncode == 0
    assert again.stdout == shown.stdout.replace("# password is set and not shown", 'password = ""')


def test_a_configuration_that_is_right_is_said_to_be() -> None:
    assert leeway("config", "check").returncode == 0
    wrong = leeway("config", "check", LEEWAY__JUDGE__BUDGET="never", LEEWAY__HTTP__HOST="0.0.0.0")
    assert wrong.returncode == 2
    assert len(wrong.stderr.splitlines()) == 2


def test_a_closed_output_is_no_failure() -> None:
    shell = f"{sys.executable} -m stream.cli config show >&-"
    assert subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60).stderr == ""


def test_a_full_disk_is_said_in_a_sentence() -> None:
    shell = f"{sys.executable} -m stream.cli config show > /dev/full"
    ended = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr == "Error: No space is left where this was to be written; make room, or write elsewhere.\n"
