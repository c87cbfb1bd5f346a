"""Quix Streams with River in an `update` of its dataframe, event by event."""

import tempfile
from typing import Any

from quixstreams import Application

from benchmarks.meter import Meter, Stretch
from benchmarks.ways.river import Fleet


def run(stretch: Stretch, meter: Meter) -> None:
    app = Application(
        broker_address=stretch.bootstrap,
        consumer_group=stretch.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        loglevel="ERROR",
        state_dir=tempfile.gettempdir(),  # else it is made where the benchmark is started
        consumer_extra_config={"fetch.queue.backoff.ms": 10},
    )
    fleet = Fleet()

    def watch(event: dict[str, Any]) -> None:
        fleet.see(event)
        if meter.add(1):
            meter.report_and_exit()

    rows = app.dataframe(app.topic(stretch.topic, value_deserializer="json"))
    rows.update(watch)
    app.run()
