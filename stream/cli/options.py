"""The options that commands share, and the settings that follow from them."""

from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import click

from stream.settings import Settings

Command = Callable[..., Any]


class Refused(click.ClickException):
    """Wrong usage or configuration."""

    exit_code = 2


CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The configuration file. Default: $LEEWAY_CONFIG, else leeway.toml in this folder.",
)
KAFKA = click.option("--kafka", metavar="HOST:PORT", help="Kafka's bootstrap servers, separated by commas.")
REDIS = click.option("--redis", metavar="URL", help="Redis, as in redis://127.0.0.1:6379/0.")


def configured(command: Command) -> Command:
    """Adds --config, --kafka and --redis, and gives the command the `settings` that follow from them."""

    @CONFIG
    @KAFKA
    @REDIS
    @wraps(command)
    def with_settings(config: Path | None, kafka: str | None, redis: str | None, **given: Any) -> Any:
        return command(settings=settings_of(config, {"kafka.bootstrap": kafka, "redis.url": redis}), **given)

    return with_settings


def settings_of(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """The settings, or the refusal in sentences."""
    from stream.config import Misconfigured, current
    from stream.reach import accepted

    try:
        return accepted(current(config, flags))
    except Misconfigured as refusal:
        raise Refused("\n       ".join(refusal.problems)) from None


def output(*forms: str) -> Callable[[Command], Command]:
    """Adds --output; the first form is the default."""
    return click.option(
        "--output", type=click.Choice(forms), default=forms[0], show_default=True, help="How to print it."
    )
