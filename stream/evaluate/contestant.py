"""Which detectors are to be run, as people write them: `urn,adwin(delta=0.01),kswin`.

>>> [one.name for one in contestants("urn, adwin(delta=0.01,clock=1),kswin(signal=null_rate)")]
['urn', 'adwin(delta=0.01,clock=1)', 'kswin(signal=null_rate)']
>>> contestants("adwyn")
Traceback (most recent call last):
stream.evaluate.refusal.Refusal: no detector 'adwyn'; there are urn, model, adwin, ddm, eddm, fhddm, hddm_a, hddm_w, kswin, page_hinkley
"""  # noqa: E501

import re
from dataclasses import dataclass
from typing import Literal, get_args

from detectors.guests import GUESTS, Guest, invite
from detectors.urn import Urns
from stream.evaluate.refusal import Refusal

Look = Literal["mean", "null_rate"]

MODEL = "model"  # what all columns say together
OURS = (Urns.kind, MODEL)
ONE = re.compile(r"(?P<kind>[^\s(),]+)\s*(?:\((?P<parameters>[^()]*)\))?")
EXAMPLE = "urn,adwin(delta=0.01),kswin"


@dataclass(frozen=True)
class Contestant:
    """A detector by its name. `guest` is None for the judge's own; `look` is what a guest was told to look at."""

    name: str
    guest: Guest | None = None
    look: Look | None = None


def contestants(text: str) -> list[Contestant]:
    """Read the list. Raises `Refusal`."""
    found: list[Contestant] = []
    rest = text.strip()
    while rest:
        match = ONE.match(rest)
        if match is None or (rest[match.end() :].lstrip() or ",")[0] != ",":
            raise Refusal(f"'{text}' is not a list of detectors; write it like {EXAMPLE}")
        found.append(contestant(match["kind"], match["parameters"] or ""))
        rest = rest[match.end() :].lstrip()[1:].lstrip()
    if not found:
        raise Refusal(f"no detector is named; write them like {EXAMPLE}")
    names = [one.name for one in found]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise Refusal(f"the detector {double} is named twice")
    return found


def contestant(kind: str, text: str) -> Contestant:
    """One detector with its parameters."""
    parameters = dict(parameter(kind, part) for part in text.split(",") if part.strip())
    name = f"{kind}({','.join(f'{key}={value}' for key, value in parameters.items())})" if parameters else kind
    if kind in OURS:
        if parameters:
            raise Refusal(f"{kind} has no parameters to choose: its threshold follows from --budget")
        return Contestant(name)
    if kind not in GUESTS:
        raise Refusal(f"no detector '{kind}'; there are {', '.join([*OURS, *sorted(GUESTS)])}")
    look = parameters.pop("signal", None)
    if look is not None and look not in get_args(Look):
        raise Refusal(f"{kind}: signal={look} is not among {', '.join(get_args(Look))}")
    try:
        guest = invite(kind, {key: number(kind, key, value) for key, value in parameters.items()})
    except ValueError as error:
        raise Refusal(str(error)) from None
    return Contestant(name, guest, look)  # type: ignore[arg-type]


def parameter(kind: str, text: str) -> tuple[str, str]:
    """`delta=0.01` as a pair."""
    key, equals, value = (part.strip() for part in text.partition("="))
    if not (key and equals and value):
        raise Refusal(f"'{text.strip()}' is not a parameter of {kind}; write it like adwin(delta=0.01)")
    return key, value


def number(kind: str, key: str, value: str) -> float:
    """The value of a parameter."""
    try:
        return float(value)
    except ValueError:
        raise Refusal(f"{kind}: {key}={value} is not a number") from None
