"""Lists of numbers are written natively as they are purely."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.counting import native, written

INT64 = st.integers(-(2**63), 2**63 - 1) | st.integers(-(10**9), 10**9) | st.integers(-99, 99)


@given(st.lists(st.lists(INT64)))
def test_numbers_are_written_alike(groups: list[list[int]]) -> None:
    numbers = np.array([number for group in groups for number in group], np.int64)
    ends = np.cumsum([len(group) for group in groups], dtype=np.int64)
    assert native.ways(wanted=True).lists(numbers, ends) == native.ways(wanted=False).lists(numbers, ends)
    assert native.ways(wanted=True).lists is not native.ways(wanted=False).lists is written.lists


def test_integers_of_every_length_are_written_alike() -> None:
    lengths = [sign * (10**digits + more) for digits in range(19) for more in (-1, 0, 1) for sign in (1, -1)]
    numbers = np.array([*lengths, -(2**63), 2**63 - 1], np.int64)
    (found,) = native.ways(wanted=True).lists(numbers, np.array([numbers.size]))
    assert found == repr(numbers.tolist()).replace(" ", "").encode()


@pytest.mark.parametrize("ends", [[3], [2, 1], [-1]])
def test_ends_ascend_and_lie_within(ends: list[int]) -> None:
    with pytest.raises(ValueError, match="not those of the numbers"):
        native.ways(wanted=True).lists(np.ones(2, np.int64), np.array(ends))


def test_the_examples_of_the_native_decoder_hold() -> None:
    results = doctest.testmod(native.leeway_native)
    assert results.attempted
    assert not results.failed
