"""What the documents show to producers is counted: their code runs here with a producer that hands it to a worker."""

from typing import Any

import confluent_kafka
import pytest

from stream.engine.role import Lane
from tests.profile.events import flushed, role
from tests.test_docs import examples
from tests.wire.writers import Message

SHOWN = [(place, code) for place, code in examples("python") if place.startswith("docs/events.md")]


class Producer:
    """Keeps what it is given."""

    def __init__(self, _: Any) -> None:
        self.messages: list[Message] = []

    def produce(self, topic: str, value: bytes, headers: dict[str, str] | None = None) -> None:
        said = [(name, text.encode()) for name, text in headers.items()] if headers else None
        self.messages.append(Message(value, said=said))

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(("place", "code"), SHOWN)
def test_events_that_are_shown_are_counted(place: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "pyarrow" in code:
        pytest.importorskip("pyarrow")
    monkeypatch.setattr(confluent_kafka, "Producer", Producer)
    scope: dict[str, Any] = {}
    exec(compile(code, place, "exec"), scope)  # our own documents
    counting = role()
    assert counting.count(Lane("leeway.predictions", 0), scope["producer"].messages) == []
    (pane,) = flushed(counting)
    assert {"feature:age", "feature:plan", "prediction:value", "segment:region"} <= pane.columns.keys()


def test_both_formats_are_shown() -> None:
    assert len(SHOWN) == 2
