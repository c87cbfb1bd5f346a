"""Garbage of every kind on every topic that is read: a dead letter each, untouched, and nothing stops."""

import time
from collections import defaultdict
from itertools import islice
from pathlib import Path

import pytest
from confluent_kafka import Message

from schemas.dead_letter import Headers, Reason
from schemas.decode import Reader
from tests.conftest import Platform
from tests.pipeline.installation import Installation, Records
from tests.pipeline.traffic import predictions
from tests.schemas.corpus import CASES, Case
from tests.schemas.test_records import BROKEN, changed

KINDS = {"prediction": "predictions", "feature": "features", "label": "labels", "deployment": "deployments"}
OURS = {"panes": ("pane", "deployed"), "anomalies": ("anomaly",), "commands": ("command",), "binnings": ("binning",)}
STAGES = {"panes": "judge", "anomalies": "incidents", "commands": "incidents"} | dict.fromkeys(
    KINDS.values(), "profile"
)
NO_RECORD = (None, b"", b"{", b"\xff\xfe", b"null", b"[]", b"[" * 100_000, b'{"kind":"pane"}', b"9" * 200_000, b"junk")
LARGE = 100_000  # larger cases go to one topic: the embedded broker keeps 5 MB of a partition
SENT_BY: Headers = [("origin", b"a test"), ("origin", b"twice"), ("blank", b"")]
Place = tuple[str, int, int]


@pytest.mark.slow
def test_every_kind_of_garbage_is_a_dead_letter_and_all_that_is_good_is_counted(
    platform: Platform, tmp_path: Path
) -> None:
    service = Installation(platform, tmp_path)
    sent: dict[Place, tuple[str, bytes | None, bytes | None, Headers, str]] = {}

    def bad(purpose: str, value: bytes | None, key: bytes | None, headers: Headers, code: str) -> None:
        def delivered(message: Message) -> None:
            place = (message.topic() or "", message.partition() or 0, message.offset() or 0)
            sent[place] = (STAGES[purpose], value, key, headers, code)

        service.put(purpose, value, key, headers, delivered)

    with service.up(), Records(service) as records:
        good = predictions("churn", 1, 2_000)
        for number, (kind, case) in enumerate((kind, case) for case in CASES for kind in KINDS):
            if len(case.value or b"") > LARGE and kind != case.kind:
                continue
            headers = [*(case.headers or []), *SENT_BY]
            if code := code_of(case, kind, headers):
                bad(KINDS[kind], case.value, None if number % 2 else b"\xffkey", headers, code)
                service.send("predictions", [next(good)])
                records.read(0)
        for purpose, kinds in OURS.items():
            broken = [changed(kind, path, value) for kind, path, value in BROKEN if kind in kinds]
            for number, value in enumerate([*NO_RECORD, *broken]):
                if purpose == "binnings":  # a table: its bad records are said and passed over
                    service.put(purpose, value, b"key")
                else:
                    code = "schema" if number >= len(NO_RECORD) else ""
                    bad(purpose, value, None if number % 2 else b"key", SENT_BY, code)
        service.send("predictions", islice(good, 1_000))
        service.flush()
        assert len(sent) > 700
        records.until(lambda: len(records["dlq"]) >= len(sent), "dead letters")
        service.send("predictions", good)
        service.flush()
        records.until(lambda: records.rows["churn prediction"] >= 2_000, "counting")
        records.until(lambda: "quiet" in records.states("churn"), "learning")
        records.until(lambda: service.said.count("a record of a table cannot be read") >= len(NO_RECORD), "binnings")
        assert "ended with" not in service.said

    assert records.rows["churn prediction"] == 2_000
    letters = defaultdict(list)
    for letter in records.letters:
        letters[letter.topic, letter.partition, letter.offset].append(letter)
    assert letters.keys() == sent.keys()
    for place, (stage, value, key, headers, code) in sent.items():
        [letter] = letters[place]
        assert (letter.stage, letter.value, letter.key, letter.headers) == (stage, value, key, headers)
        assert letter.reason.code == code or not code
        assert letter.reason.message
        assert abs(letter.timestamp / 1000 - time.time()) < 3_600


def code_of(case: Case, kind: str, headers: Headers) -> str:
    """The code that a case has today and on this topic; some times are no longer, or not yet, in the future."""
    outcome = Reader().event(case.value, headers, kind, time.time_ns() // 1_000_000)
    return outcome.code if isinstance(outcome, Reason) else ""
