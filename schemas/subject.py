"""Whom a pane, a verdict or an incident speaks of: one deployment of one model, and which of its streams.

>>> Subject(model="churn", deployment="churn-prod", source="prediction").key
'//churn/churn-prod/prediction'
"""

from typing import Literal

from msgspec import Struct

from schemas.deployment import Deployment
from schemas.feature import Feature
from schemas.label import Label
from schemas.prediction import Prediction

Source = Literal["prediction", "feature", "label"]


class Subject(Struct, frozen=True, kw_only=True):
    """Two deployments of one model (production and shadow, say) are two subjects: they are never mixed.

    `deployment` defaults to the model's name; for features it is the feature set.
    """

    model: str
    deployment: str
    source: Source = "prediction"
    tenant: str = ""
    environment: str = ""

    @property
    def key(self) -> str:
        """A text that no two subjects share; names may contain `/`, so it is escaped."""
        parts = (self.tenant, self.environment, self.model, self.deployment, self.source)
        return "/".join(part.replace("~", "~0").replace("/", "~1") for part in parts)


def subject_of(event: Prediction | Feature | Label | Deployment) -> Subject:
    """Whom an event speaks of. A deployment event speaks of the predictions of what it deploys."""
    deployment = event.deployment or event.model
    source: Source = "prediction"
    if isinstance(event, Feature):
        source, deployment = "feature", event.feature_set or deployment
    elif isinstance(event, Label):
        source = "label"
    return Subject(
        model=event.model,
        deployment=deployment,
        source=source,
        tenant=event.tenant or "",
        environment=event.environment or "",
    )
