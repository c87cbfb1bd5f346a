"""From a file to a table: CSV by the standard library, gzipped or not, and Parquet by pyarrow.

A column of a CSV file whose values are all numbers holds numbers, any other texts; an empty cell is missing, and among
numbers so is a word that other programs write for that. The kind of a column is known only at its end: it is taken for
numbers until a cell is none, and then the file is read once more.
"""

import csv
import gzip
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from stream.evaluate.refusal import Refusal
from stream.evaluate.table import NULL, Column, Table, numbers, texts

ALL = "all"
ROWS_AT_ONCE = 50_000
SHOWN = 12  # names in a sentence
DELIMITERS = (",", ";", "\t", "|")
KINDS = "a .csv, .csv.gz or .parquet file"
NAN = float("nan")
MISSING = ("", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "None")  # what R, Excel, pandas and SQL write

Progress = Callable[[int], object]  # is told how many rows have been read


def read(path: Path, wanted: Sequence[str], progress: Progress = lambda rows: None) -> Table:
    """The wanted columns of a file; all that can be evaluated for none and for `("all",)`. Raises `Refusal`."""
    suffixes = "".join(path.suffixes[-2:]).lower()
    if suffixes.endswith((".parquet", ".pq")):
        table = read_parquet(path, wanted)
    elif suffixes.endswith((".csv", ".csv.gz", ".tsv", ".tsv.gz")):
        table = read_csv(path, wanted, progress)
    else:
        raise Refusal(f"{path.name} is not {KINDS}")
    if not len(table):
        raise Refusal(f"{path.name} has no rows")
    return table


def chosen(path: Path, names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """The wanted names, in the order of the file. A name may stand for itself or for several, between commas."""
    asked: list[str] = []
    for want in wanted:
        asked += [want] if want in names else [part.strip() for part in want.split(",")]
    if not asked or (ALL in asked and ALL not in names):
        return list(names)
    for name in asked:
        if name not in names:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            raise Refusal(f"{path.name} has no column '{name}'; there are {', '.join(names[:SHOWN])}{more}")
    return [name for name in names if name in asked]


# --- CSV


def read_csv(path: Path, wanted: Sequence[str], progress: Progress) -> Table:
    """The wanted columns of a CSV file."""
    as_texts: set[str] = set()
    while True:
        found = _read_csv(path, wanted, as_texts, progress)
        if isinstance(found, Table):
            return found
        as_texts |= found


def _read_csv(path: Path, wanted: Sequence[str], as_texts: set[str], progress: Progress) -> Table | set[str]:
    """The table, or the names of further columns that hold texts."""
    try:
        with _opened(path) as file:
            rows = csv.reader(file, delimiter=_delimiter(file), strict=True)  # else an open quote swallows the rest
            header = _header(path, next(rows, None))
            return _columns(path, rows, header, chosen(path, header, wanted), as_texts, progress)
    except UnicodeDecodeError as error:
        raise Refusal(f"{path.name} is not UTF-8 text at byte {error.start}; save it as UTF-8") from None
    except csv.Error as error:
        raise Refusal(
            f"{path.name} cannot be read as CSV: {error}, at line {rows.line_num}; "
            "a quote around a value must be closed, and one inside it be written twice"
        ) from None
    except (OSError, EOFError) as error:
        raise Refusal(f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _opened(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _delimiter(file: IO[str]) -> str:
    """The delimiter that the first line has most of."""
    first = file.readline()
    file.seek(0)
    return max(DELIMITERS, key=first.count)


def _header(path: Path, cells: list[str] | None) -> list[str]:
    """The names of the columns. A line with a number in it is no header."""
    if not cells:
        found = "is empty" if cells is None else "begins with a blank line"
        raise Refusal(f"{path.name} {found}; the first line must name the columns")
    names = [cell.strip() or f"column {at}" for at, cell in enumerate(cells)]
    digits = next((name for name in names if is_number(name)), None)
    if digits is not None:
        raise Refusal(
            f"{path.name} has no header: its first line holds the number {digits}; "
            "the first line must name the columns, with names that are no numbers"
        )
    return unlike(path, names)


def unlike(path: Path, names: list[str]) -> list[str]:
    """The names, if no two are alike."""
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise Refusal(f"{path.name} has two columns called '{double}'; give them different names")
    return names


def _columns(
    path: Path, rows: Iterator[list[str]], header: list[str], names: list[str], as_texts: set[str], progress: Progress
) -> Table | set[str]:
    places = [header.index(name) for name in names]
    codes: dict[str, dict[str, int]] = {name: {} for name in names if name in as_texts}
    pieces: dict[str, list[Any]] = {name: [] for name in names}
    surprises: set[str] = set()
    read = 0
    while block := list(islice(rows, ROWS_AT_ONCE)):
        # A blank line is no row, unless it is how the only column is left empty.
        full = [row or [""] for row in block] if len(header) == 1 else [row for row in block if row]
        _check(path, full, len(header), read)
        for name, place in zip(names, places, strict=True):
            cells = [row[place] for row in full]
            piece = _coded(cells, codes[name]) if name in codes else as_numbers(cells)
            if piece is None:
                surprises.add(name)
            pieces[name].append(piece)
        if surprises:
            return surprises
        read += len(full)
        progress(read)
    return Table(tuple(_column(name, pieces[name], codes.get(name)) for name in names))


def _check(path: Path, rows: list[list[str]], width: int, before: int) -> None:
    for at, row in enumerate(rows):
        if len(row) != width:
            raise Refusal(
                f"{path.name}: row {before + at} has {len(row)} cells and the header has {width}; "
                "a value with a comma in it must stand in quotes"
            )


def _coded(cells: list[str], codes: dict[str, int]) -> Any:
    return np.array([codes.setdefault(cell, len(codes)) if cell else NULL for cell in cells], np.int64)


def _column(name: str, pieces: list[Any], codes: dict[str, int] | None) -> Column:
    held = np.concatenate(pieces) if pieces else np.zeros(0)
    return numbers(name, held) if codes is None else Column(name, held.astype(np.int64), tuple(codes))


def as_numbers(cells: Sequence[str]) -> Any:
    """Doubles, or None if a cell is no number.

    >>> as_numbers(["1e5", "", "NA"]), as_numbers(["1", "1_2"])
    (array([100000.,     nan,     nan]), None)
    """
    if any("_" in cell for cell in cells):  # Python reads past it: the code 1_2 would be the number 12
        return None
    try:
        return np.array([float(cell) if cell else NAN for cell in cells], np.float64)
    except ValueError:
        present = ["nan" if cell.strip() in MISSING else cell for cell in cells]
        return None if present == cells else as_numbers(present)


def is_number(cell: str) -> bool:
    """Whether a cell is a number.

    >>> is_number("1e5"), is_number("nan"), is_number("x1"), is_number("1_2")
    (True, False, False, False)
    """
    try:
        return "_" not in cell and float(cell) == float(cell)
    except ValueError:
        return False


# --- Parquet


def read_parquet(path: Path, wanted: Sequence[str]) -> Table:
    """The wanted columns of a Parquet file: numbers as doubles, everything else that is flat as texts."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise Refusal("Parquet files need pyarrow, which is not installed: pip install 'leeway[evaluate]'") from None
    try:
        file = parquet.ParquetFile(path)
        schema = file.schema_arrow
        flat = [field.name for field in schema if not pyarrow.types.is_nested(field.type)]
        if not flat:
            raise Refusal(f"{path.name} has no column of numbers or texts, only nested ones or none at all")
        names = chosen(path, unlike(path, flat), wanted)
        held = file.read(columns=names)
        return Table(tuple(_from_arrow(name, held.column(name)) for name in names))
    except (OSError, pyarrow.ArrowException) as error:
        raise Refusal(f"{path.name} cannot be read as Parquet: {error}") from None


def _from_arrow(name: str, column: Any) -> Column:
    from pyarrow import compute, float64, string, types

    if types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        doubles = compute.cast(column, float64(), safe=False)
        return numbers(name, doubles.to_numpy())
    if types.is_boolean(kind) or types.is_temporal(kind):
        column = compute.cast(column, string())
    return texts(name, [_spelled(value) for value in column.to_pylist()])


def _spelled(value: object) -> str | None:
    """A value that is no number as a text; older writers store texts as bytes."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace") or None
    return None if value is None else str(value) or None
