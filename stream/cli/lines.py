"""Events as people keep them: NDJSON, one event a line, in a file or from a pipe."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from schemas.decode import Incoming, Reader
from schemas.explain import Finding, findings


@dataclass(frozen=True)
class Line:
    """One line: the event in it, or why there is none, and everything that could be better."""

    number: int
    value: bytes
    event: Incoming | None
    findings: list[Finding]

    @property
    def kind(self) -> str:
        """`prediction`, or `?` when it cannot be read."""
        return type(self.event).__name__.lower() if self.event is not None else "?"

    @property
    def model(self) -> str:
        return self.event.model if self.event is not None else "?"


@dataclass
class Tally:
    """How many lines of which kind and model, and how many with errors or warnings."""

    valid: Counter[tuple[str, str]] = field(default_factory=Counter)
    errors: int = 0  # lines with at least one
    warnings: int = 0
    codes: Counter[str] = field(default_factory=Counter)

    def add(self, line: Line) -> None:
        """Count one more line."""
        if line.event is None:
            self.errors += 1
        else:
            self.valid[line.kind, line.model] += 1
        self.warnings += any(finding.level == "warning" for finding in line.findings)
        self.codes.update(finding.code for finding in line.findings if finding.level == "error")


def values(source: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    for number, line in enumerate(source, 1):
        if value := line.strip():
            yield number, value


def read(source: Iterable[bytes], kind: str, at_ms: int, refuse_future_ms: int) -> Iterator[Line]:
    """Every line as the profile worker would read it at the time `at_ms`, with all there is to say about it.

    >>> [line] = read([b'{"model":"churn","features":{"age":[41]}}'], "prediction", 0, 86_400_000)
    >>> line.event, line.findings[0].path
    (None, 'features.age')
    """
    reader = Reader(refuse_future_ms)
    for number, value in values(source):
        event = reader.event(value, None, kind, at_ms)
        found = findings(value, kind, at_ms, refuse_future_ms)
        if isinstance(event, Incoming):
            yield Line(number, value, event, [finding for finding in found if finding.level == "warning"])
            continue
        if not any(finding.level == "error" for finding in found):
            found.append(Finding("error", "", event.message, event.hint, event.code))
        yield Line(number, value, None, found)
