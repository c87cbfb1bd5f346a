"""The gauges: how every column of the model stands, as the judge shows it to people in Redis."""

from dataclasses import dataclass
from typing import Any

import orjson
import redis

from schemas.subject import Subject
from stream.demo.story import MODEL
from stream.redis import Client

SUBJECT = Subject(model=MODEL, deployment=MODEL)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One column: its state, and how far its evidence is on the way to an alarm."""

    column: str
    state: str
    fullness: float = 0.0  # 0 to 1

    @property
    def name(self) -> str:
        """What people call the column.

        >>> Gauge("prediction:score", "watching").name, Gauge("latency:ms", "watching").name
        ('score', 'latency')
        """
        family, _, name = self.column.partition(":")
        return family if family in ("latency", "status") else name


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
        fullness=float(picture.get("fullness") or 0.0),
    )
