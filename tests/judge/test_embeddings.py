"""Embeddings at the judge: several directions are one thing to people."""

from functools import cache

import msgspec
import numpy as np

from detectors.budget import parse
from detectors.watch import naming
from detectors.watch.finding import Finding
from detectors.watch.fold import Watch
from detectors.watch.state import WatchState
from schemas.pane import Column, Pane
from stream.roles.judge import feature_of
from tests.judge.panes import pane

ROWS, QUIET = 60, 100
WATCH = Watch(budget=parse("1 per 100000 events"), reference=900, burn_in=300)


def panes(first: int, until: int, shift: float = 0.0, gone: float = 0.0, odd: int = 0) -> list[Pane]:
    """Four directions and a length, as the profile worker would count them; `gone` is missing, `odd` is misshapen."""
    random, made = np.random.default_rng([3, first]), []
    for at in range(first, until):
        there = ROWS - round(ROWS * gone) - odd
        columns = {f"embedding:text.{i}": random.normal(shift * (i < 3), 1, there).tolist() for i in range(4)}
        columns["embedding:text.norm"] = random.normal(5, 0.3, there).tolist()
        one = pane(columns, at=at, rows=ROWS)
        if odd:
            norm: Column = one.columns["embedding:text.norm"]
            one.columns["embedding:text.norm"] = msgspec.structs.replace(norm, values={"dimension 3": odd})
        made.append(one)
    return made


def watched(state: WatchState, content: list[Pane]) -> tuple[WatchState, list[Finding]]:
    findings: list[Finding] = []
    for one in content:
        state, news = WATCH.step(state, one)
        findings += news.findings
    return state, findings


@cache
def learnt() -> WatchState:
    return watched(WATCH.start(), panes(0, QUIET))[0]


def test_what_moves_an_embedding_is_one_alert_and_its_end_is_one_end() -> None:
    state, moved = watched(learnt(), panes(QUIET, QUIET + 10, shift=1.0))
    assert [finding.edge for finding in moved].count("firing") == 1
    assert [finding.edge for finding in moved].count("moved") >= 2
    assert {(naming.class_of(finding), feature_of(finding)) for finding in moved} == {
        ("feature_drift", "embedding:text")
    }
    assert naming.summary_of(moved[0]).startswith("embedding text (direction ")
    state, back = watched(state, panes(QUIET + 10, QUIET + 50))
    assert [finding.edge for finding in back if finding.edge != "moved"] == ["recovered"]
    assert not any(track.firing for track in state.tracks.values())


def test_what_is_missing_or_misshapen_is_said_once() -> None:
    for content, kind in (
        (panes(QUIET, QUIET + 10, gone=0.5), "null_spike"),
        (panes(QUIET, QUIET + 10, odd=20), "schema_change"),
    ):
        _, found = watched(learnt(), content)
        assert {(naming.class_of(finding), finding.column) for finding in found} == {(kind, "embedding:text.norm")}
        assert [finding.edge for finding in found].count("firing") == 1
