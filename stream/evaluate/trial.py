"""A trial: a table whose first rows are without change, and what is to be done with it."""

from dataclasses import dataclass

from detectors.budget import Budget
from stream.evaluate.table import Table


@dataclass(frozen=True, eq=False)
class Trial:
    """Rows of the table are numbered from 0, and so are those of the file; `before` rows of the table come before the
    first row of the file, if the reference is another file."""

    table: Table
    reference: int  # rows
    budget: Budget
    size: int  # rows of a pane
    before: int = 0
    independent: bool = False
    together: bool = False  # whether a part of the budget is for what all columns say together
    seed: int = 1
    changes: dict[str, tuple[int, ...]] | None = None  # rows of the file by column, where they are known

    @property
    def allowed_per_row(self) -> float:
        """How many alarms of all columns together the budget allows a row."""
        assert self.budget.events is not None  # a file has no time
        return self.budget.alerts / self.budget.events
