"""More anomalies than can be applied, and a Redis far away: incidents come late, and none is missing or doubled."""

import random
import time
from pathlib import Path
from typing import Any

import msgspec

from schemas.anomaly import Anomaly
from tests.conftest import Platform
from tests.incidents.anomalies import START_MS, anomaly
from tests.overload.dawdling import direct, redis_behind
from tests.overload.flooded import DRAINS_S, WORKERS, highest, rounded
from tests.overload.gauges import Gauges, told
from tests.pipeline.installation import Installation, Records
from tests.pipeline.oracle import applied

DELAY_S = 0.02
A_SECOND = 10  # of what is asked for; one takes eight answers of Redis, a fifth of a second
MODELS = 40


def alarms(many: int) -> list[Anomaly]:
    """Edges of some models, as if judges had gone mad."""
    chance, began_s = random.Random(many), time.time() - START_MS / 1000
    return [
        anomaly(
            chance.choice(("firing", "moved", "recovered")),
            at_s=began_s + number / 100,
            model=f"m{chance.randrange(MODELS)}",
            feature=chance.choice(("age", "plan")),
            id=f"leeway.panes/0-{number}-0",
        )
        for number in range(many)
    ]


def run(platform: Platform, folder: Path, seconds: float) -> dict[str, Any]:
    """How long it took, what memory it took, and whether the incidents are those of an undisturbed role."""
    log = alarms(round(A_SECOND * seconds))
    with redis_behind(platform) as (slow, far):
        service = Installation(slow, folder)
        with service.up(), Gauges(service, WORKERS, platform.redis_url) as gauges, Records(service) as records:
            calm_mb = gauges.rss_mb("incidents-0")
            far.delay_s, began = DELAY_S, time.monotonic()
            for each in log:
                service.put("anomalies", msgspec.json.encode(each), each.model.encode())
            service.flush()
            expected = applied(direct(service, platform.redis_url), log)
            while records.incidents != expected:
                records.read(1.0)
                assert time.monotonic() - began < DRAINS_S, f"{records.summary}; said:\n{service.said[-4000:]}"
            took_s = time.monotonic() - began
            curves = dict(gauges.curves)
            restarts = {worker: len(service.pids(worker)) - 1 for worker in WORKERS}
    assert not any(restarts.values()), restarts
    published = [dict(one.headers() or [])["ce_id"] for one in records["incidents"]]
    assert len(published) == len(set(published))
    return {
        "anomalies": len(log),
        "incidents": len(records.incidents),
        "steps_published": len(published),
        "took_s": round(took_s, 1),
        "longest_lag_s": round(max(one.lag_s for one in curves["incidents-0"]), 1),
        "calm_mb": round(calm_mb),
        "flood_mb": rounded(highest(curves, 0.0, float("inf")))["incidents-0"],
        "curve": told(curves["incidents-0"]),
    }
