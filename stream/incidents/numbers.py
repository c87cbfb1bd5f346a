"""What the incidents process counts, for Prometheus. Labels are bounded: classes, statuses, actions, states, codes."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class Numbers:
    """One set for one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.anomalies = self._counter("leeway_anomalies", "Edges of detectors read.", "class", "status")
        self.commands = self._counter("leeway_commands", "Commands followed.", "action")
        self.steps = self._counter("leeway_incident_steps", "Steps written to incidents.", "what")
        self.dead_letters = self._counter("leeway_dead_letters", "Records that were refused.", "topic", "code")
        self.incidents = Gauge("leeway_incidents", "Incidents kept, by state.", ["state"], registry=self.registry)
        self.lag = Gauge("leeway_lag_messages", "Records not yet dealt with.", ["topic"], registry=self.registry)
        self.redis_away = Gauge("leeway_redis_away", "1 while Redis does not answer.", registry=self.registry)

    def text(self) -> bytes:
        """The page that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(name, what, labels, registry=self.registry)
