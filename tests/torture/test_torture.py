"""A short torture of all roles, and that the oracle would have said so."""

import random
from pathlib import Path

import pytest

from tests.conftest import left_out
from tests.servers import Missing
from tests.torture.campaign import Orders, campaign
from tests.torture.faults import AT_RANDOM, AT_SEAMS, ON_SERVERS, deck
from tests.torture.report import figures, table

SHORT = Orders(seed=7, seconds=95.0, every_s=1.5, session_ms=2_000)
FAULTS = 40


def test_a_deck_has_every_fault_at_every_seam_and_follows_from_its_seed() -> None:
    faults = deck(random.Random(7))
    kinds = {fault.kind for fault in faults}
    assert kinds == {*AT_SEAMS, *(kind for kind, _ in AT_RANDOM), *(kind for kind, _, _ in ON_SERVERS)}
    seams = {(fault.role, fault.seam) for fault in faults if fault.seam}
    assert len(seams) == 2 * 11 + 8
    again = deck(random.Random(7))
    assert [(fault.name, fault.seam, fault.slot) for fault in faults] == [(f.name, f.seam, f.slot) for f in again]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_whatever_befalls_two_workers_of_every_role_nothing_is_missing_double_or_wrong(tmp_path: Path) -> None:
    try:
        outcome = campaign(SHORT, tmp_path)
    except Missing as part:
        left_out(str(part))
    print(table(outcome))
    told = figures(outcome)
    assert outcome.good, table(outcome)
    assert told["faults"] >= FAULTS
    assert all(finding.seen for finding in outcome.findings)
