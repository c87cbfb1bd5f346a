"""Records that were gone before they were read: said to the world as an anomaly of the pipeline, not of a model.

Its id names the lane, where reading goes on, and which topic of this name it is, so one that is written twice is
dropped by whoever reads it, and a topic that is created anew twice is told of twice. All lanes of a topic share a
fingerprint: one incident a topic, however many partitions it has. Nothing ends it but a person: what is lost stays
lost.
"""

from hashlib import blake2b

from schemas.anomaly import Anomaly, DetectorRef, Evidence, Statistic, Window
from schemas.moment import rfc3339
from stream import links
from stream.engine.beginning import Beginning
from stream.engine.role import Lane, Output
from stream.outputs import record
from stream.settings import Settings


def announcement(settings: Settings, role: str, lane: Lane, topic: str, beginning: Beginning, at_ms: int) -> Output:
    """The anomaly about what a role has lost of a lane. `topic`: its id, or empty where Kafka tells none.

    >>> gone = Beginning(80, 80, False, 10, "10 records were deleted before they were read")
    >>> said = announcement(Settings(), "profile", Lane("leeway.labels", 3), "9X1hbGk", gone, 0)
    >>> said.topic, dict(said.headers)["ce_id"]
    ('leeway.anomalies', b'profile:leeway.labels/3-80-9X1hbGk')
    """
    now, id = rfc3339(at_ms), f"{role}:{lane}-{beginning.next}-{topic or 0}"
    gone = (beginning.next - beginning.lost, beginning.next)
    trouble = blake2b(f"{settings.group}\0{role}\0{lane.topic}".encode(), digest_size=10).hexdigest()
    body = Anomaly(
        id=id,
        fingerprint=trouble,
        status="firing",
        severity="error" if beginning.lost else "warning",
        model=settings.group,
        version="",
        deployment=role,
        class_="pipeline_health",
        detector=DetectorRef(kind="gap"),
        window=Window(start=now, end=now, n=beginning.lost),
        statistic=Statistic(name="records_lost", value=float(beginning.lost), threshold=0.0),
        onset_at=now,
        detected_at=now,
        summary=f"{role}, {lane}: {beginning.caution}",
        segment={"topic": lane.topic},
        evidence=Evidence(offsets={lane.topic: {str(lane.partition): gone}}),
        runbook_url=links.runbook(settings.incidents, settings.group, "pipeline_health"),
        console_url=links.search(settings.incidents, trouble),
    )
    return record(settings.topics.anomalies, body, kind="anomaly", id=id, key=settings.group, time=now, role=role)
