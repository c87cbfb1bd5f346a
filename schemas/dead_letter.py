"""A dead letter: a record that could not be read, its bytes, key and headers unchanged, and why in its headers.

>>> Reason("bad_json", "the message ends in the middle of a text", "send one whole JSON object per message").code
'bad_json'
"""

import re
from typing import Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

Code = Literal[
    "bad_json",
    "schema",
    "too_large",
    "unknown_kind",
    "clock",
    "over_quota",
]
CODES: tuple[Code, ...] = get_args(Code)
PREFIX = "leeway.error."
REDRIVEN = "leeway.redriven"  # how often a record was sent back to its topic; its dead letters keep it
HEAD_BYTES = 65_536  # what is too large is kept up to here: enough to see what it is and who sent it
RECORD_BYTES = 256  # around a record, with its batch; Kafka writes some 80
HEADER_BYTES = 16  # around a header

Headers = list[tuple[str, bytes]]


class Reason(Struct, frozen=True):
    """Why a record could not be read, in one sentence, and how to mend it, in another."""

    code: Code
    message: str
    hint: str = ""


class Unfit(Exception):
    """Carries the reason out of the depth of a reader."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


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
    cut: str = ""  # what was left out because the topic has no room for it; empty: nothing

    @property
    def origin(self) -> str:
        """Which record it is about. With its time, for a topic that was created anew numbers its records anew."""
        return f"{self.topic}/{self.partition}-{self.offset}@{self.timestamp}"

    @property
    def redriven(self) -> int:
        """How often it was sent back before it came here again."""
        said = dict(self.headers).get(REDRIVEN, b"")
        return int(said) if said.isdigit() else 0


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
    if letter.cut:
        ours["cut"] = letter.cut
    return [*letter.headers, *((PREFIX + name, text.encode()) for name, text in ours.items())]


def from_headers(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter:
    """Read a DLQ record back. Raises ValueError with a sentence when it is not one of ours."""
    ours = {name[len(PREFIX) :]: text.decode("utf-8", "replace") for name, text in headers if name.startswith(PREFIX)}
    code = ours.get("code")
    if code not in CODES:
        raise ValueError(f"this record has no header '{PREFIX}code' with a known code; it is not a dead letter of ours")
    return DeadLetter(
        topic=ours.get("topic", ""),
        partition=_whole(ours, "partition", -1),
        offset=_whole(ours, "offset", -1),
        timestamp=_whole(ours, "timestamp", 0),
        stage=ours.get("stage", ""),
        reason=Reason(code, ours.get("message", ""), ours.get("hint", "")),
        key=key,
        value=value,
        headers=[(name, text) for name, text in headers if not name.startswith(PREFIX)],
        cut=ours.get("cut", ""),
    )


def _whole(ours: dict[str, str], name: str, absent: int) -> int:
    text = ours.get(name, str(absent))
    if not re.fullmatch(r"-?[0-9]{1,19}", text):
        raise ValueError(
            f"the header '{PREFIX}{name}' of this record is no whole number; "
            "Leeway did not write it: find the writer, and leave the record out"
        )
    return int(text)


def fitting(letter: DeadLetter, most_bytes: int) -> DeadLetter:
    """The letter as a record of at most so many bytes: whole, or cut and saying so.

    A topic may allow larger records than that of dead letters, and a worker whose letter is refused could never go on.
    The record itself is where it came from as long as that topic keeps it.

    >>> large = DeadLetter(topic="in", partition=3, offset=17, timestamp=5, stage="profile", key=b"k",
    ...                    value=b"x" * 2_000_000, reason=Reason("too_large", "too many bytes"))
    >>> cut = fitting(large, 1_000_000)
    >>> len(cut.value), cut.cut
    (65536, '65,536 of 2,000,000 bytes of the value')
    """
    head = min(HEAD_BYTES, most_bytes // 8)
    for cut in (_fewer_headers, _shorter_value, _shorter_key):
        if size(letter) > most_bytes:
            letter = cut(letter, head)
    return letter


def size(letter: DeadLetter) -> int:
    """At most so many bytes has its record."""
    headers = sum(len(name.encode()) + len(text) + HEADER_BYTES for name, text in to_headers(letter))
    return len(letter.key or b"") + len(letter.value or b"") + headers + RECORD_BYTES


def _fewer_headers(letter: DeadLetter, head: int) -> DeadLetter:
    kept: Headers = []
    room = head
    for name, text in letter.headers:
        room -= len(name.encode()) + len(text) + HEADER_BYTES
        if room < 0:
            return _saying(replace(letter, headers=kept), f"{len(kept):,} of {len(letter.headers):,} headers")
        kept.append((name, text))
    return letter


def _shorter_value(letter: DeadLetter, head: int) -> DeadLetter:
    value = letter.value or b""
    if len(value) <= head:
        return letter
    return _saying(replace(letter, value=value[:head]), f"{head:,} of {len(value):,} bytes of the value")


def _shorter_key(letter: DeadLetter, head: int) -> DeadLetter:
    key = letter.key or b""
    if len(key) <= head:
        return letter
    return _saying(replace(letter, key=key[:head]), f"{head:,} of {len(key):,} bytes of the key")


def _saying(letter: DeadLetter, what: str) -> DeadLetter:
    return replace(letter, cut=f"{letter.cut}, {what}" if letter.cut else what)
