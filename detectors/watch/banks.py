"""Banks: which urns step together. One for each kind of count, once for whole subjects and once for their slices.

A slice has a fraction of the traffic, so it may begin to watch with a smaller reference: the urn carries the error of
its reference in its evidence, and a small one costs delay, not budget.
"""

from detectors.alternatives import CATEGORIES, NUMBERS, RATES, RATES_UP, Law
from detectors.urn import Urns
from detectors.watch.finding import Part
from detectors.watch.track import Track

LAWS: dict[str, Law] = {"numbers": NUMBERS, "texts": CATEGORIES, "nulls": RATES, "errors": RATES_UP}
PARTS: dict[str, Part] = {"numbers": "values", "texts": "values", "nulls": "nulls", "errors": "errors"}
SLICES = "/slices"
SLICE_REFERENCE = 500.0  # events


def name_of(track: Track, part: Part) -> str:
    """The bank in which a part of a track is."""
    kind = track.form if part == "values" else part
    return f"{kind}{SLICES}" if track.segment else kind


def kind_of(bank: str) -> str:
    """`numbers`, `texts`, `nulls` or `errors`."""
    return bank.removesuffix(SLICES)


def urns(bank: str, reference: int, independent: bool) -> Urns:
    """The detector of a bank."""
    least = min(float(reference), SLICE_REFERENCE) if bank.endswith(SLICES) else float(reference)
    return Urns(LAWS[kind_of(bank)], least_reference=least, independent=independent)
