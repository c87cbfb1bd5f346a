"""Anomalies become incidents: what a person sees, one cause, and everything that was done about it.

A Faust app with its state in Redis. Read in this order: `apply` (the life of an incident), `store` (applied once),
`desk` (in, applied, out), `app` (Faust), `skipped` (what Faust leaves out), `process`.
"""

from stream.settings import Settings


def run(settings: Settings, slot: str = "0") -> None:
    """Run the incidents role in this process until SIGTERM."""
    from stream.incidents.process import run as process  # Faust takes a second to import

    process(settings, slot)
