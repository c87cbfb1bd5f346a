"""The watch over one subject: panes in; findings, binnings and heartbeats out. A pure fold, whoever calls it.

Every column is a track (`track.py`), and so is every column in every declared slice, as far as panes count it:

    values   numbers or texts, in an urn with their own bins, once the burn-in has shown which bins
    nulls    null or absent, against present
    errors   of the wrong type, against right

and beside them the volume of everything (`detectors.volume`). Columns of one kind step together in one bank. All
detectors of a subject share one alert budget: the threshold is A = events x detectors / k, where "events x detectors"
is what the detectors together really see, so that a slice with a tenth of the traffic costs a tenth. A part of the
budget is for what the columns say together (`together.py`): what is left for each is `threshold`.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from math import ceil, exp
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors import budget as budgets
from detectors.aftermath import LEARNING
from detectors.budget import Budget
from detectors.contract import refuse_newer, version_of
from detectors.guests import Guest
from detectors.margin import Margin
from detectors.season import Period
from detectors.urn import Turn, Verdicts
from detectors.volume import Volume
from detectors.watch import calendar, causes, crowds, ledger, likeness, outlook, together
from detectors.watch.account import account
from detectors.watch.banks import PARTS, SLICES, Judge, kind_of, name_of, step, urns
from detectors.watch.burn_in import BurnIn, add
from detectors.watch.calendar import DAY_MS
from detectors.watch.finding import Alarm, Edge, Finding, Part
from detectors.watch.gathered import Entry, Gathered
from detectors.watch.ledger import enter, forget, open_ledgers, widen
from detectors.watch.naming import class_of, segment_of
from detectors.watch.signal import Signal, matches
from detectors.watch.state import STORED, WatchState
from detectors.watch.track import BETWEEN, Counts, Track, binning, key_of, settled
from detectors.watch.ways import way_of
from schemas.binning import Binning
from schemas.heartbeat import Health
from schemas.pane import Column, Deployed, Pane, Slice, family

KNOWN_RATE_MS = 600_000  # before so long the rate per week is a guess, and guessed high
OF_LATE = 3.0  # a column that comes late counts for 1 - exp(-3) of itself by the time it has learnt
MOST_SLICES = 512  # tracks of slices of one subject: first come, first watched
MOST_COLUMNS = 4_096  # of one subject: names that change with every event must not fill the memory
MOST_LEARNING = 1_024  # of them at a time: names that came once never learn, and cost every pane
DEPLOYMENTS = 8  # remembered, to be named as candidate causes
GUEST_CALM = 60  # panes without an alarm after which a guest's alarm is over
EDGES: dict[Turn, Edge] = {
    Turn.ALARM: "firing",
    Turn.MOVED: "moved",
    Turn.RECOVERED: "recovered",
    Turn.ACCEPTED: "accepted",
}
Found = dict[str, Gathered]  # by bank
COMPRESSION = 1  # the fastest; the next eight steps save four per cent more
COMPRESSED = b"\x78"  # how every compressed state begins, and no map of MessagePack


@dataclass(frozen=True, slots=True)
class News:
    """What came of one pane."""

    findings: list[Finding] = field(default_factory=list)
    binnings: list[Binning] = field(default_factory=list)
    heartbeat: bool = False


@dataclass(frozen=True)
class Watch:
    """How to watch: the budget, how much to learn from, and what else is wanted."""

    budget: Budget
    reference: int = 5_000
    burn_in: int = 500
    independent: bool = False
    segments: bool = True
    bucket_ms: int = 10_000
    lagging_ms: int = 60_000
    silence_ms: int = 60_000
    heartbeat_ms: int = 60_000
    signals: tuple[Signal, ...] = ()  # guests, and what they look at
    season: tuple[tuple[str, Period], ...] = ()  # columns, `*` matches any text, and how long their season is
    margin: float = 0.0  # still like the declared reference, give or take so many standard deviations? 0: not asked
    parts: tuple[Part, ...] = ("values", "nulls", "errors", "volume", "model")  # what is left out takes no budget
    kind: ClassVar[str] = "watch"

    # -- the fold ------------------------------------------------------------------------------------------------------

    def start(self) -> WatchState:
        """Nothing known."""
        return WatchState(volume=Volume().start())

    def step(self, state: WatchState, content: Pane | Deployed) -> tuple[WatchState, News]:
        """One pane, or one note of a deployment, further."""
        after = msgspec.structs.replace(
            state,
            tracks=dict(state.tracks),
            banks=dict(state.banks),
            ledgers=dict(state.ledgers),
            ways=dict(state.ways),
            twins=dict(state.twins),
            guests=dict(state.guests),
            guests_firing=dict(state.guests_firing),
            subject=content.subject,
        )
        news = News()
        if isinstance(content, Deployed):
            news.findings.extend(likeness.declare(after, self.margins(after), content))
            return self._deployed(after, content), news
        self._clock(after, content, news)
        if content.rows:
            columns = self._columns(after, content)
            self._meet(after, columns, news)
            self._judge(after, columns, content, news)
            after.expected = outlook.follow(after, content.columns)
            self._ask_guests(after, columns, content, news)
        heartbeat = self._take_pulse(after, news)
        least = content.at - self._began(content) if content.rows else 0
        findings = [
            replace(each, onset_until=calendar.until(after.calendar, each.onset, least, each.at))
            for each in news.findings
        ]
        return after, News(findings, news.binnings, heartbeat)

    def _deployed(self, state: WatchState, note: Deployed) -> WatchState:
        """Remember who deployed what: the first thing to look at when something drifts."""
        event = note.event
        version = event.version or "unversioned"
        what = f"{event.action} {version}" + (f" after {event.previous_version}" if event.previous_version else "")
        state.deployments = [*state.deployments, (note.at, what)][-DEPLOYMENTS:]
        state.at = state.at or note.at
        return state

    # -- time and volume -----------------------------------------------------------------------------------------------

    def _clock(self, state: WatchState, pane: Pane, news: News) -> None:
        """What time it is, how old what arrives is, and how much arrives."""
        state.first_at = state.first_at or pane.at
        state.at = max(state.at, pane.at)
        self._turn_bucket(state, news)
        if not pane.rows:
            return
        state.lag_ms = pane.lag_ms
        state.bucket_fresh = state.bucket_fresh and pane.lag_ms <= self.bucket_ms
        if pane.part:
            return
        state.calendar = calendar.turn(state.calendar, state.rows, self._began(pane))
        state.rows += pane.rows
        state.panes += 1
        keep = exp(-OF_LATE * pane.rows / self.reference)
        state.judged, state.judged_of = keep * state.judged, keep * state.judged_of + pane.rows
        state.rows_at = state.at
        state.bucket_rows += pane.volume or pane.rows
        state.version = max(pane.versions, key=lambda name: (pane.versions[name], name), default=state.version)

    def _began(self, pane: Pane) -> int:
        """When the earliest event of a pane happened; when it was read, if its own time cannot be."""
        known = 0 <= pane.at - pane.since <= pane.lag_ms + self.lagging_ms
        return pane.since if known else pane.at - pane.lag_ms

    def _turn_bucket(self, state: WatchState, news: News) -> None:
        """When a bucket of time is over, judge the rows in it. Buckets in which the pipeline itself was away, or
        behind, say nothing about what was sent."""
        now = state.at // self.bucket_ms
        known = state.bucket and state.bucket_fresh and "volume" in self.parts
        if known and now > state.bucket and state.volume is not None:
            detector, before = Volume(), state.volume
            state.volume, verdict = detector.step(before, round(state.bucket_rows), self.threshold(state))
            was, firing = detector.firing(before), detector.firing(state.volume)
            if verdict.drifted:
                state.volume_since = state.bucket * self.bucket_ms
                news.findings.append(self._volume(state, "firing", before.rate, state.bucket_rows, verdict.evidence))
            elif was and not firing:
                edge: Edge = "recovered" if state.volume.rate == before.before else "accepted"
                news.findings.append(self._volume(state, edge, before.before, state.bucket_rows, 0.0))
                state.volume_since = 0
        if now > state.bucket:
            state.bucket, state.bucket_rows, state.bucket_fresh = now, 0.0, True

    def _volume(self, state: WatchState, edge: Edge, before: float, after: float, evidence: float) -> Finding:
        return Finding(
            edge=edge,
            column="",
            part="volume",
            detector=Volume.kind,
            evidence=evidence,
            threshold=self.threshold(state),
            at=state.at,
            onset=state.volume_since,
            n=round(after),
            before=before,
            after=after,
            reference_n=state.rows,
            causes=causes.deployments(state, state.volume_since),
            version=state.version,
        )

    # -- columns -------------------------------------------------------------------------------------------------------

    def _columns(self, state: WatchState, pane: Pane) -> dict[str, tuple[Column, int]]:
        """Every track that this pane speaks of, with its counts and the rows they come from. A column that is known
        and does not come at all is absent from every row; in a pane cut into parts nobody can tell."""
        found = {name: (column, pane.rows) for name, column in pane.columns.items()}
        if pane.parts == 1 and state.tracks.keys() - found.keys():
            for track in state.tracks.values():
                if not track.segment and track.column not in found:
                    found[track.column] = (Column(), pane.rows)
        if self.segments:
            for segment, part in pane.slices.items():
                found.update(self._slice(state, pane, segment, part))
        return found

    def _slice(
        self, state: WatchState, pane: Pane, segment: str, part: Slice
    ) -> Iterator[tuple[str, tuple[Column, int]]]:
        """The tracks of one slice: the outputs in full, of all other columns the nulls."""
        for name in pane.columns:
            if family(name) in ("segment", "embedding"):
                continue
            missing = part.nulls.get(name, 0)
            column = part.columns.get(name) or Column(n=part.rows - missing, nulls=missing)
            yield key_of(name, segment), (column, part.rows)

    def _meet(self, state: WatchState, columns: dict[str, tuple[Column, int]], news: News) -> None:
        """New tracks begin; those that have burnt in get bins of their own, and urns."""
        room = room_left(state) if columns.keys() - state.tracks.keys() else {}
        for key, (column, _) in columns.items():
            track = state.tracks.get(key)
            if track is None:
                name, _, segment = key.partition(BETWEEN)
                room[bool(segment)] -= 1
                if room[bool(segment)] < 0:
                    continue
                track = Track(column=name, segment=segment, burn_in=BurnIn(), joined=state.rows)
                track = self._join(state, track, "nulls", np.zeros(2, np.int64)) if self.wants_nulls(track) else track
            if track.burn_in is not None and judged(track):
                burn_in = add(track.burn_in, column)
                state.judged += column.n + column.texts
                track = msgspec.structs.replace(track, burn_in=burn_in)
                if burn_in.numbers + burn_in.texts >= self.burn_in and self._seen_enough(state, track):
                    track = self._settle(state, track, news)
            state.tracks[key] = track

    def _seen_enough(self, state: WatchState, track: Track) -> bool:
        """Whether bins may be derived: of a column with a season after a day, for they have to fit all of it."""
        return not season_of(track, self.season) or state.at - state.first_at >= DAY_MS

    def _settle(self, state: WatchState, track: Track, news: News) -> Track:
        """From burn-in to bins: the urn gets the counts so far, profile is told how to count from now on. What this
        pane adds is in them already: `fresh` says that it is not to be counted twice."""
        burn_in = track.burn_in or BurnIn()
        track, counts = settled(track)
        track = msgspec.structs.replace(track, season=season_of(track, self.season))
        track = self._join(state, track, "values", counts)
        if track.form == "numbers":
            bank, row = name_of(track, "values"), track.rows["values"]
            state.ledgers[bank] = enter(state.ledgers[bank], [row], [burn_in.numbers], [burn_in.sum])
        if track.family != "segment" and not track.projection and "errors" in self.parts:
            track = self._join(state, track, "errors", np.zeros(2, np.int64))
        if not track.segment and state.subject is not None:
            news.binnings.append(binning(track, state.subject))
        return msgspec.structs.replace(track, fresh=True)

    def _join(self, state: WatchState, track: Track, part: Part, counts: Counts) -> Track:
        """A new row of a bank."""
        bank = name_of(track, part)
        held: Any = state.banks.get(bank) or self.urns(bank).start()
        state.banks[bank] = self.urns(bank).add(held, [counts])
        state.ledgers[bank] = widen(state.ledgers.get(bank) or open_ledgers(0), len(held) + 1)
        state.order = {**state.order, bank: [*state.order.get(bank, []), track.key]}
        return msgspec.structs.replace(track, rows={**track.rows, part: len(held)})

    # -- judging ----------------------------------------------------------------------------------------------------

    def wants_nulls(self, track: Track) -> bool:
        """Whether the missing values of a column are watched."""
        return "nulls" in self.parts and nullable(track)

    def urns(self, bank: str) -> Judge:
        """The detector of one bank."""
        return urns(bank, self.reference, self.independent)

    def margins(self, state: WatchState) -> dict[str, Margin]:
        """The twins of the banks that have any."""
        found = {bank: likeness.of(bank, self.margin, self.reference) for bank in state.banks}
        return {bank: margin for bank, margin in found.items() if margin is not None}

    def _judge(self, state: WatchState, columns: dict[str, tuple[Column, int]], pane: Pane, news: News) -> None:
        """Every bank takes one step with what the pane has for it."""
        at, last = self._began(pane), pane.part + 1 == pane.parts
        found = self._count(state, columns)
        margins = self.margins(state)
        state.judged += sum(sum(gathered.n) * (1 + (bank in margins)) for bank, gathered in found.items())
        threshold = self.threshold(state)
        said: dict[str, Verdicts] = {}
        alike: dict[str, Verdicts] = {}
        arrived: dict[str, NDArray[np.uint32]] = {}
        for bank, gathered in found.items():
            held = state.banks[bank]
            state.ledgers[bank] = enter(state.ledgers[bank], gathered.rows, gathered.n, gathered.total)
            counts = arrived[bank] = gathered.array(held.pending.shape)
            state.banks[bank], said[bank] = step(self.urns(bank), held, at, counts, threshold)
            if bank in margins:
                alike[bank] = likeness.compare(state, self.urns(bank), margins[bank], bank, held, counts, threshold)
        for bank, verdicts in said.items():  # only now: an account of the whole looks at its slices
            for row in verdicts.turn.nonzero()[0]:
                self._turned(state, bank, int(row), verdicts, news)
        if "model" in self.parts:
            sole = self.sole_threshold(state)
            news.findings.extend(together.listen(state, self.urns, arrived, said, last, sole))
        for bank, verdicts in alike.items():
            turn = said[bank].turn
            news.findings.extend(likeness.tell(state, self.urns(bank), margins[bank], bank, verdicts, turn))

    def _count(self, state: WatchState, columns: dict[str, tuple[Column, int]]) -> Found:
        """What a pane has for the urns, by bank; the tracks remember what people look at."""
        found: dict[str, list[Entry]] = defaultdict(list)
        for key, (column, rows) in columns.items():
            track = state.tracks.get(key)
            if track is None:
                continue
            way = state.ways.get(key)
            if way is None or way.rows is not track.rows:
                way = state.ways[key] = way_of(track)
            n, texts = column.n, column.texts if column.values else column.other
            present = n + texts
            fitting, others = (n, texts) if way.form == "numbers" else (texts, n)
            missing = min(rows, max(column.nulls, rows - present))
            again = track.last_n == present == 1 and track.last_sum == column.sum
            state.tracks[key] = msgspec.structs.replace(
                track,
                last_n=present,
                last_nulls=missing,
                last_sum=column.sum,
                constant=n > 0 and column.min == column.max and (n > 1 or again),
                fresh=False,
            )
            if way.nulls is not None:
                bank, row = way.nulls
                found[bank].append((row, rows, missing))
            if way.values is not None and not track.fresh:
                bank, row = way.values
                own = way.counted(column)
                if own is not None:
                    found[bank].append((row, fitting, column.sum, *own))
            if way.errors is not None and present:
                bank, row = way.errors
                found[bank].append((row, present, others))
        return {bank: Gathered.of(entries) for bank, entries in found.items()}

    def threshold(self, state: WatchState) -> float:
        """A = events x detectors / k, with as many detectors as the rows they really see make up, over their share of
        the budget: the rest of it is for what they say together (`detectors.model_level`)."""
        detectors = ("volume" in self.parts) + state.judged / max(1, state.judged_of)
        alone = self.sole_threshold(state, ceil(detectors - 1e-9))  # not one more for the last digit
        if "model" not in self.parts:
            return alone
        return alone / crowds.shares(state.together, sum(map(len, state.banks.values())))[0]

    def sole_threshold(self, state: WatchState, detectors: int = 1) -> float:
        """What so many detectors need that have the whole budget to themselves."""
        per_week = calendar.per_week(state.calendar, state.rows, state.first_at, state.at)
        if per_week is not None and state.at - state.first_at < KNOWN_RATE_MS:
            per_week = max(per_week, budgets.UNKNOWN_EVENTS_PER_WEEK)
        return budgets.threshold(self.budget, detectors, per_week)

    # -- findings ------------------------------------------------------------------------------------------------------

    def _turned(self, state: WatchState, bank: str, row: int, verdicts: Verdicts, news: News) -> None:
        """An edge: remember it, and say it. A slice keeps quiet while the whole says the same."""
        turn = Turn(int(verdicts.turn[row]))
        if turn not in EDGES:
            return
        track, part = state.tracks[state.order[bank][row]], PARTS[kind_of(bank)]
        whole = state.tracks.get(track.column) if track.segment else None
        if part in track.firing or (turn == Turn.ALARM and not (whole is not None and part in whole.firing)):
            self._tell(state, track, part, verdicts, turn, news)
        if turn == Turn.ACCEPTED:
            state.ledgers[bank] = forget(state.ledgers[bank], row, int(verdicts.n[row]))
            if bank == together.NUMBERS:
                state.together = crowds.refer(state.together, row, state.banks[bank].reference(row))

    def _tell(self, state: WatchState, track: Track, part: Part, verdicts: Verdicts, turn: Turn, news: News) -> None:
        """Say an edge, and remember whether an alarm stands."""
        alarm, (_, row) = track.firing.get(part), state.place(track, part)
        onset = alarm.since if alarm else self._onset(state, track, part, int(verdicts.onset_events[row]))
        others = sum(part in other.firing for other in embedded(state, track) if other.key != track.key)
        edge: Edge = "moved" if others and turn == Turn.ALARM else EDGES[turn]
        finding = account(state, track, part, verdicts, edge, onset, alarm)
        if not others or turn in (Turn.ALARM, Turn.MOVED):
            news.findings.append(finding)
        firing = {name: standing for name, standing in track.firing.items() if name != part}
        if turn in (Turn.ALARM, Turn.MOVED):
            firing[part] = alarm or Alarm(onset, class_of(finding), tuple(segment_of(finding).items()))
        state.tracks[track.key] = msgspec.structs.replace(track, firing=firing)

    def _onset(self, state: WatchState, track: Track, part: Part, ago: int) -> int:
        """When it began. The rows of a slice are a part of all rows: they reach back further."""
        return calendar.when(state.calendar, max(0, state.rows - state.stretched(track, part, ago)))

    # -- guests --------------------------------------------------------------------------------------------------------

    def _ask_guests(self, state: WatchState, columns: dict[str, tuple[Column, int]], pane: Pane, news: News) -> None:
        """The detectors of the field, on one number of the pane each."""
        for place, signal in enumerate(self.signals):
            for key, (column, rows) in columns.items():
                if BETWEEN in key or not matches(signal, key):
                    continue
                value = signal.of(column, rows)
                if value is None:
                    continue
                name = f"{place}:{key}"
                guest: Guest = signal.guest
                state.guests[name], verdict = guest.step(state.guests.get(name) or guest.start(), value, 1.0)
                edge: Edge | None = "firing" if verdict.drifted else None
                if verdict.drifted:
                    state.guests_firing[name] = pane.at
                elif name in state.guests_firing and verdict.n >= GUEST_CALM:
                    edge = "accepted"
                if edge is not None:
                    news.findings.append(self._guest(state, guest, signal, key, rows, value, edge, name))
                if edge == "accepted":
                    del state.guests_firing[name]

    def _guest(
        self,
        state: WatchState,
        guest: Guest,
        signal: Signal,
        column: str,
        rows: int,
        value: float,
        edge: Edge,
        name: str,
    ) -> Finding:
        """A guest's alarm, or that it has been calm for a while: guests adapt, so that is all they can say."""
        return Finding(
            edge=edge,
            column=column,
            part="guest",
            detector=guest.kind,
            evidence=float(edge == "firing"),
            threshold=1.0,
            at=state.at,
            onset=state.guests_firing[name],
            n=rows,
            change=f"{guest.kind} on the {signal.signal.replace('_', ' ')} of a pane",
            after=value,
            version=state.version,
        )

    # -- health --------------------------------------------------------------------------------------------------------

    def _take_pulse(self, state: WatchState, news: News) -> bool:
        """Which of the five states it is, and whether it is time to say so."""
        health = self._health(state)
        changed = health != state.health or not state.health_since
        if changed:
            state.health, state.health_since = health, state.at
        if not changed and state.at - state.heartbeat_at < self.heartbeat_ms:
            return False
        state.heartbeat_at = state.at
        return True

    def _health(self, state: WatchState) -> Health:
        if state.at - (state.rows_at or state.first_at) >= self.silence_ms:
            return "no data"
        if state.lag_ms >= self.lagging_ms:
            return "lagging"
        standing = state.volume_since or state.guests_firing or state.together.alarm
        if standing or any(track.firing for track in state.tracks.values()):
            return "drifting"
        watching, columns = self.watching(state), sum(1 for track in state.tracks.values() if not track.segment)
        return "quiet" if columns and 2 * watching >= columns else "learning"

    def watching(self, state: WatchState) -> int:
        """How many columns of the whole subject have learnt enough to be watched."""
        whole = (name for name in state.banks if PARTS[kind_of(name)] == "values" and not name.endswith(SLICES))
        return sum(int((state.bank(name).phase != LEARNING).sum()) for name in whole)

    def drifting(self, state: WatchState) -> list[str]:
        """What an alarm stands for."""
        names = [f"{track.key} {part}" for track in state.tracks.values() for part in track.firing]
        names += ["volume"] * bool(state.volume_since) + ["together"] * bool(state.together.alarm)
        return sorted(names)

    # -- bytes ---------------------------------------------------------------------------------------------------------

    def encode(self, state: WatchState) -> bytes:
        """MessagePack, compressed: counts of which most are small take a third. Each bank in the form that it gives
        itself."""
        banks = {name: self.urns(name).encode(bank) for name, bank in sorted(state.banks.items())}
        ledgers = {name: ledger.encode(held) for name, held in sorted(state.ledgers.items())}
        margins = self.margins(state)
        twins = {name: margins[name].encode(held) for name, held in sorted(state.twins.items()) if name in margins}
        plain = {"banks": banks, "ledgers": ledgers, "twins": twins, "together": crowds.encode(state.together)}
        if state.expected is not None:
            plain["expected"] = outlook.of(state).encode(state.expected)
        stored = {name: plain.get(name, getattr(state, name)) for name in STORED}
        return zlib.compress(msgspec.msgpack.encode(stored), COMPRESSION)

    def decode(self, data: bytes) -> WatchState:
        """Raises ValueError with a sentence when the bytes come from a newer version. 0.1.0 did not compress."""
        try:
            plain = zlib.decompress(data) if data[:1] == COMPRESSED else data
        except zlib.error as error:
            raise ValueError(f"the judge's state is damaged: {error}") from error
        refuse_newer("the judge's state", version_of("the judge's state", plain))
        try:
            state = msgspec.msgpack.decode(plain, type=WatchState)
        except msgspec.MsgspecError as error:
            raise ValueError(f"the judge's state is damaged: {error}") from error
        state.banks = {name: self.urns(name).decode(blob) for name, blob in state.banks.items()}
        state.ledgers = {name: ledger.decode(blob) for name, blob in state.ledgers.items()}
        state.expected = None if state.expected is None else outlook.of(state).decode(state.expected)
        margins = self.margins(state)
        state.twins = {name: margins[name].decode(blob) for name, blob in state.twins.items() if name in margins}
        state.together = crowds.decode(state.together)
        return state


def room_left(state: WatchState) -> dict[bool, int]:
    """How many more tracks there is room for: of slices (True), and of the whole subject."""
    slices = sum(1 for track in state.tracks.values() if track.segment)
    learning = sum(1 for track in state.tracks.values() if track.burn_in is not None and not track.segment)
    return {
        True: MOST_SLICES - slices,
        False: min(MOST_COLUMNS - (len(state.tracks) - slices), MOST_LEARNING - learning),
    }


def season_of(track: Track, wanted: tuple[tuple[str, Period], ...]) -> Period | Literal[""]:
    """How long the season of a column of the whole is: that of the first pattern that fits its name."""
    fitting = (period for pattern, period in wanted if fnmatchcase(track.column, pattern))
    return "" if track.segment else next(fitting, "")


def nullable(track: Track) -> bool:
    """Whether missing values mean something: a prediction without a status or a segment is nothing new."""
    return track.family in ("feature", "prediction", "label", "signal", "embedding") and not track.projection


def embedded(state: WatchState, track: Track) -> list[Track]:
    """The columns of the embedding that a track is of. They are one thing to people: it fires with the first of them,
    further ones make it move, and it is over when the last one is."""
    return [other for other in state.tracks.values() if other.embedding == track.embedding] if track.embedding else []


def judged(track: Track) -> bool:
    """Whether the values are judged: of the whole always, of slices where panes count them."""
    return not track.segment or track.family in ("prediction", "latency", "status", "label")
