"""The incidents process: from settings to a running Faust app, and to its end in one sentence.

Faust's own worker parses command lines, sets up logging and changes folders; the app is a service like any other, so it
is started and stopped here without it.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import uuid4

import redis.asyncio
import structlog
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from faust.exceptions import FaustError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from schemas.incident import Incident
from stream import kafka, kafka_trouble
from stream.embedded.broker import is_embedded
from stream.engine.observed import Lag
from stream.engine.surprise import Surprise, end
from stream.incidents import outside, pages, recall, seat, width
from stream.incidents.app import ROLE, App, create, furnish
from stream.incidents.numbers import Numbers
from stream.incidents.quiet import hush
from stream.incidents.store import Store
from stream.incidents.watchdog import LOOK_EVERY_S, STANDSTILL_S, Watchdog
from stream.loopback import exposed
from stream.redis import explained, options
from stream.settings import Redis, Settings
from stream.topics import letter_bytes
from stream.whereabouts import TELL_S, notes

PATIENCE_S = 60.0  # with a Kafka or Redis that is away when we start
PAUSE_S = 0.5
START_S = 60.0  # three times what a group waits for members that do not come
STOP_S = 10.0

log = structlog.get_logger()
T = TypeVar("T")


def run(settings: Settings, slot: str) -> None:
    """Until SIGTERM or SIGINT; whatever else ends it ends the process with one sentence and status 3."""
    hush()
    try:
        asyncio.run(_serve(settings, slot))
    except Surprise as surprise:
        end(ROLE, slot, str(surprise))
    except Exception as surprise:  # noqa: BLE001  the outermost place
        end(ROLE, slot, str(surprise), type(surprise).__name__)


async def _serve(settings: Settings, slot: str) -> None:
    stop = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    stopping = asyncio.create_task(stop.wait())
    living = asyncio.create_task(_live(settings, slot, stopping))
    await asyncio.wait((living, stopping), return_when=asyncio.FIRST_COMPLETED)
    if stopping.done() and not living.done():
        await asyncio.wait((living,), timeout=STOP_S)
    if living.done() and (trouble := living.exception()):  # at once: Faust's tasks may hold on when they are cancelled
        end(ROLE, slot, str(trouble), type(trouble).__name__)
    log.info("stopped")
    if not living.done():  # Faust, told to stop while it joins its group, may hold on; leaving loses nothing
        sys.stderr.flush()
        os._exit(0)


async def _live(settings: Settings, slot: str, stopping: "asyncio.Task[Any]") -> None:
    port = _port(settings)
    client = connect(settings.redis)
    numbers = Numbers()
    store = Store(client, settings.redis.prefix, settings.incidents, lambda: _recall(settings))
    admin = AdminClient(kafka.admin(settings.kafka))
    await _until(stopping, lambda: _redis_answers(client, settings))
    cluster = await _until(stopping, lambda: asyncio.to_thread(_kafka_answers, admin, settings))
    if stopping.done():
        return
    room = await asyncio.to_thread(letter_bytes, admin, settings.topics.dlq)
    await store.begin()
    key = f"{settings.redis.prefix}seat:{ROLE}-{slot}"
    asked = None if is_embedded(cluster) else admin
    await width.look(asked, settings, store.first)
    keeping = asyncio.create_task(width.kept(asked, settings, store.first))
    leaving = asyncio.create_task(seat.lost(client, key, uuid4().hex))  # before the group hears of us
    app = create(settings, slot, port, embedded=is_embedded(cluster))
    furnish(app, settings, slot, store, numbers, room)
    pages.add(app, store, numbers, lambda: _troubles(app, store))
    await _first(app.start(), stopping, leaving, keeping)
    belonging = asyncio.create_task(
        outside.kept(asked, app.conf.id, app.conf.broker_client_id, lambda: bool(app.consumer.assignment()))
    )
    _stay(leaving, keeping)
    host = settings.http.host
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    log.info("started", http=f"http://{address}/incidents")
    watching = asyncio.create_task(_watch(app, store, numbers, slot))
    telling = asyncio.create_task(_tell(store, f"{ROLE}-{slot}", address, numbers))
    while not stopping.done() and not app.should_stop:
        await asyncio.wait((stopping,), timeout=0.2)
        _stay(leaving, keeping, belonging)
    for task in (watching, telling, leaving, keeping, belonging):
        task.cancel()
    if app.crashed:
        raise Surprise(f"Faust stopped consuming: {app.crash_reason}")
    await asyncio.wait_for(app.stop(), STOP_S)
    await client.aclose()


async def _watch(app: App, store: Store, numbers: Numbers, slot: str) -> None:
    """Say how far behind we are, and end the process when nothing moves any more."""
    dog = Watchdog()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            waiting, positions = await asyncio.wait_for(_waiting(app), LOOK_EVERY_S)
        except (KafkaError, FaustError, TimeoutError) as trouble:  # Kafka is away, or a rebalance runs
            log.debug("the lag is not known", reason=str(trouble))
            continue
        numbers.behind(ROLE, waiting)
        messages = {topic: lag.messages for topic, lag in waiting.items()}
        still_s = dog.standstill_s(messages, positions, excused=store.waiting is not None)
        if still_s >= STANDSTILL_S:
            told = ", ".join(f"{many} in {topic}" for topic, many in messages.items() if many)
            end(ROLE, slot, f"records wait ({told}) and nothing moved for {still_s:.0f} s")


async def _waiting(app: App) -> tuple[dict[str, Lag], object]:
    """Records not yet dealt with, per topic, how old the oldest is, and everything that moves when something is done.
    What was not fetched yet has no age."""
    consumer: Any = app.consumer
    lanes = sorted(consumer.assignment())
    ends = await consumer.highwaters(*lanes) if lanes else {}
    positions = {lane: await consumer.position(lane) for lane in lanes}
    unacked = [message for message in list(consumer.unacked) if not message.acked]
    waiting = {lane.topic: 0 for lane in lanes}
    for lane in lanes:
        waiting[lane.topic] += max(0, (ends.get(lane) or 0) - (positions[lane] or 0))
    oldest = dict.fromkeys(waiting, now_s := time.time())
    for message in unacked:
        if message.topic in waiting:
            waiting[message.topic] += 1
            oldest[message.topic] = min(oldest[message.topic], message.timestamp or now_s)
    lags = {topic: Lag(many, now_s - oldest[topic]) for topic, many in waiting.items()}
    return lags, (positions, sorted((message.topic, message.partition, message.offset) for message in unacked))


async def _recall(settings: Settings) -> list[Incident]:
    """The incidents as they were published, however long Kafka is away."""
    while True:
        try:
            return await asyncio.to_thread(recall.published, settings)
        except KafkaException as trouble:
            log.warning("incidents cannot be brought back yet", reason=kafka_trouble.explained(trouble))
            await asyncio.sleep(PAUSE_S)


async def _tell(store: Store, worker: str, address: str, numbers: Numbers) -> None:
    """People find our port in Redis, and how far we are behind."""
    while True:
        for note in notes(worker, address, Lag.over(numbers.lags.values())):
            await store.tell(note)
        await asyncio.sleep(TELL_S)


def _troubles(app: App, store: Store) -> list[str]:
    found = []
    try:
        assigned = app.consumer.assignment()
    except FaustError:  # the pages are there before the consumer
        assigned = set()
    if not assigned:
        found.append("no partition of the anomalies and commands topics is assigned to this process yet")
    if store.waiting is not None:
        found.append("Redis does not answer")
    return found


async def _redis_answers(client: "redis.asyncio.Redis", settings: Settings) -> None:
    try:
        await client.ping()
    except (RedisError, OSError) as trouble:
        raise Surprise(f"Redis cannot be used: {explained(trouble)}") from trouble


def _kafka_answers(admin: AdminClient, settings: Settings) -> str:
    """The name of the cluster, when our topics are there."""
    try:
        listed = admin.list_topics(timeout=5)
    except KafkaException as trouble:
        refused = kafka_trouble.refusal(settings.kafka)
        raise Surprise(kafka_trouble.unusable(settings.kafka, trouble, refused)) from trouble
    ours = (settings.topics.anomalies, settings.topics.commands, settings.topics.incidents, settings.topics.dlq)
    if missing := [name for name in ours if name not in listed.topics]:
        raise Surprise(f"there is no topic {' and no topic '.join(missing)}; `leeway topics create` creates them")
    return listed.cluster_id or ""


async def _until(stopping: "asyncio.Task[Any]", ask: Callable[[], Awaitable[T]]) -> T | None:
    """Ask until there is an answer, we are told to stop (None), or patience ends (Surprise)."""
    loop = asyncio.get_running_loop()
    give_up, said = loop.time() + PATIENCE_S, ""
    while not stopping.done():
        try:
            return await ask()
        except Surprise as surprise:
            if loop.time() > give_up:
                raise Surprise(f"waited for {PATIENCE_S:.0f} s: {surprise}") from surprise
            if str(surprise) != said:
                said = str(surprise)
                log.warning("waiting", reason=said)
        await asyncio.wait((stopping,), timeout=PAUSE_S)
    return None


async def _first(work: Awaitable[Any], *ends: "asyncio.Task[Any]") -> None:
    """Start, unless one of these comes before that is done.

    Whoever is fenced while he joins, by the process that sat here before and woke, waits for ever: aiokafka keeps what
    went wrong until it is asked for records, and Faust asks for none before it is in the group.
    """
    starting = asyncio.ensure_future(work)
    done, _ = await asyncio.wait((starting, *ends), timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        raise Surprise(f"Kafka has not let us into the group within {START_S:.0f} s")
    if starting.done():
        starting.result()


def _stay(leaving: "asyncio.Task[None]", *keeping: "asyncio.Task[None]") -> None:
    """Raises Surprise when our seat is another's, a topic is not what it was, or our group has lost us."""
    if leaving.done():
        raise Surprise("a newer process has taken over this slot")
    for task in keeping:
        if task.done():
            task.result()


def _port(settings: Settings) -> int:
    http = settings.http
    if wrong := exposed(http):
        raise Surprise(wrong)
    with socket.socket(socket.AF_INET6 if ":" in http.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as trouble:
            why = (trouble.strerror or str(trouble)).lower()
            raise Surprise(
                f"http://{http.host}:{http.port} cannot be served: {why}; "
                "choose another http.port, or 0 for any that is free"
            ) from trouble
        port: int = probe.getsockname()[1]
        return port


def connect(settings: Redis) -> "redis.asyncio.Redis":
    """As `stream.redis.connect`, for asyncio: it never retries on its own, the store decides."""
    return redis.asyncio.Redis.from_url(settings.url, retry=Retry(NoBackoff(), 0), **options(settings))
