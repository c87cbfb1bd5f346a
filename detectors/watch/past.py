"""A past of any length in a limited number of stretches: which of them may be joined.

People ask what was "since so many rows ago", and the longer ago, the less exactly. So when a memory is full, of every
two neighbours those are joined that are shortest together for their age. Stretches then grow with their age.

>>> stretches = np.array([[40.0, 30.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0]])  # rows, the latest last
>>> began = np.cumsum(stretches[:, ::-1], axis=1)[:, ::-1]  # so many rows ago
>>> joined(began).astype(int)
array([[0, 0, 0, 1, 0, 1, 0, 0]])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def joined(began: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which stretches, a quarter of all, become one with the stretch before. `began` [streams, stretches] is how
    many rows ago each began, the latest last.
    """
    streams, number = began.shape
    ended = np.concatenate([began[:, 2::2], np.zeros((streams, 1))], axis=1)
    share = 1 - ended / np.maximum(began[:, ::2], 1)  # of its age, that two neighbours are long
    order = np.argsort(share, axis=1, kind="stable")[:, : number // 4]
    found = np.zeros((streams, number), np.bool_)
    np.put_along_axis(found, 2 * order + 1, True, axis=1)
    return found
