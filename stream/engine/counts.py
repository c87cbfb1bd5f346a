"""The work of a counting role: it keeps only what was added up since the last transaction, which publishes it whole."""

from collections.abc import Mapping, Sequence

from stream.engine.beginning import Mark
from stream.engine.place import Place
from stream.engine.role import Counting, Lane, Message, Output
from stream.engine.shape import Shapes


class Counts:
    """One counting role, over all lanes of this worker together."""

    stateful = False

    def __init__(self, role: Counting) -> None:
        self.role = role
        self.letters: list[Output] = []  # what could not be added up, until the next transaction

    @property
    def wait_s(self) -> float:
        return self.role.every_s

    def acquire(self, lanes: Sequence[Lane], shapes: Shapes) -> Mapping[Lane, Mark]:
        return {}

    def fold(self, place: Place, messages: Sequence[Message]) -> None:
        self.letters.extend(self.role.count(place.lane, messages))

    def outputs(self, name: str) -> list[Output]:
        outputs = [*self.letters, *self.role.flush(name)]
        self.letters.clear()
        return outputs

    def published(self) -> None:
        """Nothing of what was published is needed again."""

    def snapshot(self, places: Mapping[Lane, Place]) -> None:
        """There is no state."""

    def forget(self) -> None:
        self.letters.clear()
        self.role.forget()
