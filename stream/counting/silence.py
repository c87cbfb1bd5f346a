"""For whom a worker speaks when nothing comes: without a word, silence of a model and of its pipeline look alike.

A worker speaks for every subject that it has itself seen since it started; the worker of the first slot also for every
subject that the judge has published a binning for, so that a model that was watched and fell silent is heard of after
all workers were restarted, too. More than one worker may speak for a subject: a pane without rows adds nothing.

A subject that nothing came from for a day is gone: everybody has been told, and a judge need not keep it in mind for
ever. When something comes again it is as before.

>>> silence = Silence(every_ms=5_000, most=10)
>>> churn = Subject(model="churn", deployment="churn")
>>> silence.spoke(churn, 0)
>>> silence.due(4_999), silence.due(5_000) == [churn], silence.due(5_000)
([], True, [])
>>> silence.due(GONE_MS - 1) == [churn], silence.due(2 * GONE_MS)
(True, [])
"""

from collections.abc import Iterable

from schemas.subject import Subject

GONE_MS = 86_400_000


class Silence:
    """When each subject was last spoken for. Beyond `most` subjects the longest unseen is forgotten."""

    def __init__(self, every_ms: int, most: int) -> None:
        self._every_ms = every_ms
        self._most = most
        self._spoken: dict[Subject, int] = {}  # in the order in which they were last seen
        self._seen: dict[Subject, int] = {}  # in the same order

    def spoke(self, subject: Subject, now_ms: int) -> None:
        """A pane with rows was published."""
        self._forget(subject)
        self._spoken[subject] = self._seen[subject] = now_ms
        if len(self._spoken) > self._most:
            self._forget(next(iter(self._spoken)))

    def expect(self, subjects: Iterable[Subject], now_ms: int) -> None:
        """Speak for these from now on, although nothing of them was seen."""
        for subject in subjects:
            if subject not in self._spoken and len(self._spoken) < self._most:
                self._spoken[subject] = self._seen[subject] = now_ms

    def due(self, now_ms: int) -> list[Subject]:
        """The subjects that nothing was said of for too long; they count as spoken for now."""
        for subject in [subject for subject, seen_ms in self._seen.items() if now_ms - seen_ms >= GONE_MS]:
            self._forget(subject)
        late = [subject for subject, spoken_ms in self._spoken.items() if now_ms - spoken_ms >= self._every_ms]
        self._spoken.update(dict.fromkeys(late, now_ms))
        return late

    def _forget(self, subject: Subject) -> None:
        self._spoken.pop(subject, None)
        self._seen.pop(subject, None)
