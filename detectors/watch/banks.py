"""Banks: which urns step together. One for each kind of count, once for whole subjects and once for their slices.

A slice has a fraction of the traffic, so it may begin to watch with a smaller reference: the urn carries the error of
its reference in its evidence, and a small one costs delay, not budget. Values of the whole that have a
season are judged apart, in urns of their hours.
"""

from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP, Law
from detectors.season import Period, Season
from detectors.urn import Phase, Urns, Verdicts
from detectors.watch.finding import Part
from detectors.watch.track import Track

LAWS: dict[str, Law] = {"numbers": NUMBERS, "texts": CATEGORIES, "nulls": RATES, "errors": RATES_UP}
PARTS: dict[str, Part] = {"numbers": "values", "texts": "values", "nulls": "nulls", "errors": "errors"}
SLICES = "/slices"
SLICE_REFERENCE = 500.0  # events


Judge = Urns | Season


def name_of(track: Track, part: Part) -> str:
    """The bank in which a part of a track is."""
    kind = track.form if part == "values" else part
    if part == "values" and track.season:
        return f"{kind}/{track.season}"
    return f"{kind}{SLICES}" if track.segment else kind


def kind_of(bank: str) -> str:
    """`numbers`, `texts`, `nulls` or `errors`."""
    return bank.partition("/")[0]


@lru_cache(maxsize=1024)  # three or four banks a subject, and the settings of one process
def urns(bank: str, reference: int, independent: bool) -> Judge:
    """The detector of a bank."""
    season = bank.partition("/")[2]
    if season in ("day", "week"):
        return Season(LAWS[kind_of(bank)], cast(Period, season), float(reference), independent)
    least = min(float(reference), SLICE_REFERENCE) if bank.endswith(SLICES) else float(reference)
    return Urns(LAWS[kind_of(bank)], least_reference=least, independent=independent)


def step(judge: Judge, held: Any, at: int, pane: NDArray[np.uint32], threshold: float) -> tuple[Any, Verdicts]:
    """One step of a bank. Only seasons need to know what time it is."""
    return judge.step(held, (at, pane), threshold) if isinstance(judge, Season) else judge.step(held, pane, threshold)


def factors(judge: Judge, held: Any) -> NDArray[np.float64]:
    """How many events of each row count for one, compared with a single reference; infinitely many while it learns."""
    if isinstance(judge, Season):
        return np.where(held.bank.phase == Phase.LEARNING, np.inf, judge.alone(held))
    return np.where(held.phase == Phase.LEARNING, np.inf, held.factor[:, 0])
