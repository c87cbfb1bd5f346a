"""How soon each seeded bug is found: the table of README.md, by `make sim ARGS="--seeds 0:500 --teeth"`."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.simulation.campaign import Task, run
from tests.simulation.mutations import MUTATIONS

OFTEN_ENOUGH = 5  # finds of one bug, after which the next one is looked for

HEAD = ["| seeded bug | role | first found by seed | seeds to find it, on average |", "|---|---|---|---|"]


def table(seeds: range, jobs: int | None) -> str:
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        return "\n".join([*HEAD, *pool.map(partial(row, seeds), MUTATIONS)])


def row(seeds: range, bug: str) -> str:
    role, found = MUTATIONS[bug].hunt, list[int]()
    for seed in seeds:
        if run(Task(seed, role, bug)).violated:
            found.append(seed)
        if len(found) == OFTEN_ENOUGH:
            break
    if not found:
        return f"| {bug} | {role} | none of {len(seeds)} | |"
    each = (seed - seeds.start + 1) / len(found)
    return f"| {bug} | {role} | {found[0]} | {each:.{1 if each < OFTEN_ENOUGH else 0}f} |"
