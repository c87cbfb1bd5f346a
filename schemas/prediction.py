"""A prediction: what a model was given, what it answered, how long it took and whether it worked."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from schemas.event import Event, Features, Id, Name, Signals, Text, Time, Whole

Status = Literal["ok", "error", "timeout", "fallback", "shed"]
Embedding = Annotated[list[float], Meta(max_length=8192)]


class Answer(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A model's answer in full: a number (`value`), a class (`label`), its score, or a score for each class."""

    value: float | None = None
    label: bool | Whole | Text | None = None
    score: float | None = None
    scores: dict[Text, float] | None = None


class Failure(Struct, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Why a prediction did not come about."""

    code: Text = ""
    message: Text = ""


class Prediction(Event, tag="prediction", kw_only=True):
    """`prediction` is a number (a score or a value), a text (a class) or a whole `Answer`."""

    prediction_id: Id | UnsetType = UNSET
    entity_id: Id | UnsetType = UNSET
    features: Features | UnsetType = UNSET
    embeddings: dict[Name, Embedding] | UnsetType = UNSET
    prediction: bool | Whole | float | Text | Answer | UnsetType | None = UNSET
    latency_ms: Annotated[float, Meta(ge=0)] | UnsetType | None = UNSET
    status: Status | UnsetType = UNSET
    error: Failure | UnsetType = UNSET
    feature_ts: Time | UnsetType = UNSET
    signals: Signals | UnsetType = UNSET
