"""The report at the end: what was done and when, what Leeway called it and when, and what it said for no reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from detectors.budget import Budget, most_by_chance
from schemas.anomaly import Anomaly
from schemas.incident import Incident
from stream.demo.account import Account, Truth
from stream.many import many


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything that is reported."""

    events: int
    seconds: float  # that sending them took
    account: Account
    allowed: float  # false alarms that the budget grants so many events
    budget: Budget
    incidents: tuple[Incident, ...]
    garbage: int  # malformed events sent
    dead: int  # dead letters found
    trouble: tuple[str, ...] = ()  # what went wrong with the demo itself, a sentence each

    @property
    def good(self) -> bool:
        """Every outage was found, and the false alarms are no more than the budget and chance explain."""
        return not self.trouble and not self.account.missed and len(self.account.false_alarms) <= self.most

    @property
    def most(self) -> int:
        """The budget is kept on average: so many false alarms are no sign that it is not."""
        return most_by_chance(self.allowed)

    def plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "events": self.events,
            "events_per_second": round(self.events / max(self.seconds, 1e-9), 1),
            "truth": [_plain_truth(truth) for truth in self.account.truths],
            "false_alarms": len(self.account.false_alarms),
            "unexplained": [_plain_alarm(alarm.anomaly) for alarm in self.account.false_alarms],
            "budget": round(self.allowed, 3),
            "most_by_chance": self.most,
            "incidents": [_plain_incident(incident) for incident in self.incidents],
            "dlq": self.dead,
            "malformed": self.garbage,
            "good": self.good,
            "trouble": list(self.trouble),
        }

    def print(self, console: Console) -> None:
        """For people."""
        console.print(_table(self.account.truths))
        for alarm in self.account.false_alarms:
            console.print(f"✗ corresponds to nothing: {alarm.anomaly.summary}", style="red", highlight=False)
        console.print("\n".join(self._sentences()), highlight=False)
        for sentence in self.trouble:
            console.print(f"✗ {sentence}", style="red", highlight=False)
        verdict, style = self._verdict()
        console.print(verdict, style=style, highlight=False)

    def _sentences(self) -> Iterable[str]:
        rate = self.events / max(self.seconds, 1e-9)
        false = len(self.account.false_alarms)
        resolved = sum(incident.state == "resolved" for incident in self.incidents)
        yield f"{self.events:,} events at {rate:,.0f} a second."
        yield (
            f"{many(false, 'alarm')} {'corresponds' if false == 1 else 'correspond'} to nothing; "
            f"the budget ({self.budget}) grants {self.allowed:.2f} on average, so {self.most} may be chance."
        )
        opened = many(len(self.incidents), "incident")
        yield f"{opened}, {resolved} of them resolved by themselves when the fault was mended."
        yield f"{many(self.dead, 'dead letter')} for {many(self.garbage, 'malformed event')}."

    def _verdict(self) -> tuple[str, str]:
        if self.good:
            return "Every outage was found, within the budget of false alarms.", "green"
        missed, false = len(self.account.missed), len(self.account.false_alarms)
        return f"Not good enough: outages missed {missed}, false alarms {false}, troubles {len(self.trouble)}.", "red"


def _table(truths: Iterable[Truth]) -> Table:
    table = Table(title="What was done to the traffic, and what Leeway called it", title_justify="left", expand=False)
    table.add_column("what")
    table.add_column("at event", justify="right")
    table.add_column("called", overflow="fold")
    table.add_column("events later", justify="right")
    table.add_column("seconds later", justify="right")
    table.add_column("alarms", justify="right")
    for truth in truths:
        real = truth.kind == "real"
        if truth.first is None:
            called = "[dim]not noticed: it need not be[/dim]" if real else "[red]missed[/red]"
            after = ("", "")
        else:
            colour = "cyan" if real else "green"
            called = f"[{colour}]{name(truth.first.anomaly)}[/{colour}]"
            after = (f"{truth.delay_events:,}", f"{truth.delay_seconds:.1f}")
        what = f"[dim]{truth.what}[/dim]" if real else truth.what
        table.add_row(what, f"{truth.at_event:,}", called, *after, str(len(truth.alarms)))
    return table


def name(anomaly: Anomaly) -> str:
    """`null_spike of SCHL in region=cape-cod`."""
    of = f" of {anomaly.feature}" if anomaly.feature else ""
    where = "".join(f" in {key}={value}" for key, value in sorted(anomaly.segment.items()))
    return f"{anomaly.class_}{of}{where}"


def _plain_truth(truth: Truth) -> dict[str, Any]:
    return {
        "what": truth.what,
        "kind": truth.kind,
        "at_event": truth.at_event,
        "until_event": truth.until_event,
        "detected": truth.detected,
        "class": truth.first.anomaly.class_ if truth.first else None,
        "delay_events": truth.delay_events,
        "delay_seconds": None if truth.delay_seconds is None else round(truth.delay_seconds, 3),
        "alarms": [_plain_alarm(alarm.anomaly) for alarm in truth.alarms],
    }


def _plain_alarm(anomaly: Anomaly) -> dict[str, Any]:
    return {
        "id": anomaly.id,
        "class": anomaly.class_,
        "feature": anomaly.feature,
        "segment": anomaly.segment,
        "severity": anomaly.severity,
        "onset_at": anomaly.onset_at,
        "detected_at": anomaly.detected_at,
        "summary": anomaly.summary,
    }


def _plain_incident(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "state": incident.state,
        "severity": incident.severity,
        "class": incident.class_,
        "feature": incident.feature,
        "segment": incident.segment,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at or None,
        "anomalies": incident.anomalies,
        "summary": incident.summary,
    }
