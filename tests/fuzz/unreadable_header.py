"""Sends a record with a header whose name is not UTF-8, as a producer in C or Go can: `BOOTSTRAP TOPIC VALUE`.

Run it as a process of its own with `AIOKAFKA_NO_EXTENSIONS=1`: what is written in C takes no such name.
"""

import asyncio
import sys

from aiokafka import AIOKafkaProducer


class Name(str):
    """A name that is encoded as it should not be."""

    def encode(self, *given: object) -> bytes:
        return b"\xff\xfename"


async def send(bootstrap: str, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(topic, value, headers=[("origin", b"a test"), (Name("x"), b"1")])


if __name__ == "__main__":
    asyncio.run(send(sys.argv[1], sys.argv[2], sys.argv[3].encode()))
