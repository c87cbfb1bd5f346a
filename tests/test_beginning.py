"""Where a lane begins: every combination of what Kafka, Redis and the log remember has one answer, or a sentence."""

from itertools import product

import pytest

from stream.engine.beginning import Memory, StartAt, begin
from stream.engine.surprise import Surprise


@pytest.mark.parametrize(
    ("memory", "start_at", "expected"),
    [
        (Memory(None, None, 5, 90), "earliest", (5, 5, 0)),
        (Memory(None, None, 5, 90), "latest", (90, 90, 0)),
        (Memory(None, None, 5, 90, added=True), "latest", (5, 5, 0)),
        (Memory(None, None, 5, 90, added=True), "error", (5, 5, 0)),
        (Memory(70, None, 5, 90), "latest", (70, 70, 0)),  # what is committed wins
        (Memory(70, 40, 0, 90, stateful=True), "earliest", (40, 70, 0)),
        (Memory(70, 70, 0, 90, stateful=True), "earliest", (70, 70, 0)),
        (Memory(70, None, 0, 90, stateful=True), "earliest", (0, 70, 0)),  # Redis was emptied: all of the log again
        (Memory(70, 40, 50, 90, stateful=True), "earliest", (50, 70, 10)),  # a part of the replay is gone
        (Memory(70, None, 80, 90), "earliest", (80, 80, 10)),  # retention overtook the worker
        (Memory(70, None, 80, 90), "latest", (90, 90, 20)),
        (Memory(70, None, 0, 20), "earliest", (0, 0, 0)),  # the topic was created anew
        (Memory(70, None, 0, 90, renewed=True), "earliest", (0, 0, 0)),  # and is longer than the old one was
        (Memory(70, None, 0, 90, renewed=True), "latest", (90, 90, 0)),
        (Memory(70, None, 0, 90, stateful=True, renewed=True, outdated=True), "earliest", (0, 0, 0)),
        (Memory(None, None, 0, 90, stateful=True, outdated=True), "earliest", (0, 0, 0)),  # its offset went with it
        (Memory(None, None, 5, 90, stateful=True, outdated=True), "latest", (90, 90, 0)),
        (Memory(70, None, 0, 90, stateful=True, outdated=True), "earliest", (0, 70, 0)),  # Redis went back: as if empty
        (Memory(70, None, 5, 90, stateful=True, outdated=True), "earliest", (5, 70, 5)),
        (Memory(70, 60, 80, 90, stateful=True), "earliest", (80, 80, 20)),  # 10 unread, 10 more in no snapshot
        (Memory(70, 60, 80, 90, stateful=True), "latest", (90, 90, 30)),
        (Memory(70, 70, 80, 90, stateful=True), "earliest", (80, 80, 10)),
        (Memory(70, None, 80, 90, stateful=True), "earliest", (80, 80, 80)),
    ],
)
def test_a_lane_begins_where_nothing_is_skipped_unsaid(
    memory: Memory, start_at: StartAt, expected: tuple[int, int, int]
) -> None:
    beginning = begin(memory, start_at)
    assert (beginning.next, beginning.floor, beginning.lost) == expected
    renewed = memory.renewed or (memory.committed or 0) > memory.high
    unknown = memory.committed is None and memory.outdated
    assert bool(beginning.caution) == (beginning.lost > 0 or renewed or unknown)
    assert beginning.committed == (memory.committed == beginning.floor and not renewed)


def test_what_was_never_read_and_what_was_folded_in_vain_are_told_apart() -> None:
    unread = "10 records were deleted before they were read: retention is shorter than this worker was away"
    folded = "; up to 25 more that were folded before are in no snapshot and no longer in the log: states are rebuilt"
    beginning = begin(Memory(70, 45, 80, 90, stateful=True), "earliest")
    assert beginning.caution == f"{unread}{folded} without them"
    assert beginning.lost == 35
    assert begin(Memory(70, 70, 80, 90, stateful=True), "earliest").caution == unread
    assert begin(Memory(70, None, 80, 90), "earliest").caution == unread


@pytest.mark.parametrize(
    ("memory", "start_at", "sentence"),
    [
        (Memory(None, None, 0, 9), "error", "the group has no offset here"),
        (Memory(70, None, 80, 90), "error", "offset 70 was committed and the log now holds 80 to 90"),
        (Memory(70, 75, 0, 90, stateful=True), "earliest", "Redis has read up to 75 and Kafka remembers only 70"),
        (Memory(None, 75, 0, 90, stateful=True), "earliest", "Kafka has forgotten this group's offset"),
        (Memory(70, 60, 0, 20, stateful=True), "earliest", "the topic was created anew"),
        (Memory(70, 60, 0, 90, stateful=True, renewed=True), "latest", "the topic was created anew"),
        (Memory(None, None, 0, 9, stateful=True, outdated=True), "error", "the group has no offset here"),
        (Memory(70, None, 0, 90, renewed=True), "error", "offset 70 was committed and the log now holds 0 to 90"),
    ],
)
def test_where_only_an_operator_can_decide_a_sentence_says_how(
    memory: Memory, start_at: StartAt, sentence: str
) -> None:
    with pytest.raises(Surprise, match=sentence):
        begin(memory, start_at)


def test_a_lane_never_begins_outside_its_log_nor_above_its_floor() -> None:
    offsets = (None, 0, 3, 5, 9)
    for committed, mark, low, high in product(offsets, offsets, (0, 3, 5), (5, 7)):
        for start_at in ("earliest", "latest", "error"):
            memory = Memory(committed, mark, low, high, stateful=True)
            try:
                beginning = begin(memory, start_at)  # type: ignore[arg-type]
            except Surprise:
                continue
            assert low <= beginning.next <= beginning.floor <= high, (memory, start_at, beginning)
