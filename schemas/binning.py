"""A binning: how one column of one subject is counted. Published by the judge on a compacted topic, read by profile.

Edges are universal buckets, so that universal panes still in flight convert without loss.
"""

from typing import Literal

from msgspec import Struct

from schemas.subject import Subject


class Binning(Struct, tag_field="kind", tag="binning", kw_only=True, omit_defaults=True):
    """`universal`: by bucket. `numbers`: by the bins between `edges`. `texts`: by value, all but `names` by hash."""

    subject: Subject
    column: str
    form: Literal["universal", "numbers", "texts"]
    id: str = "u"
    edges: list[int] = []
    names: list[str] = []  # texts: the values counted by name
    tails: int = 0  # texts: how many buckets the hashed rest has
    v: int = 1

    @property
    def key(self) -> str:
        """The key under which the compacted topic keeps it."""
        return f"{self.subject.key}|{self.column}"
