"""What is accepted or dismissed is named in any order, and may be named twice."""

from collections.abc import Sequence

import numpy as np
import pytest

from detectors.alternatives import CATEGORIES
from detectors.bank import Bank
from detectors.urn import Phase, Urns

URNS = Urns(CATEGORIES, least_reference=500.0, independent=True)


def firing() -> Bank:
    """Three features of different widths, the first and the last of which hold as much as an urn can."""
    references = [np.array([30_000, 10_000, 400]), np.array([600, 200]), np.array([30_000, 9_000, 800, 200])]
    bank = URNS.add(URNS.start(), references)
    panes = [np.array([5, 15, 0]), np.array([4, 16]), np.array([0, 2, 8, 10])]
    for _ in range(40):
        bank, _ = URNS.step(bank, panes, 1e4)
    assert (bank.phase == Phase.FIRING).all()
    return bank


@pytest.mark.parametrize("rows", [[2, 1, 0], [0, 2, 2, 1]])
def test_features_are_accepted_and_dismissed_in_any_order(rows: Sequence[int]) -> None:
    bank = firing()
    for turn in (URNS.accept, URNS.dismiss):
        assert URNS.encode(turn(bank, rows)) == URNS.encode(turn(bank, [0, 1, 2]))
