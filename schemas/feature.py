"""Features on their own, as a feature store writes or serves them, for comparison with what the model is given."""

from typing import Literal

from msgspec import UNSET, UnsetType

from schemas.event import Event, Features, Id, Name

Origin = Literal["online", "offline", "batch", "stream"]


class Feature(Event, tag="feature", kw_only=True):
    """One row of a feature set."""

    features: Features
    feature_set: Name | UnsetType = UNSET
    entity_id: Id | UnsetType = UNSET
    origin: Origin | UnsetType = UNSET
