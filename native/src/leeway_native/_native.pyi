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
    def block(
        self, values: Sequence[bytes]
    ) -> tuple[list[int], list[str | bool | None], list[tuple[str, ...]], NDArray[np.int64], NDArray[np.float64]]:
        """The places of texts that are refused; of the others the words, the identities, and of each row the place of
        its identity, and its cells."""
