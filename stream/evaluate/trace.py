"""The evidence of the urn over time, noted while it is judged, for a picture."""

from dataclasses import dataclass, field

from detectors.watch.banks import name_of as bank_of
from detectors.watch.fold import Watch
from detectors.watch.state import WatchState
from stream.counting.columns import Floats
from stream.evaluate.judged import watch_over
from stream.evaluate.panes import name_of
from stream.evaluate.trial import Trial

POINTS = 3_000  # of one curve: more cannot be told apart


@dataclass
class Trace:
    """Rows at which the evidence was noted, and for every column the largest evidence of its parts."""

    watch: Watch
    columns: int
    every: int  # rows
    rows: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    evidence: list[list[float]] = field(default_factory=list)

    @classmethod
    def of(cls, trial: Trial) -> "Trace":
        """A trace of as many points as can be seen."""
        return cls(watch_over(trial), len(trial.table.columns), max(1, len(trial.table) // POINTS))

    def __call__(self, state: WatchState, rows: int) -> None:
        """Note a state, if there is none from just before."""
        if self.rows and rows < self.rows[-1] + self.every:
            return
        threshold = self.watch.threshold(state)
        banks = {name: self.watch.urns(name).evidence(bank) for name, bank in state.banks.items()}
        self.rows.append(rows)
        self.thresholds.append(threshold)
        self.evidence.append([self._largest(state, banks, name_of(at)) for at in range(self.columns)])

    def _largest(self, state: WatchState, banks: dict[str, Floats], name: str) -> float:
        track = state.tracks.get(name)
        if track is None:
            return 0.0
        return max((float(banks[bank_of(track, part)][row]) for part, row in track.rows.items()), default=0.0)
