"""Many worlds, on all cores: which seeds fail, and what happened on the way."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

from tests.simulation.invariants import Violated
from tests.simulation.mutations import MUTATIONS
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import UNCHANGED, World

# Without a role of its own, a seed is one of these: the small roles find most, the real ones take longest. One world of
# the judge takes as long as eight of the small roles.
SMALL = ("alarming", "adding", "alarming", "profile", "adding", "alarming", "alarming", "adding", "alarming", "profile")
TURNS = (*SMALL[:6], "judge", *SMALL[7:], *SMALL)
AHEAD = 3  # tasks a core that wait: no core is idle, and a campaign without end has no endless queue


@dataclass(frozen=True)
class Task:
    """One world to come."""

    seed: int
    role: str
    mutation: str = ""

    def replay(self) -> str:
        mutation = f" --mutation {self.mutation}" if self.mutation else ""
        return f'make sim ARGS="--seeds {self.seed} --role {self.role}{mutation}"'


@dataclass(frozen=True)
class Outcome:
    """What became of it; `violated` is empty when all held."""

    task: Task
    violated: str
    seen: Counter[str]


def in_turn(seeds: Iterable[int]) -> Iterator[Task]:
    """Each seed with the role whose turn it is."""
    return (Task(seed, TURNS[seed % len(TURNS)]) for seed in seeds)


def run(task: Task) -> Outcome:
    """One world, from its beginning to its end."""
    world = World(task.seed, SCENARIOS[task.role], MUTATIONS[task.mutation] if task.mutation else UNCHANGED)
    try:
        world.run()
    except Violated as violated:
        return Outcome(task, str(violated), world.seen)
    except Exception as trouble:
        trouble.add_note(f"replay it: {task.replay()}")
        raise
    return Outcome(task, "", world.seen)


def outcomes(tasks: Iterable[Task], jobs: int | None = None) -> Iterator[Outcome]:
    """As they come, not in the order of the tasks."""
    jobs, left = jobs or os.cpu_count() or 1, iter(tasks)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("fork")) as pool:
        running = {pool.submit(run, task) for task in islice(left, AHEAD * jobs)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {pool.submit(run, task) for task in islice(left, len(done))}
            yield from (one.result() for one in done)
