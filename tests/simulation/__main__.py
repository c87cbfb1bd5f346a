"""Run the loop and its roles through many simulated misfortunes: `make sim ARGS="--seeds 0:2000"`.

Every line that reports a failure says how to replay it. Exit code 3: an invariant was violated.
"""

import argparse
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

import structlog

from tests.simulation.campaign import Outcome, Task, in_turn, outcomes
from tests.simulation.mutations import MUTATIONS
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.teeth import table

SEEDS = range(2_000)
EVERY_S = 1.0 if sys.stderr.isatty() else 30.0  # between two words about progress
VIOLATED = 3


def main() -> int:
    asked = arguments().parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # gaps are no news here
    if asked.teeth:
        print(table(asked.seeds, asked.jobs))
        return 0
    report = Report(None if asked.forever else len(asked.seeds) * max(1, len(asked.role or ())))
    seeds = count(asked.seeds.start) if asked.forever else asked.seeds
    try:
        for outcome in outcomes(tasks(seeds, asked.role or (), asked.mutation), asked.jobs):
            report.add(outcome)
    except KeyboardInterrupt:
        print(file=sys.stderr)
    report.end()
    return VIOLATED if report.failed else 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=SEEDS, metavar="FROM:TO", help="or a single one; 0:2000")
    parser.add_argument(
        "--role", action="append", choices=SCENARIOS, help="all seeds with it; else each takes its turn"
    )
    parser.add_argument("--mutation", choices=MUTATIONS, default="", help="with this seeded bug")
    parser.add_argument("--forever", action="store_true", help="go on until Ctrl-C, from the first seed")
    parser.add_argument("--jobs", type=int, help="processes; as many as there are cores")
    parser.add_argument("--teeth", action="store_true", help="which of the seeds find each seeded bug, as a table")
    return parser


def seeds_of(text: str) -> range:
    first, _, last = text.partition(":")
    return range(int(first), int(last) if last else int(first) + 1)


def tasks(seeds: Iterable[int], roles: list[str], mutation: str) -> Iterator[Task]:
    if mutation and not roles:
        roles = [MUTATIONS[mutation].hunt]
    if not roles:
        return in_turn(seeds)
    return (Task(seed, role, mutation) for seed in seeds for role in roles)


class Report:
    """Of one campaign, as it goes."""

    def __init__(self, expected: int | None) -> None:
        self.expected, self.began, self.said = expected, time.monotonic(), 0.0
        self.roles, self.failed, self.seen = Counter[str](), Counter[str](), Counter[str]()

    def add(self, outcome: Outcome) -> None:
        self.roles[outcome.task.role] += 1
        self.seen.update(outcome.seen)
        if outcome.violated:
            self.failed[outcome.task.role] += 1
            print(f"\nseed {outcome.task.seed}, {outcome.task.role}: {outcome.violated}\n  {outcome.task.replay()}")
        if time.monotonic() - self.said > EVERY_S:
            self.said = time.monotonic()
            print("\r" + self.progress(), end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    def progress(self) -> str:
        done, elapsed = self.roles.total(), time.monotonic() - self.began
        of = f" of {self.expected}" if self.expected else ""
        return f"{done}{of} seeds, {self.failed.total()} failed, {done / max(elapsed, 0.001):.1f} a second "

    def end(self) -> None:
        print("\r" + self.progress(), file=sys.stderr)
        for role, many in sorted(self.roles.items()):
            print(f"{role:10} {many:7} seeds {self.failed[role]:5} failed")
        print(", ".join(f"{many} x {what}" for what, many in sorted(self.seen.items())))


if __name__ == "__main__":
    sys.exit(main())
