"""The bins of models that have had their burn-in, published as a judge does: what most panes are counted in for most of
a model's life. Models of the benchmark are alike, so the judge is asked about one of them.
"""

from collections.abc import Iterator
from itertools import product

from confluent_kafka import Producer
from msgspec.structs import replace

from benchmarks.events import Shape, events
from benchmarks.formats import send
from detectors.budget import parse
from detectors.watch.fold import Watch
from schemas.binning import Binning
from schemas.subject import Subject
from stream.outputs import encode
from tests.judge.panes import pane

BURN_IN, EVENTS = 500, 600  # values, the default; and events that have as many in every column, as some are null


def publish(bootstrap: str, topic: str, shape: Shape) -> None:
    """The binnings of all models of a shape, who have the same features. The topic has one partition."""
    producer = Producer({"bootstrap.servers": bootstrap})
    for binning in binnings(shape):
        send(producer, topic, encode(binning), (), 0)
    producer.flush(60)


def binnings(shape: Shape) -> Iterator[Binning]:
    """What a judge says to a pane of as many events as it wants.

    >>> said = list(binnings(Shape(features=5, models=2)))
    >>> len(said), said[0].column, len(said[0].edges) > 20
    (16, 'feature:number_0', True)
    """
    rows = list(events(Shape(features=shape.features), EVENTS))
    columns = {f"feature:{name}": [row["features"][name] for row in rows] for name in shape.names(0)}
    columns |= {
        "prediction:value": [row["prediction"] for row in rows],
        "latency:ms": [row["latency_ms"] for row in rows],
        "status:status": ["ok"] * EVENTS,
    }
    watch = Watch(budget=parse("1 per model per week"), burn_in=BURN_IN)
    _, news = watch.step(watch.start(), pane(columns, at=0))
    for model, binning in product(range(shape.models), news.binnings):
        yield replace(binning, subject=Subject(model=f"bench-{model}", deployment=f"bench-{model}"))
