"""An alert budget, "at most k false alerts in so many events", and the threshold that keeps it.

Every detector here is an *e-detector* (Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for
sequential change detection", 2022): a statistic M >= 0, M_0 = 0, that grows by at most one per event while nothing
changes, E0[M_t | past] <= M_{t-1} + n_t for a pane of n_t events, and that alarms when M >= A. Two consequences, both
without assumptions on the distribution and for every sample size:

* *One alarm is unlikely.* M_t - (n_1 + ... + n_t) is a supermartingale, so by Markov at the time of the first alarm
  or at event m, whichever is first, A * P0(alarm within m events) <= E0[M] <= m. Hence P0(alarm within m events) <=
  m / A.
* *Alarms are few.* Restart M at 0 after each alarm. M gains at most m in expectation over m events, each alarm takes
  at least A away, and M stays >= 0. Hence A * E0[alarms in m events] <= m: the budget, exactly.

So k alerts in m events, shared by F detectors that each see all m, is A = m * F / k.

>>> threshold(parse("1 per 100000 events"), detectors=10, events_per_week=None)
1000000.0
>>> threshold(parse("2 per model per day"), detectors=1, events_per_week=7e6)
500000.0
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import exp, lgamma, log

PERIODS_A_WEEK = {"hour": 168.0, "day": 7.0, "week": 1.0, "month": 12 / 52}

# One alert in a thousand events is a coin that always falls: below this a pane or two of bad luck is an alarm.
LEAST_THRESHOLD = 1e3

# Used until a model's own rate has been seen. Ten times too high costs 2.3 nats of evidence, about a seventh of the
# delay; ten times too low would cost ten times the alerts. So it errs upwards: ten million events a week are
# seventeen a second.
UNKNOWN_EVENTS_PER_WEEK = 1e7

UNLIKELY = 0.05  # as in the intervals of the benchmark

EXAMPLES = "'1 per model per week', '2 per model per day' or '1 per 100000 events'"

PER_TIME = re.compile(r"(?P<alerts>\d+(?:\.\d+)?) per model per (?P<period>[a-z]+)")
PER_EVENTS = re.compile(r"(?P<alerts>\d+(?:\.\d+)?) per (?P<events>\d+(?:[_,]\d{3})*(?:\.\d+)?(?:e\d+)?) events?")


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `alerts` false alerts of one model per `period`, or per `events` events. Exactly one of the two is
    given."""

    alerts: float
    period: str | None = None
    events: float | None = None

    def __str__(self) -> str:
        if self.period is not None:
            return f"{self.alerts:g} per model per {self.period}"
        return f"{self.alerts:g} per {self.events:.0f} events"


def parse(text: str) -> Budget:
    """Read a budget as people write it.

    >>> parse("1 per model per week")
    Budget(alerts=1.0, period='week', events=None)
    >>> parse("never")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: 'never' is not an alert budget; write it like '1 per model per week', ...
    """
    words = " ".join(text.lower().split())
    if timed := PER_TIME.fullmatch(words):
        return Budget(positive(timed["alerts"], text), period=known(timed["period"], text))
    if counted := PER_EVENTS.fullmatch(words):
        events = counted["events"].replace(",", "").replace("_", "")
        return Budget(positive(counted["alerts"], text), events=positive(events, text))
    raise ValueError(f"{text!r} is not an alert budget; write it like {EXAMPLES}")


def positive(digits: str, text: str) -> float:
    """Return the number, refusing zero: a detector that may never be wrong may never speak."""
    number = float(digits)
    if not 0 < number < float("inf"):
        raise ValueError(f"the alert budget {text!r} never allows an alert; write it like {EXAMPLES}")
    return number


def known(period: str, text: str) -> str:
    """Return the period, refusing one that has no length here."""
    if period not in PERIODS_A_WEEK:
        periods = ", ".join(PERIODS_A_WEEK)
        raise ValueError(f"the alert budget {text!r} names the period {period!r}; there are {periods}")
    return period


def most_by_chance(granted: float) -> int:
    """Return how many alarms a detector that keeps a budget may raise where it grants so many (> 0) on average: more
    of them, if they come independently (Poisson), are less likely than `UNLIKELY`.

    >>> [most_by_chance(granted) for granted in (0.04, 0.3, 2, 1000)]
    [0, 1, 5, 1052]
    """
    most, likely = 0, exp(-granted)
    while likely < 1 - UNLIKELY:
        most += 1
        likely += exp(most * log(granted) - granted - lgamma(most + 1))
    return most


def threshold(budget: Budget, detectors: int, events_per_week: float | None) -> float:
    """Return the evidence A at which each of `detectors` detectors of one model alarms, so that together they keep
    the budget.

    `events_per_week` is the model's rate, None while it is unknown; a budget per events does not need it. A is never
    below `LEAST_THRESHOLD`: of a budget beyond one alert in so many events for each detector the rest is not spent.

    >>> [threshold(parse(f"1 per {events} events"), 1, None) for events in (10_000, 1_000, 100)]
    [10000.0, 1000.0, 1000.0]
    """
    if budget.events is not None:
        events = budget.events
    else:
        rate = UNKNOWN_EVENTS_PER_WEEK if events_per_week is None else events_per_week
        events = rate / PERIODS_A_WEEK[budget.period or "week"]
    return max(LEAST_THRESHOLD, events * max(1, detectors) / budget.alerts)
