"""How records leave: CloudEvents 1.0 in binary mode, and dead letters with their bytes untouched.

Source: CloudEvents 1.0.2, Kafka protocol binding, section 3.2 (binary content mode).
"""

from functools import cache

import msgspec

from schemas import dead_letter as letters
from schemas.dead_letter import DeadLetter, Headers, Reason, to_headers
from stream.engine.role import Lane, Message, Output
from stream.engine.unlabelled import WHY, Neighbour

encode = msgspec.json.Encoder().encode


def record(topic: str, body: msgspec.Struct, *, kind: str, id: str, key: str, time: str, role: str) -> Output:
    """One record of ours. `id` names the input it follows from, so a replay repeats instead of multiplying."""
    headers = [*_constant(kind, role), ("ce_id", id.encode()), ("ce_time", time.encode())]
    return Output(topic, key.encode(), encode(body), headers)


@cache
def _constant(kind: str, role: str) -> tuple[tuple[str, bytes], ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", f"dev.leeway.{kind}.v1".encode()),
        ("ce_source", f"/leeway/{role}".encode()),
        ("content-type", b"application/json"),
    )


def dead_letter(topic: str, lane: Lane, message: Message, reason: Reason, stage: str) -> Output:
    """The record as it came, with the reason in its headers."""
    headers: Headers = [(name, text or b"") for name, text in message.headers() or ()]
    letter = DeadLetter(
        topic=lane.topic,
        partition=lane.partition,
        offset=message.offset(),
        timestamp=message.timestamp()[1],
        stage=stage,
        reason=reason,
        key=message.key(),
        value=message.value(),
        headers=headers,
        cut=WHY if isinstance(message, Neighbour) and message.unlabelled else "",
    )
    return Output(topic, letter.key, letter.value, to_headers(letter))


def fitting(output: Output, most_bytes: int) -> Output:
    """A dead letter as a record of at most so many bytes, cut if it must be."""
    letter = letters.from_headers(output.key, output.value, output.headers)
    fit = letters.fitting(letter, most_bytes)
    return output if fit is letter else Output(output.topic, fit.key, fit.value, to_headers(fit))
