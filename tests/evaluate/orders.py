"""The file of the examples in docs/evaluate.md: orders of a shop, 12,000 rows without change.

`python -m tests.evaluate.orders > orders.csv` writes it.
"""

import csv
import sys
from typing import TextIO

import numpy as np

ROWS = 12_000


def write(file: TextIO) -> None:
    """Numbers, texts and a rate, the same ones every time."""
    random = np.random.default_rng(11)
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(("amount", "country", "returned"))
    amounts = np.exp(random.normal(3.5, 0.6, ROWS)).round(2)
    countries = random.choice(["de", "fr", "it", "nl"], ROWS, p=[0.5, 0.25, 0.15, 0.1])
    returned = (random.random(ROWS) < 0.06).astype(int)
    rows.writerows(zip(amounts.tolist(), countries.tolist(), returned.tolist(), strict=True))


if __name__ == "__main__":
    write(sys.stdout)
