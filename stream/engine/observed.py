"""What one worker has seen and done so far, as plain numbers: the loop adds, `/metrics` reads.

>>> Observed().behind
Lag(messages=0, seconds=0.0)
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.dead_letter import PREFIX
from stream.engine.role import Lane, Output
from stream.engine.spread import Spread

CODE = PREFIX + "code"  # the header that only dead letters have


class Lag(NamedTuple):
    """How far one lane is behind its log. Transaction markers count as messages until the end of the log is met.

    A worker tells its lag as a text in Redis, where `leeway status` reads it.

    >>> Lag.over([Lag(4_000, 2.04), Lag(500, 12.34)]).text(), Lag.read("12.3 4500")
    ('12.3 4500', Lag(messages=4500, seconds=12.3))
    """

    messages: int
    seconds: float

    @classmethod
    def over(cls, lags: "Iterable[Lag]") -> "Lag":
        """That of several lanes together: what waits in all of them, and the age of the oldest."""
        lags = list(lags)
        return cls(sum(lag.messages for lag in lags), max((lag.seconds for lag in lags), default=0.0))

    def text(self) -> str:
        """The lag as workers tell it."""
        return f"{self.seconds:.1f} {self.messages}"

    @classmethod
    def read(cls, text: str) -> "Lag":
        """The lag that a worker told."""
        seconds, messages = text.split()
        return cls(int(messages), float(seconds))


@dataclass
class Observed:
    """Counters only grow; lanes, lag, states and times are what they were last."""

    messages: int = 0
    message_bytes: int = 0
    outputs: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)  # by code
    transactions: int = 0
    transaction_seconds: float = 0.0
    snapshots: int = 0
    snapshot_bytes: int = 0
    last_snapshot: float = 0.0  # seconds since 1970
    snapshots_postponed: int = 0  # Redis did not answer: detection goes on, a replay would take longer
    states: int = 0  # in memory
    state_bytes: int = 0  # of their snapshots
    states_unsaved: int = 0  # of which no snapshot has all
    states_cleared: int = 0  # from memory
    states_read: int = 0  # from Redis
    waited: Spread = field(default_factory=Spread)  # records in Kafka, until what followed from them was committed
    lanes: int | None = None  # that this worker owns now; 0: it stands by; None: nobody has told it yet
    lanes_lost: int = 0  # taken away without a word, from a worker that was too slow or cut off
    rebalances: int = 0
    records_lost: int = 0  # deleted by retention before they were read
    lag: dict[Lane, Lag] = field(default_factory=dict)  # of the lanes that this worker owns now
    last_progress: float = 0.0  # seconds since 1970: the last step of the loop that came to its end
    folding: str = ""  # the record whose fold has begun and not ended
    also: Callable[[Output], None] = lambda output: None  # what the role itself counts of what is sent

    def sent(self, output: Output) -> None:
        self.outputs += 1
        if code := dict(output.headers).get(CODE):
            self.dead_letters[code.decode()] += 1
        self.also(output)

    @property
    def behind(self) -> Lag:
        return Lag.over(self.lag.values())
