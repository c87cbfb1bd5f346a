"""One process in a seat: the newest has it, and whoever wakes from a long sleep and finds another there has to end.

Kafka knows this as fencing of static members (KIP-345), but aiokafka does not understand the refusal: two processes of
one `group.instance.id` join again and again and throw each other out for ever. So the seat is a key in Redis too. A
Redis that forgets it is told again; one that went back to a former process costs a restart.
"""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

LOOK_S = 1.0


async def lost(redis: Redis, key: str, process: str) -> None:
    """Take the seat `key` for this process; returns when another has taken it. While Redis is away nobody can tell."""
    taken = False
    while True:
        try:
            if not taken:
                taken = bool(await redis.set(key, process))
            elif (holder := await redis.get(key)) is None:
                await redis.set(key, process, nx=True)
            elif holder != process.encode():
                return
        except (RedisError, OSError):
            pass
        await asyncio.sleep(LOOK_S)
