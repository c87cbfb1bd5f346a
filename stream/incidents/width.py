"""The topics of the incidents keep their number of partitions, for what belongs to one incident is read in order.

With another number, what is said last of a trouble may be read before what was said first. The number that was seen
first is noted in Redis, beside the incidents.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from confluent_kafka.admin import AdminClient

from stream import kafka
from stream.engine.surprise import Surprise
from stream.settings import Settings

NOTE = "incidents:partitions"  # below our prefix: topic -> partitions
LOOK_EVERY_S = 10.0

First = Callable[[str, str, str], Awaitable[str]]  # key, field, value -> the value that was noted first


async def kept(admin: AdminClient | None, settings: Settings, first: First) -> None:
    """Look again and again; returns never. Raises Surprise when a topic has got partitions."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        await look(admin, settings, first)


async def look(admin: AdminClient | None, settings: Settings, first: First) -> None:
    """Raises Surprise when a topic has another number of partitions than it had when it was first seen. `admin` None:
    there is nobody to ask, as with the embedded broker."""
    if admin is None:
        return
    topics = (settings.topics.anomalies, settings.topics.commands)
    shapes = await asyncio.to_thread(kafka.shapes, admin, topics)
    await check({topic: shape.partitions for topic, shape in shapes.items()}, first, settings.redis.prefix)


async def check(widths: Mapping[str, int], first: First, prefix: str) -> None:
    """The same for what is known of the topics."""
    for topic, now in widths.items():
        then = await first(NOTE, topic, str(now))
        if then != str(now):
            raise Surprise(
                f"{topic} has {now} partitions and had {then}: what belongs to one incident may now be read in another "
                f"order than it was written. Create the topic anew with {then} partitions while no role runs; or stop "
                f"the judge, let this role read all there is, and delete {prefix}{NOTE} in Redis"
            )
