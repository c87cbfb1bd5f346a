"""Dead letters of the fast formats can be looked at: whose they are, and their bytes."""

import base64

from schemas.dead_letter import DeadLetter, Reason
from stream.cli.dlq import _in_full
from stream.cli.tail import letter, line_of, model_of
from tests.profile.events import NOW
from tests.wire.writers import PACKED_SAID, Message, packed

BODY = packed({"model": "churn", "features": {"age": 1.0}, "latency_ms": -1})


def dead(value: bytes) -> DeadLetter:
    return DeadLetter(
        topic="leeway.predictions",
        partition=0,
        offset=7,
        timestamp=NOW,
        stage="profile",
        reason=Reason("schema", "latency_ms: expected at least 0", "Correct the number."),
        key=None,
        value=value,
        headers=PACKED_SAID,
    )


class Found(Message):
    def partition(self) -> int:
        return 0


def test_the_model_of_a_packed_event_is_known() -> None:
    assert model_of(dead(BODY)) == "churn"
    assert model_of(dead(BODY[:-3])) == ""
    assert "latency_ms" in line_of(dead(BODY))


def test_bytes_that_are_no_text_are_shown_in_base64() -> None:
    shown = letter(dead(BODY), Found(BODY))  # type: ignore[arg-type]
    assert base64.b64decode(shown["value_base64"]) == BODY
    assert _in_full(shown).splitlines()[-2:] == ["value, in base64", shown["value_base64"]]
    assert _in_full(letter(dead(b"{}"), Found(b"{}"))).splitlines()[-2:] == ["value", "{}"]  # type: ignore[arg-type]
