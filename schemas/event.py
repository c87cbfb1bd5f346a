"""What every incoming event shares: whom it speaks of, when, and how often it stands for others.

A newcomer's whole contract is four fields; everything else has a default.

>>> import msgspec
>>> from schemas.prediction import Prediction
>>> event = msgspec.json.decode(b'{"kind":"prediction","model":"churn","features":{"age":41},"prediction":0.83}',
...                             type=Prediction)
>>> event.model, event.features["age"], event.version is msgspec.UNSET
('churn', 41, True)
"""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$"
NAME_LENGTH = 128
ID_LENGTH = 512
TEXT_LENGTH = 4096
FEATURES = 512
SEGMENTS = 16
TAGS = 64
MESSAGE_BYTES = 1_000_000
STANDS_FOR = 1_000_000_000  # most events that one stands for: sums and squares of what a pane adds up stay finite

# The pattern is checked once per distinct name by `schemas.decode`, not once per event: here it is documentation.
Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH, extra_json_schema={"pattern": NAME_PATTERN})]
Id = Annotated[str, Meta(max_length=ID_LENGTH)]
Text = Annotated[str, Meta(max_length=TEXT_LENGTH)]
Time = Annotated[
    str | int | float,
    Meta(description="RFC 3339 text with an offset, or milliseconds since 1970", examples=["2026-01-31T09:30:00Z"]),
]
Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]  # larger ones become floats: everything after the door counts
Value = bool | Whole | float | Text | None
Features = Annotated[dict[Name, Value], Meta(max_length=FEATURES)]
Signals = Annotated[dict[Name, float | None], Meta(max_length=FEATURES)]
Segments = Annotated[dict[Name, Text], Meta(max_length=SEGMENTS)]
Tags = Annotated[dict[Name, Text], Meta(max_length=TAGS)]
SampleRate = Annotated[
    float, Meta(ge=1, le=STANDS_FOR, description="this event stands for so many (volume only, never evidence)")
]


class Event(Struct, kw_only=True, tag_field="kind", forbid_unknown_fields=True, gc=False):
    """The fields common to all four kinds. Absent optional fields are `UNSET`, so that presence can be counted."""

    model: Name
    id: Id | UnsetType = UNSET
    ts: Time | UnsetType = UNSET
    version: Name | UnsetType = UNSET
    deployment: Name | UnsetType = UNSET
    environment: Name | UnsetType = UNSET
    tenant: Name | UnsetType = UNSET
    request_id: Id | UnsetType = UNSET
    traceparent: Id | UnsetType = UNSET
    sample_rate: SampleRate | UnsetType = UNSET
    segments: Segments | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
