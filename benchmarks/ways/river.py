"""What one writes with River in an afternoon: event by event, for every column of every model.

Numbers: variance, median (P2) and ADWIN. Texts: the most frequent ones. Nulls are counted.
"""

from collections import Counter, defaultdict
from typing import Any

from river import drift, sketch, stats


class Number:
    """The statistics of one column of numbers."""

    def __init__(self) -> None:
        self.variance, self.median, self.change = stats.Var(), stats.Quantile(0.5), drift.ADWIN()

    def update(self, value: float) -> bool:
        """True when it has drifted."""
        self.variance.update(value)
        self.median.update(value)
        self.change.update(value)
        return bool(self.change.drift_detected)


class Watched:
    """One model."""

    def __init__(self) -> None:
        self.numbers: dict[str, Number] = defaultdict(Number)
        self.texts: dict[str, sketch.HeavyHitters] = defaultdict(sketch.HeavyHitters)
        self.nulls: Counter[str] = Counter()
        self.alarms = 0

    def see(self, event: dict[str, Any]) -> None:
        for name, value in event["features"].items():
            if value is None:
                self.nulls[name] += 1
            elif isinstance(value, str):
                self.texts[name].update(value)
            else:
                self.alarms += self.numbers[name].update(value)
        self.alarms += self.numbers["prediction"].update(event["prediction"])
        self.alarms += self.numbers["latency_ms"].update(event["latency_ms"])


class Fleet:
    """All models, each met by its name in the event."""

    def __init__(self) -> None:
        self.models: dict[str, Watched] = defaultdict(Watched)

    def see(self, event: dict[str, Any]) -> None:
        self.models[event["model"]].see(event)
