"""The diary of what was sent when: it turns the times that Leeway speaks of back into places and numbers of events.

A *place* counts requests, a *number* counts events: while a feed is lost they differ.

>>> diary = Diary(4)
>>> for ms, sent in ((1000, True), (1001, False), (1002, True)):
...     diary.note(ms, sent)
>>> diary.events, diary.number_of(2), diary.ms_of(2), diary.number_at(1001)
(2, 1, 1002, 1)
"""

import numpy as np


class Diary:
    """One line per request. Written by one thread, read by others: `places` is raised after the line is complete."""

    def __init__(self, places: int) -> None:
        self.places = 0
        self.length = places
        self._ms = np.zeros(places, dtype=np.int64)
        self._numbers = np.zeros(places + 1, dtype=np.int64)

    def note(self, ms: int, sent: bool) -> None:
        """The request of the next place came at `ms`, and became an event or did not."""
        place = self.places
        self._ms[place] = ms
        self._numbers[place + 1] = self._numbers[place] + sent
        self.places = place + 1

    @property
    def events(self) -> int:
        """How many events were sent."""
        return int(self._numbers[self.places])

    def number_of(self, place: int) -> int:
        """How many events were sent before this place."""
        return int(self._numbers[min(place, self.places)])

    def ms_of(self, place: int) -> int | None:
        """When the request of this place came; None: it has not come yet."""
        return int(self._ms[place]) if place < self.places else None

    def number_at(self, ms: int) -> int:
        """How many events had been sent by `ms`."""
        return self.number_of(int(np.searchsorted(self._ms[: self.places], ms, side="right")))
