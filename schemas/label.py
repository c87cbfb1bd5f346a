"""A label: the truth about an earlier prediction, as it becomes known, is corrected or is taken back."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from schemas.event import Event, Id, Signals, Text, Time, Whole


class Label(Event, tag="label", kw_only=True):
    """The truth, named by `prediction_id` or with the prediction itself."""

    label: bool | Whole | float | Text | UnsetType | None = UNSET
    prediction_id: Id | UnsetType = UNSET
    prediction: bool | Whole | float | Text | UnsetType | None = UNSET
    label_ts: Time | UnsetType = UNSET
    source: Text | UnsetType = UNSET
    revision: Annotated[int, Meta(ge=0, le=2**63 - 1)] | UnsetType = UNSET
    op: Literal["upsert", "retract"] | UnsetType = UNSET
    weight: Annotated[float, Meta(ge=0)] | UnsetType = UNSET
    signals: Signals | UnsetType = UNSET
