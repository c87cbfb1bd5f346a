"""What can go wrong between a person and a model, as functions on one request. Each is the story of a real outage.

None of them is an explosion: they touch a region, a part of the traffic or a tenth of a probability, as outages do that
people find out about after weeks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from stream.demo.census import Value

Disturb = Callable[["Request", float, float], bool]


@dataclass(slots=True)
class Request:
    """One request to the model and its answer, before it becomes an event."""

    features: dict[str, Value | None]
    score: float
    latency_ms: float
    region: str
    version: str = "1"


def lost_join(feature: str, region: str, share: float) -> Disturb:
    """A look-up service of one region times out: the feature is null in `share` of its requests."""

    def disturb(request: Request, progress: float, luck: float) -> bool:
        if request.region == region and luck < share:
            request.features[feature] = None
        return True

    return disturb


def other_unit(feature: str, factor: int, share: float) -> Disturb:
    """A new release of one client sends the feature in another unit; `share` of the requests come from it."""

    def disturb(request: Request, progress: float, luck: float) -> bool:
        value = request.features[feature]
        if luck < share and isinstance(value, int):
            request.features[feature] = value * factor
        return True

    return disturb


def new_code(feature: str, code: str, share: float) -> Disturb:
    """A form has a new answer, which the model was never trained on."""

    def disturb(request: Request, progress: float, luck: float) -> bool:
        if luck < share:
            request.features[feature] = code
        return True

    return disturb


def other_model(version: str, doubt: float) -> Disturb:
    """A new version answers with less confidence in employment: its log odds are lower by `doubt`."""

    def disturb(request: Request, progress: float, luck: float) -> bool:
        request.version = version
        clipped = min(0.9995, max(0.0005, request.score))
        request.score = round(1 / (1 + math.exp(doubt) * (1 - clipped) / clipped), 3)
        return True

    return disturb


def creeping_latency(factor: float) -> Disturb:
    """A leak: every answer takes a little longer than the one before, up to `factor` times as long."""

    def disturb(request: Request, progress: float, luck: float) -> bool:
        request.latency_ms *= 1 + (factor - 1) * progress
        return True

    return disturb


def lost_feed(region: str) -> Disturb:
    """The requests of one region no longer arrive."""

    def disturb(request: Request, progress: float, luck: float) -> bool:
        return request.region != region

    return disturb
