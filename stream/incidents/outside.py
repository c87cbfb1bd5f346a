"""A process that reads nothing: is it one too many, or has it lost its group?

A stream library can leave a group, or not hear what the group has given it, without an error. Then no record waits that
the watchdog knows of, for it counts those of partitions that are read. So whoever reads none asks the group.
"""

import asyncio
from collections.abc import Callable

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from stream.engine.surprise import Surprise
from stream.incidents.watchdog import LOOK_EVERY_S, STANDSTILL_S, Watchdog

REBALANCING = {ConsumerGroupState.PREPARING_REBALANCING, ConsumerGroupState.COMPLETING_REBALANCING}


async def kept(admin: AdminClient | None, group: str, seat: str, reads: Callable[[], bool]) -> None:
    """Look again and again; returns never. Raises Surprise when the group has long counted on somebody who reads
    nothing, or not at all. `admin` None: there is nobody to ask, as with the embedded broker."""
    dog = Watchdog()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        why = "" if admin is None or reads() else await asyncio.to_thread(lost, admin, group, seat)
        if dog.standstill_s({why: 1} if why else {}, why, excused=False) >= STANDSTILL_S:
            raise Surprise(why)


def lost(admin: AdminClient, group: str, seat: str) -> str:
    """What is amiss with somebody who reads nothing; nothing if that is as it should be, or cannot be known now."""
    try:
        described = admin.describe_consumer_groups([group])[group].result()
    except KafkaException:
        return ""
    if described.state in REBALANCING:
        return ""
    given = [len(member.assignment.topic_partitions) for member in described.members if member.client_id == seat]
    if not given:
        return f"the group {group} does not know this process any more; another start settles it"
    if sum(given):
        return f"the group {group} has given this process partitions, and it reads none; another start settles it"
    return ""
