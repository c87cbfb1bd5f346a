"""`python -m tests.overload [--minutes 3] [--only WHAT] [--json FILE]`: overload it all, and say what was measured."""

import argparse
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.conftest import Platform
from tests.overload import alarms, dawdling, flooded, giants
from tests.servers import RealKafka, RealRedis

Scenario = Callable[[Platform, Path, float], dict[str, Any]]


def floods(mix: str, platform: Platform, folder: Path, seconds: float) -> dict[str, Any]:
    return flooded.run(platform, folder, mix, seconds)


SCENARIOS: dict[str, Scenario] = {
    "events": partial(floods, "events"),
    "panes": partial(floods, "panes"),
    "alarms": alarms.run,
    "giants": giants.run,
    "slow-redis": dawdling.slow_redis,
    "slow-kafka": dawdling.slow_kafka,
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.overload")
    parser.add_argument("--minutes", type=float, default=3.0, help="of each flood")
    parser.add_argument("--only", choices=list(SCENARIOS), action="append", help="not everything")
    parser.add_argument("--json", type=Path, help="write the report there too")
    asked = parser.parse_args(arguments)
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home, RealKafka(Path(home)) as kafka, RealRedis(Path(home)) as redis:
        for name in asked.only or SCENARIOS:
            began, folder = time.monotonic(), Path(home) / name
            folder.mkdir()
            platform = Platform("real", kafka.bootstrap, redis.url, f"t{secrets.token_hex(4)}.", kafka)
            report[name] = SCENARIOS[name](platform, folder, 60 * asked.minutes)
            report[name]["took_s"] = round(time.monotonic() - began)
            print(f"== {name}\n{json.dumps(report[name], indent=1)}", flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
