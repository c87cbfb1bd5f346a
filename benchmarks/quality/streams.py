"""Streams with known changes, many at once: every feature of a bank is an independent run of the same stream.

A `Stream` makes, for some randomness and so many runs, a function that draws the next events, [runs, events]: numbers,
or for rates and categories the bin that each falls into (bin 0 is the hit of a rate). A `Tape` plays it in three parts,
each with randomness of its own: the reference, the time before the change and the time after it. So every detector,
however long it learns and whatever its panes, sees the same events before and after the change: comparisons are
paired. `Runs` are urns that watch a tape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from detectors import binning
from detectors.alternatives import NUMBERS
from detectors.bank import Bank
from detectors.urn import Phase, Urns

Values = NDArray[Any]
Floats = NDArray[np.float64]
Draw = Callable[[int, bool], Values]  # events, after the change? -> [runs, events]
Ratio = Callable[[Values], Floats]  # log likelihood ratio of each event, after the change against before


@dataclass(frozen=True)
class Stream:
    """How to draw events; of rates and categories, into how many bins they fall (0: numbers)."""

    before: str  # what it is before the change: detectors are calibrated once for all streams alike in this
    make: Callable[[np.random.Generator, int], Draw]
    bins: int = 0


class Part(IntEnum):
    """What a tape plays."""

    REFERENCE = 0
    BEFORE = 1
    AFTER = 2


CHUNK = 200  # events drawn at a time, always, so that what is drawn does not depend on who asks


class Tape:
    """A stream being played: the same seed, the same events."""

    def __init__(self, stream: Stream, runs: int, seed: int | Sequence[int]) -> None:
        self.stream, self.runs = stream, runs
        self.seed = [seed] if isinstance(seed, int) else list(seed)
        self.random = np.random.Generator(np.random.PCG64(0))
        self.begin(Part.REFERENCE)
        self.draw = stream.make(self.random, runs)

    def begin(self, part: Part) -> None:
        """Go on with the randomness of this part."""
        self.random.bit_generator.state = np.random.PCG64(np.random.SeedSequence([*self.seed, part])).state

    def chunk(self, changed: bool) -> Values:
        """Return the next CHUNK events of every run."""
        return self.draw(CHUNK, changed)

    def take(self, events: int, changed: bool) -> Values:
        """Return so many events, whole chunks drawn."""
        chunks = [self.chunk(changed) for _ in range(-(-events // CHUNK))]
        return np.concatenate(chunks, axis=1)[:, :events]


def first_above(tape: Tape, levels: Callable[[Values], Iterable[Floats]], h: float, quiet: int, horizon: int) -> Floats:
    """Return the events from the change until a statistic first reaches `h`, of each run: the horizon where it does
    not, nan where it did in the `quiet` events before the change. `levels` gives it after each event of a chunk.
    """
    found = np.full(tape.runs, float(horizon))
    tape.begin(Part.BEFORE)
    for begin in range(-quiet, horizon, CHUNK):
        if begin == 0:
            tape.begin(Part.AFTER)
        if (found != horizon).all():
            break
        for at, level in zip(range(begin, min(begin + CHUNK, horizon)), levels(tape.chunk(begin >= 0)), strict=False):
            found[(level >= h) & (found == horizon)] = at + 1 if at >= 0 else np.nan
    return found


# -- numbers -----------------------------------------------------------------------------------------------------------


def independent(before: str, law: Callable[[np.random.Generator, tuple[int, int], bool], Values]) -> Stream:
    """Return a stream of independent draws: from generator, shape and whether the change has come."""
    return Stream(before, lambda random, runs: lambda n, changed: law(random, (runs, n), changed))


def gaussian(shift: float = 0.0, scale: float = 1.0) -> Stream:
    return independent("normal", lambda random, shape, c: random.normal(shift * c, scale if c else 1.0, shape))


def heavy_tailed(shift: float = 0.0, scale: float = 1.0) -> Stream:
    """Student's t with three degrees of freedom; `shift` is in its own units, its standard deviation is 3^.5."""
    return independent(
        "Student's t, 3 degrees",
        lambda random, shape, c: random.standard_t(3, shape) * (scale if c else 1.0) + shift * c,
    )


def lognormal(log_shift: float = 0.0, shift: float = 0.0) -> Stream:
    return independent("lognormal", lambda random, shape, c: random.lognormal(log_shift * c, 1.0, shape) + shift * c)


def zero_inflated() -> Stream:
    """Three fifths zeros, the rest lognormal."""
    return independent(
        "60 % zeros, lognormal", lambda random, shape, c: random.lognormal(0, 1, shape) * (random.random(shape) < 0.4)
    )


def poisson(mean: float) -> Stream:
    return independent(f"Poisson {mean:g}", lambda random, shape, c: random.poisson(mean, shape).astype(np.float64))


def uniform() -> Stream:
    return independent("uniform", lambda random, shape, c: random.random(shape))


def exponential() -> Stream:
    return independent("exponential", lambda random, shape, c: random.exponential(1.0, shape))


def bimodal() -> Stream:
    """Two fifths about -2, the rest about 2, each half a unit wide."""
    return independent(
        "two modes",
        lambda random, shape, c: np.where(random.random(shape) < 0.4, -2.0, 2.0) + random.normal(0, 0.5, shape),
    )


def spiky(share: float, at: float = 5.0, width: float = 0.1) -> Stream:
    """Normal; after the change a share of the events are spikes."""

    def law(random: np.random.Generator, shape: tuple[int, int], changed: bool) -> Values:
        values = random.normal(0, 1, shape)
        if not changed:
            return values
        return np.where(random.random(shape) < share, at + width * random.normal(0, 1, shape), values)

    return independent("normal", law)


def ramp(shift: float, over: int) -> Stream:
    """Normal; the mean moves by `shift` within so many events after the change."""

    def make(random: np.random.Generator, runs: int) -> Draw:
        at = [0]

        def draw(n: int, changed: bool) -> Values:
            moved = np.minimum(1.0, (at[0] + 1 + np.arange(n)) / over) * changed
            at[0] += n * changed
            return random.normal(0, 1, (runs, n)) + shift * moved

        return draw

    return Stream("normal", make)


def autoregressive(phi: float, shift: float = 0.0) -> Stream:
    """Each value is phi times the last, plus noise that keeps the variance at 1."""

    def make(random: np.random.Generator, runs: int) -> Draw:
        last = [random.normal(0, 1, (runs, 1))]

        def draw(n: int, changed: bool) -> Values:
            noise = random.normal(0, (1 - phi**2) ** 0.5, (runs, n))
            values, _ = lfilter([1.0], [1.0, -phi], noise, axis=1, zi=phi * last[0])
            last[0] = values[:, -1:]
            return np.asarray(values + shift * changed)

        return draw

    return Stream(f"autoregressive {phi:g}", make)


def clustered(surprise: float, persistence: float) -> Stream:
    """Normal values whose variance is 1 on average and follows the last squares, as that of prices does (GARCH(1, 1),
    Bollerslev 1986): uncorrelated, and yet wild times and quiet ones take turns.
    """

    def make(random: np.random.Generator, runs: int) -> Draw:
        variance = np.ones(runs)

        def draw(n: int, changed: bool) -> Values:
            values = random.normal(0, 1, (n, runs))
            for value in values:
                value *= np.sqrt(variance)
                variance[:] = 1 - surprise - persistence + surprise * value**2 + persistence * variance
            return values.T

        return draw

    return Stream(f"clustered {surprise:g} {persistence:g}", make)


def entities(together: int, shift: float = 0.0) -> Stream:
    """Entities that come back: each has one value and 5 to 20 events; `together` of them take turns by lot."""

    def make(random: np.random.Generator, runs: int) -> Draw:
        value = random.normal(0, 1, (runs, together))
        left = random.integers(1, 21, (runs, together))
        each = np.arange(runs)

        def draw(n: int, changed: bool) -> Values:
            whose, fresh = random.integers(0, together, (n, runs)), random.normal(0, 1, (n, runs))
            stays, values = random.integers(5, 21, (n, runs)), np.empty((n, runs))
            for i in range(n):
                values[i] = value[each, whose[i]]
                left[each, whose[i]] -= 1
                gone = left[each, whose[i]] == 0
                left[each[gone], whose[i, gone]] = stays[i, gone]
                value[each[gone], whose[i, gone]] = fresh[i, gone]
            return values.T + shift * changed

        return draw

    return Stream(f"{together} entities", make)


# -- rates and categories ----------------------------------------------------------------------------------------------


def rate(before: float, after: float | None = None, over: int = 0) -> Stream:
    """Hits (bin 0) among others; the rate changes at once, or within so many events."""

    def make(random: np.random.Generator, runs: int) -> Draw:
        at, then = [0], before if after is None else after

        def draw(n: int, changed: bool) -> Values:
            moved = np.minimum(1.0, (at[0] + 1 + np.arange(n)) / max(over, 1)) * changed
            at[0] += n * changed
            return np.asarray(random.random((runs, n)) >= before + (then - before) * moved, np.int64)

        return draw

    return Stream(f"rate {before:g}", make, bins=2)


def sticky(shares: Sequence[float], stay: float, after: Sequence[float] | None = None) -> Stream:
    """Categories of which each repeats the last with probability `stay`: (1 + stay) / (1 - stay) times the variance."""

    def make(random: np.random.Generator, runs: int) -> Draw:
        now, then = shares_of(shares), shares_of(after or shares)
        last = [random.choice(len(now), (runs, 1), p=now)]

        def draw(n: int, changed: bool) -> Values:
            fresh = random.choice(len(now), (runs, n), p=then if changed else now)
            if not stay:
                return fresh
            renewed = random.random((runs, n)) >= stay
            since = np.maximum.accumulate(np.where(renewed, 1 + np.arange(n), 0), axis=1)
            values = np.take_along_axis(np.concatenate([last[0], fresh], axis=1), since, axis=1)
            last[0] = values[:, -1:]
            return values

        return draw

    return Stream(f"categories {list(shares)}, {stay:g} repeated", make, bins=len(shares))


def bursts(share: float, stay: float, at: float = 6.0) -> Stream:
    """Normal ones of which a share is `at` larger, in runs: the next one is as well with a probability just above
    `stay`."""
    which = sticky((share, 1 - share), stay)

    def make(random: np.random.Generator, runs: int) -> Draw:
        drawn = which.make(random, runs)
        return lambda n, changed: random.normal(0, 1, (runs, n)) + at * (drawn(n, changed) == 0)

    return Stream(f"normal, {share:g} in runs +{at:g}", make)


def shares_of(weights: Sequence[float]) -> Floats:
    """Return the weights as shares of one."""
    return np.asarray(np.array(weights, np.float64) / sum(weights))


ZIPF = (*(1 / k for k in range(1, 11)), 0.0)  # ten categories, and the bin of those that were never seen


# -- urns that watch ---------------------------------------------------------------------------------------------------


@dataclass
class Runs:
    """Many runs of one stream, past their learning."""

    urns: Urns
    bank: Bank
    tape: Tape
    edges: NDArray[np.int64]  # of all runs, ascending: those of run r have r * STEP added
    offset: NDArray[np.int64]  # [runs, 1]: how many edges the runs before have
    ready: Values  # [runs, events]: events that are drawn and binned, and wait for a pane
    alarms: NDArray[np.int64]  # [runs]: while others were still learning, and how many events each watched meanwhile
    watched: NDArray[np.int64]
    changed: bool = False

    def begin(self, part: Part) -> None:
        """Go on with this part of the tape."""
        self.tape.begin(part)
        self.ready = self.ready[:, :0]

    def pane(self, events: int, changed: bool) -> NDArray[np.int64]:
        """Return the counts of the next events, [runs, bins]."""
        if changed != self.changed:
            self.ready, self.changed = self.ready[:, :0], changed
        while self.ready.shape[1] < events:
            self.ready = np.concatenate([self.ready, self.binned(self.tape.chunk(changed))], axis=1)
        now, self.ready = self.ready[:, :events], self.ready[:, events:]
        return tally(now, int(self.bank.bins.max()))

    def binned(self, values: Values) -> NDArray[np.int64]:
        """Return the bin of every event."""
        if self.tape.stream.bins:
            return values
        keys = binning.universal(values) + STEP * np.arange(len(values))[:, None]
        return np.asarray(np.searchsorted(self.edges, keys, side="right") - self.offset)


STEP = 1 << 24  # more than there are universal buckets: the edges of all runs fit into one ascending array


def tally(bins: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Return how often each bin occurs in each run, [runs, width]."""
    flat = bins + width * np.arange(len(bins))[:, None]
    return np.bincount(flat.ravel(), minlength=width * len(bins)).reshape(len(bins), width)


def counted(buckets: Values, edges: Values) -> NDArray[np.int64]:
    """Return how often each bin occurs among universal buckets, in the bins that these edges cut."""
    return np.bincount(np.searchsorted(edges, buckets, side="right"), minlength=len(edges) + 1)


def begun(urns: Urns, stream: Stream, runs: int, seed: int | Sequence[int], burn_in: int) -> Runs:
    """Return runs that have their bins from their burn-in, and learn."""
    tape = Tape(stream, runs, seed)
    first, none = tape.take(burn_in, False), np.zeros(runs, np.int64)
    if stream.bins:
        nothing = np.zeros(0, np.int64)
        bank = urns.add(urns.start(), list(tally(first, stream.bins)))
        return Runs(urns, bank, tape, nothing, nothing, first[:, :0], none, none)
    assert urns.law is NUMBERS
    universal = binning.universal(first)
    cuts = [binning.derive(*np.unique(row, return_counts=True)) for row in universal]
    edges = np.concatenate([cut.astype(np.int64) + STEP * run for run, cut in enumerate(cuts)])
    offset = np.cumsum([0, *(len(cut) for cut in cuts[:-1])])[:, None]
    started = Runs(urns, urns.start(), tape, edges, offset, first[:, :0].astype(np.int64), none, none)
    widths = [len(cut) + 1 for cut in cuts]
    counts = tally(started.binned(first), max(widths))
    started.bank = urns.add(urns.start(), [row[:width] for row, width in zip(counts, widths, strict=True)])
    return started


MOST_LEARNING = 60_000  # events after which a run that still learns is left to it
NEVER = 1e30  # as much evidence as there can be: a threshold at which there are no alarms


def learnt(
    urns: Urns,
    stream: Stream,
    pane: int,
    runs: int = 60,
    seed: int | Sequence[int] = 1,
    burn_in: int = 500,
    threshold: float = NEVER,
) -> Runs:
    """Return runs that watch, after burn-in and learning in panes of this size. What the first of them say before the
    last has learnt is counted, and dismissed as false.
    """
    watching = begun(urns, stream, runs, seed, burn_in)
    bank = watching.bank
    for _ in range(MOST_LEARNING // pane):
        awake = bank.phase != Phase.LEARNING
        if awake.all():
            break
        bank, said = urns.step(bank, watching.pane(pane, False), threshold)
        watching.watched = watching.watched + pane * awake
        watching.alarms = watching.alarms + said.drifted
        if said.drifted.any():
            bank = urns.dismiss(bank, np.flatnonzero(said.drifted).tolist())
    watching.bank = bank
    return watching


def false_alarms(runs: Runs, pane: int, events: int, threshold: float) -> NDArray[np.int64]:
    """Return how many alarms each run has in so many events without a change. Every alarm is dismissed as false."""
    bank, alarms = runs.bank, np.zeros(len(runs.bank), np.int64)
    runs.begin(Part.BEFORE)
    for _ in range(events // pane):
        bank, said = runs.urns.step(bank, runs.pane(pane, False), threshold)
        if said.drifted.any():
            alarms += said.drifted
            bank = runs.urns.dismiss(bank, np.flatnonzero(said.drifted).tolist())
    return alarms


def spent(runs: Runs, pane: int, events: int, threshold: float) -> float:
    """Return the alarms without a change, over those the budget allows."""
    return float(false_alarms(runs, pane, events, threshold).mean() / (events / threshold))


def first_alarms(
    runs: Runs, pane: int, threshold: float, horizon: int = 4000, quiet: int = 1000, every: int = 1
) -> Floats:
    """Return the events from the change to the end of the pane that alarms, of each run: the horizon where there is no
    alarm, nan where there was one in the `quiet` events before the change. Alarms are looked for `every` so many panes.
    """

    def asked(events: int) -> float:
        return threshold if events // pane % every == 0 else NEVER

    bank, found = runs.bank, np.full(len(runs.bank), float(horizon))
    runs.begin(Part.BEFORE)
    for at in range(pane, quiet + 1, pane):
        bank, said = runs.urns.step(bank, runs.pane(pane, False), asked(at))
        found[said.drifted] = np.nan
    runs.begin(Part.AFTER)
    going = np.arange(len(bank))
    for at in range(pane, horizon, pane):
        over = found[going] != horizon
        if over.all():
            break
        if 2 * over.sum() >= len(going):  # half of them are done: the others are faster alone
            bank, going = runs.urns.drop(bank, np.flatnonzero(over).tolist()), going[~over]
        counts = runs.pane(pane, True)[going, : bank.urn.shape[1]]
        bank, said = runs.urns.step(bank, counts, asked(at))
        alarmed = going[said.drifted]
        found[alarmed[found[alarmed] == horizon]] = at
    return found


def delays(runs: Runs, pane: int, threshold: float, horizon: int = 4000) -> Floats:
    """Return the delay of every run without an alarm in the 1,000 events before the change."""
    found = first_alarms(runs, pane, threshold, horizon)
    return found[~np.isnan(found)]
