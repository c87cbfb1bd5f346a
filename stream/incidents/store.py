"""Incidents in Redis: what happened is applied exactly once, whatever is delivered twice or dies in the middle.

One Lua script compares and sets: an input (anomaly or command) that has been applied changes nothing any more; an
incident that somebody else changed meanwhile is read again. The same script notes that the incident has to be
published: a process that dies between the two leaves the note, and whoever comes next publishes (Richardson's
"transactional outbox").

Keys, all below the prefix: `incident:<id>` (JSON), `incidents` (sorted by update), `incidents:due` (sorted by what the
clock has to do next), `incidents:unpublished` (id -> the revision that waits), `fingerprint:<fp>` (id of its latest
incident), `incidents:at:<place>` (ids of one subject and feature), `incidents:applied:<input>`.

While Redis is away every call waits and asks again; nothing is lost and nothing is raised.

A Redis that forgets is noticed before anything is applied to it. One that lost everything has no `incidents:kept`; one
that went back has a smaller number under `incidents:seen:<process>` than it has told this process: the fence of
`stream.engine.fence`, with a number a process because several may write at once. If what others wrote is gone, as after
a restart without the last second, no number of ours tells; but a Redis that was restarted has no scripts, and the one
that applies is loaded into it by each process for itself.

Then the incidents come back from their topic, each in its latest revision. A process loads that script anew whenever it
does so, and calls the new one when they are all there: whatever else it is about to apply meanwhile finds none and
waits. An incident knows from its own log what it was told (`apply.told`), so what Kafka delivers again is not applied
twice although the marks of it are gone.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from schemas.anomaly import Anomaly
from schemas.incident import Command, Incident
from stream.incidents import instant
from stream.incidents.apply import Applied, Tick, due_ms, forgotten, home, place, places, step, told
from stream.incidents.scripts import APPLY, FORGET, KEPT, PUBLISHED, RESTORE, UNPUBLISHED
from stream.incidents.version import refuse_newer
from stream.settings import Incidents
from stream.whereabouts import Note

APPLIED_FOR_S = 14 * 86_400  # twice as long as Kafka remembers the offsets of a group that is away
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)  # the last one again and again
SAY_EVERY_S = 30.0
BRINGING_S = 600  # longer than to bring all incidents back
SEEN_S = 86_400  # longer than any process says nothing: one that lives asks every second
AT_ONCE = 500

log = structlog.get_logger()
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Incident).decode


async def nothing() -> list[Incident]:
    """A backup that is empty."""
    return []


class Store:
    """All incidents of one installation. `waiting` says since when Redis does not answer (None: it does), `losses` how
    often the incidents were brought back.

    `recall` gives the incidents as they were published, oldest change first, in case Redis has lost them.
    """

    def __init__(
        self, redis: Redis, prefix: str, rules: Incidents, recall: Callable[[], Awaitable[list[Incident]]] = nothing
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._rules = rules
        self._recall = recall
        self._said_at = 0.0
        self._seen = self._key(f"incidents:seen:{uuid4().hex}")
        self._told = 0  # number of our last change that Redis has told us of
        self._bringing = asyncio.Lock()
        self._loaded = ""  # its name in the Redis that we have brought the incidents back to
        self.waiting: float | None = None
        self.losses = 0

    async def anomaly(self, anomaly: Anomaly, now_ms: int) -> Applied:
        """Apply one anomaly. A repeated one gives the incident it led to, and no steps; `publish` says whether that
        waits for being published, which a process that died may have left to us."""
        keys = [self._at(each) for each in places(anomaly)]
        while True:
            own = await self._of_fingerprint(anomaly.fingerprint)
            if own[1] and told(own[1], anomaly, now_ms):
                return await self._repeated(own[1].id)
            around = await self.incidents(await self._ask(lambda: self._redis.sunion(keys)))
            found = home(anomaly, own[1], [incident for _, incident in around])
            was = next((raw for raw, incident in (own, *around) if found and incident == found), b"")
            done = step(found, anomaly, now_ms, self._rules)
            if done.incident and (not found or done.incident.id != found.id):
                was = b""  # a new incident, beside the one that was resolved too long ago
            said, before = await self._apply(f"anomaly:{anomaly.id}", was, done, [anomaly.fingerprint])
            if said == "repeated":
                return await self._repeated(before)
            if said == "applied":
                return done
            await self.remember()

    async def command(self, command: Command, now_ms: int) -> Applied:
        """Apply one command. No incident in the answer: there is none of that id."""
        while True:
            was, incident = await self._read(command.incident)
            if incident is None:
                if await self.remember():
                    continue
                return Applied(None, [], False)
            if told(incident, command, now_ms):
                return await self._repeated(incident.id)
            done = step(incident, command, now_ms, self._rules)
            said, before = await self._apply(f"command:{command.id}", was, done)
            if said == "repeated":
                return await self._repeated(before)
            if said == "applied":
                return done
            await self.remember()

    async def begin(self) -> None:
        """A Redis that forgot while no process was there to notice: at the start the topic is read in any case."""
        while not await self._bring_back():
            pass
        await self.remember()

    async def remember(self) -> bool:
        """Bring back what Redis has lost since it last answered, or never had. Whether that was so."""
        lost = False
        while not await self._intact():
            lost = True
            async with self._bringing:
                if not await self._intact():  # nobody has done so while we waited
                    await self._bring_back()
        return lost

    async def tick(self, now_ms: int, at_most: int = 100) -> list[Applied]:
        """Do what the clock asks for: silences that end, incidents to escalate, old ones to forget."""
        await self.remember()
        due = await self._ask(
            lambda: self._redis.zrangebyscore(self._key("incidents:due"), "-inf", now_ms, start=0, num=at_most)
        )
        return [done for id in _texts(due) if (done := await self._tick(id, now_ms)).publish]

    async def unpublished(self) -> dict[str, int]:
        """Incidents whose latest revision the topic has not got yet, with that revision."""
        notes = await self._ask(lambda: self._redis.hgetall(self._key("incidents:unpublished")))
        return {_text(id): int(revision) for id, revision in notes.items()}

    async def published(self, incident: Incident) -> None:
        """The topic has got this revision."""
        await self._run(PUBLISHED, [self._key("incidents:unpublished")], [incident.id, str(incident.revision)])

    async def heard(self, incident: Incident) -> None:
        """The topic has this revision, behind all that was heard before. One that is older than what Redis has must not
        stay the last: the latest waits for being published again then, until it is heard itself."""
        await self.remember()  # or an old one would be taken for the latest
        was, latest = await self._read(incident.id)
        if latest and latest.revision > incident.revision:
            keys = [self._key(f"incident:{incident.id}"), self._key("incidents:unpublished")]
            await self._run(UNPUBLISHED, keys, [incident.id, was, str(latest.revision)])
        else:
            await self.published(incident)

    async def incident(self, id: str) -> Incident | None:
        """One incident as it stands; None: there is none, and Redis has forgotten nothing."""
        found = (await self._read(id))[1]
        while found is None and await self.remember():
            found = (await self._read(id))[1]
        return found

    async def latest(self, at_most: int = 1_000) -> list[Incident]:
        """The incidents that changed last, latest first."""
        ids = await self._ask(lambda: self._redis.zrevrange(self._key("incidents"), 0, at_most - 1))
        return [incident for _, incident in await self.incidents(ids)]

    async def incidents(self, ids: Iterable[bytes]) -> list[tuple[bytes, Incident]]:
        """Incidents with the bytes they were read from."""
        keys = [self._key(f"incident:{id}") for id in _texts(ids)]
        found = await self._ask(lambda: self._redis.mget(keys)) if keys else []
        return [(raw, incident) for raw in found if raw is not None and (incident := _readable(raw))]

    async def first(self, key: str, field: str, value: str) -> str:
        """Note a value below our prefix, unless there is one already; the one that is there."""
        await self._ask(lambda: self._redis.hsetnx(self._key(key), field, value))
        return _text(await self._ask(lambda: self._redis.hget(self._key(key), field)) or value)

    async def tell(self, note: Note) -> None:
        """Leave a note for people."""
        await self._ask(lambda: self._redis.set(self._key(note.key), note.text, ex=note.for_s))

    async def _tick(self, id: str, now_ms: int) -> Applied:
        while True:
            was, incident = await self._read(id)
            if incident is None:  # its JSON is gone: nothing can be due any more
                await self._ask(lambda: self._redis.zrem(self._key("incidents:due"), id))
                return Applied(None, [], False)
            if forgotten(incident, now_ms, self._rules):
                await self._forget(was, incident)
                return Applied(None, [], False)
            done = step(incident, Tick(), now_ms, self._rules)
            if not done.publish or (await self._apply("", was, done))[0] == "applied":
                return done
            await self.remember()

    async def _repeated(self, id: str) -> Applied:
        """Nobody may acknowledge what is not published yet: Redis could lose it, and nobody would be told again."""
        incident = (await self._read(id))[1]
        waits = await self._ask(lambda: self._redis.hexists(self._key("incidents:unpublished"), id))
        return Applied(incident, [], bool(waits))

    async def _apply(self, input: str, was: bytes, done: Applied, fingerprints: Iterable[str] = ()) -> tuple[str, str]:
        """`applied`, `repeated` (it was, before, to this incident), `changed` (somebody else was faster) or `forgotten`
        (by Redis)."""
        incident = done.incident
        id = incident.id if incident else ""
        due = due_ms(incident, self._rules) if incident else None
        keys = [
            self._key(f"incident:{id}"),
            self._key(f"incidents:applied:{input}"),
            self._key("incidents"),
            self._key("incidents:due"),
            self._key("incidents:unpublished"),
            self._at(place(incident)) if incident else "",
            *(self._key(f"fingerprint:{fingerprint}") for fingerprint in fingerprints if done.publish),
        ]
        values: list[str | bytes] = [
            id,
            was,
            encode(incident) if incident and done.publish else b"",
            str(incident.revision) if incident else "",
            str(instant.ms(incident.updated_at)) if incident else "",
            "" if due is None else str(due),
            str(APPLIED_FOR_S if input else 0),
        ]
        return await self._fenced(keys, values)

    async def _intact(self) -> bool:
        """Whether Redis still knows what it has told us, and anybody."""
        return (await self._fenced())[0] == "intact"

    async def _fenced(self, keys: Sequence[str] = (), values: Sequence[str | bytes] = ()) -> tuple[str, str]:
        """Run `APPLY`: what became of it, and the incident that it names."""
        all_keys = [self._key("incidents:kept"), self._seen, *keys]
        all_values = [str(self._told), str(SEEN_S), *values]

        async def run() -> Any:
            try:
                return await self._redis.evalsha(self._loaded, len(all_keys), *all_keys, *all_values)
            except NoScriptError:
                return b"forgotten", 0, b""

        said, number, id = await self._ask(run)
        self._told = max(self._told, number)
        return _text(said), _text(id)

    async def _bring_back(self) -> bool:
        """All incidents as their topic has them, unless Redis knows more. False: Redis lost something meanwhile."""
        loaded = await self._ask(lambda: self._redis.script_load(f"-- {uuid4().hex}{APPLY}"))
        bringing = self._key(f"incidents:bringing:{uuid4().hex}")
        await self._ask(lambda: self._redis.set(bringing, "0", ex=BRINGING_S))
        now_ms, brought = time.time_ns() // 1_000_000, 0
        published = [each for each in await self._recall() if not forgotten(each, now_ms, self._rules)]
        for first in range(0, len(published), AT_ONCE):
            some = published[first : first + AT_ONCE]
            known = {each.id: each.revision for _, each in await self.incidents(each.id.encode() for each in some)}
            for incident in some:
                if known.get(incident.id, 0) < incident.revision:
                    brought += await self._restore(incident, bringing)
        keys = [bringing, self._key("incidents:kept"), self._seen]
        number = self._told + 1  # a change of its own: from here on we would notice that this was forgotten
        values = [str(brought), instant.text(now_ms), str(number), str(SEEN_S)]
        kept = await self._run(KEPT, keys, values)
        if kept:
            self._told, self._loaded = number, loaded
            self.losses += 1
        if kept and brought:
            log.warning("Redis had lost incidents: they were brought back from their topic", incidents=brought)
        return bool(kept)

    async def _restore(self, incident: Incident, bringing: str) -> int:
        """1 if Redis knew less of it than its topic."""
        due = due_ms(incident, self._rules)
        while True:
            was, known = await self._read(incident.id)
            if was and (not known or known.revision >= incident.revision):
                return 0
            keys = [
                bringing,
                self._key(f"incident:{incident.id}"),
                self._key("incidents"),
                self._key("incidents:due"),
                self._key("incidents:unpublished"),
                self._at(place(incident)),
                *[self._key(f"fingerprint:{each}") for each in incident.members if await self._leads(each, incident)],
            ]
            values: list[str | bytes] = [
                incident.id,
                was,
                encode(incident),
                str(incident.revision),
                str(instant.ms(incident.updated_at)),
                "" if due is None else str(due),
                str(BRINGING_S),
            ]
            if await self._run(RESTORE, keys, values):
                return 1

    async def _leads(self, fingerprint: str, to: Incident) -> bool:
        """Whether no other incident was touched by this fingerprint later."""
        _, other = await self._of_fingerprint(fingerprint)
        member = other.members.get(fingerprint) if other else None
        return member is None or member.at <= to.members[fingerprint].at

    async def _forget(self, was: bytes, incident: Incident) -> None:
        keys = [
            self._key(f"incident:{incident.id}"),
            self._key("incidents"),
            self._key("incidents:due"),
            self._key("incidents:unpublished"),
            self._at(place(incident)),
            *(self._key(f"fingerprint:{fingerprint}") for fingerprint in incident.members),
        ]
        await self._run(FORGET, keys, [incident.id, was])

    async def _of_fingerprint(self, fingerprint: str) -> tuple[bytes, Incident | None]:
        id = await self._ask(lambda: self._redis.get(self._key(f"fingerprint:{fingerprint}")))
        return await self._read(_text(id)) if id else (b"", None)

    async def _read(self, id: str) -> tuple[bytes, Incident | None]:
        raw = await self._ask(lambda: self._redis.get(self._key(f"incident:{id}")))
        return (raw, _readable(raw)) if raw else (b"", None)

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _at(self, place: str) -> str:
        return self._key(f"incidents:at:{place}")

    async def _run(self, script: str, keys: Sequence[str], values: Sequence[str | bytes]) -> Any:
        return await self._ask(lambda: self._redis.eval(script, len(keys), *keys, *values))

    async def _ask(self, question: Callable[[], Awaitable[Any]]) -> Any:
        """The answer, however long Redis is away."""
        attempt = 0
        while True:
            try:
                answer = await question()
            except (RedisError, OSError) as trouble:
                self._complain(trouble)
            else:
                self._answered()
                return answer
            await asyncio.sleep(BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)])
            attempt += 1

    def _complain(self, trouble: Exception) -> None:
        now = time.monotonic()
        self.waiting = self.waiting or now
        if now - self._said_at >= SAY_EVERY_S:
            self._said_at = now
            log.warning("Redis does not answer: incidents wait, nothing is lost", reason=str(trouble))

    def _answered(self) -> None:
        if self.waiting is not None:
            log.info("Redis answers again", away_s=round(time.monotonic() - self.waiting, 1))
            self.waiting, self._said_at = None, 0.0


def _readable(raw: bytes) -> Incident | None:
    """None, said in the log, when somebody else wrote it. Raises Surprise when a newer Leeway did."""
    refuse_newer(raw, "Redis")
    try:
        return decode(raw)
    except msgspec.MsgspecError as reason:
        log.warning("an incident in Redis cannot be read and is left alone", reason=str(reason))
        return None


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def _texts(raw: Iterable[bytes]) -> list[str]:
    return [_text(each) for each in raw]
