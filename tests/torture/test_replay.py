"""What the oracle holds against incidents: nothing while all is well, and every command that is lost, doubled, changed
or late."""

import random
from collections.abc import Callable, Iterator

import msgspec
import pytest
from msgspec.structs import replace

from schemas.anomaly import Anomaly, Status
from schemas.incident import Command, Incident
from schemas.moment import rfc3339
from stream.incidents.apply import Tick, step
from stream.settings import Incidents
from tests.torture.feed import PROBES, probe
from tests.torture.history import Histories
from tests.torture.oracle import followed, notifications
from tests.torture.orders import Order
from tests.torture.people import ANYTHING
from tests.torture.replay import Replay

RULES = Incidents(escalate_after_s=30)
BEGAN_MS = 1_769_851_800_000
STEPS = 300  # far more than an incident keeps in itself


class Published:
    """The part of a message that is looked at."""

    def __init__(self, incident: Incident) -> None:
        self.name, self.body = f"{incident.id}-{incident.revision}".encode(), msgspec.json.encode(incident)

    def headers(self) -> list[tuple[str, bytes]]:
        return [("ce_id", self.name)]

    def value(self) -> bytes:
        return self.body


class Life:
    """Of one incident: what befell it, and what was published of it. `sabotage` changes a command on its way."""

    def __init__(self, seed: int, sabotage: Callable[[Command], list[Command]] = lambda command: [command]) -> None:
        self.chance, self.published = random.Random(seed), list[Incident]()
        self.anomalies, self.orders = list[Anomaly](), dict[str, Order]()
        incident: Incident | None = None
        for number in range(STEPS):
            now_ms = BEGAN_MS + 1_000 * number
            for what in self.befalls(number, now_ms, incident, sabotage):
                done = step(incident, what, now_ms, RULES)
                incident = done.incident
                if incident and done.publish and self.chance.random() < 0.9:
                    self.published.append(incident)
        assert incident is not None
        self.published.append(incident)

    def befalls(
        self, number: int, now_ms: int, incident: Incident | None, sabotage: Callable[[Command], list[Command]]
    ) -> Iterator[Anomaly | Command | Tick]:
        at = rfc3339(now_ms)
        if incident is None or self.chance.random() < 0.5:
            edge: Status = self.chance.choice(PROBES) if incident else "firing"
            self.anomalies.append(probe(edge, "probe-0", "age", at, f"probe/0-{number}-0"))
            yield self.anomalies[-1]
        else:
            action = self.chance.choice(ANYTHING)
            until = rfc3339(now_ms + self.chance.choice((-500, 1_500, 20_000))) if action == "silence" else ""
            asked = Command(id=f"c{number}", incident=incident.id, action=action, actor="ada", at=at, until=until)
            self.orders[asked.id] = Order(asked, now_ms)
            yield from sabotage(asked)
        yield Tick()

    def judged(self) -> tuple[int, int, int, list[str]]:
        """Commands missing, double, wrong; and all other complaints."""
        histories = Histories(self.published)
        replay = Replay(histories.steps, self.orders, RULES)
        for anomaly in self.anomalies:
            replay.anomaly(anomaly)
        replay.end()
        commands = followed(self.orders, histories.steps, len(self.orders))
        told = notifications([(Published(each), each) for each in self.published], replay)  # type: ignore[misc]
        return commands.missing, commands.double, commands.wrong, [*histories.odd, *replay.odd, *told.told]


@pytest.mark.parametrize("seed", range(8))
def test_of_a_life_without_faults_nothing_is_said(seed: int) -> None:
    life = Life(seed)
    assert life.judged() == (0, 0, 0, [])
    assert len(life.published[-1].steps) == 100


def sabotaged(change: Callable[[Command], list[Command]]) -> tuple[int, int, int, list[str]]:
    last = max(Life(7).orders, key=lambda id: int(id[1:]))
    return Life(7, lambda command: change(command) if command.id == last else [command]).judged()


def test_a_command_that_is_lost_is_missing() -> None:
    missing, double, wrong, _ = sabotaged(lambda command: [])
    assert (missing, double, wrong) == (1, 0, 0)


def test_a_command_that_is_followed_twice_is_double() -> None:
    missing, double, _, _ = sabotaged(lambda command: [command, command])
    assert (missing, double) == (0, 1)


def test_a_command_of_somebody_else_is_wrong() -> None:
    assert sabotaged(lambda command: [replace(command, actor="nobody")])[:3] == (0, 0, 1)


def test_commands_in_another_order_are_wrong() -> None:
    life = Life(7)
    names = list(life.orders)
    asked = {name: life.orders[name] for name in [*names[-2:][::-1], *names[:-2]]}
    assert followed(asked, Histories(life.published).steps, len(asked)).wrong == 1


@pytest.mark.parametrize("field", ["state", "acknowledged_by", "silenced_until", "resolved_at", "severity"])
def test_an_incident_that_says_otherwise_than_its_steps_is_wrong(field: str) -> None:
    life = Life(7)
    middle = len(life.published) // 2
    other = {"state": "open" if life.published[middle].state != "open" else "resolved"}.get(field, "2026-01-01")
    life.published[middle] = replace(life.published[middle], **{field: other})
    complaints = life.judged()[3]
    assert len(complaints) == 1
    assert field in complaints[0]
