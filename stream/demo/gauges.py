"""The gauges: how every column of the model stands, as the judge shows it to people in Redis."""

import math
from dataclasses import dataclass
from typing import Any

import orjson
import redis

from schemas.subject import Subject
from stream.demo.story import MODEL
from stream.redis import Client

ORDERS = 3.0  # of magnitude that a gauge shows; below, chance goes up and down as it likes
SUBJECT = Subject(model=MODEL, deployment=MODEL)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One column: its state, and how far its evidence is on the way to an alarm."""

    column: str
    state: str
    evidence: float = 0.0
    threshold: float = 1.0

    @property
    def fullness(self) -> float:
        """0 to 1: the last orders of magnitude before an alarm, for evidence multiplies.

        >>> round(Gauge("feature:age", "watching", evidence=1e5, threshold=1e6).fullness, 2)
        0.67
        """
        if self.state == "drifting":
            return 1.0
        missing = math.log10(max(self.threshold, 1.0) / max(self.evidence, 1e-9))
        return min(1.0, max(0.0, 1 - missing / ORDERS))


@dataclass(frozen=True)
class Gauges:
    """The model as a whole, and its columns, the fullest first."""

    state: str = "no data"
    rows: int = 0  # how many events the judge has judged
    budget: str = ""
    columns: tuple[Gauge, ...] = ()


def read(client: Client, prefix: str, before: Gauges) -> Gauges:
    """The gauges as they stand; as they stood before when Redis does not answer, for nothing depends on them."""
    try:
        fields: dict[bytes, bytes] = client.hgetall(f"{prefix}view:{SUBJECT.key}")  # type: ignore[assignment]
    except redis.RedisError:
        return before
    if not fields:
        return before
    whole = orjson.loads(fields.pop(b"subject", b"{}"))
    gauges = [_gauge(orjson.loads(text)) for name, text in sorted(fields.items()) if name.startswith(b"column|")]
    return Gauges(
        state=str(whole.get("state", before.state)),
        rows=int(whole.get("rows", before.rows)),
        budget=str(whole.get("budget", "")),
        columns=tuple(sorted(gauges, key=lambda gauge: (-gauge.fullness, gauge.column))),
    )


def _gauge(picture: dict[str, Any]) -> Gauge:
    return Gauge(
        column=str(picture.get("column", "")),
        state=str(picture.get("state", "")),
        evidence=float(picture.get("evidence") or 0.0),
        threshold=float(picture.get("threshold") or 1.0),
    )
