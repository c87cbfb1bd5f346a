"""What the workers of an installation are doing, read where an operator would: their pages, and the system's own books.

with Gauges(service, ("profile-0", "judge-0")) as gauges:
    ...
gauges.curves["judge-0"]      # one Sample a second
"""

import threading
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Self

import redis
from prometheus_client.parser import text_string_to_metric_families

from tests.pipeline.installation import Installation

EVERY_S = 1.0
PATIENCE_S = 120.0


class Sample(NamedTuple):
    """Of one worker at one moment."""

    at_s: float  # since the gauges were read first
    rss_mb: float
    lag_s: float
    lag_messages: float
    messages: float  # read so far


class Gauges:
    """Reads all workers once a second, in a thread of its own, between `with` and its end."""

    def __init__(self, service: Installation, workers: Sequence[str], redis_url: str) -> None:
        self.service, self.workers = service, workers
        self.curves: dict[str, list[Sample]] = {worker: [] for worker in workers}
        self._redis = redis.Redis.from_url(redis_url)
        self._stop = threading.Event()
        self.began = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self.until_ready()
        self._thread.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._stop.set()
        self._thread.join(10)
        self._redis.close()

    def until_ready(self) -> None:
        """Until every worker says so."""
        give_up = time.monotonic() + PATIENCE_S
        while not all(self.ready(worker) for worker in self.workers):
            assert time.monotonic() < give_up, self.service.said[-4000:]
            time.sleep(0.2)

    def ready(self, worker: str) -> bool:
        return self._page(worker, "/readyz").startswith("ok")

    def metrics(self, worker: str) -> dict[str, float]:
        """Every sample by its name, added up over its labels; a label that tells much is kept: `name{code}`."""
        found: dict[str, float] = {}
        for family in text_string_to_metric_families(self._page(worker, "/metrics")):
            for sample in family.samples:
                found[sample.name] = found.get(sample.name, 0.0) + sample.value
                for label in ("code", "class", "what"):
                    if told := sample.labels.get(label):
                        name = f"{sample.name}{{{told}}}"
                        found[name] = found.get(name, 0.0) + sample.value
        return found

    def rss_mb(self, worker: str) -> float:
        """What the worker's process has in memory."""
        pages = int(Path(f"/proc/{self.service.pids(worker)[-1]}/statm").read_text().split()[1])
        return pages * 4096 / 1e6

    def _watch(self) -> None:
        while not self._stop.wait(EVERY_S):
            for worker in self.workers:
                try:
                    self.curves[worker].append(self._sample(worker))
                except (OSError, IndexError):  # between two lives
                    continue

    def _sample(self, worker: str) -> Sample:
        seen = self.metrics(worker)
        return Sample(
            time.monotonic() - self.began,
            self.rss_mb(worker),
            seen.get("leeway_lag_seconds", 0.0),
            seen.get("leeway_lag_messages", 0.0),
            seen.get("leeway_messages_total", 0.0),
        )

    def _page(self, worker: str, path: str) -> str:
        address = self._redis.get(f"{self.service.settings.redis.prefix}http:{worker}")
        if not isinstance(address, bytes):
            return ""
        try:
            with urllib.request.urlopen(f"http://{address.decode()}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:  # urllib's errors are among them
            return ""


def told(curve: Sequence[Sample], points: int = 12) -> str:
    """A curve in numbers: when, memory, lag.

    >>> told([Sample(1.0, 50.0, 0.0, 0.0, 0.0), Sample(2.0, 51.2, 3.4, 900.0, 100.0)])
    '1 s: 50 MB, 0.0 s behind | 2 s: 51 MB, 3.4 s behind'
    """
    step = max(1, len(curve) // points)
    chosen = [*curve[::step], *([curve[-1]] if curve and (len(curve) - 1) % step else [])]
    return " | ".join(f"{one.at_s:.0f} s: {one.rss_mb:.0f} MB, {one.lag_s:.1f} s behind" for one in chosen)
