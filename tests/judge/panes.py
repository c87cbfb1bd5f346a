"""Panes made from arrays, as the profile worker would count them, for tests of the judge."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from detectors.binning import universal
from schemas.pane import Column, Pane, Slice
from schemas.subject import Subject

SUBJECT = Subject(model="churn", deployment="churn")
T0 = 1_760_000_000_000


def column(values: Any) -> Column:
    """Numbers, texts and None, counted universally."""
    values = list(values)
    numbers = np.array([x for x in values if isinstance(x, int | float) and not isinstance(x, bool)], np.float64)
    texts = [str(x) for x in values if isinstance(x, str | bool)]
    made = Column(nulls=sum(1 for x in values if x is None))
    if numbers.size:
        buckets, counts = np.unique(universal(numbers), return_counts=True)
        made.n, made.sum = int(numbers.size), float(numbers.sum())
        made.min, made.max = float(numbers.min()), float(numbers.max())
        made.at, made.counts = buckets.tolist(), counts.tolist()
    made.values = {text: texts.count(text) for text in sorted(set(texts))}
    return made


def pane(columns: Mapping[str, Any], at: int, rows: int | None = None, regions: Any = None, **more: Any) -> Pane:
    """One pane at `at` seconds; `regions` gives each row's segment."""
    rows = rows if rows is not None else max(len(list(values)) for values in columns.values())
    counted = {name: column(values) for name, values in columns.items()}
    slices = {}
    if regions is not None:
        counted["segment:region"] = column(list(regions))
        for region in sorted(set(regions)):
            inside = [i for i, r in enumerate(regions) if r == region]
            part = Slice(rows=len(inside))
            for name, values in columns.items():
                picked = [list(values)[i] for i in inside]
                part.nulls[name] = sum(1 for x in picked if x is None)
                if not name.startswith("feature:"):
                    part.columns[name] = column(picked)
            slices[f"region={region}"] = part
    time = T0 + 1000 * at
    return Pane(
        subject=SUBJECT, at=time, worker="profile-0", rows=rows, volume=float(rows), since=time - 900, until=time - 10,
        versions={"1": rows}, columns=counted, slices=slices, **more,
    )  # fmt: skip
