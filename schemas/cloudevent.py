"""The CloudEvents 1.0 envelope: binary mode in Kafka headers, structured mode around the body, or none at all.

The body is self-contained and wins: an envelope only fills in what the body leaves open (Kafka protocol binding for
CloudEvents 1.0.2, sections 3.2 and 3.3).

>>> envelope = binary([("ce_id", b"17"), ("ce_type", b"dev.acme.prediction.v1"), ("content-type", b"application/json")])
>>> envelope.id, envelope.kind, envelope.structured
('17', 'prediction', False)
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import NamedTuple

from schemas.dead_letter import Headers, Reason
from schemas.json_text import Object, Tree, parse

KINDS = ("prediction", "feature", "label", "deployment")
WORD = re.compile(r"[a-z]+")
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
PACKED = "application/vnd.msgpack"  # `schemas.packed`
MSGPACK = (PACKED, "application/msgpack", "application/x-msgpack")
ARROW = "application/vnd.apache.arrow.stream"  # many events in a message, in columns
UNSAID = ("", "application/octet-stream")  # types that say nothing: the body is looked at
ONE_PER_MESSAGE = "Send one event per message; Kafka batches by itself."


class Envelope(NamedTuple):
    """What an envelope says for a body that does not say it itself. Empty texts: nothing."""

    id: str = ""
    time: str = ""
    kind: str = ""
    traceparent: str = ""
    structured: bool = False
    media: str = ""  # `PACKED` or `ARROW`; else the body tells
    body: Tree = None  # of the structured mode; in binary mode the body is the message


NONE = Envelope()


def binary(headers: Headers) -> Envelope | Reason:
    """Read the headers of a message. Headers that are not ours are left alone."""
    said = {
        name.lower(): (text or b"").decode("utf-8", "replace")
        for name, text in headers
        if name[:3] in ("ce_", "CE_", "Ce_") or name.lower() in ("content-type", "traceparent")
    }
    if not said:
        return NONE
    media = said.get("content-type", "")
    name = media.partition(";")[0].strip().lower()
    other = ARROW if name == ARROW else PACKED if name in MSGPACK else ""
    if not other and (reason := _refused(media)):
        return reason
    return Envelope(
        id=said.get("ce_id", ""),
        time=said.get("ce_time", ""),
        kind=kind_of(said.get("ce_type", "")),
        traceparent=said.get("ce_traceparent") or said.get("traceparent", ""),
        structured=name == STRUCTURED,
        media=other,
    )


def looks_structured(tree: Tree) -> bool:
    """Whether an object is an envelope around an event rather than an event."""
    return isinstance(tree, Object) and "specversion" in tree and "type" in tree


def structured(tree: Tree) -> Envelope | Reason:
    """Take an envelope off. Its `data` (or `data_base64`) is the body."""
    if not isinstance(tree, Object):
        hint = "In structured mode send an object with specversion, type, id, source and data. " + ONE_PER_MESSAGE
        return Reason("schema", "expected one CloudEvents envelope", hint)
    if tree.twice:
        return Reason("schema", f"{tree.twice[0][:64]}: appears twice in the CloudEvents envelope", "Send it once.")
    if reason := _refused(_text(tree, "datacontenttype")):
        return reason
    body = tree.get("data")
    if body is None and "data_base64" in tree:
        decoded = _from_base64(tree["data_base64"])
        if isinstance(decoded, Reason):
            return decoded
        body = decoded
    if body is None:
        return Reason("schema", "data: missing in the CloudEvents envelope", 'Add "data" with the event as an object.')
    return Envelope(
        id=_text(tree, "id"),
        time=_text(tree, "time"),
        kind=kind_of(_text(tree, "type")),
        traceparent=_text(tree, "traceparent"),
        structured=True,
        body=body,
    )


def kind_of(event_type: str) -> str:
    """Return the last word of a CloudEvents type that is one of our kinds, or nothing.

    >>> kind_of("com.acme.churn.prediction.v1"), kind_of("com.acme.order")
    ('prediction', '')
    """
    words: list[str] = WORD.findall(event_type[:512].lower())
    singular = [word.removesuffix("s") for word in words]
    return next((word for word in reversed(singular) if word in KINDS), "")


def _refused(media: str) -> Reason | None:
    """Why a content type cannot be read."""
    name, _, parameters = media.strip().strip('"').lower().partition(";")
    name = name.strip()
    if name == BATCHED:
        return Reason("schema", "a batch of CloudEvents in one message", ONE_PER_MESSAGE)
    if name not in UNSAID and not name.endswith(("/json", "+json")):
        return Reason(
            "bad_json",
            f"the content type is '{_shown(name)}', not JSON",
            f"Send JSON with content-type application/json or without that header, or {PACKED} or {ARROW}.",
        )
    charset = parameters.partition("charset=")[2].strip(' "').partition(";")[0]
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        return Reason("bad_json", f"the content type says charset {_shown(charset)}", "Encode the message as UTF-8.")
    return None


def _from_base64(text: Tree) -> Tree | Reason:
    hint = "Send the event as an object in data instead."
    if not isinstance(text, str):
        return Reason("schema", "data_base64: expected text", hint)
    try:
        return parse(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return Reason("bad_json", "data_base64: not base64", hint)


def _text(tree: Object, name: str) -> str:
    value = tree.get(name)
    return value if isinstance(value, str) else ""


def _shown(text: str) -> str:
    return "".join(sign if sign.isprintable() else "?" for sign in text[:64])
