"""Embeddings are watched by their length and by where they point along a few random directions.

A vector of hundreds of numbers says nothing one number at a time; projections of it along random directions nearly keep
the distances between vectors (Johnson and Lindenstrauss, 1984), and what moves a distribution of vectors moves nearly
every one of its projections (Cramer and Wold, 1936). So each embedding is counted as `embedding:<name>.0` and so on,
numbers like any other, and its length as `embedding:<name>.norm`.

The directions are the same on every machine, for ever: they depend on the name and the dimension alone. A row whose
embedding has another dimension than most has no projections; it counts as a text in the column of the length, which
makes it a value of the wrong type.

>>> [column for column in columns("text", 2)]
['embedding:text.0', 'embedding:text.1', 'embedding:text.norm']
>>> found = projected("text", [[3.0, 4.0], [1.0, 0.0], [1.0]], 2)
>>> found.right, found.values[:, 2].tolist(), found.wrong, found.words
([0, 1], [5.0, 1.0], [2], ['dimension 1'])
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from stream.counting.columns import Floats

FAMILY = "embedding"
NORM = "norm"
KNOWN = 64  # matrices of directions that are remembered: of 1,536 dimensions, 100 kB each


@dataclass(frozen=True, slots=True)
class Projected:
    """Of some vectors those of the common dimension, [right, directions + 1] with their length last; and the others,
    each with a word for what it is."""

    right: list[int]
    values: Floats
    wrong: list[int]
    words: list[str]


def columns(name: str, many: int) -> list[str]:
    """The columns of an embedding."""
    return [*(f"{FAMILY}:{name}.{direction}" for direction in range(many)), f"{FAMILY}:{name}.{NORM}"]


@lru_cache(maxsize=KNOWN)
def directions(name: str, dimension: int, many: int) -> Floats:
    """Unit vectors, [many, dimension].

    >>> directions("text", 384, 3).shape, np.allclose((directions("text", 384, 3) ** 2).sum(axis=1), 1)
    ((3, 384), True)
    """
    seed = blake2b(f"{name}/{dimension}".encode(), digest_size=4).digest()
    # Its numbers never change from one version of numpy to the next, which those of the newer generators may.
    gaussian = np.random.RandomState(int.from_bytes(seed, "little")).standard_normal((many, dimension))
    return np.asarray(gaussian / np.sqrt((gaussian**2).sum(axis=1, keepdims=True)))


def projected(name: str, vectors: Sequence[Sequence[float]], many: int) -> Projected:
    """Project the vectors of the dimension that most of them have (of two equally frequent, the larger)."""
    dimensions = Counter(map(len, vectors))
    common = max(dimensions, key=lambda dimension: (dimensions[dimension], dimension))
    right = [at for at, vector in enumerate(vectors) if len(vector) == common]
    wrong = [at for at, vector in enumerate(vectors) if len(vector) != common]
    matrix = np.array([vectors[at] for at in right], np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # what is beyond doubles counts as null, like everywhere
        along = matrix @ directions(name, common, many).T
        length = np.sqrt((matrix**2).sum(axis=1))
    values = np.concatenate([along, length[:, None]], axis=1)
    return Projected(right, values, wrong, [f"dimension {len(vectors[at])}" for at in wrong])
