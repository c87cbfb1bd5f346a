"""Torture: a real Kafka, a real Redis, all roles twice, and faults without end: `python -m tests.torture --minutes 10`.

Nothing may be missing, double or wrong: then the exit status is 0, else 1; 2 when this machine lacks a part.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from tests.servers import Missing
from tests.torture.campaign import Orders, campaign
from tests.torture.report import figures, table


def main() -> int:
    default = Orders()
    words = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    words.add_argument("--minutes", type=float, default=default.seconds / 60, help="of faults (%(default)s)")
    words.add_argument("--seed", type=int, default=default.seed, help="everything random follows from it (%(default)s)")
    words.add_argument("--every", type=float, default=default.every_s, help="seconds between faults (%(default)s)")
    words.add_argument("--rate", type=float, default=default.per_second, help="events per second (%(default)s)")
    words.add_argument("--pills", type=float, default=default.pills, help="of the events are none (%(default)s)")
    words.add_argument("--session-ms", type=int, default=default.session_ms, help="kafka.session_ms (%(default)s)")
    words.add_argument(
        "--only", action="append", default=[], metavar="FAULT", help="part of a fault's name, as `(judge)`"
    )
    words.add_argument("--alone", action="store_true", help="a fault only when all has recovered from the one before")
    words.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    given = words.parse_args()
    orders = Orders(
        seed=given.seed,
        seconds=given.minutes * 60,
        every_s=given.every,
        session_ms=given.session_ms,
        per_second=given.rate,
        pills=given.pills,
        only=tuple(given.only),
        alone=given.alone,
    )
    folder = Path(tempfile.mkdtemp(prefix="leeway-torture-"))
    try:
        outcome = campaign(orders, folder, lambda line: print(line, flush=True))
    except Missing as part:
        print(f"cannot be run here: {part}", file=sys.stderr)
        return 2
    print(table(outcome))
    if given.json:
        given.json.write_text(json.dumps(figures(outcome), indent=2, ensure_ascii=False) + "\n")
    if outcome.good:
        shutil.rmtree(folder)
        return 0
    print(f"what the workers, Kafka and Redis said is in {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
