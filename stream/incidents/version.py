"""An incident that a newer Leeway wrote is left alone: what only that one knows would be lost with our next step."""

import msgspec

from schemas.records import VERSION
from stream.engine.surprise import Surprise


class Versioned(msgspec.Struct):
    """Any record, as far as its version. Records of version 1 do not say it."""

    v: int = 1


version_in = msgspec.json.Decoder(Versioned).decode


def refuse_newer(raw: bytes, where: str) -> None:
    """Raise Surprise for an incident of a newer version. What is no record at all is let through: others look at it.

    >>> refuse_newer(b'{"v":2}', "Redis")
    Traceback (most recent call last):
    stream.engine.surprise.Surprise: an incident in Redis has version 2, and this Leeway reads up to 1: upgrade Leeway
    """
    try:
        version = version_in(raw).v
    except msgspec.MsgspecError:
        return
    if version > VERSION:
        raise Surprise(
            f"an incident in {where} has version {version}, and this Leeway reads up to {VERSION}: upgrade Leeway"
        )
