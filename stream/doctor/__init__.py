"""Are this machine, this Kafka and this Redis fit for Leeway? Every finding with its mend; nothing is left behind."""

from collections.abc import Iterator

from stream.doctor.finding import Finding as Finding
from stream.settings import Settings


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything there is to say, the nearest first."""
    from stream.doctor import broker, machine, memory

    yield from machine.findings(settings)
    yield from broker.findings(settings)
    yield from memory.findings(settings)
