"""What the incidents process counts, for Prometheus. Labels are bounded: classes, statuses, actions, states, codes."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from stream.engine.observed import Lag


class Numbers:
    """One set for one process, in a registry of its own. What other roles count too has their names and labels."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.lags: dict[str, Lag] = {}  # by topic
        self.anomalies = self._counter("leeway_anomalies", "Edges of detectors read.", "role", "class", "status")
        self.commands = self._counter("leeway_commands", "Commands followed.", "action")
        self.steps = self._counter("leeway_incident_steps", "Steps written to incidents.", "what")
        self.dead_letters = self._counter("leeway_dead_letters", "Records that could not be read.", "role", "code")
        self.incidents = Gauge("leeway_incidents", "Incidents kept, by state.", ["state"], registry=self.registry)
        self.lag = Gauge(
            "leeway_lag_messages", "Records that wait in Kafka.", ["role", "topic"], registry=self.registry
        )
        self.lag_seconds = Gauge(
            "leeway_lag_seconds",
            "Age of the last record read, while more wait.",
            ["role", "topic"],
            registry=self.registry,
        )
        self.redis_away = Gauge("leeway_redis_away", "1 while Redis does not answer.", registry=self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def behind(self, role: str, lags: Mapping[str, Lag]) -> None:
        """How far the role is behind, by topic."""
        self.lags = dict(lags)
        for topic, lag in lags.items():
            self.lag.labels(role, topic).set(lag.messages)
            self.lag_seconds.labels(role, topic).set(lag.seconds)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)
