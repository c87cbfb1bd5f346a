"""What is remembered of one subject: a plain value that `detectors.watch.fold` folds panes into."""

from typing import Any

import msgspec

from detectors.guests import GuestState
from detectors.season import Slots
from detectors.urn import Bank, Phase
from detectors.volume import VolumeState
from detectors.watch.banks import name_of
from detectors.watch.calendar import Calendar
from detectors.watch.crowds import Together
from detectors.watch.finding import Part
from detectors.watch.track import Track
from schemas.heartbeat import Health
from schemas.subject import Subject


class WatchState(msgspec.Struct, kw_only=True):
    """Everything that is remembered of one subject. `step` never changes one: it returns another."""

    v: int = 1
    subject: Subject | None = None
    rows: int = 0
    panes: int = 0
    judged: float = 0.0  # events that all detectors together saw of late,
    judged_of: float = 0.0  # and the rows they are of
    first_at: int = 0
    at: int = 0
    rows_at: int = 0  # when rows were last seen
    lag_ms: int = 0
    health: Health = "learning"
    health_since: int = 0
    heartbeat_at: int = 0
    calendar: Calendar = msgspec.field(default_factory=Calendar)
    tracks: dict[str, Track] = {}
    order: dict[str, list[str]] = {}  # bank -> track of each row
    banks: dict[str, Any] = {}  # bank -> Bank; bytes when encoded
    ledgers: dict[str, Any] = {}  # bank -> Ledgers; bytes when encoded
    twins: dict[str, Any] = {}  # bank -> Twins of its rows, if there is a margin; bytes when encoded
    together: Together = msgspec.field(default_factory=Together)
    expected: Any = None  # QualityState of its scores, if they are probabilities; bytes when encoded
    volume: VolumeState | None = None
    volume_since: int = 0  # when the alarm on it began; 0: none stands
    bucket: int = 0
    bucket_rows: float = 0.0
    bucket_fresh: bool = True  # nothing in it was late: it says how much arrived when
    guests: dict[str, GuestState] = {}
    guests_firing: dict[str, int] = {}  # guest -> since when
    deployments: list[tuple[int, str]] = []
    version: str = ""
    ways: dict[str, Any] = {}  # track -> Way; derived, and never stored

    @property
    def columns(self) -> list[str]:
        """The columns of the whole subject."""
        return [track.column for track in self.tracks.values() if not track.segment]

    def place(self, track: Track, part: Part) -> tuple[Bank, int]:
        """The bank and the row of a part of a track. KeyError if the part has no urn (yet)."""
        return self.bank(name_of(track, part)), track.rows[part]

    def bank(self, name: str) -> Bank:
        """A bank by its name; of seasonal columns, that of the present slot."""
        held: Bank | Slots = self.banks[name]
        return held.bank if isinstance(held, Slots) else held

    def stretched(self, track: Track, part: Part, events: int) -> int:
        """How many rows of the subject so many events of a part of a track are."""
        return round(events / self.share(track, part))

    def share(self, track: Track, part: Part) -> float:
        """The part of all rows, since it was first seen, that a slice has."""
        if not track.segment:
            return 1.0
        bank, row = self.place(track, part)
        return min(1.0, max(1, int(bank.events[row])) / max(1, self.rows - track.joined))

    def phase(self, track: Track) -> Phase:
        """The phase of the values of a track."""
        if "values" not in track.rows:
            return Phase.LEARNING
        bank, row = self.place(track, "values")
        return Phase(int(bank.phase[row]))


STORED = tuple(name for name in WatchState.__struct_fields__ if name != "ways")
