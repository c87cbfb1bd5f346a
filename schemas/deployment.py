"""A deployment event: somebody changed what serves. It is the first thing to look at when something drifts."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.event import Event, Name, Text

Action = Literal["deployed", "promoted", "traffic", "rolled_back", "retired", "reference", "config"]


class Reference(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What the model was trained on: where it is, how it can be recognised, how many rows it has."""

    uri: Text = ""
    digest: Text = ""
    n: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class FeatureSpec(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What a feature is declared to be."""

    name: Name
    type: Literal["number", "category", "boolean", "text"] | None = None
    role: Text | None = None
    pii: bool | None = None
    range: tuple[float, float] | None = None
    categories: list[Text] | None = None


class Deployment(Event, tag="deployment", kw_only=True):
    """What was done, by whom, and what serves now."""

    action: Action
    previous_version: Name | UnsetType = UNSET
    traffic: dict[Name, Annotated[float, Meta(ge=0, le=1)]] | UnsetType = UNSET
    artifact: Text | UnsetType = UNSET
    git_sha: Text | UnsetType = UNSET
    actor: Text | UnsetType = UNSET
    reference: Reference | UnsetType = UNSET
    feature_schema: Annotated[list[FeatureSpec], Meta(max_length=512)] | UnsetType = UNSET
