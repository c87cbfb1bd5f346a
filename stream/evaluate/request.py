"""From what was asked for to a trial: files read, changes put in, and everything refused that makes no sense."""

from collections.abc import Callable, Sequence
from pathlib import Path

from detectors.budget import Budget, parse
from stream.evaluate import injection
from stream.evaluate.files import read
from stream.evaluate.injection import Injection, injected, targets
from stream.evaluate.refusal import Refusal
from stream.evaluate.table import Table, joined
from stream.evaluate.trial import Trial
from stream.many import many

LEAST_REFERENCE = 300  # rows: below, the urn would not trust it anyway
NO_CHANGE = "none"


def request(
    file: Path,
    columns: Sequence[str],
    reference: str,
    budget: str,
    size: int,
    inject: Sequence[str],
    changes: str | None,
    independent: bool,
    together: bool,
    seed: int,
    progress: Callable[[int], object],
) -> Trial:
    """The trial that was asked for. Raises `Refusal`."""
    allowed = budget_of(budget)
    injections = [injection.parse(part) for text in inject for part in text.split(",")]
    known = None if changes is None else rows_of(changes)
    table, learnt, before = tables(file, columns, reference, progress)
    last = len(table) - before - 1
    for row in [one.row for one in injections] + (known or []):
        if not learnt - before <= row <= last:
            raise Refusal(
                f"row {row} is no row that is evaluated: those are {learnt - before} to {last}, "
                "counted from 0 below the header"
            )
    by_column = targets(injections, table, learnt)
    return Trial(
        table=injected(table, by_column, learnt, before, seed),
        reference=learnt,
        budget=allowed,
        size=size,
        before=before,
        independent=independent,
        together=together,
        seed=seed,
        changes=truth(table, known, by_column),
    )


def budget_of(text: str) -> Budget:
    """The budget; a file has no clock, so it must be one per events."""
    try:
        budget = parse(text)
    except ValueError as error:
        raise Refusal(str(error)) from None
    if budget.events is None:
        raise Refusal(f"rows of a file have no time, so '{text}' cannot be kept: write it like '1 per 100000 events'")
    return budget


def rows_of(text: str) -> list[int]:
    """`1000,2000` as numbers; nothing for `none`."""
    if text.strip() == NO_CHANGE:
        return []
    try:
        return sorted({int(part) for part in text.split(",")})
    except ValueError:
        raise Refusal(f"--changes '{text}' is not a list of rows like 1000,2000, and not '{NO_CHANGE}'") from None


def tables(
    file: Path, columns: Sequence[str], reference: str, progress: Callable[[int], object]
) -> tuple[Table, int, int]:
    """The reference with the rows of the file below it, how many rows are the reference, and how many of them stand
    before the first row of the file."""
    if not file.is_file():
        raise Refusal(f"there is no file {file}")
    if reference.replace("_", "").isdecimal():
        table = read(file, columns, progress)
        return table, enough(int(reference), len(table)), 0
    other = Path(reference)
    if not other.is_file():
        raise Refusal(f"--reference {reference} is neither a number of rows nor a file")
    table = read(file, columns, progress)
    learnt = read(other, table.names, progress)
    return joined(learnt, table), enough(len(learnt), len(learnt) + len(table)), len(learnt)


def enough(reference: int, rows: int) -> int:
    """The length of the reference, if something can be learnt from it and something is left to be judged."""
    if reference < LEAST_REFERENCE:
        raise Refusal(f"a reference of {many(reference, 'row')} is too short: at least {LEAST_REFERENCE} are needed")
    if reference >= rows:
        raise Refusal(f"the file has {many(rows, 'row')}: with a reference of {reference} nothing is left to be judged")
    return reference


def truth(
    table: Table, known: Sequence[int] | None, by_column: dict[str, list[Injection]]
) -> dict[str, tuple[int, ...]] | None:
    """The rows of all changes, by column; None if nobody said anything about changes."""
    if known is None and not any(by_column.values()):
        return None
    return {name: tuple(sorted({*(known or ()), *(one.row for one in by_column[name])})) for name in table.names}
