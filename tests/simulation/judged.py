"""The real judge in the simulation: panes of two models a lane, of which one drifts half-way, and what is no pane."""

from collections.abc import Iterator
from random import Random

import msgspec
import numpy as np

from schemas.subject import Subject
from stream.engine.role import Lane
from stream.outputs import encode
from stream.roles.judge import Judge
from stream.settings import Judge as JudgeSettings
from stream.settings import Redis, Settings
from tests.judge.panes import pane
from tests.simulation.scenario import Scenario

PANES, ROWS = 20, 50
SETTINGS = Settings(
    judge=JudgeSettings(reference=300, burn_in=150, independent=True),
    redis=Redis(idle_s=1),
)
POISON = (b"{bad", b'{"kind":"pane"}', b'{"kind":"gossip"}')


def panes(random: Random, lane: Lane) -> Iterator[bytes]:
    numbers = np.random.default_rng(random.randrange(2**32))
    for second in range(PANES):
        for model in ("steady", "drifting"):
            shift = 3.0 if model == "drifting" and second > PANES // 2 else 0.0
            made = pane({"feature:age": numbers.normal(shift, 1.0, ROWS)}, second)
            yield encode(msgspec.structs.replace(made, subject=Subject(model=model, deployment=model)))
        if random.random() < 0.05:
            yield random.choice(POISON)


FEW, MANY = 20_000, 500_000  # about one state a second, or all
JUDGE = Scenario(lambda clock: Judge(SETTINGS), panes, SETTINGS, partitions=2, bytes_per_second=(FEW, MANY), inputs=8)
