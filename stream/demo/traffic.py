"""The traffic of the demo: requests of the census rows with the outages in them, as the JSON a serving system writes.

Everything random comes from one seed, so two runs send the same events; only their times differ.

>>> from stream.demo.story import STORY
>>> traffic = Traffic(STORY, seed=7)
>>> event = next(traffic.events(0, 1))
>>> sorted(event), event["version"]
(['features', 'kind', 'latency_ms', 'model', 'prediction', 'segments', 'status', 'version'], '1')
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from stream.demo.census import census
from stream.demo.outages import Request
from stream.demo.story import MODEL, REGIONS, Story

LATENCY_MS, LATENCY_SPREAD = 18.0, 0.35  # median and log standard deviation: an ordinary service
FALLBACK = 0.003  # share of answers that a default stood in for
TRAFFIC_STREAM = 2  # one seed, a stream of random numbers for each use

# Each is refused for another reason; all of them have been seen in production.
GARBAGE: tuple[bytes, ...] = (
    b'{"kind":"prediction","model":"employment","features":{"AGEP":41',
    b'{"kind":"prediction","model":"employment","features":{"AGEP":[41]},"prediction":0.5}',
    b'{"kind":"prediction","features":{"AGEP":41},"prediction":0.5}',
    b'{"kind":"predictoin","model":"employment","features":{"AGEP":41}}',
    b'\xff\xfe{"kind":"prediction"}',
    b'{"kind":"prediction","model":"employment","ts":"2199-01-01T00:00:00Z","prediction":0.5}',
)

Event = dict[str, Any]


class Traffic:
    """Requests by place. `None` stands for one that never becomes an event."""

    def __init__(self, story: Story, seed: int) -> None:
        self.story = story
        self.census = census(seed, story.counts)
        random = np.random.default_rng([seed, TRAFFIC_STREAM])
        n = story.length
        self._regions = random.choice(list(REGIONS), size=n, p=list(REGIONS.values())).tolist()
        self._latency = LATENCY_MS * np.exp(LATENCY_SPREAD * random.standard_normal(n))
        self._fallback = random.random(n) < FALLBACK
        self._luck = random.random(n)

    def events(self, begin: int, end: int) -> Iterator[Event | None]:
        """What becomes of the requests `begin` to `end`, without the time, which is the sender's to say."""
        for place, features in zip(range(begin, end), self.census.rows(begin, end), strict=True):
            request = Request(
                features=features,
                score=float(self.census.scores[place]),
                latency_ms=float(self._latency[place]),
                region=self._regions[place],
            )
            if self._disturbed(request, place):
                yield _event(request, "fallback" if self._fallback[place] else "ok")
            else:
                yield None

    def _disturbed(self, request: Request, place: int) -> bool:
        """Let the outages of this place happen to the request; whether it still arrives."""
        return all(
            outage.disturb(request, (place - outage.begin) / (outage.end - outage.begin), float(self._luck[place]))
            for outage in self.story.outages
            if outage.begin <= place < outage.end
        )

    def garbage(self, place: int) -> bytes | None:
        """The malformed event that is sent beside the request of this place, if any."""
        if place not in self.story.garbage:
            return None
        return GARBAGE[self.story.garbage.index(place) % len(GARBAGE)]

    def deployment(self, place: int) -> Event | None:
        """The deployment event of this place, if any."""
        for outage in self.story.outages:
            if outage.deploys is not None and place in (outage.begin, outage.end):
                return _deployment(outage.deploys, back=place == outage.end)
        return None


def _event(request: Request, status: str) -> Event:
    return {
        "kind": "prediction",
        "model": MODEL,
        "version": request.version,
        "features": request.features,
        "prediction": {"score": request.score, "label": "employed" if request.score >= 0.5 else "not employed"},
        "latency_ms": round(request.latency_ms, 2),
        "status": status,
        "segments": {"region": request.region},
    }


def _deployment(versions: tuple[str, str], back: bool) -> Event:
    new, old = versions
    return {
        "kind": "deployment",
        "model": MODEL,
        "version": old if back else new,
        "previous_version": new if back else old,
        "action": "rolled_back" if back else "deployed",
        "actor": "demo",
    }
