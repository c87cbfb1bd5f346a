"""One worker process of `profile` or `judge`: its log, its pages, its address where people find it, and the loop."""

import threading
from collections.abc import Callable, Iterable
from functools import partial

import redis
import structlog
from confluent_kafka.admin import AdminClient
from prometheus_client import generate_latest

from stream import kafka, kafka_trouble, logs
from stream.counting import native
from stream.engine.loop import run_role
from stream.engine.observed import Observed
from stream.engine.surprise import Surprise, end
from stream.metrics import Counted, beginning, duty, registry, stalled, unassigned
from stream.redis import connect
from stream.roles.judge import Judge, judge
from stream.roles.profile import Profile, profile
from stream.serve import Pages
from stream.settings import Settings
from stream.topics import letter_bytes
from stream.whereabouts import TELL_S, notes

ANSWER_S = 2.0  # of one question, while Kafka may still be starting

log = structlog.get_logger()


def work(name: str, settings: Settings, slot: int) -> None:
    """Be worker number `slot` of a role until SIGTERM. A surprise ends the process with one sentence and status 3."""
    logs.begin(settings.log, role=name, slot=slot)
    observed = Observed()
    role: Profile | Judge | None = None
    try:
        address = pages(name, settings, observed, lambda: counts_of(role)).serve()
        log.info("started", http=f"http://{address}/metrics", kafka=settings.kafka.bootstrap)
        client = wait(settings)
        describe = partial(kafka.shapes, client)
        room = kafka_trouble.patient(lambda: letter_bytes(client, settings.topics.dlq), settings.kafka)
        if name == "profile":
            role = profile(settings, slot)
            log.info("events are decoded", how=native.way(settings.profile.native))
        else:
            role = judge(settings)
            observed.also = role.sent
    except Surprise as surprise:
        end(name, str(slot), str(surprise))
    telling = (settings, f"{name}-{slot}", address, observed)
    threading.Thread(target=tell, args=telling, name="address", daemon=True).start()
    run_role(role, settings, str(slot), observed=observed, letter_bytes=room, describe=describe)
    log.info("stopped")


def wait(settings: Settings) -> AdminClient:
    """Until Kafka answers. Raises Surprise when it stays away."""
    client = AdminClient(kafka.admin(settings.kafka))
    kafka_trouble.patient(lambda: client.list_topics(timeout=ANSWER_S), settings.kafka)
    return client


def pages(name: str, settings: Settings, observed: Observed, counted: Callable[[], Iterable[Counted]] = tuple) -> Pages:
    """The pages of a worker, over what its loop has observed."""
    numbers = registry(name, observed, counted)
    return Pages(
        settings.http,
        live=lambda: stalled(observed),
        ready=lambda: unassigned(observed),
        begun=lambda: beginning(observed),
        duty=lambda: duty(observed),
        metrics=lambda: generate_latest(numbers),
    )


def counts_of(role: Profile | Judge | None) -> Iterable[Counted]:
    """What a role counts beside the loop. `profile`: events by kind, and what producers might want to mend. `judge`:
    what it said, what it was allowed to say for nothing, and what it does not watch."""
    if isinstance(role, Judge):
        said = role.said
        yield Counted("leeway_anomalies", "Edges of detectors published.", said.anomalies, ("class", "status"))
        yield Counted("leeway_alarm_budget", "False alarms that the budget has allowed for.", {(): said.allowed})
        yield Counted("leeway_unwatched", "Beyond the quota of a model.", said.unwatched, ("what",), grows=False)
    if not isinstance(role, Profile):
        return
    events: dict[tuple[str, ...], float] = {(kind, "counted"): n for kind, n in dict(role.events).items()}
    events["", "refused"] = sum(role.dead.values())
    yield Counted("leeway_events", "Events by kind and outcome.", events, ("kind", "outcome"))
    yield Counted("leeway_unknown_fields", "Fields that no event has.", {(): role.reader.unknown.total()})
    yield Counted("leeway_nonfinite_values", "NaN and infinities: nulls.", {(): role.reader.nonfinite.total()})
    yield Counted("leeway_binnings_refused", "Binnings that do not fit.", {(): role.binnings_refused})


def tell(settings: Settings, worker: str, address: str, observed: Observed) -> None:
    """Keep our address and our lag in Redis, so that people find the port and see from afar whether we keep up. Best
    effort: without Redis they read the log."""
    client = connect(settings.redis)
    forever = threading.Event()
    while True:
        try:
            for note in notes(worker, address, observed.behind):
                client.set(settings.redis.prefix + note.key, note.text, ex=note.for_s)
        except redis.RedisError as trouble:
            log.debug("the address is not in Redis", reason=str(trouble))
        forever.wait(TELL_S)
