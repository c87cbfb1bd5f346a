"""A Bytewax dataflow with River in a `map`, event by event."""

from collections.abc import Sequence
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import operators as kafka
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

from benchmarks.meter import Meter, Stretch
from benchmarks.ways.river import Fleet


class Nothing(StatelessSinkPartition[Any]):
    """Where results go that nobody reads."""

    def write_batch(self, items: Sequence[Any]) -> None:
        pass


class Nowhere(DynamicSink[Any]):
    """A flow needs an end."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Nothing:
        return Nothing()


def run(stretch: Stretch, meter: Meter) -> None:
    fleet = Fleet()

    def watch(message: Any) -> int:
        fleet.see(orjson.loads(message.value))
        if meter.add(1):
            meter.report_and_exit()
        return 0

    flow = Dataflow("watch")
    read = kafka.input(
        "read",
        flow,
        brokers=[stretch.bootstrap],
        topics=[stretch.topic],
        add_config={"fetch.queue.backoff.ms": "10"},
    )
    op.output("write", op.map("watch", read.oks, watch), Nowhere())
    run_main(flow)
