"""Commands of the Faust app itself, for whoever works at its console: `python -m stream.incidents show`.

They do what `leeway incident` does for everybody: read the incidents in Redis, and write a command to its topic.
"""

from typing import Any
from uuid import uuid4

from faust.cli import argument, option

from schemas.incident import Command
from stream.incidents import instant
from stream.incidents.app import App, send
from stream.incidents.store import Store
from stream.outputs import record
from stream.settings import Settings


def add(app: App, settings: Settings, store: Store, now_ms: int) -> None:
    """Add `show` and `acknowledge`."""

    @app.command(option("--state", default="", help="Only incidents in this state."))
    async def show(self: Any, state: str) -> None:
        """List incidents, the latest change first."""
        for incident in await store.latest():
            if state in ("", incident.state):
                self.say(f"{incident.id}  {incident.state:12}  {incident.severity:8}  {incident.summary}")

    @app.command(
        argument("incident"),
        option("--actor", required=True, help="Who acknowledges."),
        option("--comment", default="", help="Why, for the log."),
    )
    async def acknowledge(self: Any, incident: str, actor: str, comment: str) -> None:
        """Tell everybody that somebody takes care of an incident."""
        at = instant.text(now_ms)
        order = Command(id=str(uuid4()), incident=incident, action="acknowledge", actor=actor, at=at, comment=comment)
        topic = settings.topics.commands
        await send(app, record(topic, order, kind="command", id=order.id, key=incident, time=at, role="incidents"))
        self.say(f"asked to acknowledge {incident}")
