"""What the incidents process counts, for Prometheus. Labels are bounded: classes, statuses, actions, states, codes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector


class Numbers:
    """One set for one process, in a registry of its own. What other roles count too has their names and labels."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.anomalies = self._counter("leeway_anomalies", "Edges of detectors read.", "class", "status")
        self.commands = self._counter("leeway_commands", "Commands followed.", "action")
        self.steps = self._counter("leeway_incident_steps", "Steps written to incidents.", "what")
        self.dead_letters = self._counter("leeway_dead_letters", "Records that could not be read.", "role", "code")
        self.incidents = Gauge("leeway_incidents", "Incidents kept, by state.", ["state"], registry=self.registry)
        self.lag = Gauge(
            "leeway_lag_messages", "Records that wait in Kafka.", ["role", "topic"], registry=self.registry
        )
        self.redis_away = Gauge("leeway_redis_away", "1 while Redis does not answer.", registry=self.registry)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)
