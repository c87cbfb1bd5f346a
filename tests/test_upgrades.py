"""What an older Leeway kept is opened and gone on from; what a newer one kept is refused with a sentence, untouched.

`python -m tests.test_upgrades` writes the golden files of the present version where there are none. Files are only ever
added.
"""

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import pytest
import redis
from redis.asyncio import Redis as AsyncRedis

from detectors.budget import parse
from detectors.guests import invite
from detectors.watch.fold import Watch
from detectors.watch.signal import Signal
from detectors.watch.state import WatchState
from schemas import records
from schemas.incident import Incident
from schemas.pane import Pane
from stream.embedded.redis import EmbeddedRedis
from stream.engine.fence import Fence, packed, unpacked
from stream.engine.role import Lane
from stream.engine.shape import Shape
from stream.engine.surprise import Surprise
from stream.incidents import instant
from stream.incidents.apply import step
from stream.incidents.store import Store
from stream.settings import Incidents
from tests.cli.test_watch import until
from tests.conftest import Platform
from tests.incidents.anomalies import START_MS, anomaly
from tests.judge.panes import pane
from tests.pipeline.installation import PARTITIONS, Installation, Records

GOLDEN = Path(__file__).parent / "golden"
FOLDER = GOLDEN / "upgrades"
GUESTS = ("adwin", "page_hinkley", "kswin", "hddm_a")
HOURS, ROWS = 60, 40
LANE, TOPIC = Lane("panes", 3), Shape("9X1hbGk", 8)
JUDGE_FILE = "judge-v1-heaps"  # it holds evidence for heaps, and the first ones of this version do not
LANE_FILE = "lane-v1-topic"  # it says of which topic it is, and the first ones of this version do not
EVERYTHING = Watch(
    budget=parse("1 per 100000 events"),
    reference=600,
    burn_in=200,
    season=(("feature:age", "day"),),
    margin=0.5,
    signals=tuple(Signal(invite(kind, {}), ("prediction:*", "feature:x"), "mean") for kind in GUESTS),
)


def hour(at: int) -> Pane:
    """One pane that every version makes alike: no random numbers, and a change that is being recovered from."""
    higher = 40 <= at < 55
    columns = {
        "feature:age": [20 + (7 * i + 3 * at) % 50 + 40 * higher for i in range(ROWS)],
        "feature:x": [(13 * i + 7 * at) % 17 / 17 + 2 * higher for i in range(ROWS)],
        "feature:plan": ["free" if (i + at) % 3 else "pro" for i in range(ROWS)],
        "prediction:value": [(5 * i + at) % 100 / 100 for i in range(ROWS)],
    }
    return pane(columns, at=3_600 * at, regions=["eu" if i % 2 else "us" for i in range(ROWS)])


def judged(state: WatchState, first: int, last: int) -> WatchState:
    for at in range(first, last):
        state, _ = EVERYTHING.step(state, hour(at))
    return state


@pytest.mark.parametrize("file", sorted(FOLDER.glob("judge-*.bin")), ids=lambda file: file.name)
def test_a_state_with_everything_in_it_opens_and_goes_on(file: Path) -> None:
    state = EVERYTHING.decode(file.read_bytes())
    assert state.rows == HOURS * ROWS
    assert {"numbers", "numbers/day", "numbers/slices", "texts", "nulls", "errors"} <= state.banks.keys()
    assert state.ledgers.keys() == state.banks.keys()
    assert {"numbers", "numbers/day"} <= state.twins.keys()
    assert len(state.guests) == 2 * len(GUESTS)
    assert state.volume is not None
    after = judged(state, HOURS, HOURS + 2)
    assert after.rows == (HOURS + 2) * ROWS
    assert EVERYTHING.encode(EVERYTHING.decode(EVERYTHING.encode(after))) == EVERYTHING.encode(after)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("incident-*.json")), ids=lambda file: file.name)
def test_an_incident_opens_and_goes_on(file: Path) -> None:
    incident = records.incident(file.read_bytes())
    assert isinstance(incident, Incident), incident
    assert (incident.state, incident.anomalies, len(incident.members)) == ("open", 2, 1)
    after = step(incident, anomaly("recovered", at_s=20, id="x"), START_MS + 20_000, Incidents()).incident
    assert after is not None
    assert (after.state, after.revision) == ("resolved", incident.revision + 1)


def test_the_present_versions_have_their_golden_files() -> None:
    names = {file.name for file in FOLDER.iterdir()}
    present = {f"{JUDGE_FILE}.bin", name_of("incident", opened().v, "json"), f"{LANE_FILE}.json"}
    assert present <= names, "run python -m tests.test_upgrades and commit the files"


@cache
def opened() -> Incident:
    first = step(None, anomaly(id="a"), START_MS, Incidents()).incident
    after = step(first, anomaly("moved", at_s=9, id="b"), START_MS + 9_000, Incidents()).incident
    assert after is not None
    return after


def name_of(what: str, version: int, kind: str) -> str:
    return f"{what}-v{version}.{kind}"


# --- as processes, and on a real Redis


def put(service: Installation, subject: str, blob: bytes) -> None:
    """A snapshot in every lane of the judge, as if it had been written there before the log began."""
    with redis.Redis.from_url(service.platform.redis_url) as client:
        for partition in range(PARTITIONS):
            lane = f"{service.settings.redis.prefix}judge:{service.topic('panes')}/{partition}"
            client.hset(lane, mapping={"mark": 0, f"k:{subject}": packed(-1, blob)})


def kept(service: Installation, subject: str) -> list[bytes]:
    with redis.Redis.from_url(service.platform.redis_url) as client:
        lanes = (
            f"{service.settings.redis.prefix}judge:{service.topic('panes')}/{number}" for number in range(PARTITIONS)
        )
        blobs = (client.hget(lane, f"k:{subject}") for lane in lanes)
        return [unpacked(blob)[1] for blob in blobs if isinstance(blob, bytes)]


@pytest.mark.slow
def test_a_judge_goes_on_from_what_an_older_one_kept(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path)
    old, watch = pane({"feature:age": [41.0] * 7}, at=9_999), Watch(budget=parse("1 per 100000 events"))
    blob = (GOLDEN / "watch" / "v1.bin").read_bytes()
    before = watch.decode(blob).rows
    put(service, old.subject.key, blob)
    with service.running("judge"):
        service.put("panes", msgspec.json.encode(old), old.subject.model.encode())
        service.flush()
        rows = {before, before + 7}
        assert until(lambda: {watch.decode(each).rows for each in kept(service, old.subject.key)} == rows)


@pytest.mark.slow
def test_a_judge_refuses_what_a_newer_one_kept_and_leaves_it_alone(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path)
    one, blob = pane({"feature:age": [41.0] * 7}, at=1), msgspec.msgpack.encode({"v": 2, "tracks": "otherwise"})
    put(service, one.subject.key, blob)
    with service.running("judge") as judge:
        service.put("panes", msgspec.json.encode(one), one.subject.model.encode())
        service.flush()
        assert judge.wait(60) == 3
    assert f"the snapshot of {one.subject.key} in" in service.said
    assert "the judge's state has version 2; this Leeway reads up to 1: upgrade Leeway" in service.said
    assert set(kept(service, one.subject.key)) == {blob}


@pytest.mark.slow
def test_incidents_of_a_newer_version_on_the_topic_are_refused(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path)
    service.put("incidents", msgspec.json.encode(msgspec.structs.replace(opened(), v=2)), b"inc-1")
    service.flush()
    with service.running("incidents") as process, Records(service) as records:
        assert process.wait(60) == 3
        assert len(records.to_the_end()["incidents"]) == 1
    sentence = f"an incident in {service.topic('incidents')} has version 2, and this Leeway reads up to 1"
    assert sentence in service.said


def test_an_incident_of_a_newer_version_in_redis_is_refused_and_left_alone() -> None:
    newer = msgspec.json.encode(msgspec.structs.replace(opened(), v=2))

    async def work(url: str) -> None:
        client = AsyncRedis.from_url(url)
        try:
            store = Store(client, "leeway:", Incidents())
            await store.begin()
            first = (await store.anomaly(anomaly(), START_MS)).incident
            assert first is not None
            await client.set(f"leeway:incident:{first.id}", newer)
            with pytest.raises(Surprise, match="an incident in Redis has version 2, and this Leeway reads up to 1"):
                await store.anomaly(anomaly("moved", at_s=1), instant.ms(anomaly().detected_at))
            assert await client.get(f"leeway:incident:{first.id}") == newer
        finally:
            await client.aclose()

    with EmbeddedRedis() as server:
        asyncio.run(work(server.url))


# --- snapshots


@pytest.fixture
def client() -> Iterator[redis.Redis]:
    with EmbeddedRedis() as server, redis.Redis.from_url(server.url) as client:
        yield client


def lane_of(file: Path) -> dict[bytes, bytes]:
    """A lane's hash."""
    told = msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    return {name.encode(): bytes.fromhex(value) for name, value in told.items()}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("lane-*.json")), ids=lambda file: file.name)
def test_a_lane_is_gone_on_from_and_says_from_then_on_of_which_topic_it_is(client: redis.Redis, file: Path) -> None:
    client.hset("leeway:judge:panes/3", mapping=lane_of(file))  # type: ignore[arg-type]
    fence = Fence(client, "leeway:judge:", 1_000_000)
    hold = fence.acquire(LANE, TOPIC)
    assert (hold.mark, hold.known, hold.outdated) == (42, {"churn"}, False)
    assert fence.load(hold, ["churn"]) == [(41, b"state")]
    assert fence.write(hold, 43, {})
    assert fence.acquire(LANE, TOPIC).mark == 43
    assert fence.acquire(LANE, Shape("another", 8)).mark is None


def test_snapshots_that_do_not_say_their_version_are_of_the_first_and_gone_on_from(client: redis.Redis) -> None:
    client.hset("leeway:judge:panes/3", mapping={"tok": "former", "n": 7, "mark": 42, "k:churn": packed(41, b"state")})
    fence = Fence(client, "leeway:judge:", 1_000_000)
    hold = fence.acquire(Lane("panes", 3))
    assert (hold.mark, hold.known) == (42, {"churn"})
    assert fence.load(hold, ["churn"]) == [(41, b"state")]
    assert client.hget(hold.name, "v") == b"1"
    assert Fence(client, "leeway:judge:", 1_000_000).acquire(Lane("panes", 3)).mark == 42


def test_snapshots_of_a_newer_version_are_refused_and_left_alone(client: redis.Redis) -> None:
    newer = {b"v": b"2", b"tok": b"its owner", b"n": b"7", b"marks": b"told otherwise"}
    client.hset("leeway:judge:panes/3", mapping=newer)  # type: ignore[arg-type]
    fence = Fence(client, "leeway:judge:", 1_000_000)
    with pytest.raises(Surprise, match="snapshots in leeway:judge:panes/3 have version 2; this Leeway reads version 1"):
        fence.acquire(Lane("panes", 3))
    assert client.hgetall("leeway:judge:panes/3") == newer


@pytest.mark.slow
def test_a_judge_refuses_snapshots_of_a_newer_version(platform: Platform, tmp_path: Path) -> None:
    service = Installation(platform, tmp_path)
    lane = f"{service.settings.redis.prefix}judge:{service.topic('panes')}/0"
    with redis.Redis.from_url(service.platform.redis_url) as client:
        client.hset(lane, mapping={"v": 2, "mark": 0})
    with service.running("judge") as judge:
        assert judge.wait(60) == 3
    assert f"the snapshots in {lane} have version 2; this Leeway reads version 1: upgrade Leeway" in service.said


def written_lane() -> bytes:
    with EmbeddedRedis() as server, redis.Redis.from_url(server.url) as client:
        fence = Fence(client, "leeway:judge:", 1_000_000)
        fence.write(hold := fence.acquire(LANE, TOPIC), 42, {"churn": packed(41, b"state")})
        fields = {name.decode(): value.hex() for name, value in client.hgetall(hold.name).items()}
        return msgspec.json.encode(fields)


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = judged(EVERYTHING.start(), 0, HOURS)
    files = {
        f"{JUDGE_FILE}.bin": EVERYTHING.encode(state),
        name_of("incident", opened().v, "json"): msgspec.json.encode(opened()),
        f"{LANE_FILE}.json": written_lane(),
    }
    for name, content in files.items():
        if not (FOLDER / name).exists():
            (FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    write()
