"""Every detector keeps the five promises of `detectors.contract`. A new one is found by existing, and fails here until
somebody says what its data looks like."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import is_dataclass
from typing import Any

import numpy as np
import pytest

import detectors
from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP
from detectors.budget import parse
from detectors.dense import Dense, Scores
from detectors.expected_quality import CENTRES, ExpectedQuality, Scored, binned
from detectors.guests import GUESTS
from detectors.label_age import LabelAge
from detectors.margin import Margin
from detectors.season import HOUR_MS, Season
from detectors.urn import Urns
from detectors.volume import Volume
from detectors.watch.fold import Watch
from tests.judge.panes import pane

Stream = Callable[[np.random.Generator, int, bool], Any]  # random, place, after the cliff: the data of one step


def rates(random: np.random.Generator, at: int, cliff: bool) -> Any:
    yes = int(random.binomial(50, 0.4 if cliff else 0.05))
    return [np.array([yes, 50 - yes])]


def numbers(random: np.random.Generator, at: int, cliff: bool) -> Any:
    shares = np.full(10, 0.1) if not cliff else np.array([0.01] * 5 + [0.19] * 5)
    return [random.multinomial(50, shares)]


def crowd(random: np.random.Generator, at: int, cliff: bool) -> Any:
    return Scores(np.full(5, 20.0), random.normal(20.0 * cliff, 20**0.5, 5))


def pane_of(random: np.random.Generator, at: int, cliff: bool) -> Any:
    ages = random.normal(60 if cliff else 40, 10, 50)
    return pane({"feature:age": ages.tolist(), "feature:plan": ["free"] * 50}, at=at)


def value(random: np.random.Generator, at: int, cliff: bool) -> float:
    return float(random.random() < (0.95 if cliff else 0.05))


def scored(random: np.random.Generator, at: int, cliff: bool) -> Any:
    scores = random.beta(4, 4, 60) if cliff else random.beta(0.5, 2, 60)
    counts, labels = binned(scores), binned(scores[:20]).sum(axis=0)
    return Scored(scores=counts, labelled=labels, positives=random.binomial(labels.astype(int), CENTRES).astype(float))


def labels_by_age(random: np.random.Generator, at: int, cliff: bool) -> Any:
    many = random.multinomial(50, [0.4, 0.3, 0.2, 0.1] + [0] * 8)
    wrong = random.binomial(many, 0.4 if cliff else 0.05)
    return np.stack([wrong, many - wrong], axis=1)


CASES: dict[str, tuple[Any, Stream]] = {
    "urn of numbers": (Urns(NUMBERS), numbers),
    "urn of texts": (Urns(CATEGORIES), numbers),
    "urn of nulls": (Urns(RATES), rates),
    "urn of errors": (Urns(RATES_UP), rates),
    "margin of numbers": (Margin(NUMBERS, least_reference=2000), numbers),
    "margin of texts": (Margin(CATEGORIES, least_reference=2000), numbers),
    "margin of nulls": (Margin(RATES, least_reference=2000), rates),
    "dense": (Dense(least_blocks=30, rehearsed=30), crowd),
    "season of numbers": (Season(NUMBERS, least_reference=2000), lambda *now: (now[1] * HOUR_MS, numbers(*now))),
    "season of texts": (Season(CATEGORIES, least_reference=2000), lambda *now: (now[1] * HOUR_MS, numbers(*now))),
    "volume": (Volume(), lambda random, at, cliff: int(random.poisson(5 if cliff else 200))),
    "watch": (Watch(budget=parse("1 per 100000 events"), reference=1000, burn_in=300), pane_of),
    "expected_quality": (ExpectedQuality(reference=600), scored),
    "label_age": (LabelAge(reference=100), labels_by_age),
    "adwin": (GUESTS["adwin"](), value),
    "ddm": (GUESTS["ddm"](drift_threshold=5.0), value),  # type: ignore[call-arg]
    "eddm": (GUESTS["eddm"](warm_start=3, beta=0.6), value),  # type: ignore[call-arg]
    "fhddm": (GUESTS["fhddm"](sliding_window_size=40), value),  # type: ignore[call-arg]
    "hddm_a": (GUESTS["hddm_a"](), value),
    "hddm_w": (GUESTS["hddm_w"](), value),
    "kswin": (GUESTS["kswin"](alpha=1e-5), value),  # type: ignore[call-arg]
    "page_hinkley": (GUESTS["page_hinkley"](threshold=20.0), value),  # type: ignore[call-arg]
}
STEPS, CLIFF = 145, 105
THRESHOLD = 1e5


def start(detector: Any) -> Any:
    """A bank needs a feature; everything else starts by itself."""
    if isinstance(detector, Urns | Margin | Season):
        bins = 2 if detector.law in (RATES, RATES_UP) else 10
        return detector.add(detector.start(), [np.zeros(bins, np.int64)])
    if isinstance(detector, Dense):
        return detector.add(detector.start(), np.full((5, 50), 100.0), np.full(5, 50))
    return detector.start()


def step(detector: Any, state: Any, data: Any) -> tuple[Any, bool]:
    """One step, and whether it alarmed."""
    if isinstance(detector, Watch):
        after, news = detector.step(state, data)
        return after, any(finding.edge == "firing" for finding in news.findings)
    after, verdict = detector.step(state, data, THRESHOLD)
    if isinstance(detector, Urns | Margin | Season):
        return after, bool((verdict.turn == 2).any())
    return after, verdict.drifted


def run(detector: Any, stream: Stream, steps: int, cliff: int, seed: int = 5) -> tuple[Any, list[int]]:
    random, state, alarms = np.random.default_rng(seed), start(detector), []
    for at in range(steps):
        state, alarm = step(detector, state, stream(random, at, at >= cliff))
        if alarm:
            alarms.append(at)
    return state, alarms


def test_every_detector_that_exists_is_held_to_the_contract() -> None:
    held = {(type(detector).__module__, type(detector).__name__) for detector, _ in CASES.values()}
    found = set()
    for module in pkgutil.walk_packages(detectors.__path__, "detectors."):
        for thing in vars(importlib.import_module(module.name)).values():
            if is_dataclass(thing) and isinstance(thing, type) and isinstance(getattr(thing, "kind", None), str):
                found.add((thing.__module__, thing.__name__))
    assert found - {("detectors.guests.guest", "Guest")} == held


@pytest.mark.parametrize("name", CASES)
def test_silent_without_change(name: str) -> None:
    detector, stream = CASES[name]
    assert run(detector, stream, STEPS, STEPS)[1] == []


@pytest.mark.parametrize("name", CASES)
def test_loud_on_a_cliff(name: str) -> None:
    detector, stream = CASES[name]
    _, alarms = run(detector, stream, STEPS, CLIFF)
    assert alarms
    assert CLIFF <= alarms[0] < CLIFF + 40


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_stopping_anywhere_changes_nothing(name: str) -> None:
    detector, stream = CASES[name]
    straight, _ = run(detector, stream, STEPS, CLIFF)
    random, state = np.random.default_rng(5), start(detector)
    for at in range(STEPS):
        state, _ = step(detector, detector.decode(detector.encode(state)), stream(random, at, at >= CLIFF))
    assert detector.encode(state) == detector.encode(straight)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_step_leaves_its_arguments_as_they_were(name: str) -> None:
    detector, stream = CASES[name]
    random, state = np.random.default_rng(5), start(detector)
    before = detector.encode(state)
    for at in range(STEPS):
        data = stream(random, at, at >= CLIFF)
        after, _ = step(detector, state, data)
        assert detector.encode(state) == before
        twice, _ = step(detector, state, data)
        state, before = after, detector.encode(after)
        assert detector.encode(twice) == before
