"""The real judge in the simulation: panes of two models a lane, of which one drifts half-way."""

from collections.abc import Iterator
from random import Random

import msgspec
import numpy as np

from schemas.subject import Subject
from stream.outputs import encode
from stream.roles.judge import Judge
from stream.settings import Judge as JudgeSettings
from stream.settings import Redis, Settings
from tests.judge.panes import pane

PANES, ROWS = 30, 80
SETTINGS = Settings(
    judge=JudgeSettings(reference=500, burn_in=300, independent=True),
    redis=Redis(snapshot_bytes_per_second=20_000, idle_s=1),  # about one state a second: marks lag behind
)


def judge() -> Judge:
    return Judge(SETTINGS)


def panes(random: Random) -> Iterator[bytes]:
    numbers = np.random.default_rng(random.randrange(2**32))
    for second in range(PANES):
        for model in ("steady", "drifting"):
            shift = 3.0 if model == "drifting" and second > PANES // 2 else 0.0
            made = pane({"feature:age": numbers.normal(shift, 1.0, ROWS)}, second)
            yield encode(msgspec.structs.replace(made, subject=Subject(model=model, deployment=model)))
