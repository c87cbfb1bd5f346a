"""The options that `profile`, `judge` and `incidents` have in common."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from stream.cli.asked import until_asked
from stream.cli.options import CONFIG, KAFKA, REDIS, settings_of


def worker(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --slot, --config, --kafka, --redis and --http-port, and gives the command `settings` and `slot`."""

    @click.option(
        "--slot",
        type=click.IntRange(0, 9_999),
        default=0,
        show_default=True,
        help="Number of this worker. No two workers of a role may share it; one that comes back keeps it.",
    )
    @CONFIG
    @KAFKA
    @REDIS
    @click.option(
        "--http-port",
        type=click.IntRange(0, 65535),
        help="Port of /livez, /readyz and /metrics. 0: any free one, said at the start.",
    )
    @wraps(command)
    def with_settings(
        slot: int, config: Path | None, kafka: str | None, redis: str | None, http_port: int | None
    ) -> None:
        flags = {"kafka.bootstrap": kafka, "redis.url": redis, "http.port": http_port}
        with until_asked():
            command(settings=settings_of(config, flags), slot=slot)

    return with_settings
