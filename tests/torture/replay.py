"""Incidents as they have to be: every anomaly once, in the order of its topic, and every command once.

Which came first, an anomaly or a command, only the log of the incident itself tells: its topics are two. So a command,
like what the clock did, is applied where that log has it; and that it is there, once, and among the other commands of
its incident in the order of their topic, is looked at apart (`tests.torture.oracle`).
"""

from collections import defaultdict
from collections.abc import Mapping

from schemas.anomaly import Anomaly
from schemas.incident import Incident, Step
from stream.incidents import instant
from stream.incidents.apply import home, place, places, step
from stream.settings import Incidents
from tests.torture.orders import Order, by_the_clock, obeyed


class Replay:
    """`odd` are sentences about steps that nothing leads to; `revisions` is what every notification has to say."""

    def __init__(self, histories: Mapping[str, list[Step]], orders: Mapping[str, Order], rules: Incidents) -> None:
        self.histories, self.orders, self.rules = histories, orders, rules
        self.incidents: dict[str, Incident] = {}
        self.revisions: dict[tuple[str, int], Incident] = {}
        self.odd: list[str] = []
        self._latest: dict[str, str] = {}  # of each fingerprint
        self._around: dict[str, dict[str, None]] = defaultdict(dict)  # place -> ids
        self._seen: set[str] = set()
        self._next: dict[str, int] = defaultdict(int)  # step of each history
        self._in: dict[str, set[str]] = {id: {each.anomaly for each in steps} for id, steps in histories.items()}

    def anomaly(self, anomaly: Anomaly) -> None:
        """As `stream.incidents.store` does it, without a Redis."""
        if anomaly.id in self._seen:
            return
        self._seen.add(anomaly.id)
        own = self._up_to(self._latest.get(anomaly.fingerprint, ""), anomaly.id)
        around = [self.incidents[id] for spot in places(anomaly) for id in self._around[spot]]
        host = home(anomaly, own, around)
        host = self._up_to(host.id, anomaly.id) if host else None
        done = step(host, anomaly, instant.ms(anomaly.detected_at), self.rules)
        if done.incident and done.publish:
            self._keep(done.incident)
            self._latest[anomaly.fingerprint] = done.incident.id
            self._around[place(done.incident)][done.incident.id] = None
            self._pass(done.incident.id, done.steps)

    def end(self) -> None:
        """What came after the last anomaly of each incident."""
        for id, steps in self.histories.items():
            self._up_to(id, "")
            self.odd += [f"{id}: {each.what} of {each.anomaly} was not due" for each in steps[self._next[id] :]]

    def _up_to(self, id: str, anomaly: str) -> Incident | None:
        """The incident once all is applied that its log has before this anomaly, of people and of the clock."""
        steps = self.histories.get(id, [])
        while (incident := self.incidents.get(id)) and (not anomaly or anomaly in self._in.get(id, ())):
            at = self._next[id]
            if at == len(steps) or steps[at].anomaly:
                break
            self._next[id] += 1
            self._keep(self._after(incident, steps[at]))
        return self.incidents.get(id)

    def _after(self, incident: Incident, told: Step) -> Incident:
        if order := self.orders.get(told.command):
            return obeyed(incident, order)
        after = None if told.command else by_the_clock(incident, told, self.rules.escalate_after_s)
        if after is None:
            self.odd.append(f"{incident.id}: {told.what} at {told.at} was not due")
        return after or incident

    def _pass(self, id: str, steps: list[Step]) -> None:
        """What an anomaly led to stands in the log, in this place."""
        at = self._next[id]
        if self.histories.get(id, [])[at : at + len(steps)] == steps:
            self._next[id] += len(steps)
        else:
            self.odd.append(f"{id}: {steps[0].what} of {steps[0].anomaly} is not the step {at} of its log")

    def _keep(self, incident: Incident) -> None:
        self.incidents[incident.id] = incident
        self.revisions[incident.id, incident.revision] = incident
