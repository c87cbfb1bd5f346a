"""What the documents show is true: every example in them is run, or at least read by what would run it."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from schemas.dead_letter import Reason
from schemas.decode import Reader
from stream.cli import leeway as group
from stream.cli.config import toml
from stream.config import load
from stream.settings import Settings
from tests.cli.command import ROOT, installation, leeway
from tests.conftest import Platform

PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
NOW_MS = 1_790_000_000_000
STAYS = {"up", "profile", "judge", "incidents", "demo"}  # commands that run until they are stopped: read, not run
TAILS = {"tail": ["--for", "1"]}


def examples(language: str) -> list[tuple[str, str]]:
    """All examples in a language, with the page and the line where they stand."""
    found = []
    for page in PAGES:
        text = page.read_text()
        for match in FENCE.finditer(text):
            if match[1] == language:
                line = text[: match.start()].count("\n") + 1
                found.append((f"{page.relative_to(ROOT)}:{line}", match[2]))
    return found


def commands() -> list[tuple[str, str]]:
    """All lines that run `leeway` or `make`."""
    lines = []
    for place, text in examples("sh"):
        for line in text.splitlines():
            bare = line.split(" #")[0].strip()
            if bare:
                lines.append((place, bare))
    return lines


@pytest.mark.parametrize(("place", "text"), examples("json"))
def test_an_event_that_is_shown_can_be_read(place: str, text: str) -> None:
    event = Reader().event(text.encode(), None, "prediction", NOW_MS)
    assert not isinstance(event, Reason), f"{place}: {event}"


@pytest.mark.parametrize(("place", "text"), examples("toml"))
def test_a_configuration_that_is_shown_is_accepted(place: str, text: str, tmp_path: Path) -> None:
    for secret in re.findall(r"/run/secrets/(\w[\w-]*)", text):
        (tmp_path / secret).write_text("secret")
    file = tmp_path / "leeway.toml"
    file.write_text(text.replace("/run/secrets", str(tmp_path)))
    assert tomllib.loads(text)
    assert load(file, {}, {})


def test_every_setting_has_its_line_and_its_default() -> None:
    rows = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \| (.+) \|$", (ROOT / "docs" / "configuration.md").read_text(), re.M)
    tree = tomllib.loads(toml(Settings()))
    defaults = {
        f"{name}.{inner}" if table else name: each
        for name, value in tree.items()
        for table in [isinstance(value, dict)]
        for inner, each in (value.items() if table else [("", value)])
    }
    assert {key: tomllib.loads(f"it = {default}")["it"] for key, default, _ in rows} == defaults


@pytest.mark.parametrize(("place", "line"), commands())
def test_a_command_that_is_shown_exists(place: str, line: str) -> None:
    for part in line.split("|"):
        words = shlex.split(part)
        if words[0] == "make":
            targets = (ROOT / "Makefile").read_text()
            assert f"\n{words[1]}:" in targets, f"{place}: make has no target {words[1]}"
        elif words[0] == "leeway":
            understood(words[1:])


def helped(command: click.Command = group) -> Iterator[str]:
    """The lines of all help texts that show a command, without what is said behind it."""
    for part in re.split(r"\n| \| ", command.help or ""):
        said = part.strip().partition("  ")[0]
        if said.startswith("leeway "):
            yield said
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from helped(found)


@pytest.mark.parametrize("line", list(helped()))
def test_a_command_that_a_help_text_shows_is_understood(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for file in re.findall(r"[\w.-]+\.(?:csv|parquet|ndjson|toml|png)\b", line):
        (tmp_path / file).touch()
    understood(shlex.split(line.partition(" > ")[0])[1:])


def leaves(command: click.Command = group) -> Iterator[click.Command]:
    """All commands that do something."""
    if not isinstance(command, click.Group):
        yield command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found)


def test_every_command_says_its_exit_codes() -> None:
    silent = [command.name for command in leaves() if "Exit codes: 0 " not in (command.help or "")]
    assert silent == []


def understood(words: list[str]) -> None:
    """Let click read the words, down to the command that would run."""
    command: click.Command = group
    context = click.Context(command, info_name="leeway")
    while isinstance(command, click.Group):
        name, *words = words
        found = command.get_command(context, name)
        assert found is not None, f"there is no command {name}"
        command, context = found, click.Context(found, info_name=name, parent=context)
    command.parse_args(context, [word if word != "FILE" else str(ROOT / "README.md") for word in words])


@pytest.mark.slow
def test_the_commands_of_a_first_hour_work_in_the_order_in_which_they_are_shown(
    platform: Platform, tmp_path: Path
) -> None:
    variables = installation(platform)
    if platform.kind == "embedded":
        platform.create({purpose: 2 for purpose in ("predictions", "panes", "anomalies")})
    ran = 0
    for place, line in commands():
        if not place.startswith("README") or "leeway" not in line:
            continue
        *before, last = [shlex.split(part) for part in line.split("|")]
        if last[0] != "leeway" or last[1] in STAYS or "--kafka" in last:
            continue
        if last[1] == "topics" and platform.kind == "embedded":
            continue  # the embedded broker is told its topics by its owner
        given = before[0][1] + "\n" if before and before[0][0] == "echo" else ""
        ended = leeway(*last[1:], *TAILS.get(last[1], []), given=given, cwd=tmp_path, **variables)
        assert ended.returncode == 0, f"{place}: {line}\n{ended.stdout}{ended.stderr}"
        ran += 1
    assert ran >= 3


@pytest.mark.slow
@pytest.mark.parametrize(("place", "text"), examples("python"))
def test_code_that_is_shown_runs(place: str, text: str, platform: Platform) -> None:
    [topic] = platform.create({"predictions": 2})
    code = text.replace("127.0.0.1:9092", platform.bootstrap).replace("leeway.predictions", topic)
    scope: dict[str, object] = {}
    exec(compile(code, place, "exec"), scope)  # our own documents
    producer = scope["producer"]
    assert len(producer) == 0, f"{place}: events are still waiting to be delivered"  # type: ignore[arg-type]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
