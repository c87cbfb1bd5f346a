"""Where a benchmark runs: a real Apache Kafka and a real Redis on loopback, started for it and ended with it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import burnt_in
from benchmarks.events import Shape
from benchmarks.formats import FORMATS, produce
from benchmarks.meter import Stretch
from stream.settings import Kafka, Redis, Settings, Topics
from stream.topics import topics
from tests.servers import RealKafka, RealRedis, create_topics

PARTITIONS = 4


@dataclass(frozen=True)
class Place:
    """The two servers."""

    bootstrap: str
    redis: str

    def settings(self, group: str = "bench") -> Settings:
        """The defaults, here."""
        return Settings(
            kafka=Kafka(bootstrap=self.bootstrap),
            redis=Redis(url=self.redis),
            topics=Topics(partitions=PARTITIONS),
            group=group,
        )

    def stretch(self, topic: str, begin: int, end: int, tail: int, shape: Shape, name: str = "json") -> Stretch:
        """Fill a topic; what of it is to be read."""
        create_topics(self.bootstrap, {topic: PARTITIONS})
        produce(self.bootstrap, topic, PARTITIONS, name, shape, end + tail)
        return Stretch(self.bootstrap, self.redis, topic, PARTITIONS, begin, end, FORMATS[name].per_message)

    def binnings(self, topic: str, shape: Shape) -> str:
        """Publish the bins of its models; the topic where they are."""
        create_topics(self.bootstrap, {topic: 1})
        burnt_in.publish(self.bootstrap, topic, shape)
        return topic


@contextmanager
def place() -> Iterator[Place]:
    """Raises `tests.servers.Missing` where there is no Java or no Redis."""
    with (
        tempfile.TemporaryDirectory(prefix="leeway-bench-") as folder,
        RealKafka(Path(folder)) as kafka,
        RealRedis(Path(folder)) as redis,
    ):
        here = Place(kafka.bootstrap, redis.url)
        create_topics(here.bootstrap, {topic.name: topic.partitions for topic in topics(here.settings())})
        yield here
