"""The rows of the demo: what a model that predicts employment was given in Massachusetts, and what it answered.

American Community Survey, 2015 to 2018; `employment_ma.LICENSE.md` names the source. The model is taken to have been
released in 2015, so that year is what it is compared with.

>>> rows = census(seed=1, counts={2015: 2, 2016: 3})
>>> rows.years.tolist(), rows.features[0], len(rows)
([2015, 2015, 2016, 2016, 2016], 'AGEP', 5)
>>> sorted(rows.row(0)) == sorted(rows.features)
True
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

FILE = "employment_ma.npz"
STEPS = 1000  # the file keeps the model's probability in thousandths

Value = int | str


@dataclass(frozen=True)
class Census:
    """Rows in the order in which they are sent: year by year, shuffled within a year."""

    features: tuple[str, ...]
    columns: tuple[NDArray[np.uint8], ...]  # a number, or the index of a code
    codes: tuple[tuple[str, ...] | None, ...]  # per column: the codes; None: the column is a number
    scores: NDArray[np.float64]
    years: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.years)

    def row(self, index: int) -> dict[str, Value | None]:
        """One row, as a serving system would log it."""
        return next(self.rows(index, index + 1))

    def rows(self, begin: int, end: int) -> Iterator[dict[str, Value | None]]:
        """Rows `begin` to `end`, each a new dictionary."""
        values = [
            column[begin:end].tolist() if codes is None else [codes[code] for code in column[begin:end].tolist()]
            for column, codes in zip(self.columns, self.codes, strict=True)
        ]
        for row in zip(*values, strict=True):
            yield dict(zip(self.features, row, strict=True))


def census(seed: int, counts: Mapping[int, int] | None = None) -> Census:
    """`counts[year]` rows of each year, drawn without replacement; all rows of all years without `counts`."""
    packed = files("stream.demo").joinpath(FILE).read_bytes()
    with np.load(BytesIO(packed), allow_pickle=False) as arrays:
        years = 2000 + arrays["year"].astype(np.int64)
        order = _order(years, seed, counts)
        names = [name.partition("|") for name in arrays.files if name.startswith(("number|", "codes|"))]
        features = tuple(feature for _, _, feature in names)
        return Census(
            features=features,
            columns=tuple(arrays[f"{form}|{feature}"][order] for form, _, feature in names),
            codes=tuple(
                tuple(str(code) for code in arrays[f"names|{feature}"]) if form == "codes" else None
                for form, _, feature in names
            ),
            scores=arrays["score"][order] / STEPS,
            years=years[order],
        )


def _order(years: NDArray[np.int64], seed: int, counts: Mapping[int, int] | None) -> NDArray[np.int64]:
    random = np.random.default_rng([seed, FILE_STREAM])
    chosen = []
    for year in sorted(counts) if counts is not None else np.unique(years).tolist():
        rows = random.permutation(np.flatnonzero(years == year))
        wanted = len(rows) if counts is None else counts[year]
        if wanted > len(rows):
            raise ValueError(f"the census file has {len(rows):,} rows of {year}, not {wanted:,}")
        chosen.append(rows[:wanted])
    return np.concatenate(chosen)


FILE_STREAM = 1  # one seed, a stream of random numbers for each use
