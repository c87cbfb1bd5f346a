"""What can be set, with its default: one frozen value that every part is given. How it is read is `stream.config`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1, le=2**53)]  # what every program that reads it can count
# Ten years: a date that is reckoned with it is still one.
Seconds = Annotated[int, Meta(ge=1, le=315_360_000)]
Milliseconds = Annotated[int, Meta(ge=1, le=315_360_000_000)]


class Kafka(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach Kafka. TLS and SASL are librdkafka's own properties, passed through."""

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    sasl_mechanism: str = ""
    sasl_username: str = ""
    sasl_password: str = ""
    sasl_password_file: str = ""
    ssl_ca_location: str = ""
    ssl_certificate_location: str = ""
    ssl_key_location: str = ""
    ssl_key_password: str = ""
    ssl_key_password_file: str = ""
    allow_plaintext: bool = False  # plaintext to a broker that is not on loopback
    session_ms: Annotated[int, Meta(ge=1000, le=300_000)] = 6_000
    start_at: Literal["earliest", "latest", "error"] = "earliest"  # where no offset is committed, or it is out of range
    options: dict[str, str] = {}  # any further librdkafka property


class Redis(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to reach Redis, how much may be written to it, and when a state that is there may leave memory."""

    url: str = "redis://127.0.0.1:6379/0"
    username: str = ""
    password: str = ""
    password_file: str = ""
    ca_file: str = ""
    prefix: str = "leeway:"
    snapshot_bytes_per_second: Positive = 1_000_000
    idle_s: Seconds = 900  # a state that nothing came for leaves memory; it is read back when something comes
    memory_bytes: Positive = 1_000_000_000  # about what all states of a worker may take before idle ones leave sooner
    states: Positive = 10_000  # of one lane of the judge; a further model is refused
    allow_plaintext: bool = False


class Topics(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the topics are called, and how they are created."""

    predictions: str = "leeway.predictions"
    features: str = "leeway.features"
    labels: str = "leeway.labels"
    deployments: str = "leeway.deployments"
    panes: str = "leeway.panes"
    binnings: str = "leeway.binnings"
    anomalies: str = "leeway.anomalies"
    heartbeats: str = "leeway.heartbeats"
    incidents: str = "leeway.incidents"
    commands: str = "leeway.commands"
    dlq: str = "leeway.dlq"
    partitions: Annotated[int, Meta(ge=1, le=1024)] = 8
    replication: Annotated[int, Meta(ge=1, le=9)] = 1


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How events become panes."""

    pane_ms: Annotated[int, Meta(ge=50, le=60_000)] = 1_000
    heartbeat_ms: Annotated[int, Meta(ge=500, le=600_000)] = 5_000  # a silent model's pipeline is heard this often
    late_ms: Milliseconds = 600_000  # older than this on arrival: counted as late
    future_ms: Milliseconds = 60_000  # further ahead than this: counted as future
    refuse_future_ms: Milliseconds = 86_400_000  # further ahead than this: dead letter "clock"
    distinct_values: Annotated[int, Meta(ge=8, le=4096)] = 256  # of one column in one pane, by name
    segment_values: Annotated[int, Meta(ge=1, le=4096)] = 64  # of one segment key, by name
    columns: Annotated[int, Meta(ge=1, le=16_384)] = 2_048  # of one subject
    subjects: Positive = 10_000  # at once in one worker
    projections: Annotated[int, Meta(ge=0, le=64)] = 8  # random directions along which embeddings are watched; 0: not
    native: Literal["auto", "off"] = "auto"  # auto: decode with leeway-native where it is installed


class Guest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A detector of the field on a scalar signal of a pane, beside the urns and outside their budget."""

    kind: Literal["adwin", "ddm", "eddm", "fhddm", "hddm_a", "hddm_w", "kswin", "page_hinkley"]
    columns: list[str] = field(default_factory=lambda: ["prediction:*"])  # names, `*` matches any text
    signal: Literal["mean", "null_rate", "error_rate", "volume"] = "mean"
    parameters: dict[str, float] = {}


class Judge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How panes become verdicts."""

    budget: str = "1 per model per week"  # or "1 per 100000 events"
    reference: Annotated[int, Meta(ge=300, le=20_000)] = 5_000  # events to learn from before watching
    burn_in: Annotated[int, Meta(ge=100, le=20_000)] = 500  # events from which the bins are derived
    independent: bool = False  # the stream is declared free of dependence: variance factors fixed at 1
    season: dict[str, Literal["day", "week"]] = {}  # column -> how long its season is; `*` matches any text
    margin: Annotated[float, Meta(ge=0, le=3)] = 0.0  # sd: alarm while further from the reference (0: not asked)
    segments: bool = True  # watch the slices of declared segments too
    bucket_s: Annotated[int, Meta(ge=1, le=3600)] = 10  # volume is counted per so many seconds
    lagging_s: Seconds = 60  # older panes than this make a subject "lagging"
    silence_s: Seconds = 60  # nothing for so long makes a subject "no data"
    heartbeat_s: Seconds = 60
    guests: list[Guest] = []


class Incidents(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How anomalies become incidents."""

    escalate_after_s: Seconds = 1_800  # an incident that nobody acknowledges
    reopen_within_s: Seconds = 3_600  # a resolved incident that fires again is reopened, later it is a new one
    keep_resolved_s: Seconds = 604_800
    owners: dict[str, str] = {}  # model -> who is called
    runbooks: dict[str, str] = {}  # model, or class of failure -> where it says what to do
    console_url: str = ""  # where people reach the pages of this role, through a proxy say


class Privacy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Texts of features leave the profile worker as keyed hashes unless declared public."""

    public: list[str] = []  # feature names, `*` matches any text
    key: str = ""
    key_file: str = ""


class Http(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where each role shows /livez /readyz /metrics; 0 takes any free port, said at start."""

    host: str = "127.0.0.1"
    port: Port = 0
    allow_remote: bool = False  # bind elsewhere than loopback: there is no authentication


class Log(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the roles talk."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"  # auto: text on a terminal, else JSON


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    kafka: Kafka = Kafka()
    redis: Redis = Redis()
    topics: Topics = Topics()
    profile: Profile = Profile()
    judge: Judge = Judge()
    incidents: Incidents = Incidents()
    privacy: Privacy = Privacy()
    http: Http = Http()
    log: Log = Log()
    group: str = (
        "leeway"  # prefix of consumer groups and transactional ids: two installations on one Kafka differ in it
    )
