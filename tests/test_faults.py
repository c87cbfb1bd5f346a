"""Workers are killed at every seam of the loop and frozen with a transaction open, on a real Kafka with a real Redis:
nothing shows in what comes out. What befalls them at random is `tests/torture`.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.torture.faults import ASKED_ENDS, LOOPING, STARTING
from tests.torture.feed import Feed
from tests.torture.ground import FENCED_ENDS, GOOD_ENDS, Ground, frozen, ground
from tests.torture.oracle import Oracle

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ROLES = ("profile", "judge")
SESSION_MS = 2_000
PATIENCE_S = 120.0


@pytest.fixture
def tortured(kafka: str, redis_url: str, tmp_path: Path) -> Iterator[Ground]:
    tortured = ground(kafka, redis_url, tmp_path, session_ms=SESSION_MS)
    yield tortured
    tortured.end()


def wait_for(condition: Callable[[], bool], what: str, tortured: Ground, feed: Feed) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not condition():
        feed.send(50)
        assert time.monotonic() < give_up, f"{what} does not happen; what the workers said:\n{tortured.words[-4000:]}"
        time.sleep(0.2)


def test_killing_every_role_at_every_seam_changes_nothing(tortured: Ground) -> None:
    feed = Feed(tortured.settings, seed=1)
    faults = [*(f"{seam}:1:kill" for seam in STARTING), *(f"{seam}:{1 + i % 3}:kill" for i, seam in enumerate(LOOPING))]
    left = {role: list(faults) for role in ROLES}
    for role in ROLES:
        tortured.start(role, order=left[role].pop())
    give_up = time.monotonic() + PATIENCE_S  # for the next fault
    while any(left.values()):
        assert time.monotonic() < give_up, f"{left} are left; what the workers said:\n{tortured.words[-4000:]}"
        feed.send(60)
        time.sleep(0.05)
        for (role, slot), worker in list(tortured.workers.items()):
            if worker.poll() is not None:
                assert worker.returncode in GOOD_ENDS, tortured.words[-4000:]
                give_up = time.monotonic() + PATIENCE_S
                tortured.start(role, slot, order=left[role].pop() if left[role] else "")
    calm(tortured, feed)


def test_a_worker_that_wakes_after_it_was_replaced_ends_and_changes_nothing(tortured: Ground) -> None:
    feed = Feed(tortured.settings, seed=2)
    feed.send(1_000)
    zombies = [tortured.start(role, order="offsets sent:2:stop") for role in ROLES]
    for role, zombie in zip(ROLES, zombies, strict=True):
        wait_for(lambda zombie=zombie: frozen(zombie), f"{role} freezing", tortured, feed)
        tortured.start(role)
    feed.send(3_000)
    time.sleep(SESSION_MS / 1000)
    for zombie in zombies:
        zombie.send_signal(signal.SIGCONT)
    for zombie in zombies:
        assert zombie.wait(PATIENCE_S) in FENCED_ENDS, tortured.words[-4000:]
    calm(tortured, feed)


def calm(tortured: Ground, feed: Feed) -> None:
    """No more faults: let what was fed drain, then a drift, and look at everything."""
    for shift in (0.0, 8.0):  # a drift that comes while roles are down would be all that they learn
        for _ in range(20):  # panes that are cut on the way
            feed.send(200, shift)
            time.sleep(0.15)
        give_up = time.monotonic() + PATIENCE_S
        while not tortured.drained(ROLES):
            tortured.restart_the_dead()
            assert time.monotonic() < give_up, f"no end of lag; what the workers said:\n{tortured.words[-4000:]}"
            time.sleep(0.2)
    assert set(tortured.stop()) <= ASKED_ENDS, tortured.words[-4000:]
    assert tortured.odd_ends == []
    findings = Oracle(tortured.settings).findings(incidents=False)
    assert [finding for finding in findings if not finding.good] == []
    assert all(finding.seen for finding in findings)
