from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

class Step:
    """What stands at one place of an event, and what becomes of it.

    `least` and `most` bound the size of a number, and how many characters a text has. A cell is a number, or the place
    of a word among the words of its block; the texts of `whose` together are the identity of a row. In msgpack there
    are also lists, whose steps have no keys, and `numbers`: so `many` little-endian doubles in one piece, a cell each.
    """

    def __new__(
        cls,
        kind: Literal[
            "open", "close", "list", "text", "choice", "number", "numbers", "whole", "numeral", "truth", "null"
        ],
        *,
        key: str = "",
        nullable: bool = False,
        least: float = ...,
        most: float = ...,
        choices: Sequence[str] = ...,
        sink: Literal["none", "cell", "whose"] = "none",
        place: int = 0,
        many: int = 1,
    ) -> Step: ...

class Decoder:
    """A decoder of events of one layout. Raises ValueError for steps that are not one object, or not every cell once,
    or that the wire does not have."""

    def __new__(cls, steps: Sequence[Step], wire: Literal["json", "msgpack"] = "json") -> Decoder: ...

class Owners:
    """Whose rows are, numbered in the order of their coming: those of rows of one decoder that say the same words."""

    def __new__(cls) -> Owners: ...

class Buckets:
    """What counts numbers; it has memory for every bucket, which is kept."""

    def __new__(cls) -> Buckets: ...
    def counted(
        self,
        values: NDArray[np.float64],
        starts: NDArray[np.int64],
        cuts: NDArray[np.int64],
        lengths: NDArray[np.int64],
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The counts of numbers [columns, rows], NaN is none, in the groups that begin at some rows of each column,
        column by column: how many were seen in each group, what, and how often. What is seen is a universal bucket (the
        top 22 bits of the double, so mapped that they ascend with the number), or, in a group that has cuts, how many
        of these are not above the bucket; `lengths` says how many each group has. Raises ValueError for starts or
        lengths that are not those of the rows and cuts; TypeError for arrays of another type or not in C's order."""

def block(
    runs: Sequence[tuple[Decoder, int]], values: Sequence[bytes], owners: Owners
) -> tuple[
    list[int],
    list[str | bool | None],
    list[tuple[int, tuple[str, ...]]],
    NDArray[np.int64],
    NDArray[np.float64],
]:
    """The places of texts that are refused; of the others the words, the owners that were not known by the place of
    their run and their words, of each row its owner, and its cells. Raises ValueError, and has read nothing, unless the
    runs are those of the texts and their decoders alike."""

def models(values: Sequence[bytes]) -> tuple[list[str | None], NDArray[np.int64]]:
    """The models that texts likely speak of, and of each text the place of its model; 0 is none."""

def alike(values: Sequence[bytes | None], headers: Sequence[object], longest: int) -> bool | None:
    """Whether all texts are packed, and not JSON, by their first bytes. None unless all are one of the two, none is
    empty or longer than that, and no message has headers."""

def times(stamps: Sequence[tuple[int, int]]) -> NDArray[np.int64] | None:
    """The times of stamps, which are a clock and what it says; None if one has no clock, 0. Raises ValueError for what
    is no stamp, RuntimeError for what is no number of 64 bits."""

def lists(numbers: NDArray[np.int64], ends: NDArray[np.int64]) -> list[bytes]:
    """So many numbers as a list in JSON, and those up to the next end as the next. Raises ValueError for ends that do
    not ascend, or lie behind the numbers; TypeError for arrays of another type."""
