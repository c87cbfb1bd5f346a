"""Times as incidents write them (RFC 3339, UTC, milliseconds) and as they are compared (milliseconds since 1970).

>>> text(1_769_851_800_250)
'2026-01-31T09:30:00.250Z'
>>> ms("2026-01-31T10:30:00.250+01:00")
1769851800250
"""

from datetime import datetime

from schemas.moment import rfc3339 as text
from schemas.records import FOREVER

__all__ = ["ms", "ms_or", "text"]


def ms(at: str) -> int:
    """Milliseconds since 1970. Raises ValueError unless `at` is a time with an offset, from 1970 to 9999."""
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise ValueError(f"'{at}' does not say in which time zone; write 2026-01-31T09:30:00Z")
    at_ms = round(moment.timestamp() * 1000)
    if not 0 <= at_ms <= FOREVER:
        raise ValueError(f"'{at}' is not between 1970 and 9999")
    return at_ms


def ms_or(at: str, otherwise: int) -> int:
    """As `ms`; `otherwise` when `at` is no such time."""
    try:
        return ms(at)
    except ValueError:
        return otherwise
