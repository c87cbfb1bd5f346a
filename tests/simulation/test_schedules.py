"""Every schedule ends well, and every seeded bug makes some schedule end badly."""

from dataclasses import replace

import pytest

from tests.simulation.campaign import TURNS, Task, in_turn, run
from tests.simulation.group import Incremental
from tests.simulation.invariants import Violated
from tests.simulation.mutations import EXITS, MUTATIONS
from tests.simulation.scenario import Standing
from tests.simulation.scenarios import SCENARIOS
from tests.simulation.world import Change, World

FEW = {"alarming": 5, "adding": 5, "profile": 2}
MANY, CHUNK = 2_000, 50
HUNTED = 500
# They take some seconds to find.
RARE = frozenset(
    {
        *("reuses-n-unnoticed", "same-token-on-retry", "keeps-outputs-of-lost-lanes", "committed-does-not-wait"),
        *("replays-look-at-no-topics", "topics-not-looked-at-again", "silence-is-the-same", "accepts-late-writes"),
        "keeps-rows-that-wait",
    }
)


def survive(task: Task) -> None:
    if violated := run(task).violated:
        pytest.fail(f"{violated}\nreplay it: {task.replay()}")


@pytest.mark.parametrize("role", FEW)
def test_no_schedule_loses_doubles_or_changes_anything(role: str) -> None:
    for seed in range(FEW[role]):
        survive(Task(seed, role))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, MANY, CHUNK))
def test_no_schedule_of_many_does(first: int) -> None:
    for task in in_turn(range(first, first + CHUNK)):
        survive(task)


def test_every_role_takes_its_turn() -> None:
    assert set(TURNS) == set(SCENARIOS)


@pytest.mark.parametrize("role", ["alarming", "adding"])
def test_a_seed_replays_to_the_letter(role: str) -> None:
    one, other = World(7, SCENARIOS[role]), World(7, SCENARIOS[role])
    one.run()
    other.run()
    assert one.seen == other.seen
    assert [output for _, output in one.kafka.log] == [output for _, output in other.kafka.log]


def test_in_a_cooperative_group_no_worker_does_anything() -> None:
    """The settings forbid it, and the client refuses it: a seeded bug shows what would happen else."""

    def cooperative(world: World) -> None:
        world.consumer = Incremental

    world = World(0, SCENARIOS["alarming"], Change(world=cooperative))
    with pytest.raises(Violated, match="not everything drains"):
        world.run()
    assert world.seen["surprise: KafkaException"] > 0
    assert not world.kafka.log


@pytest.mark.slow
def test_late_writes_that_are_accepted_cost_an_exit_and_no_more() -> None:
    """Every write has a number of its own: a late one looks like a Redis that went back. Refused, it costs nothing."""
    bug = MUTATIONS["accepts-late-writes"]
    for seed in range(50):
        World(seed, SCENARIOS["alarming"], replace(bug, patches={EXITS: lambda *shut_out: None})).run()


def test_the_judge_has_something_to_say() -> None:
    scenario = SCENARIOS["judge"]
    _, reference = scenario.input(0, Standing(), range(scenario.partitions))
    topics = {seen.topic for lines in reference.values() for seen in lines.between(0, 1_000)[0]}
    assert topics >= {
        scenario.settings.topics.anomalies,
        scenario.settings.topics.binnings,
        scenario.settings.topics.dlq,
    }


@pytest.mark.parametrize("bug", [pytest.param(b, marks=pytest.mark.slow) if b in RARE else b for b in MUTATIONS])
def test_every_seeded_bug_is_found(bug: str) -> None:
    tasks = (Task(seed, MUTATIONS[bug].hunt, bug) for seed in range(HUNTED))
    assert any(run(task).violated for task in tasks), f"{HUNTED} schedules did not notice '{bug}'"
