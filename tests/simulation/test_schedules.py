"""Every schedule ends well, and every seeded bug makes some schedule end badly."""

import pytest

from tests.simulation.judged import SETTINGS, judge, panes
from tests.simulation.mutations import MUTATIONS, RARE
from tests.simulation.roles import Adding, Alarming
from tests.simulation.world import Change, Violated, World

CHUNK = 25


def survive(role: type, first: int, chunk: int = CHUNK) -> None:
    for seed in range(first, first + chunk):
        try:
            World(seed, role).run()
        except Violated as violated:
            pytest.fail(f"{violated}\nreplay it: python -m tests.simulation {seed} {role.__name__.lower()}")


@pytest.mark.parametrize("first", range(0, 3 * CHUNK, CHUNK))
@pytest.mark.parametrize("role", [Alarming, Adding])
def test_no_schedule_loses_doubles_or_changes_an_output(role: type, first: int) -> None:
    survive(role, first)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(10_000, 10_700, 100))
@pytest.mark.parametrize("role", [Alarming, Adding])
def test_no_schedule_of_many_does(role: type, first: int) -> None:
    survive(role, first, chunk=100)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_no_schedule_changes_what_the_judge_says(seed: int) -> None:
    world = World(seed, judge, values=panes, settings=SETTINGS)
    assert any(one.topic == SETTINGS.topics.anomalies for right in world.reference.outputs.values() for one in right)
    world.run()


def test_a_seed_replays_to_the_letter() -> None:
    one, other = World(7, Alarming), World(7, Alarming)
    one.run()
    other.run()
    assert one.seen == other.seen
    assert [seen.output for seen in one.kafka.produced] == [seen.output for seen in other.kafka.produced]


def found(bug: Change, seeds: int) -> bool:
    for seed in range(seeds):
        try:
            World(seed, Alarming, bug).run()
        except Violated:
            return True
    return False


@pytest.mark.parametrize("bug", [pytest.param(b, marks=pytest.mark.slow) if b in RARE else b for b in MUTATIONS])
def test_every_seeded_bug_is_found(bug: str) -> None:
    assert found(MUTATIONS[bug], 500), f"500 schedules did not notice '{bug}'"
