"""The urn keeps its budget, is quick, and goes on after anything as if nothing had happened."""

from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import pytest
from scipy.special import gammaln

from benchmarks.quality import streams
from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP
from detectors.bank import VERSION
from detectors.polya import log_law, rise, tilted_numbers, tilted_shares
from detectors.urn import Phase, Turn, Urns

GOLDEN = Path(__file__).parent.parent / "golden" / "urn"
ZIPF = [1 / k for k in range(1, 9)]


# -- the arithmetic ----------------------------------------------------------------------------------------------------


def panes_of(events: int, bins: int):
    return np.array([d for d in product(range(events + 1), repeat=bins) if sum(d) == events], float)


def logarithms(tilt, pane):
    return (pane[:, None, :] @ np.log(tilt))[:, 0]


@pytest.mark.parametrize("events", [1, 2, 6])
def test_the_likelihood_ratio_is_one_on_average_whatever_the_alternative(events):
    urn, panes = np.array([0.3, 4.3, 11.3, 2.3]), panes_of(events, 4)
    urns = np.repeat(urn[None], len(panes), axis=0)
    orders = gammaln(events + 1) - gammaln(panes + 1).sum(axis=1)
    chance = np.exp(log_law(urns, panes) + orders)
    assert chance.sum() == pytest.approx(1, abs=1e-6)
    factor = np.ones((len(panes), 3))
    tilt = NUMBERS.tilt(urns * 1.1 + 0.2)  # a stale tilt is as good
    numbers = tilted_numbers(tilt, urns, panes, factor, NUMBERS.groups, logarithms(tilt, panes))
    for ratio in (numbers, *(tilted_shares(law, urns, panes, factor[:, 0]) for law in (RATES, RATES_UP, CATEGORIES))):
        assert chance @ np.exp(ratio) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("events", [1, 20, 300, 20_000])
def test_small_and_large_panes_agree_with_the_gamma_function(events):
    rng = np.random.default_rng(events)
    shares = rng.dirichlet(np.ones(40) / 2, 20)
    urn = rng.multinomial(3000, shares) + 1 / 40
    pane = rng.multinomial(events, shares[::-1]).astype(float)
    tilt = NUMBERS.tilt(urn)
    found = tilted_numbers(tilt, urn, pane, np.ones((20, 3)), NUMBERS.groups, logarithms(tilt, pane))
    g, d = urn[:, :, None], pane[:, :, None]
    a = g * tilt * (urn.sum(axis=1)[:, None] / (g * tilt).sum(axis=1))[:, None, :]
    exact = (gammaln(a + d) - gammaln(a) - gammaln(g + d) + gammaln(g)).sum(axis=1)
    assert found == pytest.approx(exact, abs=1e-5)


def test_a_fraction_of_an_event_counts_as_a_fraction():
    balls = np.array([0.01, 3.0])
    assert rise(balls, np.array([0.5, 0.5])) == pytest.approx(np.log(balls) / 2)
    assert rise(balls, np.array([2.5, 2.5])) == pytest.approx(np.log(balls * (balls + 1)) + np.log(balls + 2) / 2)


@pytest.mark.parametrize("law", [NUMBERS, RATES, RATES_UP, CATEGORIES])
def test_the_weights_add_up_to_one_for_every_feature(law):
    urns = Urns(law)
    bank = urns.add(urns.start(), [np.ones(2, int), np.ones(2 if "rates" in law.name else 7, int)])
    assert urns.weights(bank).sum(axis=1) == pytest.approx(1)


def test_a_tilt_moves_events_and_loses_none():
    urn = np.random.default_rng(1).dirichlet(np.ones(30), 5) * 1000
    assert (urn[:, :, None] * NUMBERS.tilt(urn)).sum(axis=1) == pytest.approx(np.full((5, 23), 1000.0))


# -- the budget --------------------------------------------------------------------------------------------------------

NULLS = {
    "gaussian": (NUMBERS, streams.gaussian()),
    "heavy tails": (NUMBERS, streams.heavy_tailed()),
    "mostly zero": (NUMBERS, streams.zero_inflated()),
    "autoregressive .5": (NUMBERS, streams.autoregressive(0.5)),
    "autoregressive .8": (NUMBERS, streams.autoregressive(0.8)),
    "rate .05": (RATES, streams.rate(0.05)),
    "rate .01, up": (RATES_UP, streams.rate(0.01)),
    "rate in runs": (RATES, streams.sticky([0.05, 0.95], 0.7)),
    "categories": (CATEGORIES, streams.sticky(ZIPF, 0.0)),
    "categories in runs": (CATEGORIES, streams.sticky(ZIPF, 0.5)),
}


QUICK = ["gaussian", "autoregressive .5", "rate in runs", "categories in runs"]
QUICK += [pytest.param(stream, marks=pytest.mark.slow) for stream in ("mostly zero", "rate .05")]


@pytest.mark.parametrize("stream", QUICK)
def test_the_budget_is_kept_without_calibration(stream):
    law, make = NULLS[stream]
    runs = streams.learnt(Urns(law), make, pane=20, runs=60, seed=11)
    assert streams.spent(runs, pane=20, events=3000, threshold=2e3) <= 1.0


@pytest.mark.slow
@pytest.mark.parametrize("pane", [1, 20, 200])
@pytest.mark.parametrize("stream", NULLS)
def test_the_budget_is_kept_at_every_pane_size(stream, pane):
    law, make = NULLS[stream]
    runs = streams.learnt(Urns(law), make, pane=pane, runs=100, seed=12)
    assert (
        streams.spent(runs, pane=pane, events=2000 if pane == 1 else 20_000, threshold=1e3 if pane == 1 else 1e4) <= 1
    )


def test_independent_streams_can_be_judged_event_by_event():
    urns = Urns(NUMBERS, least_reference=1000, independent=True)
    runs = streams.learnt(urns, streams.gaussian(0.5), pane=1, runs=20, burn_in=1000)
    assert (runs.bank.phase == Phase.WATCHING).all()
    assert (runs.bank.factor == 1).all()
    assert 45 < streams.delays(runs, 1, 1e4, 400).mean() < 85


@pytest.mark.parametrize(
    ("law", "first", "pane"),
    [(RATES, [0, 500], [0, 200]), (NUMBERS, [0, 500, 0], [0, 200, 0]), (CATEGORIES, [500, 0], [200, 0])],
)
def test_what_never_changes_never_alarms(law, first, pane):
    urns = Urns(law)
    bank = urns.add(urns.start(), [np.array(first)])
    for _ in range(600):
        bank, said = urns.step(bank, [np.array(pane)], 1e3)
        assert not said.drifted.any()


# -- the delay ---------------------------------------------------------------------------------------------------------

CHANGES = {  # the most events to the end of the pane in which the alarm is, on average, at a threshold of 1e4
    "mean + .5 sd": (NUMBERS, streams.gaussian(0.5), 100),
    "mean + 1 sd": (NUMBERS, streams.gaussian(1.0), 40),
    "variance x2": (NUMBERS, streams.gaussian(0.0, 2**0.5), 110),
    "5 % spikes": (NUMBERS, streams.spiky(0.05), 120),
    "rate .05 to .10": (RATES_UP, streams.rate(0.05, 0.10), 400),
    "rate .01 to .06": (RATES, streams.rate(0.01, 0.06), 180),
    "rate 0 to .06": (RATES, streams.rate(0.0, 0.06), 90),
    "categories swapped": (CATEGORIES, streams.sticky(ZIPF, 0.0, [ZIPF[2], ZIPF[1], ZIPF[0], *ZIPF[3:]]), 130),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen_soon(change):
    law, make, most = CHANGES[change]
    runs = streams.learnt(Urns(law), make, pane=20, seed=3)
    assert streams.delays(runs, 20, 1e4).mean() <= most


def test_spikes_are_seen_in_the_pane_that_they_begin_in():
    """The tenth spike of a pane is as much of a surprise as the first where there never was any."""
    runs = streams.learnt(Urns(NUMBERS, 5000.0, independent=True), streams.spiky(0.05), pane=50, runs=60, seed=5)
    assert np.mean(streams.delays(runs, 200, 1e4)) < 250


def test_one_spike_where_there_was_none_for_ever_so_long_is_no_change():
    """A full urn forgets what lies beyond all that it draws, and that it knew of it."""
    urns = Urns(NUMBERS, independent=True)
    ordinary, spike = np.array([0, *[20] * 50, 0]), np.eye(52, dtype=int)[-1]
    bank = urns.add(urns.start(), [20 * ordinary])
    bank.urn[:, [0, -1]] = bank.tilted[:, [0, -1]] = 1e-7
    bank, _ = urns.step(bank, [ordinary], 1e6)
    _, said = urns.step(bank, [spike], 1e6)
    assert not said.drifted[0]


def test_the_verdict_says_what_kind_of_change_and_since_when():
    runs = streams.learnt(Urns(NUMBERS), streams.gaussian(1.0), pane=20, seed=4)
    bank, words, ago = runs.bank, [], []
    for at in range(20, 400, 20):
        bank, said = runs.urns.step(bank, runs.pane(20, True), 1e6)
        for row in np.flatnonzero(said.drifted):
            words.append(NUMBERS.describe(int(said.alternative[row])))
            ago.append(at - int(said.onset_events[row]))
    assert sum(word.startswith("location +") for word in words) >= 0.9 * len(words) > 0
    assert abs(np.median(ago)) <= 20


# -- the state ---------------------------------------------------------------------------------------------------------

KINDS = {
    "numbers": (NUMBERS, [46, 3, 12]),
    "rates": (RATES, [2, 2, 2]),
    "categories": (CATEGORIES, [5, 11, 3]),
    "errors": (RATES_UP, [2, 2]),
}


def story(law, widths, panes, seed=9):
    """A stream of panes with a change in the middle, and features that are sometimes absent."""
    rng = np.random.default_rng(seed)
    for at in range(panes):
        shapes = [np.ones(w) + (at > panes // 2) * np.arange(w)[::-1] for w in widths]
        yield [None if rng.random() < 0.2 else rng.multinomial(rng.integers(0, 60), s / s.sum()) for s in shapes]


def begun(urns, widths):
    return urns.add(urns.start(), [np.full(w, 600 // w) for w in widths])


@pytest.mark.parametrize("kind", KINDS)
def test_stopping_anywhere_changes_nothing(kind):
    law, widths = KINDS[kind]
    urns = Urns(law)
    bank = stopped = begun(urns, widths)
    turns = set()
    for pane in story(law, widths, 240):
        bank, said = urns.step(bank, pane, 1e3)
        stopped, again = urns.step(urns.decode(urns.encode(stopped)), pane, 1e3)
        assert urns.encode(bank) == urns.encode(stopped)
        assert said.evidence.tolist() == again.evidence.tolist()
        turns |= set(said.turn.tolist())
    assert {Turn.NONE, Turn.READY, Turn.ALARM} <= turns


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_leaves_its_arguments_alone(kind):
    law, widths = KINDS[kind]
    urns = Urns(law)
    bank = begun(urns, widths)
    for pane in story(law, widths, 60):
        before, counts = urns.encode(bank), [None if p is None else p.copy() for p in pane]
        after, _ = urns.step(bank, pane, 1e3)
        twice, _ = urns.step(bank, pane, 1e3)
        assert urns.encode(bank) == before
        assert urns.encode(after) == urns.encode(twice)
        assert all(p is None or (p == c).all() for p, c in zip(pane, counts, strict=True))
        bank = after


@pytest.mark.parametrize("kind", KINDS)
def test_features_do_not_disturb_each_other(kind):
    law, widths = KINDS[kind]
    urns = Urns(law)
    alone, together = begun(urns, widths[:1]), begun(urns, widths[:1])
    for at, pane in enumerate(story(law, [widths[0], widths[0]], 200)):
        if at == 50:
            together = urns.add(together, [np.full(widths[0], 30)])
        alone, one = urns.step(alone, pane[:1], 1e4)
        together, both = urns.step(together, pane[: len(together)], 1e4)
        assert both.evidence[0] == one.evidence[0]
    assert urns.encode(urns.drop(together, [1])) == urns.encode(alone)


def test_an_absent_feature_does_not_move():
    urns = Urns(NUMBERS)
    bank = begun(urns, [12, 12])
    for pane in story(NUMBERS, [12, 12], 40):
        after, _ = urns.step(bank, [pane[0], None], 1e4)
        assert urns.encode(urns.drop(after, [0])) == urns.encode(urns.drop(bank, [0]))
        bank = after


def test_one_feature_can_begin_again_with_other_bins():
    urns = Urns(NUMBERS)
    bank = begun(urns, [12, 12])
    fresh = urns.reset(bank, 0, np.full(20, 40))
    assert fresh.bins.tolist() == [20, 12]
    assert urns.encode(urns.drop(fresh, [0])) == urns.encode(urns.drop(bank, [0]))
    assert fresh.reference(0) == pytest.approx(np.full(20, 40.05))


def test_an_empty_bank_is_a_bank():
    urns = Urns(CATEGORIES)
    bank, said = urns.step(urns.decode(urns.encode(urns.start())), [], 1e4)
    assert len(bank) == len(said.drifted) == 0


def test_a_feature_of_fifty_bins_fits_into_four_kilobytes():
    urns = Urns(NUMBERS)
    assert len(urns.encode(begun(urns, [46] * 10))) <= 10 * 4096


@pytest.mark.parametrize("kind", KINDS)
def test_everything_in_the_state_stays_finite(kind):
    law, widths = KINDS[kind]
    urns = Urns(law)
    bank = begun(urns, widths)
    for at in range(400):
        pane = [np.eye(w, dtype=int)[at // 40 % w] * 500 for w in widths]
        bank, said = urns.step(bank, pane, 1e5)
        assert np.isfinite(said.evidence).all()
        for array in (bank.urn, bank.evidence, bank.cusum, bank.recovery, bank.factor, bank.blocks.squares):
            assert np.isfinite(array).all()


def test_a_newer_state_is_refused_in_a_sentence():
    urns = Urns(RATES)
    newer = {**msgspec.msgpack.decode(urns.encode(begun(urns, [2]))), "v": VERSION + 1}
    with pytest.raises(ValueError, match=f"version {VERSION + 1}, and this Leeway reads {VERSION}; run a newer one"):
        urns.decode(msgspec.msgpack.encode(newer))


def test_a_state_of_something_else_is_refused():
    with pytest.raises(ValueError, match="urns for rates, not for numbers"):
        Urns(NUMBERS).decode(Urns(RATES).encode(begun(Urns(RATES), [2])))
    with pytest.raises(ValueError, match="damaged"):
        Urns(NUMBERS).decode(b"\xc1nonsense")


def test_a_pane_for_another_number_of_features_is_refused():
    urns = Urns(RATES)
    with pytest.raises(ValueError, match="counts for 1 features, the bank has 2"):
        urns.step(begun(urns, [2, 2]), [np.array([1, 1])], 1e4)


@pytest.mark.parametrize("kind", KINDS)
def test_states_of_earlier_versions_can_still_be_read(kind):
    """The files were written by the version in their name, and are never written again; what a later version makes of
    them may be better than what the earlier one did."""
    law, widths = KINDS[kind]
    urns = Urns(law)
    for path in sorted(GOLDEN.glob(f"{kind}-v*.bin")):
        bank = urns.decode(path.read_bytes())
        assert bank.bins.tolist() == widths
        expected = msgspec.json.decode(path.with_suffix(".json").read_bytes())
        for pane in story(law, widths, 20, seed=77):
            bank, said = urns.step(bank, pane, 1e3)
            assert np.isfinite(said.evidence).all()
        if path.stem.endswith(f"-v{VERSION}"):
            assert said.evidence == pytest.approx(expected["evidence"], rel=1e-3)
            assert bank.phase.tolist() == expected["phase"]
    assert (GOLDEN / f"{kind}-v{VERSION}.bin").exists(), "run python -m tests.detectors.test_urn and commit the files"


if __name__ == "__main__":
    for kind, (law, widths) in KINDS.items():
        target, urns = GOLDEN / f"{kind}-v{VERSION}.bin", Urns(law)
        if not target.exists():
            bank = begun(urns, widths)
            for pane in story(law, widths, 240):
                bank, said = urns.step(bank, pane, 1e3)
            target.write_bytes(urns.encode(bank))
            for pane in story(law, widths, 20, seed=77):
                bank, said = urns.step(bank, pane, 1e3)
            facts = {"evidence": said.evidence.tolist(), "phase": bank.phase.tolist()}
            target.with_suffix(".json").write_bytes(msgspec.json.encode(facts))
