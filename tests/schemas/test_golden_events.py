"""Events once accepted are accepted for ever, and mean the same. These files are only ever added to."""

import json
from pathlib import Path

import msgspec
import pytest

from schemas.decode import Reader

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "events").glob("*.json"))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_an_old_event_still_opens_and_means_the_same(file):
    golden = json.loads(file.read_text())
    headers = [(name, text.encode()) for name, text in golden["headers"].items()]
    event = Reader().event(golden["value"].encode(), headers, golden["kind"], golden["at_ms"])
    assert json.loads(msgspec.json.encode(event)) == golden["read"]


def test_there_are_old_events():
    assert len(GOLDEN) >= 9
