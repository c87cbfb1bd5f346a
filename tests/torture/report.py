"""What a campaign showed: a table for people, JSON for programs."""

import math
from collections import Counter
from statistics import median
from typing import Any

from tests.torture.campaign import Outcome
from tests.torture.faults import ROLES

WATCHED_AGAIN = ("kill -9 (judge)", "kill -9, seat left empty (judge)", "kill -9 at a seam (judge)")


def table(outcome: Outcome) -> str:
    """Lines for a terminal."""
    told = figures(outcome)
    lines = [
        "",
        f"seed {told['seed']}: {told['faults']} faults in {told['seconds']} s, session {told['session_ms']} ms, "
        f"{told['events']} events, {told['panes']} panes, {told['restarts']} restarts",
        "",
        f"{'output':40} {'expected':>9} {'seen':>9} {'missing':>8} {'double':>7} {'wrong':>6} {'repeated':>9}",
    ]
    for finding in outcome.findings:
        numbers = (finding.expected, finding.seen, finding.missing, finding.double, finding.wrong, finding.repeated)
        lines.append("{:40} {:>9} {:>9} {:>8} {:>7} {:>6} {:>9}".format(finding.what, *numbers))
    lines += ["", f"{'fault':48} {'times':>5} {'watched again after p50':>24} {'max':>7}"]
    for kind, row in told["recovery_s"].items():
        lines.append(f"{kind:48} {row['n']:>5} {row['p50']!s:>22} s {row['max']!s:>5} s")
    watched = told["judge_killed_watched_again_s"]
    lines += [
        "",
        f"a judge killed → its lanes watched again: p50 {watched['p50']} s, max {watched['max']} s of {watched['n']}",
        "longest stall of a lane: " + ", ".join(f"{role} {told['longest_stall_s'][role]} s" for role in ROLES),
        f"seams met: {sum(told['seams'].values())} faults at {len(told['seams'])} seams",
    ]
    lines += [f"not inflicted: {why}" for why in told["not_inflicted"]]
    lines += [f"TROUBLE: {trouble}" for trouble in told["troubles"]]
    return "\n".join([*lines, "", "all is well" if outcome.good else "NOT WELL"])


def figures(outcome: Outcome) -> dict[str, Any]:
    """The same, and more, as plain values."""
    inflicted = [fault for fault in outcome.faults if not fault.why_not]
    judges = [second for kind in WATCHED_AGAIN for second in outcome.recoveries.get(kind, [])]
    return {
        "good": outcome.good,
        "seed": outcome.orders.seed,
        "seconds": round(outcome.seconds),
        "session_ms": outcome.orders.session_ms,
        "faults": len(inflicted),
        "faults_by_kind": dict(sorted(Counter(fault.kind for fault in inflicted).items())),
        "seams": dict(sorted(Counter(f"{fault.role}: {fault.seam}" for fault in inflicted if fault.seam).items())),
        "not_inflicted": [f"{fault.kind} {fault.role}: {fault.why_not}" for fault in outcome.faults if fault.why_not],
        "events": outcome.findings[0].expected if outcome.findings else 0,
        "panes": outcome.panes,
        "restarts": outcome.restarts,
        "outputs": {
            finding.what: {
                "expected": finding.expected,
                "seen": finding.seen,
                "missing": finding.missing,
                "double": finding.double,
                "wrong": finding.wrong,
                "repeated": finding.repeated,
            }
            for finding in outcome.findings
        },
        "recovery_s": {kind: row(seconds) for kind, seconds in sorted(outcome.recoveries.items())},
        "judge_killed_watched_again_s": row(judges),
        "longest_stall_s": {role: round(outcome.watch.longest_stall(role), 1) for role in ROLES},
        "troubles": outcome.troubles
        + [f"{finding.what}: {told}" for finding in outcome.findings for told in finding.told],
    }


def row(seconds: list[float]) -> dict[str, Any]:
    """How often, the median and the longest; a lane that was never watched again is `null`."""
    spoken = [
        None if math.isinf(each) else round(each, 1) for each in (median(seconds or [0]), max(seconds, default=0))
    ]
    return {"n": len(seconds), "p50": spoken[0], "max": spoken[1]}
