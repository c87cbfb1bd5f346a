"""What is wrong with Kafka, in words for the person who operates this, and whether to wait for it to pass.

>>> explained(KafkaError(KafkaError._FENCED))
'a newer process has taken over this slot (_FENCED)'
>>> weigh(KafkaError(KafkaError._PARTITION_EOF))
'end of log'
"""

import re
import time
from collections.abc import Callable
from typing import Literal, TypeVar

import structlog
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from stream.clock import Clock
from stream.engine.surprise import Surprise
from stream.kafka import connection
from stream.settings import Kafka

Answer = TypeVar("Answer")

PATIENCE_S = 60.0  # with a Kafka that is down when we start; then the supervisor tries again
PAUSE_S = 1.0
LISTEN_S = 2.0  # for what a client says of a Kafka that it cannot use

log = structlog.get_logger()


class Heard:
    """Keeps what a client says beside its answers, the latest of each kind; it tells when it is polled.

    A request that fails says that no broker could be talked to; only here stands why.
    """

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def __call__(self, error: KafkaError) -> None:
        self._said[error.name()] = error.str()

    @property
    def refusal(self) -> str:
        """Why a Kafka that is there cannot be used, and what to do about it; empty when nothing is there."""
        sasl, tls, hung_up = (self._said.get(name, "") for name in ("_AUTHENTICATION", "_SSL", "_TRANSPORT"))
        if offered := re.search(r"SASL (\S+) mechanism handshake failed.*supported mechanisms: (\S*) \(", sasl):
            if offered[2]:
                return f"it takes no {offered[1]} but {offered[2].replace(',', ', ')}; set kafka.sasl_mechanism"
            return (
                "this listener asks for no password; set kafka.security_protocol to plaintext or ssl, or name another"
            )
        if sasl:
            return "it refuses this user or password; check kafka.sasl_username and kafka.sasl_password_file"
        if "verify failed" in tls:
            return "its certificate is not accepted; name who signed it in kafka.ssl_ca_location, and its own host name"
        if tls or "SSL" in hung_up:
            return "no TLS comes about; if this listener speaks none, set kafka.security_protocol to plaintext"
        connected = hung_up and not re.search(r"in state CONNECT\b", hung_up)
        if connected or self._said.keys() == {"_ALL_BROKERS_DOWN"}:
            return "it hangs up; set kafka.security_protocol to what this listener expects, or name another"
        return ""

    @property
    def silence(self) -> str:
        """Why nothing is there, as the client says it."""
        return next((self._said[name] for name in ("_RESOLVE", "_TRANSPORT") if name in self._said), "")


MEANINGS = {
    KafkaError._FENCED: "a newer process has taken over this slot",
    KafkaError.FENCED_INSTANCE_ID: "a newer process has taken over this slot",
    KafkaError.INVALID_PRODUCER_EPOCH: "a newer process has taken over this slot, or the transaction timed out",
    KafkaError.UNKNOWN_MEMBER_ID: "the group went on without this process, which was silent for too long",
    KafkaError.ILLEGAL_GENERATION: "the group went on without this process, which was silent for too long",
    KafkaError._MAX_POLL_EXCEEDED: "the group went on without this process, which was silent for too long",
    KafkaError.INCONSISTENT_GROUP_PROTOCOL: (
        "another program is in this consumer group and shares the lanes out in its own way: "
        "stop it, or give this installation another `group`"
    ),
    KafkaError._TIMED_OUT: "the brokers did not answer in time; whether a transaction was committed shows at the start",
    KafkaError.INVALID_SESSION_TIMEOUT: (
        "kafka.session_ms is outside of what the brokers allow (group.min.session.timeout.ms, by default 6000)"
    ),
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "the brokers' access rules do not let this user use the topic; allow Read, Write and Describe on our topics"
    ),
    KafkaError.GROUP_AUTHORIZATION_FAILED: (
        "the brokers' access rules do not let this user use the consumer group; "
        "allow Read on the groups that begin with the setting `group`"
    ),
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: (
        "the brokers' access rules do not let this user use transactions; "
        "allow Write and Describe on the transactional ids that begin with the setting `group`"
    ),
    KafkaError.MSG_SIZE_TOO_LARGE: "a record is larger than its topic allows (max.message.bytes)",
    KafkaError._MSG_TIMED_OUT: "records were not taken in time, so their transaction is void",
}


def explained(trouble: object) -> str:
    """What a client said; any other exception in its own words."""
    error = trouble.args[0] if isinstance(trouble, KafkaException) else trouble
    if not isinstance(error, KafkaError):
        return str(error)
    meaning = MEANINGS.get(error.code())
    return f"{meaning} ({error.name()})" if meaning else f"{error.str()} ({error.name()})"


# What a Kafka that is just starting says, or that is not there yet; librdkafka does not call it retriable.
PASSING = {
    KafkaError._TRANSPORT,
    KafkaError._TIMED_OUT,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
}

Trouble = Literal["end of log", "cut log", "no topic", "passing"]


def weigh(error: KafkaError) -> Trouble:
    """What it means to find this in the place of a record. Raises what is more than the consumer can get over."""
    match error.code():
        case KafkaError._PARTITION_EOF:
            return "end of log"
        case KafkaError._AUTO_OFFSET_RESET:
            return "cut log"
        case KafkaError.UNKNOWN_TOPIC_OR_PART:
            return "no topic"
        case code if code == KafkaError._FATAL or error.fatal() or not error.retriable():  # `fatal()` may be wrong
            raise KafkaException(error)
    return "passing"


def patient(ask: Callable[[], Answer], kafka: Kafka, clock: Clock = time, patience_s: float = PATIENCE_S) -> Answer:
    """Ask until Kafka answers: for the start, when it may not be there yet."""
    give_up = clock.monotonic() + patience_s
    said = False
    while True:
        try:
            return ask()
        except KafkaException as trouble:
            error = trouble.args[0]
            if not error.retriable() and error.code() not in PASSING:
                raise Surprise(f"Kafka at {kafka.bootstrap} cannot be used: {explained(trouble)}") from trouble
            refused = refusal(kafka) if clock is time else ""  # in simulated time there is nobody to ask
            if clock.monotonic() >= give_up:
                raise Surprise(unusable(kafka, trouble, refused)) from trouble
            if not said:
                reason = refused or explained(error)
                log.warning("waiting for Kafka", bootstrap=kafka.bootstrap, seconds=patience_s, reason=reason)
                said = True
            clock.sleep(PAUSE_S)


def unusable(kafka: Kafka, trouble: KafkaException, refused: str) -> str:
    """Where Kafka is, why it cannot be used and what to do; `refused` is what `refusal` heard."""
    why = refused or f"{explained(trouble)}; check that it runs and that kafka.bootstrap names it"
    return f"Kafka at {kafka.bootstrap} cannot be used: {why}"


def refusal(kafka: Kafka) -> str:
    """Why a Kafka that is there cannot be used, heard by a client of its own; empty when nothing is there."""
    heard = Heard()
    client = AdminClient(connection(kafka) | {"log_level": 0, "error_cb": heard})
    try:
        client.list_topics(timeout=LISTEN_S)
    except KafkaException:
        client.poll(0)  # now it tells what it heard
    return heard.refusal
