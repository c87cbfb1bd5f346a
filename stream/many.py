"""A number and what there are so many of, as it is said.

>>> many(1, "row"), many(2_000, "row"), many(0, "open incident"), many(3, "event", width=5)
('1 row', '2,000 rows', '0 open incidents', '    3 events')
"""


def many(count: int, what: str, width: int = 1) -> str:
    """`what` is one of them; `width` is that of the number, where several stand below each other."""
    return f"{count:>{width},} {what}" + ("" if count == 1 else "s")
