"""Guests: the adaptive detectors of the field, River's own, on one scalar signal of a pane.

The folder is the registry: each file holds one guest, its `kind` is its name in the configuration. Guests stand beside
the urns and outside their budget: none of them lets a person say "at most so many false alarms a week".

>>> sorted(GUESTS)
['adwin', 'ddm', 'eddm', 'fhddm', 'hddm_a', 'hddm_w', 'kswin', 'page_hinkley']
"""

from dataclasses import fields

import msgspec

from detectors.guests.adwin import Adwin
from detectors.guests.ddm import Ddm
from detectors.guests.eddm import Eddm
from detectors.guests.fhddm import Fhddm
from detectors.guests.guest import Guest, GuestState
from detectors.guests.hddm_a import HddmA
from detectors.guests.hddm_w import HddmW
from detectors.guests.kswin import Kswin
from detectors.guests.page_hinkley import PageHinkley
from schemas.unreadable import in_words

EVERY: tuple[type[Guest], ...] = (Adwin, Ddm, Eddm, Fhddm, HddmA, HddmW, Kswin, PageHinkley)
GUESTS: dict[str, type[Guest]] = {guest.kind: guest for guest in EVERY}


def invite(kind: str, parameters: dict[str, float]) -> Guest:
    """A guest by its name. Raises ValueError with a sentence for an unknown name or parameter, or an impossible value.

    >>> invite("adwin", {"delta": 0.01})
    Adwin(delta=0.01, clock=32, grace_period=10)
    >>> invite("adwin", {"dela": 0.01})
    Traceback (most recent call last):
    ValueError: adwin has no parameter 'dela'; there are delta, clock, grace_period
    >>> invite("adwin", {"clock": 0.0})
    Traceback (most recent call last):
    ValueError: adwin: expected 'int' >= 1 - at 'clock'
    """
    if kind not in GUESTS:
        raise ValueError(f"no detector '{kind}'; there are {', '.join(sorted(GUESTS))}")
    defaults = {field.name: field.default for field in fields(GUESTS[kind])}
    for name in parameters:
        if name not in defaults:
            raise ValueError(f"{kind} has no parameter '{name}'; there are {', '.join(defaults)}")
    whole = {name for name, value in parameters.items() if isinstance(defaults[name], int) and value % 1 == 0}
    said = {name: int(value) if name in whole else value for name, value in parameters.items()}
    try:
        return msgspec.convert(said, GUESTS[kind])
    except msgspec.ValidationError as error:
        wrong = in_words(error)
        raise ValueError(f"{kind}: {wrong[0].lower()}{wrong[1:]}") from None


__all__ = ["GUESTS", "Guest", "GuestState", "invite"]
