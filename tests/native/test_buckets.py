"""Numbers are counted natively as they are purely: the same buckets, and the same bins."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.binning import universal
from stream.counting import columns, native
from stream.counting.columns import Floats, Ints, Seen, Table, count_numbers

NUMBERS = st.floats(allow_nan=True, allow_infinity=False) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 37.0, np.nan])
EDGES = st.lists(NUMBERS.filter(lambda number: number == number), min_size=1, max_size=9)


def seen(values: Floats, place: Ints, groups: Ints, edges: dict[int, Ints]) -> list[Seen]:
    """What the pure way and the native one count."""
    table = Table(place, groups, values)
    ways = [columns.buckets, native.ways(wanted=True).buckets]
    found = [count_numbers([table], int(groups.max()) + 1, edges, way).seen for way in ways]
    return [{group: some for group, some in each.items() if some[0]} for each in found]


@given(st.data(), st.integers(1, 3), st.integers(1, 4), st.integers(1, 40))
def test_numbers_are_counted_alike(data: st.DataObject, wide: int, places: int, rows: int) -> None:
    values = np.array(
        data.draw(st.lists(st.lists(NUMBERS, min_size=rows, max_size=rows), min_size=wide, max_size=wide))
    )
    place = np.array(data.draw(st.lists(st.integers(0, places - 1), min_size=rows, max_size=rows)), np.int64)
    groups = np.arange(places * wide).reshape(places, wide)
    cut = data.draw(st.dictionaries(st.integers(0, places * wide - 1), EDGES))
    edges = {group: np.unique(universal(np.array(each))).astype(np.int64) for group, each in cut.items()}
    purely, natively = seen(values, place, groups, edges)
    assert natively == purely


@pytest.mark.parametrize("rows", [511, 512, 513, 20_000])
@pytest.mark.parametrize("spread", [1e-3, 1.0, 1e300])
def test_many_numbers_are_counted_alike(rows: int, spread: float) -> None:
    random = np.random.default_rng(rows)
    values = random.normal(0.0, spread, (2, rows))
    values[0, ::7] = np.nan
    values[1] = np.abs(values[1]) + 40.0 * spread
    cuts = {1: np.unique(universal(np.quantile(values[1], np.linspace(0.0, 1.0, 50)))).astype(np.int64)}
    for edges in ({}, cuts):
        purely, natively = seen(values, np.zeros(rows, np.int64), np.array([[0, 1]]), edges)
        assert natively == purely
        assert sum(natively[1][1]) == rows


def test_a_column_of_nothing_has_no_counts() -> None:
    assert seen(np.full((2, 5), np.nan), np.zeros(5, np.int64), np.array([[0, 1]]), {1: np.array([3])}) == [{}, {}]


@pytest.mark.parametrize(
    ("starts", "cuts", "lengths", "why"),
    [
        ([0, 5], [], [0, 0], "starts"),
        ([2, 1], [], [0, 0], "starts"),
        ([-1], [], [0], "starts"),
        ([0], [], [], "as many lengths"),
        ([0], [3], [2], "lengths"),
        ([0], [3], [-1], "lengths"),
    ],
)
def test_starts_and_lengths_are_those_of_the_rows(
    starts: list[int], cuts: list[int], lengths: list[int], why: str
) -> None:
    given_as = (np.array(each, np.int64) for each in (starts, cuts, lengths))
    with pytest.raises(ValueError, match=why):
        native.leeway_native.Buckets().counted(np.ones((1, 4)), *given_as)
