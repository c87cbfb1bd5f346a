"""When something happened: RFC 3339 text with an offset, or milliseconds since 1970, as whole milliseconds.

A clock is believed only as far as it can be: seconds sent as milliseconds, a time without an offset and a time from
tomorrow are refused with the way to mend them, for a wrong time puts events into the wrong past silently.

>>> milliseconds("2026-01-31T09:30:00Z", at_ms=1_769_851_800_000, refuse_future_ms=86_400_000)
1769851800000
>>> milliseconds(1_769_851_800, at_ms=1_769_851_800_000, refuse_future_ms=86_400_000).hint
'Send milliseconds since 1970, not seconds: multiply by 1000.'
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.dead_letter import Reason

Aware = Annotated[datetime, Meta(tz=True)]

EARLIEST_MS = 100_000_000_000  # March 1973: any smaller number is seconds, or a zero that nobody filled in
MICROSECONDS = 100_000_000_000_000  # the year 5138 in milliseconds: any larger number has another unit
NANOSECONDS = 100_000_000_000_000_000
TEXT_LENGTH = 64
EXAMPLE = "2026-01-31T09:30:00Z"


def milliseconds(time: str | int | float, at_ms: int, refuse_future_ms: int, field: str = "ts") -> int | Reason:
    """Return milliseconds since 1970, or why the time cannot be believed. `at_ms` is the broker's; unknown if <= 0."""
    if isinstance(time, str):
        try:
            when = round(msgspec.convert(time[:TEXT_LENGTH], Aware).timestamp() * 1000)
        except (msgspec.ValidationError, ValueError, OverflowError):
            return _unreadable(time, field)
    elif EARLIEST_MS <= time < MICROSECONDS:
        when = int(time)
    else:
        return _wrong_unit(time, field)
    if when < EARLIEST_MS:
        return Reason("clock", f"{field}: a time before 1973", f"Leave {field} out when the time is not known.")
    if 0 < at_ms < when - refuse_future_ms:
        ahead = (when - at_ms) / 3_600_000
        return Reason(
            "clock",
            f"{field}: {ahead:.1f} hours ahead of the time at which Kafka received the message",
            f"Correct the producer's clock or its time zone, or leave {field} out: Kafka's time is the default.",
        )
    return when


def believed(at_ms: int) -> bool:
    """Whether Kafka's time for a message can be one: producers may set it, and some set seconds, or nothing.

    >>> believed(1_769_851_800_000), believed(1_769_851_800), believed(-1)
    (True, False, False)
    """
    return EARLIEST_MS <= at_ms < MICROSECONDS


def rfc3339(when_ms: int) -> str:
    """Return the text for milliseconds since 1970, in UTC.

    >>> rfc3339(1_769_851_800_250)
    '2026-01-31T09:30:00.250Z'
    """
    text = datetime.fromtimestamp(when_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{when_ms % 1000:03d}Z"


def _unreadable(text: str, field: str) -> Reason:
    try:
        naive = datetime.fromisoformat(text[:TEXT_LENGTH]).tzinfo is None
    except ValueError:
        naive = False
    if text.strip().lstrip("-").replace(".", "", 1).isdigit():
        return Reason("clock", f"{field}: a number written as text", "Send the number without quotation marks.")
    if naive:
        return Reason(
            "clock",
            f"{field}: a time without an offset, so it could be any of 26 hours",
            f"Add the offset, as in {EXAMPLE} or 2026-01-31T10:30:00+01:00.",
        )
    return Reason(
        "clock",
        f"{field}: not an RFC 3339 time",
        f"Write it like {EXAMPLE}, or send milliseconds since 1970 as a number.",
    )


def _wrong_unit(number: int | float, field: str) -> Reason:
    if number <= 0:
        what = "a time before 1970" if number else "zero, a time that nobody filled in"
        return Reason("clock", f"{field}: {what}", f"Leave {field} out when the time is not known.")
    if number < EARLIEST_MS:
        hint = "Send milliseconds since 1970, not seconds: multiply by 1000."
        return Reason("clock", f"{field}: in 1970 if read as milliseconds; it looks like seconds", hint)
    unit, factor = ("microseconds", "1000") if number < NANOSECONDS else ("nanoseconds", "1000000")
    hint = f"Send milliseconds since 1970, not {unit}: divide by {factor}."
    return Reason("clock", f"{field}: thousands of years ahead if read as milliseconds; it looks like {unit}", hint)
