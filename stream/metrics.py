"""What a worker has seen, in the form that Prometheus reads: base units, `_total` where it only grows, bounded labels.

The loop adds to plain numbers (`stream.engine.observed`); here they are given names when somebody asks.

>>> from stream.engine.role import Lane
>>> seen = Observed(messages=7, lag={Lane("leeway.predictions", 0): Lag(3, 0.5)})
>>> from prometheus_client import generate_latest
>>> text = generate_latest(registry("profile", seen)).decode()
>>> [line for line in text.splitlines() if line.startswith("leeway_lag")]
['leeway_lag_messages{role="profile",topic="leeway.predictions"} 3.0', \
'leeway_lag_seconds{role="profile",topic="leeway.predictions"} 0.5']
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from stream.engine.observed import Lag, Observed
from stream.supervisor import RESTARTS_VARIABLE

STALLED_S = 60.0  # the loop's own watchdog ends a step after 45 s

COUNTERS: dict[str, tuple[str, Callable[[Observed], float]]] = {
    "leeway_messages": ("Records read from Kafka.", lambda seen: seen.messages),
    "leeway_message_bytes": ("Bytes of records read from Kafka.", lambda seen: seen.message_bytes),
    "leeway_outputs": ("Records written to Kafka.", lambda seen: seen.outputs),
    "leeway_transactions": ("Transactions committed.", lambda seen: seen.transactions),
    "leeway_transaction_seconds": ("Time spent in transactions.", lambda seen: seen.transaction_seconds),
    "leeway_snapshots": ("Snapshots written to Redis.", lambda seen: seen.snapshots),
    "leeway_snapshot_bytes": ("Bytes of snapshots written to Redis.", lambda seen: seen.snapshot_bytes),
    "leeway_snapshots_postponed": ("Snapshots that Redis did not take in time.", lambda seen: seen.snapshots_postponed),
    "leeway_states_cleared": ("States that left memory because they were idle.", lambda seen: seen.states_cleared),
    "leeway_states_read": ("States read from Redis.", lambda seen: seen.states_read),
    "leeway_rebalances": ("Assignments of lanes.", lambda seen: seen.rebalances),
    "leeway_lanes_lost": ("Lanes taken away from a worker that was too slow or cut off.", lambda seen: seen.lanes_lost),
    "leeway_records_lost": ("Records that retention deleted before they were read.", lambda seen: seen.records_lost),
}
STATES: dict[str, tuple[str, Callable[[Observed], float]]] = {
    "leeway_states": ("States in memory.", lambda seen: seen.states),
    "leeway_state_bytes": ("Bytes of the snapshots of the states in memory.", lambda seen: seen.state_bytes),
    "leeway_states_unsaved": ("States that a replay would add to.", lambda seen: seen.states_unsaved),
}


@dataclass(frozen=True)
class Counted:
    """A count that a role keeps beside the loop's, by the values of its labels."""

    name: str
    help: str
    counts: Mapping[tuple[str, ...], float]
    labels: tuple[str, ...] = ()
    grows: bool = True  # and never shrinks


class Figures(Collector):
    """The numbers of one worker: the loop's, and what its role counts beside."""

    def __init__(self, role: str, observed: Observed, counted: Callable[[], Iterable[Counted]]) -> None:
        self._role, self._observed, self._counted = role, observed, counted

    def collect(self) -> Iterator[Metric]:
        """In this order: what was done, what waits, what is wrong."""
        role = [self._role]
        for name, (help, value) in COUNTERS.items():
            counter = CounterMetricFamily(name, help, labels=["role"])
            counter.add_metric(role, value(self._observed))
            yield counter
        yield from self._lag()
        yield from self._states()
        yield from self._times()
        dead = CounterMetricFamily("leeway_dead_letters", "Records that could not be read.", labels=["role", "code"])
        for code, count in dict(self._observed.dead_letters).items():
            dead.add_metric([self._role, code], count)
        yield dead
        for one in self._counted():
            family: type[CounterMetricFamily | GaugeMetricFamily]
            family = CounterMetricFamily if one.grows else GaugeMetricFamily
            further = family(one.name, one.help, labels=["role", *one.labels])
            for values, times in dict(one.counts).items():
                further.add_metric([self._role, *values], times)
            yield further
        restarts = CounterMetricFamily("leeway_restarts", "Restarts by the supervisor of this run.", labels=["role"])
        restarts.add_metric(role, float(os.environ.get(RESTARTS_VARIABLE, "0")))
        yield restarts

    def _lag(self) -> Iterator[Metric]:
        by_topic: dict[str, list[Lag]] = {}
        for lane, lag in dict(self._observed.lag).items():  # the loop replaces it while we read
            by_topic.setdefault(lane.topic, []).append(lag)
        messages = GaugeMetricFamily("leeway_lag_messages", "Records that wait in Kafka.", labels=["role", "topic"])
        seconds = GaugeMetricFamily(
            "leeway_lag_seconds", "Age of the last record read, while more wait.", labels=["role", "topic"]
        )
        lanes = GaugeMetricFamily("leeway_lanes", "Partitions that this worker owns.", labels=["role", "topic"])
        for topic, lags in by_topic.items():
            messages.add_metric([self._role, topic], sum(lag.messages for lag in lags))
            seconds.add_metric([self._role, topic], max(lag.seconds for lag in lags))
            lanes.add_metric([self._role, topic], len(lags))
        waited = HistogramMetricFamily(
            "leeway_end_to_end_seconds",
            "From a record's time in Kafka to the commit of what followed; the oldest of each transaction and lane.",
            labels=["role"],
        )
        waited.add_metric([self._role], self._observed.waited.below(), self._observed.waited.sum)
        yield from (messages, seconds, lanes, waited)

    def _states(self) -> Iterator[Metric]:
        """What a folding role keeps in memory."""
        for name, (help, value) in STATES.items():
            gauge = GaugeMetricFamily(name, help, labels=["role"])
            gauge.add_metric([self._role], value(self._observed))
            yield gauge

    def _times(self) -> Iterator[Metric]:
        """When something last happened: its age is `time() -` that. Nothing while it has never happened."""
        step, snapshot = self._observed.last_progress, self._observed.last_snapshot
        seen = {
            "leeway_last_progress_timestamp_seconds": ("When the loop last came round.", step),
            "leeway_last_snapshot_timestamp_seconds": ("When Redis last took a snapshot.", snapshot),
        }
        for name, (help, at) in seen.items():
            gauge = GaugeMetricFamily(name, help, labels=["role"])
            if at:
                gauge.add_metric([self._role], at)
            yield gauge


def registry(role: str, observed: Observed, counted: Callable[[], Iterable[Counted]] = tuple) -> CollectorRegistry:
    """Everything about this process: our numbers, and Python's and the system's own."""
    everything = CollectorRegistry()
    everything.register(Figures(role, observed, counted))
    ProcessCollector(registry=everything)
    PlatformCollector(registry=everything)
    return everything


def stalled(observed: Observed, now_s: float | None = None) -> str:
    """Why the worker is not alive, or nothing. Before its first step it starts, and may wait for a Kafka.

    >>> stalled(Observed(last_progress=1000.0), now_s=1100.0)
    'no step of the loop has come to its end for 100 s'
    >>> stalled(Observed(), now_s=1100.0)
    ''
    """
    still_s = (time.time() if now_s is None else now_s) - observed.last_progress
    if observed.last_progress and still_s > STALLED_S:
        return f"no step of the loop has come to its end for {still_s:.0f} s"
    return ""


def beginning(observed: Observed) -> str:
    """Why the worker has not begun, or nothing.

    >>> beginning(Observed()), beginning(Observed(last_progress=1.0))
    ('no step of the loop was taken yet', '')
    """
    return "" if observed.last_progress else "no step of the loop was taken yet"


def unassigned(observed: Observed) -> str:
    """Why the worker is not ready, or nothing. One that stands by for lanes is ready: `duty` says what it does.

    >>> unassigned(Observed()), unassigned(Observed(rebalances=1))
    ('no lanes are assigned to this worker yet', 'this worker has lost its lanes and is waiting for others')
    >>> unassigned(Observed(rebalances=1, lanes=0))
    ''
    """
    if observed.lanes is not None:
        return ""
    if observed.rebalances:
        return "this worker has lost its lanes and is waiting for others"
    return "no lanes are assigned to this worker yet"


def duty(observed: Observed) -> str:
    """What a ready worker does.

    >>> duty(Observed(lanes=3)), duty(Observed(lanes=0))
    ('ok', 'ok, standing by: there are more workers than lanes')
    """
    return "ok, standing by: there are more workers than lanes" if observed.lanes == 0 else "ok"
