"""Dead letters of the fast formats can be looked at: whose they are, and their bytes."""

import base64

import pytest
from msgspec.structs import replace
from rich.text import Text

from schemas.dead_letter import DeadLetter, Reason
from schemas.incident import Incident
from schemas.pane import Pane
from schemas.subject import Subject
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


def test_a_letter_without_a_key_or_a_value_says_so() -> None:
    lines = _in_full(letter(dead(BODY), Found(BODY))).splitlines()  # type: ignore[arg-type]
    assert "key      none" in lines
    tombstone = replace(dead(BODY), value=None)
    assert _in_full(letter(tombstone, Found(b""))).endswith("value\nnone: a tombstone")  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["[/bold]", "[red]x", "[/]"])
def test_what_strangers_write_into_our_topics_is_shown_as_it_is(text: str) -> None:
    subject = Subject(model=text, deployment=text)
    pane = Pane(subject=subject, at=1, worker=text, rows=1)
    incident = Incident(
        id=text,
        fingerprint="f",
        state="open",
        severity="error",
        model=text,
        deployment=text,
        class_="null_spike",
        summary=text,
        opened_at=text,
        updated_at=text,
    )
    for record in (pane, incident, replace(dead(BODY), topic=text)):
        assert text in Text.from_markup(line_of(record)).plain


def test_bytes_that_are_no_text_are_shown_in_base64() -> None:
    shown = letter(dead(BODY), Found(BODY))  # type: ignore[arg-type]
    assert base64.b64decode(shown["value_base64"]) == BODY
    assert _in_full(shown).splitlines()[-2:] == ["value, in base64", shown["value_base64"]]
    assert _in_full(letter(dead(b"{}"), Found(b"{}"))).splitlines()[-2:] == ["value", "{}"]  # type: ignore[arg-type]
