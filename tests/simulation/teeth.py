"""How soon each seeded bug is found: the table of README.md, by `make sim ARGS="--seeds 0:500 --teeth"`."""

from collections import defaultdict
from statistics import median

from tests.simulation.campaign import Task, outcomes
from tests.simulation.mutations import MUTATIONS


def table(seeds: range, jobs: int | None) -> str:
    tasks = (Task(seed, mutation.hunt, name) for name, mutation in MUTATIONS.items() for seed in seeds)
    found = defaultdict[str, list[int]](list)
    for outcome in outcomes(tasks, jobs):
        if outcome.violated:
            found[outcome.task.mutation].append(outcome.task.seed)
    lines = ["| seeded bug | role | found by | first | seeds until found, median |", "|---|---|---|---|---|"]
    lines += [row(name, seeds, sorted(found[name])) for name in MUTATIONS]
    return "\n".join(lines)


def row(name: str, seeds: range, found: list[int]) -> str:
    share = f"{len(found)} of {len(seeds)}"
    if not found:
        return f"| {name} | {MUTATIONS[name].hunt} | {share} | | |"
    waits = [next((hit for hit in found if hit >= seed), seeds.stop) - seed + 1 for seed in seeds]
    return f"| {name} | {MUTATIONS[name].hunt} | {share} | {found[0]} | {median(waits):g} |"
