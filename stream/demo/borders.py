"""What really changed: the columns that differ from year to year in all the rows of the census, by a chi-squared test.

Ancestry was coded anew, the population aged, more people finished school. An alarm on such a column in such a year is
not a false one, and a demo that hid it would not be honest; nor must every such change be found, for some are too small
to matter.

>>> from stream.demo.census import census
>>> really_changed(census(seed=1))[2016]
('AGEP', 'ANC')
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from stream.demo.census import Census

FIRM = 4.75  # normal deviate of one in a million: 17 columns x 3 years leave chance no room
LEAST = 5  # rows expected in a cell; rarer codes say nothing


def really_changed(census: Census) -> dict[int, tuple[str, ...]]:
    """Per year, the columns whose distribution differs from the first year's or from the year's before."""
    years = np.unique(census.years).tolist()
    columns = dict(zip(census.features, census.columns, strict=True))
    columns["score"] = np.floor(census.scores * 20).astype(np.uint8)
    counts = {
        name: {year: np.bincount(values[census.years == year], minlength=256) for year in years}
        for name, values in columns.items()
    }
    return {
        year: tuple(
            name
            for name, of in counts.items()
            if any(deviate(of[past], of[year]) > FIRM for past in _compared(years, year))
        )
        for year in years[1:]
    }


def _compared(years: list[int], year: int) -> Iterable[int]:
    """The year that the model was released in, and the one before this."""
    return {years[0], years[years.index(year) - 1]}


def deviate(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """How unlikely it is that two counts come from one distribution, as a normal deviate (Wilson and Hilferty 1931).

    >>> round(deviate(np.array([500, 500]), np.array([500, 500])), 1)
    -1.6
    >>> deviate(np.array([500, 500]), np.array([400, 600])) > 4
    True
    """
    both = np.stack([one, other]).astype(np.float64)
    share = both.sum(axis=1, keepdims=True) / both.sum()
    expected = share * both.sum(axis=0)
    seen = expected.min(axis=0) >= LEAST
    freedom = max(1, int(seen.sum()) - 1)
    statistic = float((((both - expected) ** 2)[:, seen] / expected[:, seen]).sum())
    spread = 2 / (9 * freedom)
    return float(((statistic / freedom) ** (1 / 3) - (1 - spread)) / spread**0.5)
