"""One campaign: all roles run, faults befall them at random moments, then they are left in peace and looked at."""

import heapq
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

import redis

from tests.servers import RealKafka, RealRedis
from tests.torture.faults import ASKED_ENDS, ROLES, SLOTS, TICK_S, Fault, Scene, Script, deck
from tests.torture.feed import Feed, Feeding
from tests.torture.ground import ground
from tests.torture.oracle import Finding, Oracle
from tests.torture.people import People
from tests.torture.watch import Watch

BEGIN_S = 120.0  # for all lanes to be watched at all
CALM_S = 240.0  # for the last faults to be over, and for the lag to go to nothing
SNAPSHOTS_S = 6.0  # an idle judge writes its last snapshots within this
PROGRESS_S = 10.0
FOREVER = float("inf")
LONGER = 3
PERHAPS_NOT = 6  # of the faults under way may turn out not to be inflicted
HAND = 8  # faults to choose from: the first whose victim is free


@dataclass(frozen=True)
class Orders:
    """What a campaign is to be. Everything random follows from `seed`."""

    seed: int = 7
    seconds: float = 600.0
    every_s: float = 3.0  # between faults, on average
    session_ms: int = 6_000
    per_second: float = 200.0  # events
    pills: float = 0.05  # beside each event, with this probability; 0: nor on any other topic
    partitions: int = 4
    only: tuple[str, ...] = ()  # faults with one of these in their name; none: all
    at_least: int = 0  # faults; a slow machine is given up to three times as long for them
    alone: bool = False  # the next fault only when all has recovered from the one before: to measure that


class Recovery(NamedTuple):
    """Until every lane that a fault befell was watched again, and whether no other fault held that up."""

    seconds: float
    alone: bool


@dataclass
class Outcome:
    """What came of it. `troubles` are sentences; without any, and with good findings, all is well."""

    orders: Orders
    faults: list[Fault]
    findings: list[Finding]
    troubles: list[str]
    watch: Watch
    panes: int
    restarts: int
    seconds: float
    recoveries: dict[str, list[Recovery]] = field(default_factory=dict)  # of each kind of fault

    @property
    def good(self) -> bool:
        return not self.troubles and all(finding.good for finding in self.findings)


def campaign(orders: Orders, folder: Path, say: Callable[[str], None] = print) -> Outcome:
    with RealKafka(folder) as kafka, RealRedis(folder) as redis, ThreadPoolExecutor(2) as starter:
        tortured = ground(
            kafka.bootstrap, redis.url, folder, session_ms=orders.session_ms, partitions=orders.partitions
        )
        scene = Scene(tortured, kafka, redis, Random(orders.seed), orders.session_ms / 1000, starter)
        try:
            return Campaign(orders, scene, say).run()
        finally:
            tortured.end()


class Campaign:
    """The schedule: one thread that goes on with whatever script is due."""

    def __init__(self, orders: Orders, scene: Scene, say: Callable[[str], None]) -> None:
        self.orders, self.scene, self.ground, self.say = orders, scene, scene.ground, say
        self.faults: list[Fault] = []
        self.troubles: list[str] = []
        self.busy: set[object] = set()
        self._running: list[tuple[float, int, Fault, Script]] = []
        self._number = count()
        self._waiting: list[Fault] = []
        self._said_at = 0.0
        self._began = time.monotonic()

    def run(self) -> Outcome:
        self.watch = Watch(self.ground)
        self.feed = Feed(self.ground.settings, self.orders.seed, self.orders.pills)
        feeding = Feeding(self.feed, self.orders.per_second)
        self.people = People(self.ground.settings, self.orders.seed)
        for role in ROLES:
            for slot in SLOTS:
                self.ground.start(role, slot)
        self.watch.start()
        feeding.start()
        self.people.start()
        if not self._until(self._all_watched, BEGIN_S):
            self.troubles.append(f"before any fault, not all lanes are watched within {BEGIN_S:.0f} s")
        else:
            self._torture()
        self._calm(feeding)
        return self._judged()

    # ---- the schedule ------------------------------------------------------------------------------------------------

    def _torture(self) -> None:
        faults, chance = self._deal(), self.scene.chance
        began = due = time.monotonic()
        while self._on((now := time.monotonic()) - began):
            if now >= due and (not self.orders.alone or self._recovered()) and self._begin(faults):
                due = now + chance.uniform(0.2, 1.8) * self.orders.every_s
            self._go_on()

    def _on(self, for_s: float) -> bool:
        inflicted = sum(not fault.why_not for fault in self.faults)
        wanting = inflicted < self.orders.at_least + PERHAPS_NOT and self.orders.at_least > 0
        return for_s < self.orders.seconds * (LONGER if wanting else 1)

    def _recovered(self) -> bool:
        """Whether nothing is left of the faults so far."""
        return not self._running and all(self._recovery(fault) < FOREVER for fault in self.faults[-1:])

    def _deal(self) -> Iterator[Fault]:
        while True:
            faults = [fault for fault in deck(self.scene.chance) if self._meant(fault)]
            assert faults, f"no fault befalls {self.orders.only}"
            yield from faults

    def _meant(self, fault: Fault) -> bool:
        return not self.orders.only or any(part in fault.name for part in self.orders.only)

    def _begin(self, faults: Iterator[Fault]) -> bool:
        """The next fault whose victim bears none now; the others wait for their turn."""
        while len(self._waiting) < HAND:
            self._waiting.append(next(faults))
        for fault in self._waiting:
            if not fault.befalls & self.busy:
                self._waiting.remove(fault)
                self.faults.append(fault)
                self.busy |= fault.befalls
                fault.inflicted()
                self._step(fault, fault.script(self.scene, fault))
                return True
        return False

    def _go_on(self) -> None:
        """Whatever is due, and a pause."""
        while self._running and self._running[0][0] <= time.monotonic():
            _, _, fault, script = heapq.heappop(self._running)
            self._step(fault, script)
        self.ground.restart_the_dead()
        if time.monotonic() - self._said_at >= PROGRESS_S:
            self._said_at = time.monotonic()
            self.say(self._progress())
        time.sleep(TICK_S)

    def _step(self, fault: Fault, script: Script) -> None:
        try:
            wait_s = next(script)
        except StopIteration as over:
            fault.why_not = over.value
        except redis.RedisError as trouble:  # it could not be asked for the fault
            fault.why_not = f"Redis: {trouble}"
        else:
            heapq.heappush(self._running, (time.monotonic() + wait_s, next(self._number), fault, script))
            return
        self.busy -= fault.befalls

    def _until(self, true: Callable[[], bool], patience_s: float) -> bool:
        give_up = time.monotonic() + patience_s
        while not true():
            if time.monotonic() > give_up:
                return False
            self._go_on()
        return True

    # ---- peace -------------------------------------------------------------------------------------------------------

    def _calm(self, feeding: Feeding) -> None:
        """No more faults: all lanes have to be watched again, then the lag has to go to nothing."""
        if not self._until(lambda: not self._running, CALM_S):
            self.troubles.append(f"a fault is not over after {CALM_S:.0f} s")
        peace = time.time()
        if not self._until(lambda: all(self.watch.recovered(role, peace) for role in ROLES), CALM_S):
            self.troubles.append(f"after the last fault, not all lanes are watched again within {CALM_S:.0f} s")
        feeding.stop()
        self.people.stop()
        for role in ROLES:  # in the order of the records' way
            if not self._until(lambda role=role: self.ground.drained([role]), CALM_S):
                self.troubles.append(f"the lag of {role} does not go to nothing within {CALM_S:.0f} s")
        rests = time.monotonic() + SNAPSHOTS_S
        self._until(lambda: time.monotonic() > rests and self._published(), CALM_S)
        self.watch.stop()
        if ends := set(self.ground.stop()) - ASKED_ENDS:
            self.troubles.append(f"workers, asked to end, ended with status {sorted(ends)}")

    def _published(self) -> bool:
        """No incident waits for being published."""
        settings = self.ground.settings.redis
        with redis.Redis.from_url(settings.url) as client:
            return not client.hlen(f"{settings.prefix}incidents:unpublished")

    def _all_watched(self) -> bool:
        return all(len(self.watch.lanes[role]) == self.orders.partitions for role in ("profile", "incidents")) and bool(
            self.watch.records["anomalies"]
        )

    # ---- the end -----------------------------------------------------------------------------------------------------

    def _judged(self) -> Outcome:
        self.say("everything has come to rest; reading the topics")
        if "Traceback" in self.ground.words:
            self.troubles.append("a worker said a traceback")
        if refused := self.feed.refused + self.people.refused:
            self.troubles.append(f"Kafka refused {len(refused)} records of the feed: {refused[0]}")
        findings = Oracle(self.ground.settings).findings()
        outcome = Outcome(
            self.orders,
            self.faults,
            findings,
            self.troubles + self.ground.odd_ends,
            self.watch,
            self.watch.records["panes"],
            self.ground.restarts,
            time.monotonic() - self._began,
        )
        inflicted = [(fault, self._recovery(fault)) for fault in self.faults if not fault.why_not]
        for fault, seconds in inflicted:
            alone = not any(holds_up(*other, fault, seconds) for other in inflicted if other[0] is not fault)
            outcome.recoveries.setdefault(fault.name, []).append(Recovery(seconds, alone))
        return outcome

    def _recovery(self, fault: Fault) -> float:
        """Until every lane of the role, or of all roles, was watched again."""
        roles = (fault.role,) if fault.role else ROLES
        return max(self.watch.recovered(role, fault.at) or FOREVER for role in roles)

    def _progress(self) -> str:
        seen = self.watch.records
        counts = f"{self.feed.sent} records and {self.people.sent} commands sent, {seen['panes']} panes"
        counts += f", {seen['anomalies']} anomalies, {seen['incidents']} steps of incidents, {seen['dlq']} dead letters"
        under_way = ", ".join(f"{fault.kind} {fault.role}".strip() for _, _, fault, _ in self._running) or "none"
        return f"{time.monotonic() - self._began:5.0f} s  {len(self.faults):3} faults  {counts}; under way: {under_way}"


def holds_up(other: Fault, over_s: float, fault: Fault, seconds: float) -> bool:
    """Whether another fault, of the same role or of a server, came in between or had not been got over yet."""
    concerned = not other.role or not fault.role or other.role == fault.role
    return concerned and other.at < fault.at + seconds and fault.at < other.at + over_s
