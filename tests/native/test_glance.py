"""Whether messages are alike, and when they came, is told natively as it is purely."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cloudevent import PACKED
from schemas.event import MESSAGE_BYTES
from stream.counting import glance, native

FIRST = st.sampled_from([b"", b"{", b"[", b"\x80", b"\x81", b"\x8f", b"\x90", b"\xde", b"\xdf", b"\xe0", b"\xff"])
VALUES = st.lists(st.tuples(FIRST, st.binary(max_size=3)).map(b"".join) | st.none(), max_size=4)
HEADERS = st.none() | st.just([]) | st.just(list(glance.PLAINLY_PACKED)) | st.just([("x", b"1")])
INT64 = st.integers(-(2**63), 2**63 - 1)


@given(VALUES, st.data())
def test_messages_are_alike_or_not(values: list[bytes | None], data: st.DataObject) -> None:
    headers = data.draw(st.lists(HEADERS, min_size=len(values), max_size=len(values)))
    assert native.ways(wanted=True).at_a_glance(values, headers) == glance.at_a_glance(values, headers)


@pytest.mark.parametrize(
    ("values", "media"),
    [
        ([], ""),
        ([b"{}", b"[]"], ""),
        ([b"\x81\xa1a\x01"] * 2, PACKED),
        ([b"{}", b"\x81\xa1a\x01"], None),
        ([b"\x80"], None),
        ([b"{}", b""], None),
        ([b"{}", None], None),
        ([b"{" * MESSAGE_BYTES], ""),
        ([b"{" * (MESSAGE_BYTES + 1)], None),
    ],
)
def test_a_glance_is_never_wrong(values: list[bytes | None], media: str | None) -> None:
    headers: list[Any] = [None] * len(values)
    for wanted in (True, False):
        assert native.ways(wanted).at_a_glance(values, headers) == media


@given(st.lists(st.tuples(st.integers(0, 2), INT64)), INT64)
def test_messages_came_when_kafka_says(stamps: list[tuple[int, int]], now_ms: int) -> None:
    found = [glance.arrivals(stamps, now_ms, native.ways(wanted).times).tolist() for wanted in (True, False)]
    assert found[0] == found[1] == [glance.arrival(stamp, now_ms) for stamp in stamps]


@pytest.mark.parametrize("stamp", [7, None, (1,), (1, 2, 3)])
def test_what_is_no_stamp_is_refused(stamp: Any) -> None:
    with pytest.raises(ValueError, match="a stamp is"):
        native.leeway_native.times([stamp])
