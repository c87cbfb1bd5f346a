"""The Faust app: an agent for each topic, two timers and pages around the desk.

Faust acknowledges a record when its agent raises, keeps tables on disk and elects leaders through topics of its own. So
here agents acknowledge by hand and never raise, there are no tables, and no topic is created. It runs at a few records
a second; the events themselves never pass through it.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

import faust
import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import ProducerSendError

from schemas.dead_letter import Headers
from stream.engine.role import Lane, Output
from stream.engine.surprise import end
from stream.incidents.credentials import credentials
from stream.incidents.desk import Desk, Record
from stream.incidents.numbers import Numbers
from stream.incidents.store import Store
from stream.incidents.turns import LOOK_EVERY_S, Turns
from stream.kafka import LARGEST_BYTES
from stream.settings import Settings

ROLE = "incidents"
COMMIT_S = 1.0  # of consumed offsets; what is read again after a crash is dropped by its id
TICK_S = 1.0
SEND_S = 10.0  # one attempt to publish; the next one follows at once
PAUSE_S = 1.0
REJOIN_S = 20.0  # for so long a group waits for a member that died while it joined; one that lives is back at once

log = structlog.get_logger()


class App(faust.App):
    """A Faust app that keeps nothing on disk, and whose own log is the library's."""

    logger = logging.getLogger("faust.app")

    def _create_directories(self) -> None:
        """Tables would need them; there are none."""


def create(settings: Settings, slot: str, port: int, *, embedded: bool) -> App:
    """The app, not yet started; nothing is connected. Port 0: without pages.

    The embedded broker writes no checksum on transaction markers, and a static member that left has to time out there.
    """
    kafka = settings.kafka
    seat = f"{settings.group}-{ROLE}-{slot}"
    session_s = kafka.session_ms / 1000
    return App(
        f"{settings.group}-{ROLE}",
        id_format="{id}",  # the consumer group, without Faust's version suffix
        broker=[f"kafka://{server.strip().rpartition('://')[2]}" for server in kafka.bootstrap.split(",")],
        broker_credentials=credentials(kafka),
        broker_client_id=seat,
        broker_session_timeout=session_s,
        broker_heartbeat_interval=max(session_s / 6, 0.1),
        broker_request_timeout=max(SEND_S, session_s),
        broker_rebalance_timeout=max(REJOIN_S, session_s),
        broker_commit_interval=COMMIT_S,
        broker_check_crcs=not embedded,
        consumer_auto_offset_reset="earliest",  # anomalies that came before us open incidents too
        consumer_group_instance_id=None if embedded else seat,
        consumer_metadata_max_age_ms=30_000,
        producer_acks=-1,
        producer_request_timeout=SEND_S,
        producer_max_request_size=LARGEST_BYTES,
        store="memory://",
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_wait_empty=False,  # what is not acknowledged is read again
        stream_ack_cancelled_tasks=False,
        stream_ack_exceptions=False,
        web_bind=settings.http.host,
        web_host=settings.http.host,
        web_enabled=port > 0,
        web_port=port or 1,  # Faust wants a number here even without pages
        web_router_enabled=False,
        web_tables_enabled=False,
        autodiscover=False,
    )


def furnish(app: App, settings: Settings, slot: str, store: Store, numbers: Numbers, letter_bytes: int) -> Desk:
    """Give the app its agents and its timers."""
    desk = Desk(store, lambda output: send(app, output), settings.topics, numbers, letter_bytes=letter_bytes)

    topics = settings.topics
    works = {topics.anomalies: desk.anomaly, topics.commands: desk.command, topics.incidents: desk.heard}
    turns = Turns(settings, app.conf.id, works)

    @app.on_partitions_assigned.connect
    async def assigned(_: Any, /, *lanes: Any, signal: Any, **further: Any) -> None:
        turns.rebalanced(Lane(lane.topic, lane.partition) for lane in lanes[0])

    async def each(stream: Any) -> None:
        async for event in stream.noack().events():
            await _or_end(slot, turns.one(app.consumer, _record(event.message)))
            event.ack()

    for topic in works:
        app.agent(_raw(app, topic), concurrency=1, name=topic)(each)

    @app.timer(TICK_S)  # type: ignore[untyped-decorator]
    async def tick() -> None:
        await _or_end(slot, desk.tick())

    @app.timer(LOOK_EVERY_S)  # type: ignore[untyped-decorator]
    async def look() -> None:
        await _or_end(slot, turns.look(app.consumer))

    return desk


async def _or_end(slot: str, work: Awaitable[None]) -> None:
    """Nothing is ever raised into Faust: it would swallow the trouble, and the record with it."""
    try:
        await work
    except Exception as trouble:  # noqa: BLE001  the outermost place of an agent
        end(ROLE, slot, str(trouble), type(trouble).__name__)


def _raw(app: App, topic: str) -> Any:
    raw: Any = {"key_serializer": "raw", "value_serializer": "raw", "key_type": bytes, "value_type": bytes}
    return app.topic(topic, allow_empty=True, **raw)  # a null is a record that cannot be read, too


def _record(message: Any) -> Record:
    headers: Headers = [(name, text or b"") for name, text in _pairs(message.headers)]
    at_ms = round((message.timestamp or 0) * 1000)
    return Record(message.topic, message.partition, message.offset, at_ms, message.key, message.value, headers)


def _pairs(headers: Any) -> list[tuple[str, bytes | None]]:
    return list(headers.items() if isinstance(headers, dict) else headers or ())


async def send(app: App, output: Output) -> None:
    """Returns when Kafka has the record, however long Kafka is away."""
    said = False
    value = output.value if output.key is not None else output.value or b""  # aiokafka refuses two nulls
    while True:
        try:
            producer = await app.maybe_start_producer()
            await producer.send_and_wait(output.topic, output.key, value, None, None, list(output.headers))
            return
        except (TimeoutError, KafkaError, ProducerSendError, OSError) as trouble:
            if not said:
                log.warning("Kafka does not take a record: it is sent again", topic=output.topic, reason=str(trouble))
            said = True
            await asyncio.sleep(PAUSE_S)
