"""Incidents in Redis: what happened is applied exactly once, whatever is delivered twice or dies in the middle.

One Lua script compares and sets: an input (anomaly or command) that has been applied changes nothing any more; an
incident that somebody else changed meanwhile is read again. The same script notes that the incident has to be
published: a process that dies between the two leaves the note, and whoever comes next publishes (Richardson's
"transactional outbox").

Keys, all below the prefix: `incident:<id>` (JSON), `incidents` (sorted by update), `incidents:due` (sorted by what the
clock has to do next), `incidents:unpublished` (id -> the revision that waits), `fingerprint:<fp>` (id of its latest
incident), `incidents:at:<place>` (ids of one subject and feature), `incidents:applied:<input>`.

While Redis is away every call waits and asks again; nothing is lost and nothing is raised. `incidents:kept` is there
as long as Redis has not lost everything; without it nothing is applied before the incidents were brought back.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import uuid4

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.anomaly import Anomaly
from schemas.incident import Command, Incident
from stream.incidents import instant
from stream.incidents.apply import Applied, Tick, due_ms, forgotten, home, place, places, step
from stream.settings import Incidents

APPLIED_FOR_S = 14 * 86_400  # twice as long as Kafka remembers the offsets of a group that is away
BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)  # the last one again and again
SAY_EVERY_S = 30.0
BRINGING_S = 600  # longer than to bring all incidents back

log = structlog.get_logger()
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Incident).decode

# KEYS  1 incident  2 applied  3 incidents  4 due  5 unpublished  6 place  7 kept  8.. fingerprints that lead to it
# ARGV  1 id  2 the incident as it was read ("" for none)  3 as it is to be ("" to change nothing)  4 revision
#       5 updated  6 due ("" for never)  7 seconds to remember the input (0: not an input)
APPLY = """
if redis.call('EXISTS', KEYS[7]) == 0 then return 'forgotten' end
if tonumber(ARGV[7]) > 0 and redis.call('EXISTS', KEYS[2]) == 1 then return 'repeated' end
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return 'changed' end
if tonumber(ARGV[7]) > 0 then redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[7]) end
if ARGV[3] == '' then return 'applied' end
redis.call('SET', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[1])
if ARGV[6] == '' then redis.call('ZREM', KEYS[4], ARGV[1]) else redis.call('ZADD', KEYS[4], ARGV[6], ARGV[1]) end
redis.call('HSET', KEYS[5], ARGV[1], ARGV[4])
redis.call('SADD', KEYS[6], ARGV[1])
for i = 8, #KEYS do redis.call('SET', KEYS[i], ARGV[1]) end
return 'applied'
"""

# KEYS  1 incident  2 incidents  3 due  4 place  5.. fingerprints    ARGV  1 id  2 the incident  3 updated  4 due
RESTORE = """
if redis.call('SET', KEYS[1], ARGV[2], 'NX') == false then return end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[3], ARGV[4], ARGV[1]) end
redis.call('SADD', KEYS[4], ARGV[1])
for i = 5, #KEYS do redis.call('SET', KEYS[i], ARGV[1]) end
"""

# KEYS  1 bringing  2 kept    ARGV  1 since when
KEPT = "if redis.call('DEL', KEYS[1]) == 0 then return 0 end redis.call('SET', KEYS[2], ARGV[1]) return 1"

# KEYS  1 unpublished    ARGV  1 id  2 the revision that was published
PUBLISHED = "if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end"

# KEYS  1 incident  2 incidents  3 due  4 unpublished  5 place  6.. fingerprints    ARGV  1 id  2 as it was read
FORGET = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[2] then return end
redis.call('DEL', KEYS[1])
for i = 2, 3 do redis.call('ZREM', KEYS[i], ARGV[1]) end
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('SREM', KEYS[5], ARGV[1])
for i = 6, #KEYS do if redis.call('GET', KEYS[i]) == ARGV[1] then redis.call('DEL', KEYS[i]) end end
"""


async def nothing() -> list[Incident]:
    """A backup that is empty."""
    return []


class Store:
    """All incidents of one installation. `waiting` says since when Redis does not answer (None: it does).

    `recall` gives the incidents as they were published, oldest change first, in case Redis has lost them.
    """

    def __init__(
        self, redis: Redis, prefix: str, rules: Incidents, recall: Callable[[], Awaitable[list[Incident]]] = nothing
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._rules = rules
        self._recall = recall
        self._told_at = 0.0
        self.waiting: float | None = None

    async def anomaly(self, anomaly: Anomaly, now_ms: int) -> Applied:
        """Apply one anomaly. A repeated one gives the incident it led to, and no steps."""
        keys = [self._at(each) for each in places(anomaly)]
        while True:
            own = await self._of_fingerprint(anomaly.fingerprint)
            around = await self.incidents(await self._ask(lambda: self._redis.sunion(keys)))
            found = home(anomaly, own[1], [incident for _, incident in around])
            was = next((raw for raw, incident in (own, *around) if found and incident == found), b"")
            done = step(found, anomaly, now_ms, self._rules)
            if done.incident and (not found or done.incident.id != found.id):
                was = b""  # a new incident, beside the one that was resolved too long ago
            said = await self._apply(f"anomaly:{anomaly.id}", was, done, [anomaly.fingerprint])
            if said == "repeated":
                return Applied(own[1], [], False)
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
            done = step(incident, command, now_ms, self._rules)
            said = await self._apply(f"command:{command.id}", was, done)
            if said == "repeated":
                return Applied(incident, [], False)
            if said == "applied":
                return done
            await self.remember()

    async def remember(self) -> bool:
        """Bring the incidents back if Redis has lost them, or never had them. Whether that was so."""
        lost = False
        while not await self._ask(lambda: self._redis.exists(self._key("incidents:kept"))):
            lost = True
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
        key = self._key("incidents:unpublished")
        await self._ask(lambda: self._redis.eval(PUBLISHED, 1, key, incident.id, str(incident.revision)))

    async def incident(self, id: str) -> Incident | None:
        """One incident as it stands."""
        return (await self._read(id))[1]

    async def latest(self, at_most: int = 1_000) -> list[Incident]:
        """The incidents that changed last, latest first."""
        ids = await self._ask(lambda: self._redis.zrevrange(self._key("incidents"), 0, at_most - 1))
        return [incident for _, incident in await self.incidents(ids)]

    async def incidents(self, ids: Iterable[bytes]) -> list[tuple[bytes, Incident]]:
        """Incidents with the bytes they were read from."""
        keys = [self._key(f"incident:{id}") for id in _texts(ids)]
        found = await self._ask(lambda: self._redis.mget(keys)) if keys else []
        return [(raw, incident) for raw in found if raw is not None and (incident := _readable(raw))]

    async def tell(self, key: str, value: str, for_s: int) -> None:
        """Leave a note for people below our prefix, for a while."""
        await self._ask(lambda: self._redis.set(self._key(key), value, ex=for_s))

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
            if not done.publish or await self._apply("", was, done) == "applied":
                return done

    async def _apply(self, input: str, was: bytes, done: Applied, fingerprints: Iterable[str] = ()) -> str:
        """`applied`, `repeated` (it was, before), `changed` (somebody else was faster) or `forgotten` (by Redis)."""
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
            self._key("incidents:kept"),
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
        said = await self._ask(lambda: self._redis.eval(APPLY, len(keys), *keys, *values))
        return _text(said)

    async def _bring_back(self) -> None:
        """All incidents from their topic; kept only if Redis did not lose everything again meanwhile."""
        bringing = self._key(f"incidents:bringing:{uuid4().hex}")
        await self._ask(lambda: self._redis.set(bringing, "", ex=BRINGING_S))
        brought = await self._recall()
        for incident in brought:
            await self._restore(incident)
        now = instant.text(time.time_ns() // 1_000_000)
        keys = [bringing, self._key("incidents:kept")]
        if await self._ask(lambda: self._redis.eval(KEPT, len(keys), *keys, now)) and brought:
            log.warning("Redis had no incidents: they were brought back from their topic", incidents=len(brought))

    async def _restore(self, incident: Incident) -> None:
        due = due_ms(incident, self._rules)
        keys = [
            self._key(f"incident:{incident.id}"),
            self._key("incidents"),
            self._key("incidents:due"),
            self._at(place(incident)),
            *(self._key(f"fingerprint:{fingerprint}") for fingerprint in incident.members),
        ]
        updated = str(instant.ms(incident.updated_at))
        values: list[str | bytes] = [incident.id, encode(incident), updated, "" if due is None else str(due)]
        await self._ask(lambda: self._redis.eval(RESTORE, len(keys), *keys, *values))
        for anomaly in {each.anomaly for each in incident.steps if each.anomaly}:
            await self._note_applied(f"anomaly:{anomaly}", incident.id)

    async def _note_applied(self, input: str, id: str) -> None:
        key = self._key(f"incidents:applied:{input}")
        await self._ask(lambda: self._redis.set(key, id, ex=APPLIED_FOR_S))

    async def _forget(self, was: bytes, incident: Incident) -> None:
        keys = [
            self._key(f"incident:{incident.id}"),
            self._key("incidents"),
            self._key("incidents:due"),
            self._key("incidents:unpublished"),
            self._at(place(incident)),
            *(self._key(f"fingerprint:{fingerprint}") for fingerprint in incident.members),
        ]
        await self._ask(lambda: self._redis.eval(FORGET, len(keys), *keys, incident.id, was))

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
        if now - self._told_at >= SAY_EVERY_S:
            self._told_at = now
            log.warning("Redis does not answer: incidents wait, nothing is lost", reason=str(trouble))

    def _answered(self) -> None:
        if self.waiting is not None:
            log.info("Redis answers again", away_s=round(time.monotonic() - self.waiting, 1))
            self.waiting, self._told_at = None, 0.0


def _readable(raw: bytes) -> Incident | None:
    """None, said once in the log, when somebody else or a newer version wrote it."""
    try:
        return decode(raw)
    except msgspec.MsgspecError as reason:
        log.warning("an incident in Redis cannot be read and is left alone", reason=str(reason))
        return None


def _text(raw: bytes | str) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw


def _texts(raw: Iterable[bytes]) -> list[str]:
    return [_text(each) for each in raw]
