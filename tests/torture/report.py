"""What a campaign showed: a table for people, JSON for programs."""

from collections import Counter
from statistics import median
from typing import Any

from tests.torture.campaign import FOREVER, Outcome, Recovery
from tests.torture.faults import ROLES

JUDGE_KILLED = {
    "a judge killed and started again": ("kill -9 (judge)", "kill -9 at a seam (judge)"),
    "a judge killed, its seat left empty": ("kill -9, seat left empty (judge)",),
}


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
    lines += ["", f"{'until all lanes are watched again, seconds':48}    times  p50    max   alone  p50    max"]
    for kind, row in (told["recovery_s"] | told["judge_killed"]).items():
        counts = (row["n"], row["p50"], row["max"], row["alone"]["n"], row["alone"]["p50"], row["alone"]["max"])
        lines.append(f"{kind:48} " + "{!s:>8} {!s:>4} {!s:>6} {!s:>7} {!s:>4} {!s:>6}".format(*counts))
    lines += [
        "",
        "longest stall of a lane: " + ", ".join(f"{role} {told['longest_stall_s'][role]} s" for role in ROLES),
        f"seams met: {sum(told['seams'].values())} faults at {len(told['seams'])} seams",
    ]
    lines += [f"not inflicted: {why}" for why in told["not_inflicted"]]
    lines += [f"TROUBLE: {trouble}" for trouble in told["troubles"]]
    return "\n".join([*lines, "", "all is well" if outcome.good else "NOT WELL"])


def figures(outcome: Outcome) -> dict[str, Any]:
    """The same, and more, as plain values."""
    inflicted = [fault for fault in outcome.faults if not fault.why_not]
    killed = {
        words: [each for kind in kinds for each in outcome.recoveries.get(kind, [])]
        for words, kinds in JUDGE_KILLED.items()
    }
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
        "recovery_s": {kind: rows(recoveries) for kind, recoveries in sorted(outcome.recoveries.items())},
        "judge_killed": {words: rows(recoveries) for words, recoveries in killed.items()},
        "longest_stall_s": {role: round(outcome.watch.longest_stall(role), 1) for role in ROLES},
        "troubles": outcome.troubles
        + [f"{finding.what}: {told}" for finding in outcome.findings for told in finding.told],
    }


def rows(recoveries: list[Recovery]) -> dict[str, Any]:
    """Of all, and of those that no other fault held up."""
    return row([each.seconds for each in recoveries]) | {
        "alone": row([each.seconds for each in recoveries if each.alone])
    }


def row(seconds: list[float]) -> dict[str, Any]:
    """How often, the median and the longest; a lane that was never watched again is `null`."""
    spoken = [round(each, 1) if each < FOREVER else None for each in (median(seconds or [0]), max(seconds, default=0))]
    return {"n": len(seconds), "p50": spoken[0], "max": spoken[1]}
