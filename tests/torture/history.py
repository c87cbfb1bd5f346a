"""What befell an incident, in order, as its topic tells it: the logs of all its revisions, joined.

A revision carries its first step and the latest; so the whole is there as long as not too many revisions were left out
between two that were published. A revision that is published again, or late, adds nothing.
"""

from collections import defaultdict
from collections.abc import Iterable

from schemas.incident import Incident, Step
from stream.incidents.apply import STEPS_KEPT


class Histories:
    """Of all incidents. `odd` are sentences about logs that do not go on from one another."""

    def __init__(self, published: Iterable[Incident]) -> None:
        self.steps: dict[str, list[Step]] = defaultdict(list)
        self.odd: list[str] = []
        revisions: dict[str, int] = {}
        for incident in published:
            if incident.revision > revisions.get(incident.id, 0):
                revisions[incident.id] = incident.revision
                self._join(incident)

    def _join(self, incident: Incident) -> None:
        before, told = self.steps[incident.id], incident.steps
        after = told if len(told) < STEPS_KEPT else joined(before, told)
        if after[: len(before)] != before:
            self.odd.append(f"{incident.id}: the log of revision {incident.revision} is no continuation")
        self.steps[incident.id] = after


def joined(before: list[Step], cut: list[Step]) -> list[Step]:
    """All steps, where the later log has its first and its latest ones only.

    >>> one, two, three = (Step(at="", what=what) for what in ("opened", "moved", "recovered"))
    >>> [step.what for step in joined([one, two], [one, two, three])]
    ['opened', 'moved', 'recovered']
    """
    latest = cut[1:]
    for at in range(1, len(before)):
        common = before[at:]
        if latest[: len(common)] == common:
            return [*before, *latest[len(common) :]]
    return cut
