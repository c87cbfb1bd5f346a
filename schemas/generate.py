"""JSON Schema 2020-12 of everything that flows, from the types themselves: the files of `schemas/generated/`.

The schemas describe what producers should write: unknown fields are refused there, so that a slip of the finger is seen
where it is made. The service itself only counts them.

>>> sorted(documents())[:3]
['anomaly.v1.json', 'binning.v1.json', 'command.v1.json']
"""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from schemas.anomaly import Anomaly
from schemas.binning import Binning
from schemas.dead_letter import Reason
from schemas.deployment import Deployment
from schemas.feature import Feature
from schemas.heartbeat import Heartbeat
from schemas.incident import Command, Incident
from schemas.label import Label
from schemas.pane import Deployed, Pane
from schemas.prediction import Prediction

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DOCUMENTS: Final[dict[str, tuple[type[msgspec.Struct], str]]] = {
    "prediction": (Prediction, "A prediction, as it comes in"),
    "feature": (Feature, "Features on their own, as they come in"),
    "label": (Label, "A label, as it comes in"),
    "deployment": (Deployment, "A deployment, as it comes in"),
    "pane": (Pane, "A pane: the counts of one model over about a second"),
    "deployed": (Deployed, "A deployment on its way to the judge"),
    "binning": (Binning, "A binning: how a column is counted"),
    "anomaly": (Anomaly, "An anomaly: one detector's alarm"),
    "incident": (Incident, "An incident as it stands"),
    "command": (Command, "A command: what somebody asks for about an incident"),
    "heartbeat": (Heartbeat, "A heartbeat: the state of a model"),
    "reason": (Reason, "Why a record could not be read, as in the headers of a dead letter"),
}


def document(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of one kind."""
    struct, title = DOCUMENTS[kind]
    schema = msgspec.json.schema(struct)
    definitions = schema.pop("$defs")
    own = definitions.pop(struct.__name__)
    described = {"$schema": DIALECT, "$id": f"urn:leeway:schema:{kind}:v1", **own, "title": title}
    return described | ({"$defs": definitions} if definitions else {})


def documents() -> dict[str, bytes]:
    """Return every file of `schemas/generated/` by its name. Same types, same bytes."""
    return {
        f"{kind}.v1.json": json.dumps(document(kind), indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
        for kind in DOCUMENTS
    }
