"""The account: what was done to the traffic against what Leeway called it; alarms for which nothing was done are false.

An alarm belongs to an outage when it speaks of a column that the outage touches, and its onset, or the pane that it was
raised on, lies in the time of the outage. The outage is *found* when such an alarm also calls it by its right name. An
alarm on a column that really changed from year to year, with its onset after that border, is not a false one; nor must
it be raised.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from schemas.anomaly import Anomaly
from stream.demo.diary import Diary
from stream.demo.story import Outage, Story
from stream.incidents.instant import ms as to_ms

SLACK_MS = 1_000  # an onset is the start of a pane, which began up to so long before what it holds


@dataclass(frozen=True, slots=True)
class Span:
    """The event times in the panes cut at one moment, and how long their oldest row had waited in Kafka.

    A worker that comes back reads one partition after the other: until it has caught up, panes are not in the order of
    the events, and what the judge says of times is blurred by as much as the worker was behind.
    """

    since: int
    until: int
    lag_ms: int

    def with_pane(self, since: int, until: int, lag_ms: int) -> "Span":
        """One more pane that was cut at the same moment."""
        return Span(min(self.since, since), max(self.until, until), max(self.lag_ms, lag_ms))


@dataclass(frozen=True, slots=True)
class Alarm:
    """An anomaly, and when it could be read from Kafka."""

    anomaly: Anomaly
    readable_ms: int


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One thing that was done to the traffic, or that really changed, and what Leeway called it."""

    what: str
    kind: str  # "injected", or "real": a year's border
    at_event: int
    until_event: int
    alarms: tuple[Alarm, ...] = ()  # all that belong to it, in the order in which they came
    first: Alarm | None = None  # the first that calls it by its right name
    begin_ms: int = 0
    delay_events: int | None = None

    @property
    def detected(self) -> bool:
        return self.first is not None

    @property
    def delay_seconds(self) -> float | None:
        """From the first event concerned to the moment at which anybody could read of it."""
        return None if self.first is None else max(0, self.first.readable_ms - self.begin_ms) / 1000


@dataclass(frozen=True)
class Account:
    """Everything that happened and everything that was said, each beside the other."""

    truths: tuple[Truth, ...]
    false_alarms: tuple[Alarm, ...]

    @property
    def missed(self) -> tuple[Truth, ...]:
        return tuple(truth for truth in self.truths if truth.kind == "injected" and not truth.detected)


def settle(
    story: Story,
    changed: Mapping[int, Sequence[str]],
    diary: Diary,
    alarms: Iterable[Alarm],
    panes: Mapping[int, Span],
) -> Account:
    """Hand every alarm to what caused it. `panes` says what was in the panes that were cut at a time (ms)."""
    outages = [outage for outage in story.outages if diary.ms_of(outage.begin) is not None]
    years = [year for year in changed if diary.ms_of(story.year_begins(year)) is not None]
    of_outage: dict[str, list[Alarm]] = {outage.name: [] for outage in outages}
    of_year: dict[int, list[Alarm]] = {year: [] for year in years}
    unexplained = []
    for alarm in sorted(alarms, key=lambda alarm: (alarm.readable_ms, alarm.anomaly.id)):
        if alarm.anomaly.status != "firing" or _ended(alarm, diary):
            continue
        outage = next((outage for outage in outages if _caused(outage, alarm, diary, panes)), None)
        year = next((year for year in reversed(years) if _moved(changed[year], year, alarm, story, diary)), None)
        if outage is not None:
            of_outage[outage.name].append(alarm)
        elif year is not None:
            of_year[year].append(alarm)
        else:
            unexplained.append(alarm)
    truths = [_outage_truth(outage, of_outage[outage.name], diary) for outage in outages]
    truths += [_year_truth(year, changed[year], of_year[year], story, diary) for year in years]
    return Account(tuple(sorted(truths, key=lambda truth: truth.at_event)), tuple(unexplained))


def _caused(outage: Outage, alarm: Alarm, diary: Diary, panes: Mapping[int, Span]) -> bool:
    if not _concerns(alarm.anomaly, outage.columns):
        return False
    begin, end = diary.ms_of(outage.begin), diary.ms_of(outage.end)
    onset, detected = to_ms(alarm.anomaly.onset_at), to_ms(alarm.anomaly.detected_at)
    if begin is None or detected < begin:
        return False
    pane = panes.get(detected, Span(onset, onset, 0))
    slack = max(SLACK_MS, pane.lag_ms)
    return any(
        until + slack >= begin and (end is None or since - slack <= end)
        for since, until in ((onset, onset), (pane.since, pane.until))
    )


def _named(outage: Outage, anomaly: Anomaly) -> bool:
    place = outage.segment.items() <= anomaly.segment.items()
    words = all(value in anomaly.statistic.effect for value in outage.segment.values())
    return anomaly.class_ in outage.classes and (place or words)


def _moved(changed: Sequence[str], year: int, alarm: Alarm, story: Story, diary: Diary) -> bool:
    begin = diary.ms_of(story.year_begins(year))
    return _concerns(alarm.anomaly, changed) and begin is not None and to_ms(alarm.anomaly.onset_at) + SLACK_MS >= begin


def _concerns(anomaly: Anomaly, columns: Collection[str]) -> bool:
    """Whether an alarm is of one of the columns. That of all together is of those it names; if of none for certain,
    of any."""
    if anomaly.feature or anomaly.class_ != "feature_drift":
        return anomaly.feature in columns
    named = {cause.ref for cause in anomaly.causes if cause.kind == "feature"}
    return not named or any(name in columns for name in named)


def _ended(alarm: Alarm, diary: Diary) -> bool:
    """The traffic did stop at the end of the demo: whoever says so is right."""
    last = diary.ms_of(diary.places - 1) if diary.places else None
    finished = diary.places == diary.length
    return (
        finished
        and last is not None
        and alarm.anomaly.class_ == "volume_drop"
        and to_ms(alarm.anomaly.detected_at) >= last
        and to_ms(alarm.anomaly.onset_at) + SLACK_MS >= last
    )


def _outage_truth(outage: Outage, alarms: Sequence[Alarm], diary: Diary) -> Truth:
    first = next((alarm for alarm in alarms if _named(outage, alarm.anomaly)), None)
    return _truth(outage.what, "injected", outage.begin, outage.end, alarms, first, diary)


def _year_truth(year: int, changed: Sequence[str], alarms: Sequence[Alarm], story: Story, diary: Diary) -> Truth:
    begin = story.year_begins(year)
    what = f"the year {year} begins: {', '.join(changed)} really changed"
    first = alarms[0] if alarms else None
    return _truth(what, "real", begin, begin + story.counts[year], alarms, first, diary)


def _truth(
    what: str, kind: str, begin: int, end: int, alarms: Sequence[Alarm], first: Alarm | None, diary: Diary
) -> Truth:
    at_event = diary.number_of(begin)
    noticed = None if first is None else diary.number_at(to_ms(first.anomaly.detected_at))
    return Truth(
        what=what,
        kind=kind,
        at_event=at_event,
        until_event=diary.number_of(end),
        alarms=tuple(alarms),
        first=first,
        begin_ms=diary.ms_of(begin) or 0,
        delay_events=None if noticed is None else max(0, noticed - at_event),
    )
