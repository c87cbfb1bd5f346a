"""A Faust agent with River in it. Raw bytes and orjson, because Faust's own decoding is slower."""

import asyncio
import logging
from typing import Any

import faust
import orjson

from benchmarks.meter import Meter, Stretch
from benchmarks.ways.river import Fleet


class App(faust.App):
    """Without tables there is nothing for it to keep on disk."""

    def _create_directories(self) -> None:
        pass


def run(stretch: Stretch, meter: Meter) -> None:
    asyncio.run(serve(stretch, meter))


async def serve(stretch: Stretch, meter: Meter) -> None:
    logging.disable(logging.WARNING)
    app = App(
        stretch.group,
        broker=f"kafka://{stretch.bootstrap}",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        autodiscover=False,
    )
    fleet = Fleet()

    @app.agent(app.topic(stretch.topic, value_type=bytes, value_serializer="raw"))
    async def watch(values: Any) -> None:
        async for value in values:
            fleet.see(orjson.loads(value))
            if meter.add(1):
                meter.report_and_exit()

    await app.start()
    await asyncio.Event().wait()
