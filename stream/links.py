"""Where people read on: what to do about a trouble (its runbook), and where it stands (pages of the incidents role).

>>> rules = Incidents(console_url="https://leeway.example.org/", runbooks={"null_spike": "https://wiki.example.org/nulls"})
>>> runbook(rules, "churn", "null_spike"), runbook(rules, "churn", "error_rate")
('https://wiki.example.org/nulls', '')
>>> page(rules, "inc-4f1c")
'https://leeway.example.org/incidents/inc-4f1c'
"""

from urllib.parse import urlencode

from schemas.anomaly import Class
from stream.settings import Incidents


def runbook(rules: Incidents, model: str, class_: Class) -> str:
    """That of the model, else that of the class of failure, else none."""
    return rules.runbooks.get(model) or rules.runbooks.get(class_, "")


def page(rules: Incidents, incident: str) -> str:
    """Of one incident, by its id; empty where nobody said at which address there are pages."""
    return _below(rules, f"/incidents/{incident}")


def search(rules: Incidents, fingerprint: str) -> str:
    """Of all incidents that a trouble belongs to: whoever finds it does not know them."""
    return _below(rules, f"/incidents?{urlencode({'fingerprint': fingerprint})}")


def _below(rules: Incidents, path: str) -> str:
    return rules.console_url.rstrip("/") + path if rules.console_url else ""
