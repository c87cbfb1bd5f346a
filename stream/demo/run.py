"""One run of the demo: send the traffic, listen, show, settle the account."""

import time
from collections.abc import Callable

from detectors.budget import parse
from schemas.anomaly import Anomaly
from schemas.incident import Incident
from stream.demo import gauges
from stream.demo.account import Account, settle
from stream.demo.borders import really_changed
from stream.demo.census import census
from stream.demo.feed import Feed
from stream.demo.gauges import Gauges
from stream.demo.ground import Ground
from stream.demo.lines import Lines
from stream.demo.listen import Listener
from stream.demo.report import Report
from stream.demo.scene import Chapter, Scene
from stream.demo.screen import Screen
from stream.demo.story import STORY, Outage
from stream.demo.traffic import Traffic
from stream.redis import connect

PER_SECOND = 3_500  # an outage lasts longer than a role that is killed is away
AT_MOST_BEHIND = 40_000  # events: the embedded broker keeps at least so many
SETTLE_S = 45.0  # for counting, judging and telling what is left when the last event was sent
QUIET_S = 1.5  # nothing new for so long: all was told
LOOK_S = 0.2


class Run:
    """`attend` is called several times a second: it looks after the roles."""

    def __init__(self, ground: Ground, screen: Screen | Lines, seed: int, attend: Callable[[], None]) -> None:
        self._ground, self._screen, self._attend = ground, screen, attend
        self._redis = connect(ground.settings.redis)
        self._listener = Listener(ground.settings)
        self._feed = Feed(
            ground.settings,
            Traffic(STORY, seed),
            PER_SECOND,
            backlog=lambda: self._feed.diary.events - self._listener.counted,
            at_most=AT_MOST_BEHIND if ground.embedded else None,
        )
        self._changed = really_changed(census(seed))
        self._gauges = Gauges()
        self._account = Account((), ())
        self._begun = self._heard = time.monotonic()
        self._sending_s = 0.0
        self._told: set[str] = set()  # chapters whose beginning or end was said already

    def all(self) -> Report:
        """Everything, to the end. What still stands open when it ends is in `Report.trouble`."""
        self._begun = self._heard = time.monotonic()
        self._feed.start()
        try:
            while self._feed.is_alive():
                self._look("traffic flows")
            ended = self._sending_s = time.monotonic() - self._begun
            while not self._all_told() and self._seconds() - ended < SETTLE_S:
                self._look("the traffic has ended; waiting for the last verdicts")
        finally:
            self._feed.stop()
            self._feed.join()
            self._listener.close()
        return self._report()

    def _seconds(self) -> float:
        return time.monotonic() - self._begun

    def _look(self, phase: str) -> None:
        """One look at everything."""
        self._attend()
        news = self._listener.listen(LOOK_S)
        if news:
            self._heard = time.monotonic()
        self._gauges = gauges.read(self._redis, self._ground.settings.redis.prefix, self._gauges)
        self._account = self._settled()
        self._say_chapters()
        for said in news:
            self._say(said)
        self._screen.show(self._scene(phase))

    def _settled(self) -> Account:
        heard = self._listener
        return settle(STORY, self._changed, self._feed.diary, list(heard.alarms.values()), heard.panes)

    def _all_told(self) -> bool:
        """Every event is counted and judged, every anomaly is in an incident, and nothing new is heard."""
        events, heard = self._feed.diary.events, self._listener
        in_incidents = sum(incident.anomalies for incident in heard.incidents.values())
        return (
            heard.counted >= events
            and self._gauges.rows >= events
            and len(heard.dead) >= self._feed.garbage
            and in_incidents >= len(heard.alarms)
            and time.monotonic() - self._heard > QUIET_S
        )

    def _say_chapters(self) -> None:
        for outage in STORY.outages:
            for part, place, mark in (("begins", outage.begin, "▶"), ("is mended", outage.end, "○")):
                if self._feed.diary.places > place and f"{outage.name} {part}" not in self._told:
                    self._told.add(f"{outage.name} {part}")
                    what = outage.what if part == "begins" else f"mended: {outage.what}"
                    self._screen.say(f"at event {self._feed.diary.number_of(place):,}: {what}", mark)

    def _say(self, said: Anomaly | Incident) -> None:
        if isinstance(said, Incident):
            if f"{said.id} {said.state}" not in self._told:
                self._told.add(f"{said.id} {said.state}")
                self._screen.say(f"incident {said.state} ({said.severity}): {said.summary}", "▲")
        elif said.status == "firing":
            self._screen.say(f"{said.class_}: {said.summary}", "!")

    def _scene(self, phase: str) -> Scene:
        diary, heard, seconds = self._feed.diary, self._listener, self._seconds()
        return Scene(
            where=self._ground.where,
            phase=phase,
            seconds=seconds,
            sent=diary.events,
            total=STORY.length,
            counted=heard.counted,
            per_second=diary.events / max(self._sending_s or seconds, 1e-3),
            gauges=self._gauges,
            chapters=tuple(self._chapter(outage) for outage in STORY.outages),
            incidents=tuple(sorted(heard.incidents.values(), key=lambda incident: incident.opened_at, reverse=True)),
            garbage=self._feed.garbage,
            dead=len(heard.dead),
            false_alarms=len(self._account.false_alarms),
        )

    def _chapter(self, outage: Outage) -> Chapter:
        place = self._feed.diary.places
        state = "waiting" if place <= outage.begin else "going on" if place <= outage.end else "mended"
        truth = next((truth for truth in self._account.truths if truth.what == outage.what), None)
        return Chapter(outage.what, state, truth)

    def _report(self) -> Report:
        budget = parse(self._ground.settings.judge.budget)
        events = self._feed.diary.events
        return Report(
            events=events,
            seconds=self._sending_s,
            account=self._account,
            allowed=events * budget.alerts / (budget.events or float("inf")),
            budget=budget,
            incidents=tuple(sorted(self._listener.incidents.values(), key=lambda incident: incident.opened_at)),
            garbage=self._feed.garbage,
            dead=len(self._listener.dead),
            trouble=tuple(self._trouble()),
        )

    def _trouble(self) -> list[str]:
        events, heard = self._feed.diary.events, self._listener
        trouble = [self._feed.failure] if self._feed.failure else []
        if heard.counted < events:
            trouble.append(f"{events - heard.counted:,} of {events:,} events were not counted in time")
        elif self._gauges.rows < events:
            trouble.append(f"{events - self._gauges.rows:,} of {events:,} events were not judged in time")
        if len(heard.dead) != self._feed.garbage:
            trouble.append(f"{self._feed.garbage} malformed events were sent, and {len(heard.dead)} are dead letters")
        return trouble
