"""`leeway config`: what the settings add up to, with secrets hidden."""

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import click
import msgspec

from stream.cli.group import Group
from stream.cli.options import configured
from stream.settings import Settings

HIDDEN = "***"
SECRET_WORDS = ("password", "secret", "key.pem", "oauthbearer.config", "jaas")  # in names of librdkafka's properties


@click.group(name="config", cls=Group, short_help="Show and check the configuration.")
def command() -> None:
    """Show and check the configuration: leeway.toml, LEEWAY__SECTION__KEY variables, options.

    \b
    leeway config show > leeway.toml     every setting with its value, as a file to start from
    leeway config check --config my.toml
    """


@command.command()
@configured
def show(settings: Settings) -> None:
    """Print the effective configuration as TOML. Secrets are hidden.

    \b
    Exit codes: 0 printed, 2 the configuration is wrong.
    """
    click.echo(toml(settings))


@command.command()
@configured
def check(settings: Settings) -> None:
    """Say whether the configuration is right, or everything that is wrong with it.

    \b
    Exit codes: 0 right, 2 wrong.
    """
    click.echo("✓ The configuration is right.")
    sys.exit(0)


def toml(settings: Settings) -> str:
    """The settings as a TOML file without the secrets in it.

    >>> toml(Settings(group="mine")).splitlines()[:4]
    ['group = "mine"', '', '[kafka]', 'bootstrap = "127.0.0.1:9092"']
    """
    tree: dict[str, Any] = msgspec.to_builtins(settings)
    lines = [f"{name} = {_value(value)}" for name, value in tree.items() if not isinstance(value, dict)]
    for section, values in tree.items():
        if isinstance(values, dict):
            lines += ["", f"[{section}]", *_section(section, values)]
    return "\n".join(lines)


def _section(section: str, values: Mapping[str, Any]) -> Iterator[str]:
    from stream.cli.reach import without_secret
    from stream.config import SECRETS

    for name, value in values.items():
        if name == "url":
            yield f"{name} = {_value(without_secret(value))}"
        elif f"{section}.{name}" in SECRETS and value:
            yield f"# {name} is set and not shown"
        elif name == "options":
            yield f"{name} = {_value({key: HIDDEN if _secret(key) else each for key, each in value.items()})}"
        else:
            yield f"{name} = {_value(value)}"


def _secret(option: str) -> bool:
    return any(word in option for word in SECRET_WORDS)


def _value(value: Any) -> str:
    """One value in TOML, whose texts, numbers and truths are written as JSON writes them.

    >>> _value({"ssl.ca.location": "/ca.pem"}), _value([1, True, "a"])
    ('{"ssl.ca.location" = "/ca.pem"}', '[1, true, "a"]')
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {_value(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)
