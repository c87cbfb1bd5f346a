"""States that older versions wrote still open. Files are only ever added: `python -m tests.judge.test_golden` writes
one for the present version, if there is none."""

from pathlib import Path

import numpy as np
import pytest

from detectors.budget import parse
from detectors.watch.fold import Watch
from detectors.watch.state import WatchState
from tests.judge.panes import pane

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "watch"
WATCH = Watch(budget=parse("1 per 100000 events"), reference=600, burn_in=200)


def fold(state: WatchState, first: int, last: int) -> WatchState:
    """Panes that every version makes alike: no random numbers, and a change that is being recovered from."""
    for at in range(first, last):
        ages = [20 + (7 * i + 3 * at) % 50 + (40 if 40 <= at < 55 else 0) for i in range(40)]
        plans = ["free" if (i + at) % 3 else "pro" for i in range(40)]
        state, _ = WATCH.step(state, pane({"feature:age": ages, "feature:plan": plans}, at=at))
    return state


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.bin")), ids=lambda file: file.name)
def test_a_state_of_an_older_version_opens_and_goes_on(file: Path) -> None:
    blob = file.read_bytes()
    state = WATCH.decode(blob)
    assert state.rows == 50 * 40
    assert "values" in state.tracks["feature:age"].firing
    after = fold(state, 50, 90)
    assert after.rows == 90 * 40
    bank, row = after.place(after.tracks["feature:age"], "values")
    assert np.isfinite(bank.urn[row]).all()


def test_the_present_version_has_its_golden_state() -> None:
    written = WATCH.encode(fold(WATCH.start(), 0, 50))
    names = {file.name for file in FOLDER.glob("*.bin")}
    assert f"v{WATCH.start().v}.bin" in names, "run python -m tests.judge.test_golden and commit the file"
    assert WATCH.encode(WATCH.decode(written)) == written


def test_the_same_panes_give_the_same_bytes() -> None:
    assert WATCH.encode(fold(WATCH.start(), 0, 50)) == WATCH.encode(fold(WATCH.start(), 0, 50))


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    target = FOLDER / f"v{WATCH.start().v}.bin"
    if not target.exists():
        target.write_bytes(WATCH.encode(fold(WATCH.start(), 0, 50)))
