"""A dead letter: a record that could not be read, its bytes, key and headers unchanged, and why in its headers.

>>> Reason("bad_json", "the message ends in the middle of a text", "send one whole JSON object per message").code
'bad_json'
"""

from typing import Literal, get_args

from msgspec import Struct

Code = Literal[
    "bad_json",
    "nonfinite",
    "schema",
    "too_large",
    "unknown_kind",
    "clock",
    "over_quota",
    "join_timeout",
    "internal",
]
CODES: tuple[Code, ...] = get_args(Code)
PREFIX = "leeway.error."

Headers = list[tuple[str, bytes]]


class Reason(Struct, frozen=True):
    """Why a record could not be read, in one sentence, and how to mend it, in another."""

    code: Code
    message: str
    hint: str = ""


class DeadLetter(Struct, kw_only=True):
    """One dead letter as it is written to and read from the DLQ topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    stage: str
    reason: Reason
    key: bytes | None
    value: bytes | None
    headers: Headers = []


def to_headers(letter: DeadLetter) -> Headers:
    """The original headers, then ours."""
    ours = {
        "topic": letter.topic,
        "partition": str(letter.partition),
        "offset": str(letter.offset),
        "timestamp": str(letter.timestamp),
        "stage": letter.stage,
        "code": letter.reason.code,
        "message": letter.reason.message,
        "hint": letter.reason.hint,
    }
    return [*letter.headers, *((PREFIX + name, text.encode()) for name, text in ours.items())]


def from_headers(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """Read a DLQ record back. Raises ValueError with a sentence when it is not one of ours."""
    ours = {name[len(PREFIX) :]: text.decode("utf-8", "replace") for name, text in headers if name.startswith(PREFIX)}
    code = ours.get("code")
    if code not in CODES:
        raise ValueError(f"this record has no header '{PREFIX}code' with a known code; it is not a dead letter of ours")
    return DeadLetter(
        topic=ours.get("topic", ""),
        partition=int(ours.get("partition", -1)),
        offset=int(ours.get("offset", -1)),
        timestamp=int(ours.get("timestamp", 0)),
        stage=ours.get("stage", ""),
        reason=Reason(code, ours.get("message", ""), ours.get("hint", "")),
        key=key,
        value=value,
        headers=[(name, text) for name, text in headers if not name.startswith(PREFIX)],
    )
