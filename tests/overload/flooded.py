"""Three times as much as can be done, for a while: of events for `profile`, of panes for `judge`. Then it stops."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.conftest import Platform
from tests.overload.flood import Flood
from tests.overload.gauges import Gauges, Sample, told
from tests.pipeline.installation import Installation, Records

WORKERS = ("profile-0", "judge-0", "incidents-0")
MIXES: dict[str, tuple[int, Mapping[str, object]]] = {
    "events": (20, {"profile.pane_ms": 1_000}),  # few panes: profile is what cannot keep up
    "panes": (60, {"profile.pane_ms": 100}),  # many of them: judge is
}
CALM = 40  # rows of each model first: everything that is imported or built once is there
BEHIND, ASKED_S = "s behind (", 60.0
DRAINS_S = 900.0
BOUND_MB = 1_000.0  # the client's queue of 64 MB, 65,536 rows at once, states of some models; ten times of a flood's


def run(platform: Platform, folder: Path, mix: str, seconds: float) -> dict[str, Any]:
    """What was measured. What must be true is asserted: nothing lost or counted twice, memory bounded, no one died."""
    models, changes = MIXES[mix]
    names = [f"m{number}" for number in range(models)]
    service = Installation(platform, folder, {**changes, "judge.reference": 5_000})
    with service.up(), Gauges(service, WORKERS, platform.redis_url) as gauges:
        flood = Flood(service, names)
        flood.send(CALM * models)
        flood.flush()
        drained(gauges)
        calm_mb = {worker: gauges.rss_mb(worker) for worker in WORKERS}
        began_s = time.monotonic() - gauges.began

        def counted() -> float:
            return gauges.metrics("profile-0")["leeway_messages_total"]

        sent, read = flood.pour(seconds, counted)
        with ThreadPoolExecutor(1) as people:
            asked = people.submit(told_by_status, service, mix)  # while it goes on: a fast worker is soon up to date
            flood.pour(0, counted, until=asked.done)
        status = asked.result()
        ended_s = time.monotonic() - gauges.began
        recovered_s = drained(gauges)
        lost = {worker: gauges.metrics(worker).get("leeway_records_lost_total", 0.0) for worker in WORKERS}
        judged_as_sent(service, flood)
        restarts = {worker: len(service.pids(worker)) - 1 for worker in WORKERS}
        curves = dict(gauges.curves)
    with Records(service) as records:
        assert records.to_the_end().rows == flood.sent
        panes = len(records.panes)
    assert not any(restarts.values()), restarts
    assert not any(lost.values()), lost
    assert BEHIND in status or mix == "panes", status
    peak_mb = {worker: max(one.rss_mb for one in curve) for worker, curve in curves.items()}
    assert max(peak_mb.values()) < BOUND_MB, peak_mb
    return {
        "mix": mix,
        "events": flood.sent.total(),
        "panes": panes,
        "sent_per_s": round(sent),
        "read_per_s_meanwhile": round(read),
        "flood_from_s": round(began_s),
        "flood_until_s": round(ended_s),
        "recovered_after_s": round(recovered_s, 1),
        "longest_lag_s": {worker: round(max(one.lag_s for one in curve), 1) for worker, curve in curves.items()},
        "calm_mb": rounded(calm_mb),
        "early_mb": rounded(highest(curves, began_s, (2 * began_s + ended_s) / 3)),
        "late_mb": rounded(highest(curves, (began_s + 2 * ended_s) / 3, float("inf"))),
        "curves": {worker: told(curve) for worker, curve in curves.items()},
        "status_said": [line for line in status.splitlines() if "behind" in line],
    }


def drained(gauges: Gauges) -> float:
    """Wait until nobody is behind, twice in a row; how long that took."""
    began, calm = time.monotonic(), 0
    while calm < 2:
        assert time.monotonic() - began < DRAINS_S, gauges.service.said[-4000:]
        time.sleep(0.5)
        behind = [gauges.metrics(worker).get("leeway_lag_messages", 1.0) for worker in WORKERS[:2]]
        calm = 0 if any(behind) else calm + 1
    return time.monotonic() - began


def told_by_status(service: Installation, mix: str) -> str:
    """Workers tell how far behind they are after a transaction, and every few seconds: people look again."""
    give_up = time.monotonic() + ASKED_S
    while BEHIND not in (status := service.run("status").stdout) and mix != "panes" and time.monotonic() < give_up:
        pass
    return status


def judged_as_sent(service: Installation, flood: Flood, patience_s: float = 60.0) -> None:
    """What people see of every model adds up to what was sent of it: the judge has folded each pane once."""
    give_up = time.monotonic() + patience_s
    while True:
        views = json.loads(service.run("status", "--output", "json").stdout)
        rows = {f"{view['subject']['model']} {view['subject']['source']}": view["rows"] for view in views}
        if rows == flood.sent:
            return
        assert time.monotonic() < give_up, {name: (rows.get(name), many) for name, many in flood.sent.items()}
        time.sleep(0.5)


def highest(curves: Mapping[str, list[Sample]], since_s: float, until_s: float) -> dict[str, float]:
    """The most memory of each worker between two moments."""
    return {
        worker: max((one.rss_mb for one in curve if since_s <= one.at_s <= until_s), default=0.0)
        for worker, curve in curves.items()
    }


def rounded(figures: Mapping[str, float]) -> dict[str, int]:
    return {name: round(figure) for name, figure in figures.items()}
