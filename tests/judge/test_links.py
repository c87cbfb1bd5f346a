"""An anomaly says where people read on, if somebody has said where that is."""

from schemas.anomaly import Anomaly
from schemas.records import anomaly
from stream.roles.judge import Judge
from stream.settings import Incidents, Settings
from stream.settings import Judge as Rules
from tests.judge.panes import pane

PANES = 50
RULES = Rules(budget="1 per 100000 events", reference=600, burn_in=200)


def alarm(incidents: Incidents) -> Anomaly:
    """The first one of a model whose ages jump."""
    judge = Judge(Settings(judge=RULES, incidents=incidents))
    state = judge.new()
    for at in range(PANES):
        ages = [20 + (7 * i + 3 * at) % 50 + (40 if at >= 40 else 0) for i in range(40)]
        state, outputs = judge.fold(state, pane({"feature:age": ages}, at=at), f"leeway.panes/0-{at}")
        for output in outputs:
            if output.topic == "leeway.anomalies":
                found = anomaly(output.value)
                assert isinstance(found, Anomaly)
                return found
    raise AssertionError("no alarm")


def test_nothing_is_said_where_nothing_is_set() -> None:
    found = alarm(Incidents())
    assert (found.owner, found.runbook_url, found.console_url) == ("", "", "")


def test_the_runbook_is_that_of_the_model_before_that_of_the_failure() -> None:
    found = alarm(Incidents())
    of_class = {found.class_: "https://wiki.example.org/drift"}
    of_model = {found.model: "https://wiki.example.org/model"}
    assert alarm(Incidents(runbooks=of_class)).runbook_url == "https://wiki.example.org/drift"
    assert alarm(Incidents(runbooks=of_class | of_model)).runbook_url == "https://wiki.example.org/model"


def test_the_page_is_that_of_the_incidents_which_the_trouble_belongs_to() -> None:
    found = alarm(Incidents(console_url="https://leeway.example.org/drift/"))
    assert found.console_url == f"https://leeway.example.org/drift/incidents?fingerprint={found.fingerprint}"
