"""A heartbeat of the judge: which of five states a subject is in. Silence of a detector is never mistaken for health.

`learning`: not enough data to judge. `quiet`: watching, nothing found. `drifting`: at least one alarm stands.
`no data`: nothing arrives. `lagging`: what arrives is old, so a verdict would speak of the past.
"""

from typing import Literal

from msgspec import Struct

from schemas.subject import Subject

Health = Literal["learning", "quiet", "drifting", "no data", "lagging"]


class Heartbeat(Struct, tag_field="kind", tag="heartbeat", kw_only=True, omit_defaults=True):
    """Published on every change of state and once a minute of pane time, on a topic compacted by subject."""

    subject: Subject
    state: Health
    at: str
    since: str
    rows: int = 0  # in all
    columns: int = 0
    watching: int = 0  # columns whose detectors watch
    drifting: list[str] = []  # what an alarm stands for
    unwatched_columns: int = 0  # of the last pane, beyond what is watched of one model: first come, first watched
    unwatched_slices: int = 0  # the same of values of its segments
    lag_ms: int = 0
    budget: str = ""
    v: int = 1
