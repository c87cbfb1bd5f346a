"""Tables for tests."""

import numpy as np

from stream.evaluate.table import Table, numbers, texts


def mixed(rows: int, seed: int = 1) -> Table:
    """Numbers with gaps, texts with gaps, and a rate."""
    random = np.random.default_rng(seed)
    gaps = random.random(rows) < 0.05
    plans = random.choice(["pro", "free", "none"], rows, p=[0.6, 0.3, 0.1])
    return Table(
        (
            numbers("age", np.where(gaps, np.nan, random.normal(40, 10, rows))),
            texts("plan", [None if gap else str(plan) for gap, plan in zip(gaps, plans, strict=True)]),
            numbers("wrong", (random.random(rows) < 0.1).astype(float)),
        )
    )


def cells(table: Table, name: str, first: int, end: int) -> list[float | str | None]:
    """The values of a column, as events would have them."""
    column = table[name]
    return [
        None if gap else float(value) if column.words is None else column.words[value]
        for value, gap in zip(column.values[first:end], column.nulls[first:end], strict=True)
    ]
