"""Embeddings are counted along a few directions that never change, and by their length."""

from typing import Any

import numpy as np
import pytest

from schemas.pane import Pane
from stream.counting.embeddings import directions
from tests.profile.events import count, flushed, one_pane, role

RANDOM = np.random.default_rng(8)
VECTORS = RANDOM.normal(0, 1, (40, 16)).round(3).tolist()
NAMES = {*(f"embedding:text.{i}" for i in range(8)), "embedding:text.norm"}


FOR_EVER = [[-0.055967, 0.206587, -0.757589, -0.616642], [0.091798, -0.973855, 0.177969, 0.107274]]


def event(*vectors: list[float], **more: Any) -> dict[str, Any]:
    embeddings = dict(zip(("text", "image"), vectors, strict=False))
    return {"kind": "prediction", "model": "m", "prediction": 0.5, "embeddings": embeddings} | more


def embedded(pane: Pane) -> set[str]:
    return {name for name in pane.columns if name.startswith("embedding:")}


def test_every_projection_and_the_length_are_numbers_of_their_own() -> None:
    pane = one_pane([event(vector) for vector in VECTORS])
    assert embedded(pane) == NAMES
    along = np.array(VECTORS) @ directions("text", 16, 8).T
    for i in range(8):
        column = pane.columns[f"embedding:text.{i}"]
        assert (column.n, column.nulls, column.texts) == (40, 0, 0)
        assert column.sum == pytest.approx(along[:, i].sum())
        assert (column.min, column.max) == pytest.approx((along[:, i].min(), along[:, i].max()))
    assert pane.columns["embedding:text.norm"].sum == pytest.approx(np.linalg.norm(VECTORS, axis=1).sum())


def test_the_directions_are_the_same_for_ever() -> None:
    assert directions("text", 4, 2).round(6).tolist() == FOR_EVER


def test_it_does_not_matter_where_panes_are_cut() -> None:
    cut, parts = role(), []
    for at in range(0, 40, 10):
        count(cut, [event(vector) for vector in VECTORS[at : at + 10]])
        parts += flushed(cut, f"profile/1-{at}")
    whole = one_pane([event(vector) for vector in VECTORS])
    for name in NAMES:
        merged: dict[int, int] = {}
        for part in parts:
            for bucket, n in zip(part.columns[name].at, part.columns[name].counts, strict=True):
                merged[bucket] = merged.get(bucket, 0) + n
        assert merged == dict(zip(whole.columns[name].at, whole.columns[name].counts, strict=True))


def test_another_dimension_is_a_value_of_the_wrong_type() -> None:
    pane = one_pane([event(vector) for vector in VECTORS] + [event([1.0, 2.0]), event([])])
    norm = pane.columns["embedding:text.norm"]
    assert (norm.n, norm.values) == (40, {"dimension 2": 1, "dimension 0": 1})
    assert pane.columns["embedding:text.0"].n == 40


def test_numbers_beyond_doubles_and_empty_vectors_are_no_crash() -> None:
    pane = one_pane([event([1e308, 1e308]), event([1.0, 2.0])])
    norm = pane.columns["embedding:text.norm"]
    assert (norm.n, norm.nulls) == (1, 1)
    assert one_pane([event([])]).columns["embedding:text.norm"].n == 1


def test_several_embeddings_subjects_and_rows_without_any() -> None:
    events = [
        event(VECTORS[0], VECTORS[1][:5], features={"age": 3}, segments={"region": "eu"}),
        event(VECTORS[2], segments={"region": "eu"}),
        {"kind": "prediction", "model": "m", "prediction": 0.1, "segments": {"region": "us"}},
    ]
    pane = one_pane(events)
    assert {name for name in embedded(pane) if "image" in name} == {name.replace("text", "image") for name in NAMES}
    assert (pane.columns["embedding:text.0"].n, pane.columns["embedding:image.0"].n) == (2, 1)
    assert not any(name.startswith("embedding:") for part in pane.slices.values() for name in part.nulls)


def test_no_directions_no_columns() -> None:
    assert embedded(one_pane([event(VECTORS[0])], profile={"projections": 0})) == set()
    fewer = one_pane([event(VECTORS[0])], profile={"projections": 2})
    assert embedded(fewer) == {"embedding:text.0", "embedding:text.1", "embedding:text.norm"}


def test_embeddings_with_names_of_their_own_in_every_event_are_refused() -> None:
    counting = role(profile={"columns": 20})
    dead = [count(counting, [event(VECTORS[0], embeddings={f"e{i}": VECTORS[0]})]) for i in range(4)]
    assert [len(one) for one in dead] == [0, 0, 1, 1]
