"""Counts that leave: the lists of all groups are written as JSON at once, and whoever writes what they are in copies
them, which costs a tenth of writing lists of Python's integers.

>>> at, counts = np.array([-5, 7, 40, 3]), np.array([1, 1, 2, 9])
>>> lists(at, np.array([3, 4]))
[b'[-5,7,40]', b'[3]']
>>> found = written(Runs(np.array([8]), np.array([4]), at, counts), lists)
>>> {group: [bytes(each) for each in seen] for group, seen in found.items()}
{8: [b'[-5,7,40,3]', b'[1,1,2,9]']}
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import orjson
from msgspec import Raw
from numpy.typing import NDArray

from stream.counting.columns import Ints, Runs, Seen

COMMA = ord(",")

Lists = Callable[[NDArray[Any], Ints], list[bytes]]


def written(runs: Runs, lists: Lists) -> Seen:
    """What was seen as JSON, to be written and not to be read."""
    ends = np.cumsum(runs.lengths)
    at, counts = (map(Raw, lists(numbers, ends)) for numbers in (runs.at, runs.counts))
    return dict(zip(runs.groups.tolist(), zip(at, counts, strict=True), strict=True))


def lists(numbers: NDArray[Any], ends: Ints) -> list[bytes]:
    """So many numbers as a list in JSON, and those up to the next end as the next."""
    text = orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)
    commas = np.flatnonzero(np.frombuffer(text, np.uint8) == COMMA)
    bounds = np.concatenate([[0], commas, [len(text) - 1]])
    starts = np.append(0, ends)[:-1]
    places = zip((bounds[starts] + 1).tolist(), bounds[ends].tolist(), strict=True)
    return [b"[%b]" % text[start:end] for start, end in places]
